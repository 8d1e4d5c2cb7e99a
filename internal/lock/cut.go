package lock

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// ActionCut is what context.action_id of the event about a cut session says.
const ActionCut = "lock.cut"

// Cut writes that a lock cut what was open with the actor's session: once for the
// session and this state of the lock, however many streams it had on however many
// servers. Without a session it writes nothing. The session itself goes on once
// the lock is gone.
func (s *Service) Cut(ctx context.Context, actor idp.Actor, l *idp.Lock) error {
	if actor.Session == nil || actor.User == nil {
		return nil
	}
	id := cutID(actor.Session.ID, l)
	err := s.store.InTx(ctx, func(tx idp.Repos) error {
		if err := tx.Settings.Hold(ctx, "cut "+id.String()); err != nil {
			return err
		}
		if _, err := tx.Events.Get(ctx, id); !idp.Is(err, idp.CodeNotFound) {
			return err
		}
		e := idp.LogoutEvent(app, idp.SystemActor(), actor.User, map[string]any{"action_id": ActionCut,
			"logout_reason": l.Text(), "session": actor.Session.ID.String(), "lock": l.Facts()})
		e.ID, e.ClientIP = id, actor.ClientIP()
		return tx.Events.Append(ctx, e)
	})
	if err != nil {
		return fmt.Errorf("telling that session %s was cut: %w", actor.Session.ID, err)
	}
	return nil
}

// cutID is the same wherever the session was cut by this state of the lock (RFC
// 9562, version 8).
func cutID(session idp.SessionID, l *idp.Lock) idp.EventID {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %d %s", session, l.ID, l.CreatedAt.UnixMicro(), l.Text()))
	var id idp.EventID
	copy(id[:], sum[:])
	id[6], id[8] = id[6]&0x0f|0x80, id[8]&0x3f|0x80
	return id
}
