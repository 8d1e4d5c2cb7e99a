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

// index writes blocks for everything there is, and says of how many entries.
func (w *world) index(s *audit.Service) (total int) {
	w.Helper()
	for {
		r, err := s.Index(w.Context())
		require.NoError(w, err)
		if total += r.Entries; !r.More {
			return total
		}
	}
}

// blocks says which entries are in blocks: "1-32 33-64". That no entry is in two, and
// that words and times are those of the events, is checked.
func (w *world) blocks() (text string) {
	w.Helper()
	require.Zero(w, read[int](w, `SELECT count(*) FROM event_blocks a JOIN event_blocks b ON b.first_seq BETWEEN a.first_seq + 1 AND a.last_seq`))
	require.Zero(w, read[int](w, `SELECT count(*) FROM event_blocks b JOIN event_seals s ON s.seq BETWEEN b.first_seq AND b.last_seq JOIN events e ON e.id = s.event_id
		WHERE e.created_at NOT BETWEEN b.min_at AND b.max_at OR NOT b.words @@ quote_literal(lower(e.app))::tsquery`))
	return read[string](w, `SELECT coalesce(string_agg(first_seq || '-' || last_seq, ' ' ORDER BY first_seq), '') FROM event_blocks`)
}

// named counts the events that a search finds.
func (w *world) named(text string) int {
	w.Helper()
	page, err := w.db.Repos().Events.Find(w.Context(), idp.EventFilter{Paging: idp.Paging{Search: text, Limit: 1000}})
	require.NoError(w, err)
	return page.Total
}

func TestFullBlocksAreWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.Zero(t, w.index(w.audit))
	w.write(100)
	require.Zero(t, w.index(w.audit), "nothing is sealed")
	w.seal(w.audit)
	require.Equal(t, 96, w.index(w.audit))
	require.Zero(t, w.index(w.audit))
	require.Equal(t, "1-32 33-64 65-96", w.blocks())
	for n := range 30 {
		w.news(fmt.Sprint("later-", n))
	}
	w.seal(w.audit)
	require.Equal(t, 32, w.index(w.audit))
	require.Equal(t, "1-32 33-64 65-96 97-128", w.blocks())
	require.Equal(t, 30, w.named("later"))
	require.Equal(t, 100, w.named("192.0.2.1"))
}

// A block of events that somebody has removed stands for its entries, and hides nothing.
func TestBlocksOfRemovedEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(70)
	w.seal(w.audit)
	w.does(`DELETE FROM events e USING event_seals s WHERE s.event_id = e.id AND (s.seq <= 32 OR s.seq = 40)`)
	require.Equal(t, 64, w.index(w.audit))
	require.Equal(t, "1-32 33-64", w.blocks())
	require.Equal(t, 37, w.named("192.0.2.1"))
}

// Several servers index what several seal: each entry is in one block.
func TestServersIndexOneChain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(3000)
	var group sync.WaitGroup
	for range 3 {
		s := audit.New(audit.Deps{Store: w.open(), Access: access.New(), Keys: sealer(t, "a"), Log: discard})
		group.Go(func() {
			for sealed := false; ; {
				r, err := s.Seal(t.Context())
				if err != nil {
					t.Error(err)
				}
				b, err := s.Index(t.Context())
				if err != nil {
					t.Error(err)
				}
				if sealed && !b.Busy && !b.More {
					return
				}
				sealed = err == nil && !r.More && !r.Busy
			}
		})
	}
	group.Wait()
	w.index(w.audit)
	w.blocks()
	require.Equal(t, 93, read[int](w, `SELECT count(*) FROM event_blocks`), "3,000 / 32")
	require.Equal(t, 1001, w.named("192.0.2.1"), "as many as a page tells of, and more")
}

