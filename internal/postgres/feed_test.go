package postgres

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/portcullis-idp/portcullis/internal/feed"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// source is a FeedSource of the database and the beat of a server.
func source(t *testing.T, db *DB) (*FeedSource, feed.Beat) {
	s := db.NewFeedSource()
	t.Cleanup(s.Close)
	return s, feed.Beat{ID: idp.NewID[feed.Feed](), Lease: time.Minute}
}

func TestWhatTheFeedTells(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, r := t.Context(), db.Repos()
	u, s := addUser(t, db, "u"), (*idp.Session)(nil)
	g := &idp.Group{Name: "g"}
	require.NoError(t, r.Groups.Create(ctx, g))
	src, me := source(t, db)
	user, group := "user "+u.ID.String(), "group "
	for _, step := range []struct {
		name string
		do   func()
		want []string
	}{
		{"a session begins", func() { s = addSession(t, db, u, time.Hour) }, nil},
		{"it is used", func() { require.NoError(t, r.Sessions.Used(ctx, []idp.SessionUse{{ID: s.ID, UserAgent: "x"}})) }, nil},
		{"it is bound", func() { sql(t, db, `UPDATE sessions SET network_binding = 'bind_asn'`) }, []string{"session "}},
		{"it moves", func() { sql(t, db, `UPDATE sessions SET ip = '203.0.113.9'`) }, []string{"session "}},
		{"it lasts longer", func() { sql(t, db, `UPDATE sessions SET expires_at = expires_at + interval '1 hour'`) }, []string{"session "}},
		{"somebody signs in", func() { require.NoError(t, r.Users.TouchLogin(ctx, u.ID)) }, nil},
		{"it ends", func() { _, err := r.Sessions.End(ctx, s.ID, "x"); require.NoError(t, err) }, []string{"session "}},
		{"its tombstone is purged", func() { sql(t, db, `DELETE FROM sessions`) }, nil},
		{"its time is over", func() {
			s = addSession(t, db, u, -time.Hour)
			ended, err := r.Visits.Expire(ctx, 10)
			require.NoError(t, err)
			require.Len(t, ended, 1)
		}, nil},
		{"all are ended", func() { s = addSession(t, db, u, time.Hour); raise(t, db, u.ID) }, []string{user}},
		{"their rows are swept", func() { require.NoError(t, db.sweep(ctx, u.ID)) }, nil},
		{"a live one is removed by hand", func() { s = addSession(t, db, u, time.Hour); sql(t, db, `DELETE FROM sessions WHERE ended_at IS NULL`) }, []string{"session "}},
		{"an account is switched off", func() { sql(t, db, `UPDATE users SET is_active = false WHERE id = $1`, u.ID) }, []string{user}},
		{"a group is joined", func() { sql(t, db, `INSERT INTO group_users VALUES ($1, $2)`, g.ID, u.ID) }, []string{user}},
		{"a group is raised", func() { sql(t, db, `UPDATE groups SET is_superuser = true`) }, []string{group}},
		{"a group is annotated", func() { sql(t, db, `UPDATE groups SET attributes = '{"a": 1}'`) }, nil},
		{"a group is left", func() { sql(t, db, `DELETE FROM group_users`) }, []string{user}},
		{"a group is removed", func() { sql(t, db, `DELETE FROM groups`) }, []string{group}},
		{"what is rolled back", func() {
			require.Error(t, db.InTx(ctx, func(tx idp.Repos) error {
				sql(t, db, `SELECT 1`)
				_, err := tx.Sessions.End(ctx, s.ID, "x")
				require.Error(t, err)
				return context.Canceled
			}))
		}, nil},
		{"a user is removed", func() { sql(t, db, `DELETE FROM users WHERE id = $1`, u.ID) }, []string{user}},
	} {
		step.do()
		got, err := src.Read(ctx, me, 100)
		require.NoError(t, err)
		var told []string
		for _, c := range got.Changes {
			me.Applied = c.Seq
			if c.Kind == idp.ChangeSession {
				require.Equal(t, s.ID.String(), c.Subject, step.name)
				require.Equal(t, s.Digest, c.Digest, step.name)
				c.Subject = ""
			}
			told = append(told, string(c.Kind)+" "+c.Subject)
		}
		require.Equal(t, step.want, told, step.name)
		require.Equal(t, me.Applied, got.Last, step.name)
		require.GreaterOrEqual(t, got.Newest, got.Last)
	}
}

