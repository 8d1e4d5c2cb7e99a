package audit_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/audit"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Several servers seal what several write: one chain, each event once.
func TestServersSealOneChain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(50)
	const servers, each = 3, 200
	written := make(chan struct{})
	var writers, sealers sync.WaitGroup
	for n := range 4 {
		writers.Go(func() {
			for i := range each {
				_ = w.db.InTx(t.Context(), func(tx idp.Repos) error {
					return tx.Events.Append(t.Context(), &idp.Event{Action: idp.ActionLogin, App: fmt.Sprint(n, "/", i)})
				})
			}
		})
	}
	for range servers {
		db := w.open()
		sealers.Go(func() {
			s := audit.New(audit.Deps{Store: db, Access: access.New(), Keys: sealer(t, "a")})
			for going := true; going; {
				select {
				case <-written:
					going = false
				default:
				}
				if _, err := s.Seal(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	close(written)
	sealers.Wait()
	w.seal(w.audit)
	f := w.verify(audit.Query{})
	require.Empty(t, f.says())
	require.EqualValues(t, 50+4*each, f.Last)
	require.Zero(t, f.Pending)
	require.Equal(t, 50+4*each, read[int](w, `SELECT count(DISTINCT event_id) FROM event_seals`))
}

// broken loses its transactions when it is told to.
type broken struct {
	idp.Store
	lose func(tx idp.Repos) error
}

func (b *broken) InTx(ctx context.Context, fn func(tx idp.Repos) error) error {
	return b.Store.InTx(ctx, func(tx idp.Repos) error {
		if err := fn(tx); err != nil || b.lose == nil {
			return err
		}
		return b.lose(tx)
	})
}

// A server that dies before its entries are committed leaves nothing half done, and
// the next goes on where the chain ends, in the history too.
func TestAServerThatDiesLeavesAWholeChain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(2500)
	store := &broken{Store: w.db}
	dying := audit.New(audit.Deps{Store: store, Access: access.New(), Keys: sealer(t, "a")})
	for round, want := range []audit.Round{{Sealed: 1000, More: true}, {Sealed: 1000, More: true}, {Sealed: 500}} {
		store.lose = func(idp.Repos) error { return errors.New("killed") }
		_, err := dying.Seal(t.Context())
		require.ErrorContains(t, err, "killed")
		require.Equal(t, 1000*round, read[int](w, `SELECT count(*) FROM event_seals`))
		if round == 1 {
			w.news("meanwhile")
		}
		store.lose = nil
		got, err := dying.Seal(t.Context())
		require.NoError(t, err)
		if round == 2 {
			want.Sealed++
		}
		require.Equal(t, want, got)
	}
	w.news("and later")
	require.Equal(t, 1, w.seal(w.service(sealer(t, "a"))))
	f := w.verify(audit.Query{})
	require.Empty(t, f.says())
	require.EqualValues(t, 2502, f.Last)
	require.EqualValues(t, 2501, f.History)
	require.Equal(t, 2500, read[int](w, `SELECT count(*) FROM (SELECT s.seq, row_number() OVER (ORDER BY e.created_at, e.id) n FROM event_seals s JOIN events e ON e.id = s.event_id) x
		WHERE x.seq = x.n AND x.seq <= 2500`), "history is in its own order")
}

// A transaction that began before others were sealed, and ends behind them, is next.
func TestACommitThatComesLateIsSealed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.NoError(t, w.db.InTx(t.Context(), func(tx idp.Repos) error {
		late := &idp.Event{Action: idp.ActionLogin, App: "late", CreatedAt: time.Now().Add(-30 * time.Second), Imported: true} // it waited
		require.NoError(t, tx.Events.Append(t.Context(), late))
		_, err := tx.Events.Get(t.Context(), late.ID) // it is written
		require.NoError(t, err)
		for _, name := range []string{"first", "second", "third", "fourth"} {
			w.news(name)
			require.Equal(t, 1, w.seal(w.audit))
		}
		return nil
	}))
	require.Equal(t, 1, w.seal(w.audit))
	require.Zero(t, w.seal(w.audit))
	require.Equal(t, []string{"first", "second", "third", "fourth", "late"}, read[[]string](w, `SELECT array_agg(e.app ORDER BY s.seq) FROM event_seals s JOIN events e ON e.id = s.event_id`))
	require.Empty(t, w.verify(audit.Query{}).says())
}

// The numbers of transactions in an older copy of the database begin lower.
func TestTheChainGoesOnInACopy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	plain := w.service(nil)
	w.write(5)
	w.seal(plain)
	w.does(`UPDATE event_seals SET mark = regexp_replace(mark, '"since":"[^"]*"', '"since":"9000000000:9000000000:"') WHERE mark <> ''`)
	w.news("after the copy")
	require.Equal(t, 1, w.seal(plain))
	w.news("and later")
	require.Equal(t, 1, w.seal(plain))
	require.Equal(t, []string{"altered 5"}, w.verify(audit.Query{}).says(), "the mark that this test has changed, and nothing else")
}

func TestSecretsOfTheChain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// At first there is no secret.
	w.write(3)
	require.Equal(t, 3, w.seal(w.service(nil)))
	require.EqualValues(t, 3, w.verify(audit.Query{}).Unkeyed)
	// Then there is one, and only servers that have it seal.
	w.news("keyed")
	require.Equal(t, 1, w.seal(w.service(sealer(t, "a"))))
	w.news("left")
	keyless := w.service(nil)
	r, err := keyless.Seal(t.Context())
	require.NoError(t, err)
	require.Equal(t, audit.Round{Busy: true}, r)
	require.Contains(t, w.log.String(), "leaves sealing the audit log")
	f := w.verifyBy(keyless, audit.Query{})
	require.Equal(t, []string{"secret 4"}, f.says())
	require.Equal(t, 1, f.Pending)
	// It is changed: what the old one sealed is verified while it is configured.
	both := w.service(sealer(t, "ba"))
	require.Equal(t, 1, w.seal(both))
	w.news("new")
	require.Equal(t, 1, w.seal(both))
	require.Empty(t, w.verifyBy(both, audit.Query{}).says())
	require.Equal(t, []string{"secret 4"}, w.verifyBy(w.service(sealer(t, "b")), audit.Query{}).says())
	f = w.verifyBy(w.service(sealer(t, "c")), audit.Query{})
	require.Equal(t, []string{"secret 4-6"}, f.says(), "another secret altogether")
	require.Nil(t, f.faults[0].Event)
	require.EqualValues(t, 1, f.Faults)
}

