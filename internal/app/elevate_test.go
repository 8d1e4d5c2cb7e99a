package app_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/cli"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockout"
)

// crew is a group that can be asked for and gives the right to read events.
type crew struct {
	*site
	group *idp.Group
	role  string
}

func (s *site) crew(name string, attributes idp.Attributes) *crew {
	s.Helper()
	role := unique(name + "-role")
	_, err := s.replicas[0].RoleService.Create(s.Context(), idp.SystemActor(), access.Draft{Name: role,
		Spec: idp.RoleSpec{Allow: idp.RoleRules{Rules: []idp.RoleRule{{Resources: []string{"event"}, Verbs: []string{"list", "read"}}}}}})
	require.NoError(s, err)
	g := &idp.Group{Name: name, Attributes: attributes}
	require.NoError(s, s.repos().Groups.Create(s.Context(), g))
	require.NoError(s, s.replicas[0].RoleService.SetGroupRoles(s.Context(), idp.SystemActor(), g.ID, []string{role}))
	return &crew{s, g, role}
}

func (c *crew) ask(b *browser) string {
	c.Helper()
	return b.api(http.StatusCreated, http.MethodPost, "/access_requests/", anyMap{"group": c.group.ID, "duration": 600, "reason": "the nightly job hangs"})["uuid"].(string)
}

func (c *crew) act(b *browser, status int, id, what string) anyMap {
	c.Helper()
	return b.api(status, http.MethodPost, "/access_requests/"+id+"/"+what+"/", nil)
}

// has makes sure that a browser has the crew's rights, or not, in the API and in the
// pages, on every server, and that its session goes on in any case.
func (c *crew) has(b *browser, want bool) {
	c.Helper()
	status := map[bool]int{true: http.StatusOK, false: http.StatusForbidden}[want]
	for _, r := range c.replicas {
		require.True(c, b.at(r).works())
		require.Equal(c, status, b.at(r).get("/api/v3/events/events/").status)
		require.Equal(c, status, b.at(r).get("/if/admin/events/").status)
	}
}

func TestWhatWasGrantedIsTheSessionsForAWhile(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	c := s.crew("db-admins", idp.Attributes{"requestable": true, "requestable_max_seconds": 3600})
	alice := s.user("alice")
	b, other := s.with(alice), s.with(alice)
	_, key := s.key(alice, idp.IntentAPI)
	c.has(b, false)

	id := c.ask(b)
	c.has(b, false)
	require.Len(t, s.events("access_request_made"), 1)
	c.act(b, http.StatusForbidden, id, "grant")
	c.act(other, http.StatusConflict, id, "use")
	c.act(s.admin(), http.StatusOK, id, "grant")
	c.has(b, true)
	c.has(other, false)
	require.Equal(t, http.StatusForbidden, s.program(key).get("/api/v3/events/events/").status, "a token never has it")
	c.act(s.program(key), http.StatusForbidden, id, "use")
	me := s.repos()
	u, err := me.Users.Get(t.Context(), alice.ID)
	require.NoError(t, err)
	require.Empty(t, u.RoleNames, "nor does the account")

	require.Equal(t, true, c.act(other.at(s.replicas[1]), http.StatusOK, id, "use")["in_use"])
	c.has(other, true)

	// A lock takes just that, and gives it back.
	l := s.lock(anyMap{"access_request": id})
	c.has(b, false)
	c.has(other, false)
	c.act(s.with(alice), http.StatusForbidden, id, "use")
	s.lift(l)
	c.has(b, true)
	l = s.lock(anyMap{"group": "db-admins"})
	c.has(b, false)
	s.lift(l)
	c.has(b, true)

	// What the group gives follows, too.
	require.NoError(t, s.replicas[1].RoleService.SetGroupRoles(t.Context(), idp.SystemActor(), c.group.ID, nil))
	c.has(b, false)
	require.NoError(t, s.replicas[1].RoleService.SetGroupRoles(t.Context(), idp.SystemActor(), c.group.ID, []string{c.role}))
	c.has(b, true)

	c.act(b.at(s.replicas[1]), http.StatusOK, id, "end")
	c.has(b, false)
	c.has(other, false)
	c.act(other, http.StatusConflict, id, "use")
	c.act(b, http.StatusConflict, id, "end")
	for action, n := range map[string]int{"access_request_granted": 1, "access_request_used": 1, "access_request_ended": 1} {
		require.Len(t, s.events(action), n, action)
	}
	e := s.events("access_request_granted")[0]
	require.Equal(t, "alice", e.User["username"], "who asked is told, not who granted")
	require.Equal(t, "the nightly job hangs", e.Context["reason"])
}

