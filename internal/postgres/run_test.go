package postgres

import (
	"encoding/json"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestRun(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, runs := t.Context(), db.Repos().Runs
	f, g, browser := addFlow(t, db, "f"), addFlow(t, db, "g"), digest()
	find := func(flow idp.FlowID) *idp.Run {
		t.Helper()
		got, err := runs.Find(ctx, browser, flow)
		require.NoError(t, err)
		slug := map[idp.FlowID]string{f.ID: f.Slug, g.ID: g.Slug}[flow]
		revision, present, err := runs.Present(ctx, browser, slug)
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(got, present))
		now, err := db.Repos().Configuration.Revision(ctx)
		require.NoError(t, err)
		require.Equal(t, now, revision)
		return got
	}
	require.Nil(t, find(f.ID))
	run := &idp.Run{Browser: browser, FlowID: f.ID, State: json.RawMessage(`{"a": 1}`)}
	require.NoError(t, runs.Create(ctx, run, time.Hour))
	require.Equal(t, 1, run.Version)
	require.Equal(t, time.Hour, run.ExpiresAt.Sub(run.CreatedAt).Round(time.Second))
	require.Empty(t, cmp.Diff(run, find(f.ID)))

	run.State = json.RawMessage(`{"a": 2}`)
	stale := *run
	require.NoError(t, runs.Save(ctx, run))
	require.Equal(t, 2, run.Version)
	require.Empty(t, cmp.Diff(run, find(f.ID)))
	requireCode(t, idp.CodeConflict, runs.Save(ctx, &stale))

	again := &idp.Run{Browser: browser, FlowID: f.ID}
	require.NoError(t, runs.Create(ctx, again, time.Hour))
	require.Empty(t, cmp.Diff(again.ID, find(f.ID).ID))
	requireCode(t, idp.CodeConflict, runs.Save(ctx, run))

	require.NoError(t, runs.Create(ctx, &idp.Run{Browser: browser, FlowID: g.ID}, time.Hour))
	require.NoError(t, runs.Create(ctx, &idp.Run{Browser: digest(), FlowID: g.ID}, time.Hour))
	require.NoError(t, runs.Delete(ctx, again.ID))
	require.Nil(t, find(f.ID))
	require.NotNil(t, find(g.ID))
	require.NoError(t, runs.DeleteBrowser(ctx, browser))
	require.Nil(t, find(g.ID))
	require.Equal(t, 1, scalar[int](t, db, `SELECT count(*) FROM runs`))
	requireCode(t, idp.CodeNotFound, runs.Create(ctx, &idp.Run{Browser: browser, FlowID: idp.NewID[idp.Flow]()}, time.Hour))
}

func TestRunExpires(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, runs := t.Context(), db.Repos().Runs
	run := &idp.Run{Browser: digest(), FlowID: addFlow(t, db, "f").ID}
	require.NoError(t, runs.Create(ctx, run, time.Hour))
	sql(t, db, `UPDATE runs SET expires_at = clock_timestamp()`)
	got, err := runs.Find(ctx, run.Browser, run.FlowID)
	require.NoError(t, err)
	require.Nil(t, got)
	requireCode(t, idp.CodeConflict, runs.Save(ctx, run))
}

// Of many requests that submit the same page only one is let through.
func TestRunIsSavedByOne(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, runs := t.Context(), db.Repos().Runs
	run := &idp.Run{Browser: digest(), FlowID: addFlow(t, db, "f").ID}
	require.NoError(t, runs.Create(ctx, run, time.Hour))
	for range 20 {
		var won atomic.Int32
		var wait sync.WaitGroup
		for range 8 {
			mine := *run
			wait.Go(func() {
				switch err := runs.Save(ctx, &mine); {
				case err == nil:
					won.Add(1)
				case !idp.Is(err, idp.CodeConflict):
					t.Error(err)
				}
			})
		}
		wait.Wait()
		require.EqualValues(t, 1, won.Load())
		run.Version++
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, settings := t.Context(), db.Repos().Settings
	get := func() string {
		v, err := settings.Get(ctx, "a")
		require.NoError(t, err)
		return string(v)
	}
	v, err := settings.Get(ctx, "a")
	require.NoError(t, err)
	require.Nil(t, v)
	require.NoError(t, settings.Set(ctx, "a", json.RawMessage(`"x"`)))
	require.NoError(t, settings.Set(ctx, "a", json.RawMessage(`{"y": [1]}`)))
	require.Equal(t, `{"y": [1]}`, get())
	requireCode(t, idp.CodeInvalid, settings.Set(ctx, "a", json.RawMessage(`{`)))
	require.NoError(t, settings.Delete(ctx, "a"))
	require.NoError(t, settings.Delete(ctx, "a"))
	require.Equal(t, "", get())
}

// Two that hold the same name run one after another; another name is free.
func TestSettingHold(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx := t.Context()

	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 25 {
				err := db.InTx(ctx, func(tx idp.Repos) error {
					if err := tx.Settings.Hold(ctx, "counter"); err != nil {
						return err
					}
					count := 0
					raw, err := tx.Settings.Get(ctx, "counter")
					if err != nil {
						return err
					}
					if raw != nil {
						if err := json.Unmarshal(raw, &count); err != nil {
							return err
						}
					}
					next, err := json.Marshal(count + 1)
					if err != nil {
						return err
					}
					return tx.Settings.Set(ctx, "counter", next)
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	require.Equal(t, "100", string(must(db.Repos().Settings.Get(ctx, "counter"))))
	require.NoError(t, db.InTx(ctx, func(tx idp.Repos) error {
		require.NoError(t, tx.Settings.Hold(ctx, "counter"))
		return db.InTx(ctx, func(tx idp.Repos) error { return tx.Settings.Hold(ctx, "other") })
	}))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
