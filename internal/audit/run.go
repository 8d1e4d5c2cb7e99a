package audit

import (
	"context"
	"sync"
	"time"
)

const (
	// pause is the least time between two rounds.
	pause = time.Second
	// net is how long nobody may have called Wake before events are looked for
	// anyway: those of other programs on the same database.
	net = 10 * time.Second
	// patience bounds one round.
	patience = 30 * time.Second
	// haste bounds the last one.
	haste = 2 * time.Second
	// headEvery is how often the head is written to the log.
	headEvery = time.Hour
)

// Run seals until the context ends: within a second what this server writes, and
// what others have left. What is sealed is indexed beside it.
func (s *Service) Run(ctx context.Context) {
	var beside sync.WaitGroup
	beside.Go(func() { s.index(ctx) })
	defer beside.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	noted := time.Time{}
	for woken, lost := true, false; ; {
		select {
		case <-ctx.Done():
			s.finish(ctx)
			return
		case <-timer.C:
		}
		r, err := s.round(ctx)
		if ctx.Err() != nil {
			s.finish(ctx)
			return
		}
		if err != nil && !lost {
			s.Log.WarnContext(ctx, "the audit log is not sealed at the moment; what is written is sealed later", "error", err)
		}
		if lost = err != nil; !lost && !r.More && time.Since(noted) >= headEvery {
			noted = time.Now()
			s.note(ctx)
		}
		if r.Sealed > 0 {
			s.sealed()
		}
		wait := pause
		switch {
		case r.More:
			wait = 0
		case r.Sealed > 0 || woken: // once more: what was under way is committed by then
			woken = false
		default:
			woken = s.await(ctx)
		}
		timer.Reset(wait)
	}
}

// sealed tells of what this server has sealed.
func (s *Service) sealed() {
	select {
	case s.indexes <- struct{}{}:
	default:
	}
	if s.Deps.Sealed != nil {
		s.Deps.Sealed()
	}
}

// finish seals what was written last, if that can be done soon; otherwise the next
// server does.
func (s *Service) finish(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), haste)
	defer cancel()
	if _, err := s.Seal(ctx); err != nil {
		s.Log.DebugContext(ctx, "the last events are not sealed yet", "error", err)
	}
}

func (s *Service) round(ctx context.Context) (Round, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return s.Seal(ctx)
}

// await returns when there may be something to seal, and whether Wake was called.
func (s *Service) await(ctx context.Context) bool {
	timer := time.NewTimer(net)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-s.wake:
		return true
	case <-timer.C:
	}
	return false
}

// note writes the head to the log, where whoever changes the database cannot reach
// it.
func (s *Service) note(ctx context.Context) {
	last, _, err := s.Store.Repos().Seals.Last(ctx)
	if err != nil || last == nil {
		return
	}
	head := Head{Seq: last.Seq, Value: last.Value}.String()
	s.mu.Lock()
	defer s.mu.Unlock()
	if head != s.told {
		s.told = head
		s.Log.InfoContext(ctx, "the audit log is sealed up to here; keep this for “portcullis audit verify --head”", "head", head)
	}
}