func TestWhatWasGrantedEnds(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	c := s.crew("ops", idp.Attributes{"requestable": true})
	alice := s.user("alice")
	granted := func() (*browser, string) {
		b := s.with(alice)
		id := c.ask(b)
		c.act(s.admin(), http.StatusOK, id, "grant")
		return b, id
	}
	// By the clock, without a message.
	b, id := granted()
	conn := s.connect()
	_, err := conn.Exec(t.Context(), "SET session_replication_role = replica")
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "UPDATE access_requests SET expires_at = clock_timestamp() + interval '2 s' WHERE id = $1", id)
	require.NoError(t, err)
	c.has(b, true)
	require.Eventually(t, func() bool {
		return b.get("/api/v3/events/events/").status == http.StatusForbidden && b.at(s.replicas[1]).get("/api/v3/events/events/").status == http.StatusForbidden
	}, 10*time.Second, 20*time.Millisecond)
	require.True(t, b.works())
	require.Equal(t, "expired", b.api(http.StatusOK, http.MethodGet, "/access_requests/"+id+"/", nil)["state"])
	require.NoError(t, s.replicas[0].Elevations.Expire(t.Context()))
	require.NoError(t, s.replicas[1].Elevations.Expire(t.Context()))
	require.Len(t, s.events("access_request_expired"), 1)

	// With all sessions, and nothing revives it.
	b, id = granted()
	c.has(b, true)
	s.admin().api(http.StatusNoContent, http.MethodPost, "/core/users/"+alice.ID.String()+"/set_password/", anyMap{"password": "another one, quite long"})
	require.False(t, b.works())
	again := s.with(alice)
	c.has(again, false)
	c.act(again, http.StatusConflict, id, "use")
	require.Equal(t, "ended", again.api(http.StatusOK, http.MethodGet, "/access_requests/"+id+"/", nil)["state"])

	// With its group.
	b, id = granted()
	c.has(b, true)
	s.admin().api(http.StatusNoContent, http.MethodDelete, "/core/groups/"+c.group.ID.String()+"/", nil)
	c.has(b, false)
	require.Equal(t, "ended", b.api(http.StatusOK, http.MethodGet, "/access_requests/"+id+"/", nil)["state"])
	require.NoError(t, s.replicas[0].Elevations.Expire(t.Context()))
	require.Len(t, s.events("access_request_ended"), 2)

	// With a lockdown, and not back after it.
	c = s.crew("ops", idp.Attributes{"requestable": true})
	_, id = granted()
	s.admin().contain(anyMap{"users": keys([]*idp.User{alice})})
	s.admin().api(http.StatusOK, http.MethodPatch, "/core/users/"+alice.ID.String()+"/", anyMap{"is_active": true})
	again = s.with(alice)
	c.has(again, false)
	c.act(again, http.StatusConflict, id, "use")
}

