package postgres

import (
	"errors"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// fill gives a user many sessions and tokens in two statements.
func fill(t testing.TB, db *DB, u *idp.User, n int) {
	t.Helper()
	sql(t, db, `INSERT INTO sessions (id, user_id, digest, generation, expires_at)
		SELECT gen_random_uuid(), $1, sha256(gen_random_uuid()::text::bytea), $3, clock_timestamp() + interval '1 day' FROM generate_series(1, $2)`,
		u.ID, n, u.SessionGeneration)
	sql(t, db, `INSERT INTO tokens (id, identifier, intent, user_id, digest, generation, expiring)
		SELECT gen_random_uuid(), gen_random_uuid()::text, 'api', $1, sha256(gen_random_uuid()::text::bytea), $3, false FROM generate_series(1, $2)`,
		u.ID, n, u.TokenGeneration)
}

func TestHoldings(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, holder := t.Context(), db.Repos().Holder
	u, other := addUser(t, db, "u"), addUser(t, db, "other")
	fill(t, db, u, 3)
	fill(t, db, other, 5)
	addToken(t, db, u, idp.IntentRecovery)
	addSession(t, db, u, -time.Second)
	ended := addSession(t, db, u, time.Hour)
	_, err := db.Repos().Sessions.End(ctx, ended.ID, "x")
	require.NoError(t, err)
	got, err := holder.Holdings(ctx, u.ID)
	require.NoError(t, err)
	require.Equal(t, idp.Holdings{Sessions: 3, Tokens: map[idp.TokenIntent]int{idp.IntentAPI: 3, idp.IntentRecovery: 1}}, got)
	raise(t, db, u.ID)
	got, err = holder.Holdings(ctx, u.ID)
	require.NoError(t, err)
	require.Equal(t, idp.Holdings{Tokens: map[idp.TokenIntent]int{}}, got)
}

func TestSweepInBatches(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, holder := t.Context(), db.Repos().Holder
	u := addUser(t, db, "u")
	fill(t, db, u, 5)
	n, err := holder.SweepSessions(ctx, u.ID, 2)
	require.NoError(t, err)
	require.Zero(t, n, "nothing has ended yet")
	raise(t, db, u.ID)
	u.SessionGeneration++
	u.TokenGeneration++
	live := addSession(t, db, u, time.Hour)
	for _, sweep := range []func() (int, error){
		func() (int, error) { return holder.SweepSessions(ctx, u.ID, 2) },
		func() (int, error) { return holder.SweepTokens(ctx, u.ID, 2) },
	} {
		for _, want := range []int{2, 2, 1, 0} {
			n, err := sweep()
			require.NoError(t, err)
			require.Equal(t, want, n)
		}
	}
	got, err := db.Repos().Sessions.Get(ctx, live.ID)
	require.NoError(t, err)
	require.True(t, got.Live)
	require.Equal(t, 5, scalar[int](t, db, `SELECT count(*) FROM sessions WHERE end_reason = 'generation' AND ended_at IS NOT NULL`))
	require.Equal(t, 5, scalar[int](t, db, `SELECT count(*) FROM tokens WHERE revoked_at IS NOT NULL`))
}

func TestPurge(t *testing.T) {
	t.Parallel()
	db := open(t)
	u := addUser(t, db, "u")
	flow := addFlow(t, db, "f")
	fill(t, db, u, batch+1)
	sql(t, db, `UPDATE sessions SET expires_at = clock_timestamp() - interval '25 hours'`)
	sql(t, db, `UPDATE tokens SET expiring = true, expires_at = clock_timestamp() - interval '25 hours'`)
	fill(t, db, u, 2)
	sql(t, db, `UPDATE sessions SET ended_at = clock_timestamp() - interval '31 days' WHERE expires_at > clock_timestamp()`)
	sql(t, db, `UPDATE tokens SET revoked_at = clock_timestamp() - interval '31 days' WHERE NOT expiring`)
	kept := []idp.SessionID{addSession(t, db, u, time.Hour).ID, addSession(t, db, u, -23*time.Hour).ID, addSession(t, db, u, time.Hour).ID}
	sql(t, db, `UPDATE sessions SET ended_at = clock_timestamp() - interval '29 days' WHERE id = $1`, kept[2])
	addToken(t, db, u, idp.IntentAPI)
	require.NoError(t, db.Repos().Runs.Create(t.Context(), &idp.Run{Browser: digest(), FlowID: flow.ID}, -time.Second))
	require.NoError(t, db.Repos().Runs.Create(t.Context(), &idp.Run{Browser: digest(), FlowID: flow.ID}, time.Hour))
	proofs := addProofs(t, db, u)
	require.NoError(t, db.purge(t.Context()))
	require.Equal(t, [][]byte{proofs}, scalar[[][]byte](t, db, `SELECT array_agg(browser) FROM factor_proofs`))
	require.Equal(t, 3, scalar[int](t, db, `SELECT count(*) FROM sessions WHERE id = ANY($1)`, kept))
	require.Equal(t, []int{3, 1, 1}, []int{scalar[int](t, db, `SELECT count(*) FROM sessions`),
		scalar[int](t, db, `SELECT count(*) FROM tokens`), scalar[int](t, db, `SELECT count(*) FROM runs`)})
}

// addProofs notes where a second factor was proved: in more browsers than one batch has
// that are known no more, under an old generation, and in one where it still counts,
// whose digest it returns.
func addProofs(t *testing.T, db *DB, u *idp.User) []byte {
	t.Helper()
	f := &idp.Factor{UserID: u.ID, Kind: idp.FactorTOTP, Name: "Phone"}
	require.NoError(t, db.Repos().Factors.Create(t.Context(), f, nil))
	known := func() []byte {
		d := &idp.KnownDevice{UserID: u.ID, Digest: digest(), Generation: u.SessionGeneration}
		require.NoError(t, db.Repos().KnownDevices.Remember(t.Context(), d, time.Hour))
		return d.Digest
	}
	good := known()
	require.NoError(t, db.Repos().Factors.Prove(t.Context(), f.ID, good, u.SessionGeneration))
	require.NoError(t, db.Repos().Factors.Prove(t.Context(), f.ID, known(), u.SessionGeneration-1))
	sql(t, db, `INSERT INTO factor_proofs (factor_id, browser, generation) SELECT $1, sha256(n::text::bytea), $2 FROM generate_series(1, $3) n`, f.ID, u.SessionGeneration, batch+1)
	return good
}

func TestEnqueue(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx := t.Context()
	u := addUser(t, db, "u")
	enqueue := func(tx idp.Repos) error { return tx.Jobs.Enqueue(ctx, idp.Job{Kind: idp.JobSweep, User: u.ID}) }
	jobs := func() int { return scalar[int](t, db, `SELECT count(*) FROM river_job`) }

	boom := errors.New("boom")
	require.ErrorIs(t, db.InTx(ctx, func(tx idp.Repos) error { return errors.Join(enqueue(tx), boom) }), boom)
	require.Zero(t, jobs(), "a job came out of a transaction that never was")
	require.NoError(t, db.InTx(ctx, enqueue))
	require.NoError(t, enqueue(db.Repos()))
	require.Equal(t, 1, jobs(), "the same sweep twice")
	require.True(t, scalar[bool](t, db, `SELECT scheduled_at BETWEEN now() AND now() + interval '10 seconds' FROM river_job`), "it keeps out of the way of what is told to all servers")
	raise(t, db, u.ID)
	require.NoError(t, db.Lockdown(ctx, enqueue))
	require.Equal(t, 2, jobs(), "a later lockdown's sweep is another one")
	require.NoError(t, db.Repos().Jobs.Enqueue(ctx, idp.Job{Kind: idp.JobPurge}))
	require.Equal(t, 3, jobs())
	require.Error(t, db.Repos().Jobs.Enqueue(ctx, idp.Job{Kind: "dance"}))
}

// The worker runs as the server's role, is woken by the job itself and leaves
// nothing running.
func TestWorkerSweeps(t *testing.T) {
	t.Parallel()
	db := open(t)
	db.queue.pause = 0
	ctx, cancel := background()
	defer cancel()
	u := addUser(t, db, "u")
	fill(t, db, u, batch+10)
	w, err := db.NewWorker(nil)
	require.NoError(t, err)
	done, unsubscribe := w.client.Subscribe(river.EventKindJobCompleted, river.EventKindJobFailed)
	defer unsubscribe()
	require.NoError(t, w.Start(ctx))
	// The worker listens a moment after it has started, so the call that wakes
	// it may have to be repeated.
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	contain(t, db, u.ID)
	for job := ""; job != "sweep"; {
		select {
		case e := <-done:
			require.Equal(t, river.EventKindJobCompleted, e.Kind, "%+v", e.Job.Errors)
			job = e.Job.Kind
		case <-again.C:
			contain(t, db, u.ID)
		case <-ctx.Done():
			t.Fatal("the sweep was never worked")
		}
	}
	w.Stop()
	require.Zero(t, scalar[int](t, db, `SELECT (SELECT count(*) FROM sessions WHERE ended_at IS NULL) + (SELECT count(*) FROM tokens WHERE revoked_at IS NULL)`))
	closed := make(chan struct{}) // once every connection is back
	go func() { db.pool.Close(); close(closed) }()
	select {
	case <-closed:
	case <-ctx.Done():
		t.Fatal("a connection is still held")
	}
}

// contain raises the generations and enqueues the sweep.
func contain(t testing.TB, db *DB, id idp.UserID) {
	t.Helper()
	require.NoError(t, db.Lockdown(t.Context(), func(tx idp.Repos) error {
		u, err := tx.Users.Hold(t.Context(), id)
		if err != nil {
			return err
		}
		u.SessionGeneration++
		u.TokenGeneration++
		if err := tx.Users.Update(t.Context(), u); err != nil {
			return err
		}
		return tx.Jobs.Enqueue(t.Context(), idp.Job{Kind: idp.JobSweep, User: id})
	}))
}
