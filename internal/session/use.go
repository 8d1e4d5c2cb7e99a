package session

import (
	"context"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

const (
	// seenEvery is how old the note of a session's last use may get before it is
	// written again. Where a session ends by lying idle, it is a twentieth of that
	// time, if that is less.
	seenEvery = time.Minute
	idleParts = 20
	// usesEvery is how often uses are written, many in one statement.
	usesEvery = time.Second
	// usesAtOnce is how many are written in one statement.
	usesAtOnce = 1000
)

// pending is what is to be written of uses.
type pending struct {
	mu   sync.Mutex
	uses map[idp.SessionID]idp.SessionUse
	wake chan struct{}
}

// Seen notes where a session was used from and with what, when the last note is
// older than a minute. With a view it is written a little later, so that no
// request waits for it.
func (s *Service) Seen(ctx context.Context, used *idp.Session, ip netip.Addr, userAgent string) error {
	use := idp.SessionUse{ID: used.ID, IP: ip, UserAgent: clean(userAgent, maxUserAgent)}
	if s.view == nil {
		if time.Since(used.LastSeenAt) < due(used) {
			return nil
		}
		return s.store.Repos().Sessions.Used(ctx, []idp.SessionUse{use})
	}
	if now := s.view.fresh.Now(); now.Sub(used.LastSeenAt) >= due(used) {
		s.view.note(used.Digest, use, now)
	}
	return nil
}

func due(s *idp.Session) time.Duration {
	if s.IdleTimeout > 0 {
		return min(seenEvery, s.IdleTimeout/idleParts)
	}
	return seenEvery
}

func (v *View) note(d []byte, use idp.SessionUse, now time.Time) {
	if len(d) == len(digest{}) {
		if h, ok := v.sessions[d[0]%viewShards].get(digest(d)); ok {
			h.seen.Store(now.UnixNano())
		}
	}
	v.pending.mu.Lock()
	defer v.pending.mu.Unlock()
	if v.pending.uses == nil {
		v.pending.uses = map[idp.SessionID]idp.SessionUse{}
	}
	if len(v.pending.uses) == 0 && v.pending.wake != nil {
		select {
		case v.pending.wake <- struct{}{}:
		default:
		}
	}
	v.pending.uses[use.ID] = use
}

// Run writes uses now and then until ctx ends, and the rest of them then.
func (v *View) Run(ctx context.Context, log *slog.Logger) {
	wake := make(chan struct{}, 1)
	v.pending.mu.Lock()
	v.pending.wake = wake
	v.pending.mu.Unlock()
	timer := time.NewTimer(usesEvery)
	defer timer.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-wake: // an idle server does nothing
			timer.Reset(usesEvery)
			select {
			case <-ctx.Done():
			case <-timer.C:
			}
		}
		if err := v.Flush(context.WithoutCancel(ctx)); err != nil {
			log.WarnContext(ctx, "noting which sessions are in use", "error", err)
		}
	}
}

// Flush writes the uses noted so far. What cannot be written is lost: the next
// use of a session is noted in a minute.
func (v *View) Flush(ctx context.Context) error {
	v.pending.mu.Lock()
	uses := slices.Collect(maps.Values(v.pending.uses))
	v.pending.uses = nil
	v.pending.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for some := range slices.Chunk(uses, usesAtOnce) {
		if err := v.store.Repos().Sessions.Used(ctx, some); err != nil {
			return err
		}
	}
	return nil
}