func TestWhoDecidesOverAccess(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	c := s.crew("db-admins", idp.Attributes{"requestable": true})
	decides := idp.RoleRule{Resources: []string{"access_request"}, Verbs: []string{"list", "read", "update"}}
	poor, mere := s.holder(nil, decides)
	_, able := s.holder(nil, decides, idp.RoleRule{Resources: []string{"event"}, Verbs: []string{"list", "read"}})
	alice, eve := s.with(s.user("alice")), s.with(s.user("eve"))

	id := c.ask(alice)
	eve.api(http.StatusNotFound, http.MethodGet, "/access_requests/"+id+"/", nil)
	c.act(eve, http.StatusNotFound, id, "withdraw")
	require.Empty(t, eve.api(http.StatusOK, http.MethodGet, "/access_requests/", nil)["results"])
	require.Contains(t, c.act(mere, http.StatusForbidden, id, "grant")["detail"], c.role)
	require.Equal(t, "granted", c.act(able, http.StatusOK, id, "grant")["state"])
	c.act(able, http.StatusConflict, id, "deny")

	own := c.ask(s.with(poor))
	require.Contains(t, c.act(mere, http.StatusForbidden, own, "grant")["detail"], "themselves")
	require.Contains(t, c.act(mere, http.StatusForbidden, own, "deny")["detail"], "themselves")
	require.Equal(t, "withdrawn", c.act(mere, http.StatusOK, own, "withdraw")["state"])
}