// Numbers become visible in their order, however the transactions that take them
// lie: a reader that goes on from the last number it saw misses none. Every
// transaction learns its own number before it returns.
func TestAReaderOfTheFeedMissesNothing(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx := t.Context()
	src, me := source(t, db)
	const writers, each = 8, 50
	var mu sync.Mutex
	told := map[int64]bool{}
	db.Await(func(_ context.Context, seq int64) {
		mu.Lock()
		defer mu.Unlock()
		told[seq] = true
	})
	var users []*idp.User
	for i := range writers {
		users = append(users, addUser(t, db, fmt.Sprint("u", i)))
	}
	var g errgroup.Group
	var done atomic.Bool
	read := map[int64]bool{}
	reading := make(chan error, 1)
	go func() {
		for last := false; ; {
			last = done.Load()
			r, err := src.Read(ctx, me, 1000)
			if err != nil {
				reading <- err
				return
			}
			for _, c := range r.Changes {
				me.Applied, read[c.Seq] = c.Seq, true
			}
			if last {
				reading <- nil
				return
			}
		}
	}()
	for _, u := range users {
		g.Go(func() error {
			for range each {
				err := db.InTx(ctx, func(tx idp.Repos) error {
					held, err := tx.Users.Hold(ctx, u.ID)
					if err != nil {
						return err
					}
					held.SessionGeneration++
					return tx.Users.Update(ctx, held)
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, g.Wait())
	done.Store(true)
	require.NoError(t, <-reading)
	require.Len(t, read, writers*each)
	require.Equal(t, read, told)
}

func TestServersHearOfOneAnother(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, stop := context.WithCancel(t.Context())
	a, meA := source(t, db)
	b, meB := source(t, db)
	ready, changed, beats := make(chan struct{}), make(chan struct{}, 10), make(chan feed.Beat, 10)
	ended := make(chan error, 1)
	go func() {
		ended <- a.Listen(ctx, func() { close(ready) }, func(*idp.Change) { changed <- struct{}{} }, func(b feed.Beat) { beats <- b })
	}()
	<-ready
	raise(t, db, addUser(t, db, "u").ID)
	<-changed
	r, err := a.Read(ctx, meA, 10)
	require.NoError(t, err)
	require.Empty(t, r.Peers)
	meB.Applied = 5
	_, err = b.Read(ctx, meB, 10)
	require.NoError(t, err)
	r, err = a.Read(ctx, meA, 10)
	require.NoError(t, err)
	require.Equal(t, []feed.Beat{{ID: meB.ID, Applied: 5}}, r.Peers)
	meB.Applied = 6
	require.NoError(t, b.Applied(ctx, meB))
	require.Equal(t, feed.Beat{ID: meB.ID, Applied: 6}, <-beats)
	sql(t, db, `UPDATE replicas SET seen_at = seen_at - interval '61 seconds' WHERE id = $1`, meB.ID)
	r, err = a.Read(ctx, meA, 10)
	require.NoError(t, err)
	require.Empty(t, r.Peers, "who says nothing for as long as the lease lasts is not at work")
	require.NoError(t, b.Leave(ctx, meB.ID))
	require.Equal(t, "1", scalar[string](t, db, `SELECT count(*)::text FROM replicas`))
	stop()
	require.Error(t, <-ended)
}

// What is purged is old enough for every server to have read it; whoever has not
// sees that something is missing.
func TestOldChangesArePurged(t *testing.T) {
	t.Parallel()
	db := open(t)
	u := addUser(t, db, "u")
	for range 3 {
		raise(t, db, u.ID)
	}
	src, me := source(t, db)
	r, err := src.Read(t.Context(), me, 10)
	require.NoError(t, err)
	require.Len(t, r.Changes, 3)
	sql(t, db, `UPDATE changes SET at = at - interval '61 minutes' WHERE seq < $1`, r.Last)
	require.NoError(t, db.purge(t.Context()))
	after, err := src.Read(t.Context(), me, 10)
	require.NoError(t, err)
	require.Equal(t, r.Changes[2:], after.Changes)
	require.Greater(t, after.Oldest, me.Applied+1)
}
