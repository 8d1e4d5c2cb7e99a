package lockoutpage_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/audit"
	"github.com/portcullis-idp/portcullis/internal/feed"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockout"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/secret"
	"github.com/portcullis-idp/portcullis/internal/server/admin"
	"github.com/portcullis-idp/portcullis/internal/server/admin/lockoutpage"
	"github.com/portcullis-idp/portcullis/internal/server/live"
	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

const (
	list     = "/if/admin/lockouts/"
	history  = "/if/admin/lockouts/history/"
	unlock   = "/if/admin/lockouts/unlock/"
	undo     = "/if/admin/lockouts/undo/"
	settings = "/if/admin/security-settings/"
	effect   = "/if/admin/security-settings/effect/"
	prefix   = "security.brute_force."
)

// site is the whole server over a database of its own, with the change feed, and a
// superuser in a browser.
type site struct {
	*pagetest.Site
	t        testing.TB
	lockouts *lockout.Service
	chain    *audit.Service
	boss     *pagetest.Browser
	unsent   string
	broken   bool // the database refuses what lockouts ask of it
}

// fragile is a store that breaks when a test says so.
type fragile struct {
	idp.Store
	site *site
}

var errBoom = errors.New("the database is gone: password=hunter2")

func (f fragile) Repos() idp.Repos {
	repos := f.Store.Repos()
	if f.site.broken {
		repos.Lockouts = nothing{repos.Lockouts}
	}
	return repos
}

func (f fragile) InTx(ctx context.Context, do func(idp.Repos) error) error {
	if f.site.broken {
		return errBoom
	}
	return f.Store.InTx(ctx, do)
}

type nothing struct{ idp.Lockouts }

func (nothing) Find(context.Context, idp.LockoutFilter) (idp.Page[idp.Lockout], error) {
	return idp.Page[idp.Lockout]{}, errBoom
}

func open(t testing.TB) *site {
	t.Helper()
	url := testkit.Database(t)
	db, err := postgres.Open(t.Context(), url, postgres.Options{MaxConns: 6})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	keys, err := secret.NewSealer(make([]byte, secret.MinSecret))
	require.NoError(t, err)
	log := slog.New(slog.DiscardHandler)
	s := &site{t: t}
	view, roles := lockout.NewView(db), access.NewRoles(db, nil)
	source := db.NewFeedSource()
	hub := live.NewHub(live.Options{})
	s.chain = audit.New(audit.Deps{Store: db, Access: access.New()})
	follow := feed.New(source, feed.Options{Log: log}, view, roles, s.chain, hub)
	view.Follow(follow)
	hub.Follow(follow)
	require.NoError(t, follow.Start(t.Context()))
	t.Cleanup(func() {
		follow.Stop()
		source.Close()
	})
	db.Await(follow.Await)
	s.Site = pagetest.New(t, db, pagetest.Parts{Access: access.New(access.Deps{Roles: roles})})
	s.lockouts = lockout.New(lockout.Deps{Store: fragile{db, s}, Access: s.Access, View: view, Keys: keys})
	events := live.NewLog(tail{db, follow}, log)
	source.HearEvents(events.Wake)
	stream := &live.Events{Hub: hub, Log: events, Store: db, Access: s.Access, Sessions: s.Sessions, Tokens: s.Tokens}
	t.Cleanup(stream.Close)
	s.chain.Access = s.Access
	console := admin.New(admin.Deps{Store: db, Accounts: s.Accounts, Sessions: s.Sessions, Tokens: s.Tokens, Lockdowns: s.Lockdowns,
		Configure: s.Configure, Flow: s.Lockdown, Roles: access.NewService(access.ServiceDeps{Store: db, Checker: s.Access}), Lockouts: s.lockouts, Audit: s.chain, Live: stream})
	pages := lockoutpage.New(lockoutpage.Deps{Store: db, Lockouts: s.lockouts, Audit: s.chain, Live: stream, Unsent: func() string { return s.unsent }})
	s.Open(db.NewSessionStore(func(deadline time.Time, values map[string]any) ([]byte, error) {
		return json.Marshal(map[string]any{"deadline": deadline, "values": values})
	}), console.Routes, pages.Routes, pagetest.Elsewhere("", "search/", "users/", "groups/", "sessions/", "lockdowns/", "events/", "brands/",
		"lockouts/", "lockouts/history/", "security-settings/"))
	s.boss = s.As(s.Boss)
	return s
}

// tail is live.Source.
type tail struct {
	db   *postgres.DB
	feed *feed.Feed
}

func (l tail) Tail(ctx context.Context, mark idp.EventMark) ([]idp.Event, idp.EventMark, error) {
	return l.db.Repos().Events.Tail(ctx, mark)
}

func (l tail) Watch(ctx context.Context, on bool) error {
	return l.db.WatchEvents(ctx, l.feed.ID(), on)
}

// page reads a page that must be in order.
func (s *site) page(path string) *pagetest.Page {
	s.t.Helper()
	return s.read(s.boss, path)
}