// A server that dies in the middle has written nothing, and the next goes on.
func TestAServerThatDiesLeavesWholeBlocks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(1000)
	w.seal(w.audit)
	store := &broken{Store: w.db}
	dying := audit.New(audit.Deps{Store: store, Access: access.New(), Keys: sealer(t, "a")})
	for round := range 2 {
		store.lose = func(tx idp.Repos) error {
			_, err := tx.Settings.Get(t.Context(), "x") // what waits to be sent is sent
			return errors.Join(err, errors.New("killed"))
		}
		_, err := dying.Index(t.Context())
		require.ErrorContains(t, err, "killed")
		require.Equal(t, 20*round, read[int](w, `SELECT count(*) FROM event_blocks`))
		require.Equal(t, 1000, w.named("192.0.2.1"))
		store.lose = nil
		_, err = dying.Index(t.Context())
		require.NoError(t, err)
	}
	require.Zero(t, w.index(w.service(sealer(t, "a"))))
	require.Equal(t, 31, read[int](w, `SELECT count(*) FROM event_blocks`))
	w.blocks()
}

// What retention removes is in no block any more, not even as a word, and what is left of
// a block is written again.
func TestBlocksGoWithTheirEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.does(`SET session_replication_role = origin`)
	var days []int
	for n := 40; n > 0; n-- {
		days = append(days, n, n)
	}
	w.aged(days...)
	w.keep(10)
	w.seal(w.audit)
	w.index(w.audit)
	require.Equal(t, "1-32 33-64", w.blocks())
	require.Equal(t, 62, w.purge(w.audit))
	require.Empty(t, w.blocks())
	w.seal(w.audit)
	require.Equal(t, 2, w.named("aged-9"), "the one that is left of a block, and its fellow")
	w.index(w.audit)
	require.Empty(t, w.blocks(), "what is left is the tail of the chain")
	for n := range 40 {
		w.news(fmt.Sprint("later-", n))
	}
	w.seal(w.audit)
	w.index(w.audit)
	require.Equal(t, "63-94", w.blocks())

	w.keep(7)
	require.Positive(t, w.purge(w.audit))
	require.Empty(t, w.blocks())
	w.seal(w.audit)
	require.Positive(t, w.index(w.audit))
	require.Zero(t, w.named("aged-9"))
	require.Equal(t, 40, w.named("later"))
	require.Zero(t, read[int](w, `SELECT count(*) FROM event_blocks WHERE words @@ '''aged-9'':*'`))
}

// A block behind what is purged stays, and what is in front of it gets one of its own.
func TestWhatAPurgeLeavesOfABlock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.does(`SET session_replication_role = origin`)
	var days []int
	for n := 100; n > 0; n-- {
		days = append(days, n)
	}
	w.aged(days...)
	w.keep(80)
	w.seal(w.audit)
	w.index(w.audit)
	require.Equal(t, "1-32 33-64 65-96", w.blocks())
	require.Equal(t, 21, w.purge(w.audit))
	require.Equal(t, "33-64 65-96", w.blocks())
	require.Equal(t, 1, w.named("aged-79"), "in no block meanwhile")
	w.seal(w.audit)
	require.Equal(t, 11, w.index(w.audit))
	require.Equal(t, "22-32 33-64 65-96", w.blocks())
	require.Equal(t, 1, w.named("aged-79"))
}

// A server at work indexes what is written without being asked, and catches up with what
// is there.
func TestRunIndexes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(1500)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { w.audit.Run(ctx); close(ended) }()
	require.Eventually(t, func() bool { return read[int](w, `SELECT count(*) FROM event_blocks`) == 46 }, 20*time.Second, 20*time.Millisecond)
	for n := range 40 {
		w.news(fmt.Sprint("later-", n))
	}
	w.audit.Wake()
	require.Eventually(t, func() bool { return read[int](w, `SELECT count(*) FROM event_blocks`) == 48 }, 20*time.Second, 20*time.Millisecond)
	stop()
	<-ended
	w.blocks()
}
