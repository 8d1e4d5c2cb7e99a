package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

const (
	// BlockSpan is how many entries of the chain are in one block. Those behind the
	// last full one are searched one by one.
	BlockSpan = 32
	// blocksMost is how many entries one round reads: a fraction of a second, and half
	// a megabyte.
	blocksMost = 20 * BlockSpan
	// straysMost is how many events one round looks at that may be in no entry.
	straysMost = 5000
	// straysEvery is how often all events are looked at so.
	straysEvery = 24 * time.Hour
	// blockNet is how long nobody may have sealed here before it is looked whether
	// somebody else has.
	blockNet = 10 * time.Second
)

// Blocks is what came of one round.
type Blocks struct {
	Entries int  // how many entries are in a block now
	More    bool // there are more
	Busy    bool // another server was at it
}

// Index writes blocks for entries of the chain that are in none, so that they are found
// by their words: full ones, and what a purge has left of one.
func (s *Service) Index(ctx context.Context) (out Blocks, err error) {
	err = s.Store.InTx(ctx, func(tx idp.Repos) error {
		out = Blocks{}
		held, err := tx.EventBlocks.Hold(ctx)
		if err != nil || !held {
			out.Busy = err == nil
			return err
		}
		entries, whole, err := tx.EventBlocks.Due(ctx, blocksMost)
		if err != nil {
			return err
		}
		blocks := make([]idp.EventBlock, 0, blocksMost/BlockSpan)
		out.More = whole || len(entries) == blocksMost
		for ; len(entries) >= BlockSpan || whole && len(entries) > 0; entries = entries[min(BlockSpan, len(entries)):] {
			part := entries[:min(BlockSpan, len(entries))]
			blocks = append(blocks, blockOf(part))
			out.Entries += len(part)
		}
		if len(blocks) == 0 {
			return nil
		}
		return tx.EventBlocks.Append(ctx, blocks)
	})
	if err != nil {
		return Blocks{}, fmt.Errorf("indexing events: %w", err)
	}
	return out, nil
}

func blockOf(entries []idp.BlockEntry) idp.EventBlock {
	b := idp.EventBlock{First: entries[0].Seq, Last: entries[len(entries)-1].Seq}
	words := make(map[string]struct{}, 512)
	for i := range entries {
		e := &entries[i]
		if e.CreatedAt.IsZero() {
			continue
		}
		if b.From.IsZero() || e.CreatedAt.Before(b.From) {
			b.From = e.CreatedAt
		}
		if e.CreatedAt.After(b.To) {
			b.To = e.CreatedAt
		}
		e.Text.EachWord(func(word string) bool {
			words[word] = struct{}{}
			return true
		})
	}
	b.Words = make([]string, 0, len(words))
	for word := range words {
		b.Words = append(b.Words, word)
	}
	return b
}

// strays notes events that are in no entry of the chain, some at a time.
func (s *Service) strays(ctx context.Context, after idp.EventID) (next idp.EventID, err error) {
	err = s.Store.InTx(ctx, func(tx idp.Repos) error {
		next = after
		held, err := tx.EventBlocks.Hold(ctx)
		if err != nil || !held {
			return err
		}
		next, err = tx.EventBlocks.Strays(ctx, after, straysMost)
		return err
	})
	return next, err
}

// index writes blocks until the context ends. It rests twice as long as it works, so
// that catching up with millions of events leaves time for everything else.
func (s *Service) index(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var after idp.EventID
	looked := time.Time{} // when all strays were found
	for lost := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-s.indexes:
		case <-timer.C:
		}
		began := time.Now()
		bounded, cancel := context.WithTimeout(ctx, patience)
		r, err := s.Index(bounded)
		if err == nil && !r.More && !r.Busy && time.Since(looked) >= straysEvery {
			if after, err = s.strays(bounded, after); err == nil && after.IsZero() {
				looked = time.Now()
			}
		}
		cancel()
		if err != nil && !lost && ctx.Err() == nil {
			s.Log.WarnContext(ctx, "the audit log is not indexed at the moment; searching it takes longer", "error", err)
		}
		if lost = err != nil; !lost && (r.More || !after.IsZero()) {
			timer.Reset(max(2*time.Since(began), time.Millisecond))
		} else {
			timer.Reset(blockNet)
		}
	}
}
