package lock

import (
	"context"
	"fmt"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// LastAdministrator is why a lock is refused that would leave nobody who can
// administer the installation.
const LastAdministrator = "This lock would leave nobody who can administer this installation. Force it only if you have the server's own shell."

// Which locks shut an administrator out is judged by what they target: accounts,
// roles, groups and every address (0.0.0.0/0 and ::/0 each count as such), alone or
// together; and, for whoever makes the lock, a network that they are in now. What
// cannot be judged passes: addresses that other administrators might come from,
// several networks that together are all there are, autonomous systems, second
// factors, devices, sessions and tokens, because another of these may be at hand.
// Neither is it judged when somebody joins a group or gets a role that is locked.
// Breaking the glass is the way back in.

// keepAdministrator makes locks and refuses that when they leave no
// administrator whom no lock refuses. Most locks name somebody who is none: they are
// not judged any further, because counting is most of what making a lock takes.
func keepAdministrator(ctx context.Context, tx idp.Repos, actor idp.Actor, rows []idp.Lock, there named, forced bool, make func() error) error {
	if forced || !couldHitAll(rows) || there.spares(rows) {
		return make()
	}
	if _, err := tx.Users.HoldAdministrators(ctx); err != nil {
		return fmt.Errorf("counting administrators: %w", err)
	}
	before, err := tx.Locks.AdministratorsLeft(ctx)
	if err != nil {
		return err
	}
	if err := make(); err != nil {
		return err
	}
	after, err := tx.Locks.AdministratorsLeft(ctx, shutOut(actor, rows)...)
	if err == nil && after == 0 && before > 0 {
		return idp.Invalid("", LastAdministrator)
	}
	return err
}

// couldHitAll reports whether one of the locks may refuse somebody whatever they
// do: those that name anything that can be changed for another cannot.
func couldHitAll(rows []idp.Lock) bool {
	for i := range rows {
		if only(rows[i].Target, idp.LockUser, idp.LockRole, idp.LockGroup, idp.LockIP) {
			return true
		}
	}
	return false
}

func only(target idp.LockTarget, kinds ...idp.LockKind) bool {
	for _, key := range target {
		known := false
		for _, kind := range kinds {
			known = known || key.Kind == kind
		}
		if !known {
			return false
		}
	}
	return true
}

// shutOut returns the actor, if one of the locks refuses them from where they are.
func shutOut(actor idp.Actor, rows []idp.Lock) []idp.UserID {
	for i := range rows {
		if only(rows[i].Target, idp.LockUser, idp.LockRole, idp.LockGroup, idp.LockIP) && hits(rows[i].Target, actor) {
			return []idp.UserID{actor.User.ID}
		}
	}
	return nil
}

// lastAdmin makes the lock, looks, and takes it back.
func (s *Service) lastAdmin(ctx context.Context, actor idp.Actor, row *idp.Lock) (last bool, err error) {
	rows := []idp.Lock{*row}
	if !couldHitAll(rows) {
		return false, nil
	}
	undo := idp.Invalid("", LastAdministrator)
	err = s.store.InTx(ctx, func(tx idp.Repos) error {
		before, err := tx.Locks.AdministratorsLeft(ctx)
		if err != nil {
			return err
		}
		copied := *row
		if err := tx.Locks.Create(ctx, &copied); err != nil {
			return err
		}
		after, err := tx.Locks.AdministratorsLeft(ctx, shutOut(actor, rows)...)
		if err != nil {
			return err
		}
		last = before > 0 && after == 0
		return undo
	})
	if err != nil && idp.Is(err, idp.CodeInvalid) {
		err = nil
	}
	return last, err
}
