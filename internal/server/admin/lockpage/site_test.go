package lockpage_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/feed"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lock"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/server/admin"
	"github.com/portcullis-idp/portcullis/internal/server/admin/lockpage"
	"github.com/portcullis-idp/portcullis/internal/server/admin/rolepage"
	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

const (
	list    = "/if/admin/locks/"
	history = "/if/admin/locks/history/"
	wizard  = "/if/admin/locks/new/"
)

// site is the whole server over a database of its own, with the change feed, and
// a superuser in a browser.
type site struct {
	*pagetest.Site
	t     testing.TB
	locks *lock.Service
	view  *lock.View
	boss  *pagetest.Browser
	deny  func(idp.Verb, idp.Object) error // what the use case's access refuses besides; nil = nothing
}

// picky refuses what a test wants refused, besides what the checker refuses.
type picky struct {
	*access.Checker
	site *site
}

func (p picky) Check(actor idp.Actor, verb idp.Verb, on idp.Object) error {
	if p.site.deny != nil {
		if err := p.site.deny(verb, on); err != nil {
			return err
		}
	}
	return p.Checker.Check(actor, verb, on)
}

func open(t testing.TB) *site {
	t.Helper()
	return openAt(t, testkit.Database(t))
}

// openAt is open over a database that something may be in already.
func openAt(t testing.TB, url string) *site {
	t.Helper()
	db, err := postgres.Open(t.Context(), url, postgres.Options{MaxConns: 6})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	view, roles := lock.NewView(db, lock.Options{}), access.NewRoles(db, nil)
	source := db.NewFeedSource()
	follow := feed.New(source, feed.Options{Log: slog.New(slog.DiscardHandler)}, view, roles)
	view.Follow(follow)
	require.NoError(t, follow.Start(t.Context()))
	t.Cleanup(func() {
		follow.Stop()
		source.Close()
	})
	db.Await(follow.Await)
	s := &site{t: t, view: view}
	s.Site = pagetest.New(t, db, pagetest.Parts{Access: access.New(access.Deps{Roles: roles, Locks: view})})
	judge := picky{s.Access, s}
	s.locks = lock.New(lock.Deps{Store: db, Access: judge, View: view})
	console := admin.New(admin.Deps{Store: db, Accounts: s.Accounts, Sessions: s.Sessions, Tokens: s.Tokens, Lockdowns: s.Lockdowns,
		Configure: s.Configure, Flow: s.Lockdown, Roles: access.NewService(access.ServiceDeps{Store: db, Checker: s.Access}), Locked: view})
	held := access.NewService(access.ServiceDeps{Store: db, Checker: s.Access})
	offices := rolepage.New(rolepage.Deps{Store: db, Roles: held, Locked: view})
	pages := lockpage.New(lockpage.Deps{Store: db, Locks: s.locks, Access: judge})
	s.Open(db.NewSessionStore(func(deadline time.Time, values map[string]any) ([]byte, error) {
		return json.Marshal(map[string]any{"deadline": deadline, "values": values})
	}), console.Routes, offices.Routes, pages.Routes, pagetest.Elsewhere("", "search/", "users/", "groups/", "sessions/", "lockdowns/", "events/", "brands/", "locks/", "roles/"))
	s.boss = s.As(s.Boss)
	return s
}

// page reads a page that must be in order.
func (s *site) page(path string) *pagetest.Page {
	s.t.Helper()
	p := s.boss.Get(path)
	require.Equal(s.t, http.StatusOK, p.Status, "%s: %s", path, p.Text())
	require.Empty(s.t, p.Faults(), path)
	return p
}

// lock makes a lock through the use case.
func (s *site) lock(message string, target ...string) *idp.Lock {
	s.t.Helper()
	named := map[string]string{}
	for i := 0; i+1 < len(target); i += 2 {
		named[target[i]] = target[i+1]
	}
	l, _, err := s.locks.Create(s.t.Context(), idp.Actor{User: s.Boss}, lock.Draft{Target: named, Message: message, ForceLastAdmin: true})
	require.NoError(s.t, err)
	return l
}

// inForce are the locks in force, the newest first.
func (s *site) inForce() []idp.Lock {
	s.t.Helper()
	yes := true
	found, err := s.Store.Repos().Locks.Find(s.t.Context(), idp.LockFilter{InForce: &yes, Paging: idp.Paging{Limit: 100}})
	require.NoError(s.t, err)
	return found.Items
}

// role gives somebody a role with a rule of its own.
func (s *site) role(u *idp.User, name string, rules ...idp.RoleRule) {
	s.t.Helper()
	err := s.Store.InTx(s.t.Context(), func(tx idp.Repos) error {
		r := &idp.Role{Name: name, Spec: idp.RoleSpec{Allow: idp.RoleRules{Rules: rules}}}
		if err := tx.Roles.Create(s.t.Context(), r); err != nil {
			return err
		}
		return tx.Roles.SetUserRoles(s.t.Context(), u.ID, []idp.RoleID{r.ID})
	})
	require.NoError(s.t, err)
}

// group makes a group with a member.
func (s *site) group(name string, members ...*idp.User) {
	s.t.Helper()
	g, err := s.Accounts.CreateGroup(s.t.Context(), idp.SystemActor(), account.NewGroup{Name: name})
	require.NoError(s.t, err)
	for _, u := range members {
		require.NoError(s.t, s.Accounts.AddMember(s.t.Context(), idp.SystemActor(), g.ID, u.ID))
	}
}
