package admin_test

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/internal/session"
	"github.com/portcullis-idp/portcullis/internal/token"
)

func TestShot(t *testing.T) {
	if os.Getenv("SHOT") == "" {
		t.Skip()
	}
	s := open(t)
	ctx := t.Context()
	uas := []string{"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36", "curl/8.5.0"}
	var groups []idp.GroupID
	for _, g := range []string{"Engineering", "Research", "Auditors", "Contractors with a rather long group name"} {
		gr, err := s.Accounts.CreateGroup(ctx, idp.SystemActor(), account.NewGroup{Name: g, Parents: groups[:min(len(groups), 1)], Attributes: idp.Attributes{"cost": 12}})
		if err != nil {
			t.Fatal(err)
		}
		groups = append(groups, gr.ID)
	}
	names := []string{"Ada Lovelace", "Grace Hopper", "Alan Turing", "Katherine Johnson", "Edsger Dijkstra", "Barbara Liskov", "Radia Perlman", "Tim Berners-Lee", "Margaret Hamilton", "Donald Knuth", "Frances Allen", "Leslie Lamport", "Sophie Wilson", "Vint Cerf", "Anita Borg", "Ken Thompson", "Dennis Ritchie", "Adele Goldberg", "John Backus", "Shafi Goldwasser", "Whitfield Diffie", "Hedy Lamarr", "Niklaus Wirth", "Lynn Conway"}
	var users []*idp.User
	for i, n := range names {
		var first string
		fmt.Sscan(n, &first)
		u := s.User(fmt.Sprintf("%s%d", lower(first), i), func(a *account.NewUser) {
			a.Name = n
			a.Groups = groups[i%3 : i%3+1+i%2]
			if i%7 == 5 {
				a.Groups = nil
			}
			if i == 9 {
				a.Type = idp.UserServiceAccount
			}
			if i == 2 {
				a.Attributes = idp.Attributes{"department": "Research", "employee": 1912}
			}
		})
		users = append(users, u)
		for k := 0; k < i%4; k++ {
			_, _, err := s.Sessions.Start(ctx, idp.Actor{Request: &idp.RequestInfo{ID: "0198", Method: "POST", Path: "/if/flow/x/", UserAgent: uas[k], ClientIP: netip.MustParseAddr("192.0.2.9")}}, session.Begin{User: u.ID, Generation: u.SessionGeneration, AuthMethod: "password", IP: netip.MustParseAddr("192.0.2.9"), UserAgent: uas[k]})
			if err != nil {
				t.Fatal(err)
			}
		}
		for k := 0; k < i%3; k++ {
			if _, _, err := s.Tokens.Issue(ctx, idp.SystemActor(), token.Draft{User: u.ID, Identifier: fmt.Sprintf("tok-%d-%d", i, k), Intent: idp.IntentAPI, Description: "Nightly export", Expiring: k == 0}); err != nil {
				t.Fatal(err)
			}
		}
	}
	boss := s.As(s.Boss)
	actor := idp.Actor{User: s.Reload(s.Boss), Session: boss.Session, Request: &idp.RequestInfo{ID: "0198", Method: "POST", Path: "/x/", UserAgent: uas[0], ClientIP: netip.MustParseAddr("192.0.2.7")}}
	s.Lockdowns.Contain(ctx, actor, lockdown.Request{Users: []idp.UserID{users[2].ID, users[3].ID}, Reason: "Laptop stolen in the train from Paris; the disk was not encrypted.", Switches: idp.AllSwitches()})
	s.Lockdowns.Contain(ctx, actor, lockdown.Request{Users: []idp.UserID{users[6].ID}, Reason: "Phishing", Switches: idp.AllSwitches()})
	s.Lockdowns.Activate(ctx, actor, users[3].ID)
	s.Lockdowns.Deactivate(ctx, actor, users[7].ID)
	s.Lockdowns.Deactivate(ctx, actor, users[11].ID)
	for k := range 30 {
		for j := 0; j < (k*7)%13; j++ {
			e := idp.NewEvent(idp.ActionLogin, "session", actor, users[j], nil)
			if j%5 == 4 {
				e = idp.NewEvent(idp.ActionLoginFailed, "account", actor, users[j], nil)
			}
			e.CreatedAt = time.Now().Add(-time.Duration(k) * 24 * time.Hour)
			s.Store.Repos().Events.Append(ctx, e)
		}
	}
	cookie := boss.Cookie(web.SessionCookie)
	plain := s.As(users[5])
	l, err := net.Listen("tcp", "127.0.0.1:9777")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Host = "example.com"
		c := cookie
		if _, err := r.Cookie("plain"); err == nil {
			c = plain.Cookie(web.SessionCookie)
		}
		if r.URL.Query().Get("_as") == "plain" {
			c = plain.Cookie(web.SessionCookie)
		}
		r.AddCookie(&http.Cookie{Name: web.SessionCookie, Value: c})
		if th := r.URL.Query().Get("_theme"); th != "" {
			r.AddCookie(&http.Cookie{Name: "portcullis_theme", Value: th})
		}
		s.Handler().ServeHTTP(w, r)
	})}
	go srv.Serve(l)
	fmt.Println("serving; users", users[0].ID, "locked", users[2].ID, "restored", users[3].ID)
	os.WriteFile("/tmp/shot/ready", nil, 0o600)
	for {
		if _, err := os.Stat("/tmp/shot/stop"); err == nil {
			return
		}
		time.Sleep(300 * time.Millisecond)
	}
}

func lower(s string) string {
	b := []byte(s)
	b[0] |= 0x20
	return string(b)
}