func (s *site) read(b *pagetest.Browser, path string) *pagetest.Page {
	s.t.Helper()
	p := b.Get(path)
	require.Equal(s.t, http.StatusOK, p.Status, "%s: %s", path, p.Text())
	require.Empty(s.t, p.Faults(), path)
	return p
}

// fail fails to sign in so often, from an address, "" = an unknown one; nil = under a
// name that nobody has.
func (s *site) fail(u *idp.User, ip string, times int) {
	s.t.Helper()
	actor := idp.Actor{Request: &idp.RequestInfo{ID: "test"}}
	if ip != "" {
		actor.Request.ClientIP = netip.MustParseAddr(ip)
	}
	for i := range times {
		_, err := s.lockouts.Try(s.t.Context(), actor, idp.Attempt{User: u, Name: "nobody", Secret: strconv.Itoa(i) + time.Now().String()},
			func(ctx context.Context) (idp.Refusal, error) {
				event := idp.LoginFailedEvent("test", actor, u, map[string]any{"reason": string(idp.RefusedPassword)})
				return idp.RefusedPassword, s.Store.Repos().Events.Append(ctx, event)
			})
		require.NoError(s.t, err)
	}
}

// lockOut locks an account out.
func (s *site) lockOut(u *idp.User, ip string) idp.Lockout {
	s.t.Helper()
	s.fail(u, ip, s.lockouts.Limits().MaxAttempts)
	for _, l := range s.inForce() {
		if u == nil && l.UserID == nil || u != nil && l.UserID != nil && *l.UserID == u.ID {
			return l
		}
	}
	require.Fail(s.t, "nobody is locked out")
	return idp.Lockout{}
}

// inForce are the lockouts in force, newest first.
func (s *site) inForce() []idp.Lockout {
	s.t.Helper()
	yes := true
	found, err := s.Store.Repos().Lockouts.Find(s.t.Context(), idp.LockoutFilter{Active: &yes, Paging: idp.Paging{Limit: 1000}})
	require.NoError(s.t, err)
	return found.Items
}

// many makes so many lockouts of names that nobody has, unknown-0001 and so on; the
// first of them are the newest and began a minute ago, two at a time, each other two a
// millisecond before.
func (s *site) many(n int) {
	s.t.Helper()
	require.NoError(s.t, s.Store.InTx(s.t.Context(), func(tx idp.Repos) error {
		ctx, at := s.t.Context(), time.Now().Add(-time.Minute)
		var standings []idp.Standing
		var begun []idp.Lockout
		for i := range n {
			began, until := at.Add(-time.Duration(i/2)*time.Millisecond), at.Add(time.Hour)
			subject := idp.NewID[idp.Lockout]().UUID()
			standings = append(standings, idp.Standing{Subject: subject})
			begun = append(begun, idp.Lockout{Subject: subject, Identifier: fmt.Sprintf("unknown-%04x", i+1), LockedAt: began, LockedUntil: until,
				Reason: idp.LockoutBruteForce, TriggerIP: netip.MustParseAddr("198.51.100.7"), Attempts: 5})
		}
		held, _, err := tx.Lockouts.Hold(ctx, standings, true)
		if err != nil {
			return err
		}
		var changed []*idp.Standing
		for _, l := range begun {
			st := held[l.Subject]
			st.LockedUntil, st.LockedAt = &l.LockedUntil, &l.LockedAt
			changed = append(changed, st)
		}
		if err := tx.Lockouts.Save(ctx, changed); err != nil {
			return err
		}
		return tx.Lockouts.Begin(ctx, begun)
	}))
}

// events counts the events with an action_id.
func (s *site) events(id string) int {
	s.t.Helper()
	found, err := s.Store.Repos().Events.Find(s.t.Context(), idp.EventFilter{ActionID: &id, Paging: idp.Paging{Limit: 1000}})
	require.NoError(s.t, err)
	return len(found.Items)
}

// role is somebody with a role that has these rules.
func (s *site) role(name string, rules ...idp.RoleRule) *pagetest.Browser {
	s.t.Helper()
	u := s.User(name)
	require.NoError(s.t, s.Store.InTx(s.t.Context(), func(tx idp.Repos) error {
		r := &idp.Role{Name: "role of " + name, Spec: idp.RoleSpec{Allow: idp.RoleRules{Rules: rules}}}
		if err := tx.Roles.Create(s.t.Context(), r); err != nil {
			return err
		}
		return tx.Roles.SetUserRoles(s.t.Context(), u.ID, []idp.RoleID{r.ID})
	}))
	return s.As(u)
}

// builtIn is somebody with a role of the product.
func (s *site) builtIn(role string) *pagetest.Browser {
	s.t.Helper()
	for _, r := range access.BuiltIn() {
		if r.Name == role {
			return s.role(role, r.Spec.Allow.Rules...)
		}
	}
	require.Fail(s.t, "no role "+role)
	return nil
}