// What says that it is older than what is sealed waits for somebody's word.
func TestLateEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.news("first")
	w.seal(w.audit)
	w.write(2)
	require.Zero(t, w.seal(w.audit))
	require.Equal(t, []string{"inserted 0", "inserted 0"}, w.verify(audit.Query{}).says())
	n, err := w.audit.SealLate(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2, n)
	w.news("last")
	require.Equal(t, 1, w.seal(w.audit))
	f := w.verify(audit.Query{})
	require.Empty(t, f.says())
	require.EqualValues(t, 2, f.Late)
	require.EqualValues(t, 4, f.Last)
	n, err = w.audit.SealLate(t.Context())
	require.NoError(t, err)
	require.Zero(t, n)
}

// History that fills its last round is over with it: what turns up behind is found.
func TestAFullRoundEndsTheHistory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(1000)
	r, err := w.audit.Seal(t.Context())
	require.NoError(t, err)
	require.Equal(t, audit.Round{Sealed: 1000}, r)
	w.write(1)
	require.Equal(t, []string{"inserted 0"}, w.verify(audit.Query{}).says())
}

func TestWhatIsNotSealedYetIsCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.verify(audit.Query{})
	require.Nil(t, f.Head)
	require.Zero(t, f.Pending)
	w.write(3)
	require.Equal(t, 3, w.verify(audit.Query{}).Pending, "there is no chain yet")
	w.seal(w.audit)
	for i := range 4 {
		w.news(fmt.Sprint(i))
	}
	f = w.verify(audit.Query{})
	require.Equal(t, 4, f.Pending)
	require.EqualValues(t, 3, f.Head.Seq)
	w.seal(w.audit)
	require.Zero(t, w.verify(audit.Query{}).Pending)
}

func TestPartsOfAChain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(20)
	w.seal(w.audit)
	w.does(`UPDATE events SET app = 'x' WHERE app IN ('3', '4', '15')`)
	require.Equal(t, []string{"altered 16"}, w.verify(audit.Query{From: 6}).says())
	require.Equal(t, []string{"altered 5", "altered 16"}, w.verify(audit.Query{From: 5}).says())
	f := w.verify(audit.Query{Most: 10})
	require.Equal(t, []string{"altered 4", "altered 5"}, f.says())
	require.EqualValues(t, 11, f.Next)
	require.Nil(t, f.Head)
	f = w.verify(audit.Query{MostFaults: 1})
	require.Equal(t, []string{"altered 4"}, f.says())
	require.EqualValues(t, 5, f.Next)
	require.Empty(t, w.verify(audit.Query{From: 21}).says())
	for _, from := range []int64{-1, 22} {
		_, err := w.audit.Verify(t.Context(), idp.SystemActor(), audit.Query{From: from}, nil)
		if from == 22 {
			require.Equal(t, idp.CodeInvalid, idp.CodeOf(err), from)
		}
	}
}

func TestHeads(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "1", "1:", "x:00", "0:" + hash, "-1:" + hash, "1:" + hash[2:], "1:" + hash + "00", "1:zz" + hash[2:]} {
		_, err := audit.ParseHead(text)
		require.Equal(t, idp.CodeInvalid, idp.CodeOf(err), text)
	}
	h, err := audit.ParseHead(" 12:" + hash + "\n")
	require.NoError(t, err)
	require.Equal(t, "12:"+hash, h.String())
}

const hash = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

// A server at work seals what it writes within seconds, and writes the head down.
func TestAServerAtWorkSeals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(3)
	w.db.HearAppends(w.audit.Wake)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { w.audit.Run(ctx); close(ended) }()
	sealed := func(n int) {
		t.Helper()
		require.Eventually(t, func() bool { return read[int](w, `SELECT count(*) FROM event_seals`) == n }, 8*time.Second, 10*time.Millisecond)
	}
	sealed(3)
	w.news("one")
	sealed(4)
	w.news("two")
	sealed(5)
	w.news("three")
	stop()
	<-ended
	require.Equal(t, 6, read[int](w, `SELECT count(*) FROM event_seals`), "the last ones too")
	require.Empty(t, w.verify(audit.Query{}).says())
	require.Regexp(t, `head=3:[0-9a-f]{64}`, w.log.String())
}

// Many are sealed and verified as few are: in several rounds, and all of them.
func TestTenThousandEventsAreSealedAndVerified(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(10_000)
	w.seal(w.audit)
	f := w.verify(audit.Query{})
	require.Empty(t, f.says())
	require.EqualValues(t, 10_000, f.Last)
}
