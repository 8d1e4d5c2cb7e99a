package lockout_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/feed"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockout"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/secret"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

// world is an installation of some servers on one database.
type world struct {
	*testing.T
	url     string
	db      *postgres.DB
	servers []*server
	admin   idp.Actor
}

// server is one of them.
type server struct {
	*lockout.Service
	db   *postgres.DB
	view *lockout.View
	feed *feed.Feed
}

var keys = func() *secret.Sealer {
	s, err := secret.NewSealer(make([]byte, secret.MinSecret))
	if err != nil {
		panic(err)
	}
	return s
}()

func newWorld(t *testing.T, servers int, pool int32) *world {
	t.Helper()
	url := testkit.Database(t)
	w := &world{T: t, url: url}
	for range servers {
		db, err := postgres.Open(t.Context(), url, postgres.Options{MaxConns: pool})
		require.NoError(t, err)
		t.Cleanup(db.Close)
		s := &server{db: db, view: lockout.NewView(db)}
		s.Service = lockout.New(lockout.Deps{Store: db, Access: access.New(), View: s.view, Keys: keys})
		source := db.NewFeedSource()
		t.Cleanup(source.Close)
		s.feed = feed.New(source, feed.Options{}, s.view)
		s.view.Follow(s.feed)
		require.NoError(t, s.feed.Start(t.Context()))
		t.Cleanup(s.feed.Stop)
		db.Await(s.feed.Await)
		w.servers = append(w.servers, s)
	}
	w.db = w.servers[0].db
	group := &idp.Group{Name: "admins", IsSuperuser: true}
	require.NoError(t, w.db.Repos().Groups.Create(t.Context(), group))
	root := w.user("root")
	require.NoError(t, w.db.Repos().Groups.AddUser(t.Context(), group.ID, root.ID))
	w.admin = idp.Actor{User: w.now(root)}
	return w
}

func (w *world) user(name string) *idp.User {
	w.Helper()
	u := &idp.User{Username: name, Email: name + "@example.org", IsActive: true, Password: "$argon2id$of-" + name}
	require.NoError(w, w.db.Repos().Users.Create(w.Context(), u))
	return w.now(u)
}

func (w *world) now(u *idp.User) *idp.User {
	w.Helper()
	found, err := w.db.Repos().Users.Get(w.Context(), u.ID)
	require.NoError(w, err)
	return found
}

// from is somebody at an address.
func from(ip string) idp.Actor {
	a, _ := netip.ParseAddr(ip)
	return idp.Actor{Request: &idp.RequestInfo{ClientIP: a, ID: "test"}}
}

// guess tries a secret that is never right. hashes counts what is compared.
func (s *server) guess(t *testing.T, actor idp.Actor, a idp.Attempt, hashes *atomic.Int64) (bool, error) {
	t.Helper()
	a.Failed = func(reason idp.Refusal) idp.Failure {
		return idp.Failure{Event: idp.LoginFailedEvent("test", actor, a.User, map[string]any{"reason": string(reason)})}
	}
	return s.Try(t.Context(), actor, a, func(context.Context) (idp.Refusal, error) {
		hashes.Add(1)
		return idp.RefusedPassword, nil
	})
}

// right tries the right secret.
func (s *server) right(t *testing.T, actor idp.Actor, a idp.Attempt) (bool, error) {
	t.Helper()
	return s.Try(t.Context(), actor, a, func(context.Context) (idp.Refusal, error) { return "", nil })
}

// wrong fails so often, with another secret each time.
func (w *world) wrong(s *server, actor idp.Actor, u *idp.User, times int) {
	w.Helper()
	var hashes atomic.Int64
	for i := range times {
		passed, err := s.guess(w.T, actor, idp.Attempt{User: u, Name: "nobody", Secret: fmt.Sprint(i, time.Now())}, &hashes)
		require.NoError(w, err)
		require.False(w, passed)
	}
	require.EqualValues(w, times, hashes.Load())
}

// events counts the events with an action_id.
func (w *world) events(id string) int {
	w.Helper()
	page, err := w.db.Repos().Events.Find(w.Context(), idp.EventFilter{ActionID: &id, Paging: idp.Paging{Limit: 1000}})
	require.NoError(w, err)
	return len(page.Items)
}

// lockouts lists all of them, newest first.
func (w *world) lockouts() []idp.Lockout {
	w.Helper()
	page, err := w.db.Repos().Lockouts.Find(w.Context(), idp.LockoutFilter{Paging: idp.Paging{Limit: 1000}})
	require.NoError(w, err)
	return page.Items
}

// at once runs fn so often side by side and waits for all.
func atOnce(n int, fn func(i int)) {
	var group sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		group.Go(func() {
			<-start
			fn(i)
		})
	}
	close(start)
	group.Wait()
}

func digestOf(cookie string) []byte { return secret.DigestOf(cookie).Bytes() }

var errBoom = errors.New("boom")
