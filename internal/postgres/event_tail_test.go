package postgres

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/feed"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// tailed reads on from the mark, to the present, and returns the apps of what it
// was told.
func tailed(t *testing.T, db *DB, mark *idp.EventMark) []string {
	t.Helper()
	apps := []string{}
	for {
		found, next, err := db.Repos().Events.Tail(t.Context(), *mark)
		require.NoError(t, err)
		for _, e := range found {
			apps = append(apps, e.App)
		}
		*mark = next
		if !next.More() {
			return apps
		}
	}
}

func TestTailFollowsTheOrderOfCommits(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx := t.Context()
	write := func(tx idp.Repos, app string) error {
		return tx.Events.Append(ctx, &idp.Event{Action: idp.ActionLogin, App: app})
	}
	require.NoError(t, write(db.Repos(), "before"))
	var mark idp.EventMark
	require.Empty(t, tailed(t, db, &mark), "it begins with the present")

	slow, done := make(chan struct{}), make(chan error, 1)
	written := make(chan struct{})
	go func() {
		done <- db.InTx(ctx, func(tx idp.Repos) error {
			err := write(tx, "slow")
			close(written)
			<-slow
			return err
		})
	}()
	<-written
	require.NoError(t, write(db.Repos(), "fast"))
	require.Equal(t, []string{"fast"}, tailed(t, db, &mark))
	require.Empty(t, tailed(t, db, &mark))
	close(slow)
	require.NoError(t, <-done)
	require.NoError(t, write(db.Repos(), "last"))
	require.Equal(t, []string{"slow", "last"}, tailed(t, db, &mark), "what was written earlier and committed later is told later")
	require.Empty(t, tailed(t, db, &mark))

	old := &idp.Event{Action: idp.ActionLogin, App: "imported", CreatedAt: time.Now().AddDate(-1, 0, 0), Imported: true}
	require.NoError(t, db.Repos().Events.Append(ctx, old))
	require.ErrorContains(t, db.InTx(ctx, func(tx idp.Repos) error {
		if err := write(tx, "undone"); err != nil {
			return err
		}
		return fmt.Errorf("changed my mind")
	}), "changed my mind")
	require.Empty(t, tailed(t, db, &mark))
}

func TestTailTellsMuchInParts(t *testing.T) {
	t.Parallel()
	db := open(t)
	var mark idp.EventMark
	tailed(t, db, &mark)
	sql(t, db, `INSERT INTO events (id, action, app) SELECT gen_random_uuid(), 'login', n::text FROM generate_series(1, $1::integer) n`, 2*tailLimit)
	found, next, err := db.Repos().Events.Tail(t.Context(), mark)
	require.NoError(t, err)
	require.Len(t, found, tailLimit)
	require.True(t, next.More())
	require.NoError(t, db.Repos().Events.Append(t.Context(), &idp.Event{Action: idp.ActionLogin, App: "meanwhile"}))
	rest := tailed(t, db, &next)
	require.Len(t, rest, tailLimit, "what is committed meanwhile comes after it")
	seen := map[string]bool{}
	for _, e := range found {
		seen[e.App] = true
	}
	for _, app := range rest {
		seen[app] = true
	}
	require.Len(t, seen, 2*tailLimit)
	require.Equal(t, []string{"meanwhile"}, tailed(t, db, &next))
}

// Many write at once while somebody reads: everything is told, once.
func TestTailLosesNothing(t *testing.T) {
	t.Parallel()
	db := open(t)
	const writers, each = 4, 100
	var mark idp.EventMark
	tailed(t, db, &mark)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := range each {
				_ = db.InTx(t.Context(), func(tx idp.Repos) error {
					return tx.Events.Append(t.Context(), &idp.Event{Action: idp.ActionLogin, App: fmt.Sprintf("%d/%d", w, n)})
				})
			}
		})
	}
	over := make(chan struct{})
	go func() { wg.Wait(); close(over) }()
	seen := map[string]int{}
	note := func() {
		for _, app := range tailed(t, db, &mark) {
			seen[app]++
		}
	}
	for going := true; going; {
		select {
		case <-over:
			going = false
		default:
		}
		note()
	}
	require.Len(t, seen, writers*each)
	for app, n := range seen {
		require.Equal(t, 1, n, app)
	}
}

// An older copy of the database knows nothing of the mark's transactions.
func TestTailBeginsAnewInAnOlderCopy(t *testing.T) {
	t.Parallel()
	db := open(t)
	found, next, err := db.Repos().Events.Tail(t.Context(), idp.EventMark{Since: "9000000000:9000000000:", At: time.Now()})
	require.NoError(t, err)
	require.Empty(t, found)
	require.NoError(t, db.Repos().Events.Append(t.Context(), &idp.Event{Action: idp.ActionLogin, App: "new"}))
	require.Equal(t, []string{"new"}, tailed(t, db, &next))
}

// Commits notify while somebody watches, and only then.
func TestEventsNotifyWhoWatches(t *testing.T) {
	t.Parallel()
	db := open(t)
	source := db.NewFeedSource()
	t.Cleanup(source.Close)
	heard := make(chan struct{}, 100)
	source.HearEvents(func() { heard <- struct{}{} })
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	changed := make(chan struct{}, 100)
	go func() {
		ended <- source.Listen(ctx, func() {}, func(*idp.Change) { changed <- struct{}{} }, func(feed.Beat) {})
	}()
	<-heard // it listens: what came before may have been missed
	me := feed.Beat{ID: idp.NewID[feed.Feed](), Lease: time.Minute}
	_, err := source.Read(t.Context(), me, 1)
	require.NoError(t, err)

	write := func() {
		require.NoError(t, db.Repos().Events.Append(t.Context(), &idp.Event{Action: idp.ActionLogin}))
	}
	write()
	sql(t, db, `SELECT pg_notify('portcullis_changes', '')`)
	<-changed // notifications come in the order of the commits
	require.Empty(t, heard, "nobody watches")
	require.NoError(t, db.WatchEvents(t.Context(), me.ID, true))
	write()
	<-heard
	require.NoError(t, db.WatchEvents(t.Context(), me.ID, false))
	write()
	sql(t, db, `SELECT pg_notify('portcullis_changes', '')`)
	<-changed
	require.Empty(t, heard)
	stop()
	require.Error(t, <-ended)
}