func TestFiftyDecisionsAreOne(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	c := s.crew("db-admins", idp.Attributes{"requestable": true})
	id := c.ask(s.with(s.user("alice")))
	var wg sync.WaitGroup
	var done, late atomic.Int32
	for i := range 50 {
		wg.Go(func() {
			what := []string{"grant", "deny"}[i%2]
			switch a := s.admin().at(s.replicas[i%2]).do(http.MethodPost, "/api/v3/access_requests/"+id+"/"+what+"/", nil); a.status {
			case http.StatusOK:
				done.Add(1)
			case http.StatusConflict:
				late.Add(1)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, done.Load())
	require.EqualValues(t, 49, late.Load())
	require.Len(t, append(s.events("access_request_granted"), s.events("access_request_denied")...), 1)
}

func TestAskingForNonsense(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	c := s.crew("db-admins", idp.Attributes{"requestable": true, "requestable_max_seconds": 3600})
	closed := s.crew("root", nil)
	odd := s.crew("odd", idp.Attributes{"requestable": "yes"})
	alice := s.user("alice")
	b := s.with(alice)
	require.Len(t, b.do(http.MethodGet, "/api/v3/access_requests/groups/", nil).body, len(fmt.Sprintf(`[{"pk":%q,"name":"db-admins","max_seconds":3600,"member":false}]`+"\n", c.group.ID)))
	good := anyMap{"group": c.group.ID, "duration": 600, "reason": "why not"}
	for field, bad := range map[string][]anyMap{
		"duration": {{"duration": 3601}, {"duration": 59}, {"duration": -1}, {"duration": 1 << 60}, {"duration": "long"}, {"duration": nil}},
		"reason":   {{"reason": ""}, {"reason": "  "}, {"reason": nil}, {"reason": fmt.Sprintf("%01001d", 1)}, {"reason": "a\x00b"}},
		"group":    {{"group": closed.group.ID}, {"group": odd.group.ID}, {"group": idp.NewID[idp.Group]()}, {"group": "garbage"}, {"group": nil}},
	} {
		for _, change := range bad {
			require.Contains(t, b.api(http.StatusBadRequest, http.MethodPost, "/access_requests/", with(maps.Clone(good), change)), field, "%v", change)
		}
	}
	b.api(http.StatusCreated, http.MethodPost, "/access_requests/", good)
	require.Contains(t, b.api(http.StatusBadRequest, http.MethodPost, "/access_requests/", good), "group", "twice at once")
	for _, what := range []string{"grant", "deny", "withdraw", "end", "use"} {
		b.api(http.StatusNotFound, http.MethodPost, "/access_requests/garbage/"+what+"/", nil)
		c.act(b, http.StatusNotFound, idp.NewID[idp.AccessRequest]().String(), what)
	}
	s.admin().api(http.StatusBadRequest, http.MethodGet, "/access_requests/?state=maybe", nil)
	s.admin().api(http.StatusBadRequest, http.MethodGet, "/access_requests/?group=garbage", nil)

	require.Equal(t, http.StatusOK, s.admin().do(http.MethodPost, "/api/settings", anyMap{"key": lockout.LapseKey, "value": "3"}).status)
	id := c.ask(s.with(s.user("ben")))
	var lapses time.Time
	require.NoError(t, lapses.UnmarshalText([]byte(s.admin().api(http.StatusOK, http.MethodGet, "/access_requests/"+id+"/", nil)["expires"].(string))))
	require.WithinDuration(t, time.Now().Add(72*time.Hour), lapses, time.Hour, "as the setting says")
}

func TestApplicationsSeeWhatWasGrantedWhileItIs(t *testing.T) {
	t.Parallel()
	s, _ := proxied(t)
	c := s.crew("db-admins", idp.Attributes{"requestable": true})
	alice := s.user("alice")
	session, cookie := s.cookie(alice)
	b := s.holding(cookie)
	carried := s.passFor(wikiHost, cookie, "/")
	proxy := func() string {
		a := s.behind(wikiHost, forwardPath+"caddy/", map[string]string{pass: carried})
		require.Equal(t, http.StatusOK, a.status)
		return a.header.Get("Remote-Groups")
	}
	client := s.client("chat", func(p *idp.OAuthProvider) {
		m := &idp.ScopeMapping{Name: unique("groups"), Scope: "groups", Expression: `{"groups": user.groups}`}
		require.NoError(t, s.repos().ScopeMappings.Create(t.Context(), m))
		p.Mappings = append(p.Mappings, m.ID)
	})
	d := &doorway{site: s, replica: s.replicas[0]}
	tokens, err := d.grant(client, forCode(s.codeOf(client, s.now(alice), session, time.Minute, "groups")))
	require.NoError(t, err)
	claims := func() any {
		got, _, err := d.OIDC().UserInfo(t.Context(), idp.Actor{}, tokens.Access)
		require.NoError(t, err)
		return fmt.Sprint(got["groups"])
	}
	require.Empty(t, proxy())
	none := claims()
	id := c.ask(b)
	c.act(s.admin(), http.StatusOK, id, "grant")
	require.Equal(t, "db-admins", proxy())
	require.Equal(t, "[db-admins]", claims())
	l := s.lock(anyMap{"access_request": id})
	require.Empty(t, proxy())
	require.Equal(t, none, claims())
	s.lift(l)
	require.Equal(t, "db-admins", proxy())
	require.Equal(t, "[db-admins]", claims())
	c.act(s.admin(), http.StatusOK, id, "end")
	require.Empty(t, proxy())
	require.Equal(t, none, claims())
}

func TestRequestsOnTheCommandLine(t *testing.T) {
	terminals(t, func(x *terminal) {
		c := x.crew("db-admins", idp.Attributes{"requestable": true})
		b := x.with(x.user("alice"))
		id := c.ask(b)
		for flags, says := range map[string]string{
			"ls --state maybe":         "expected one of",
			"ls --format xml":          "xml",
			"approve x":                "expected the UUID of an access request",
			"approve":                  "expected the UUID of one access request",
			"create --reason x":        "--group",
			"create --group db-admins": "--reason",
		} {
			require.Contains(t, x.fails(cli.ExitUsage, append([]string{"requests"}, strings.Fields(flags)...)...), says)
		}
		require.Contains(t, x.fails(cli.ExitFailure, "requests", "create", "--group", "nope", "--reason", "x"), `There is no group "nope"`)
		require.Contains(t, x.fails(cli.ExitFailure, "requests", "end", idp.NewID[idp.AccessRequest]().String()), "access request")
		require.Contains(t, x.does("requests", "ls", "--state", "pending"), "alice")
		require.Contains(t, x.does("requests", "approve", id, "--reason", "go on"), "of alice for db-admins has been approved")
		c.has(b, true)
		require.Contains(t, x.fails(cli.ExitFailure, "requests", "deny", id), "granted")
		require.Contains(t, x.does("requests", "ls", "--format", "json"), `"note": "go on"`)
		require.Contains(t, x.does("requests", "end", id, "--format", "yaml"), "state: ended")
		c.has(b, false)
	})
}
