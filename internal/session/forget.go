package session

import (
	"context"
	"fmt"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// What events about forgotten browsers say in context.action_id.
const (
	ActionForgotten    = "known_device_forgotten"
	ActionAllForgotten = "known_devices_forgotten"
)

// ReasonForgotten is the reason of logout events where a session ended because its
// browser was forgotten.
const ReasonForgotten = "The browser was forgotten"

// Forgotten is what came of forgetting browsers.
type Forgotten struct {
	Devices  int // that were known until now
	Sessions int // that ended; counted to idp.CountLimit + 1
	Kept     int // that a lock names, and that are therefore still known
}

// FindDevices lists known devices. Who may not see everybody's sees their own:
// asking for another user's is CodeForbidden.
func (s *Service) FindDevices(ctx context.Context, actor idp.Actor, filter idp.KnownDeviceFilter) (idp.Page[idp.KnownDevice], error) {
	err := s.access.Check(actor, idp.VerbList, idp.Object{Resource: idp.ResourceDevice})
	if idp.Is(err, idp.CodeForbidden) {
		if filter.UserID == nil {
			own := actor.User.ID
			filter.UserID = &own
		}
		err = s.access.Check(actor, idp.VerbList, idp.Of(idp.ResourceDevice, *filter.UserID))
	}
	if err != nil {
		return idp.Page[idp.KnownDevice]{}, err
	}
	return s.store.Repos().KnownDevices.Find(ctx, filter)
}

// GetDevice returns one known device, whatever became of it. One that the actor may
// not see is CodeNotFound.
func (s *Service) GetDevice(ctx context.Context, actor idp.Actor, id idp.KnownDeviceID) (*idp.KnownDevice, error) {
	found, err := s.store.Repos().KnownDevices.GetByID(ctx, id)
	if err != nil {
		if unsigned := s.access.Check(actor, idp.VerbRead, idp.Object{Resource: idp.ResourceDevice}); idp.Is(unsigned, idp.CodeUnsigned) {
			return nil, unsigned
		}
		return nil, err
	}
	err = s.access.Check(actor, idp.VerbRead, idp.Of(idp.ResourceDevice, found.UserID))
	if idp.Is(err, idp.CodeForbidden) {
		return nil, idp.NotFound("known device")
	}
	if err != nil {
		return nil, err
	}
	return found, nil
}

// ForgetDevice makes a stranger of a browser: the next sign-in there is one in an
// unknown browser, and what the browser holds is never worth anything again. Its
// sessions go on, unless they are to end too, which takes the right to end them. A
// browser that is not known any more stays as it is, without an event. Errors:
// CodeNotFound for one that the actor may not see, CodeForbidden, and CodeInvalid
// for one that a lock in force names: known under another name, it would be let in.
func (s *Service) ForgetDevice(ctx context.Context, actor idp.Actor, id idp.KnownDeviceID, sessions bool) (Forgotten, error) {
	found, err := s.GetDevice(ctx, actor, id)
	if err != nil {
		return Forgotten{}, err
	}
	var out Forgotten
	err = s.store.InTx(ctx, func(tx idp.Repos) error {
		out = Forgotten{}
		u, err := tx.Users.Share(ctx, found.UserID)
		if err != nil {
			return err
		}
		now, err := s.mayForget(ctx, tx, actor, u.ID, sessions)
		if err != nil {
			return err
		}
		d, err := tx.KnownDevices.GetByID(ctx, id)
		if err != nil {
			return err
		}
		if locked, err := deviceLocked(ctx, tx, id); err != nil || locked {
			return locks(locked, err)
		}
		if d.Known {
			if _, err := tx.KnownDevices.Forget(ctx, id); err != nil {
				return err
			}
			out.Devices = 1
			if err := tx.Events.Append(ctx, idp.ModelDeletedEvent(app, now, u, deviceFacts(d))); err != nil {
				return err
			}
		}
		if sessions {
			out.Sessions, err = endIn(ctx, tx, now, id)
		}
		return err
	})
	if err != nil {
		return Forgotten{}, fmt.Errorf("forgetting known device %s: %w", id, err)
	}
	return out, nil
}

// ForgetDevices makes strangers of all browsers of a user, but of those that a lock
// in force names. With sessions it also ends every session of the account and every
// sign-in under way, except the one the actor is using if it is theirs. Errors:
// CodeForbidden, CodeNotFound.
func (s *Service) ForgetDevices(ctx context.Context, actor idp.Actor, user idp.UserID, sessions bool) (Forgotten, error) {
	if err := s.access.Check(actor, idp.VerbDelete, idp.Of(idp.ResourceDevice, user)); err != nil {
		return Forgotten{}, err
	}
	var out Forgotten
	err := s.store.InTx(ctx, func(tx idp.Repos) error {
		out = Forgotten{}
		u, err := tx.Users.Hold(ctx, user)
		if err != nil {
			return err
		}
		now, err := s.mayForget(ctx, tx, actor, user, sessions)
		if err != nil {
			return err
		}
		known, locked, err := devicesOf(ctx, tx, user)
		if err != nil {
			return err
		}
		if _, err := tx.KnownDevices.ForgetAll(ctx, user, locked...); err != nil {
			return err
		}
		out.Devices, out.Kept = known-len(locked), len(locked)
		if out.Devices > 0 {
			if err := tx.Events.Append(ctx, idp.ModelDeletedEvent(app, now, u, map[string]any{
				"action_id": ActionAllForgotten, "count": out.Devices})); err != nil {
				return err
			}
		}
		if !sessions {
			return nil
		}
		former := u.SessionGeneration
		if out.Sessions, err = endAllIn(ctx, tx, now, u, keptBy(now, user), ReasonForgotten); err != nil {
			return err
		}
		// What a lock names is still known; all else is forgotten.
		return tx.KnownDevices.Carry(ctx, user, former)
	})
	if err != nil {
		return Forgotten{}, fmt.Errorf("forgetting the known devices of user %d: %w", user, err)
	}
	return out, nil
}

// mayForget returns the actor as they are now, if they may forget browsers of the
// user and, where that is asked, end sessions.
func (s *Service) mayForget(ctx context.Context, tx idp.Repos, actor idp.Actor, user idp.UserID, sessions bool) (idp.Actor, error) {
	now, err := actor.Renew(ctx, tx, s.access)
	if err != nil {
		return now, err
	}
	if err := s.access.Check(now, idp.VerbDelete, idp.Of(idp.ResourceDevice, user)); err != nil || !sessions {
		return now, err
	}
	return now, s.access.Check(now, idp.VerbDelete, idp.Of(idp.ResourceSession, user))
}

// deviceLocked reports whether a lock in force names the device.
func deviceLocked(ctx context.Context, tx idp.Repos, id idp.KnownDeviceID) (bool, error) {
	force := true
	found, err := tx.Locks.Find(ctx, idp.LockFilter{InForce: &force, Uncounted: true, Paging: idp.Paging{Limit: 1},
		Target: []idp.LockKey{{Kind: idp.LockDevice, Value: id.String()}}})
	return len(found.Items) > 0, err
}

func locks(locked bool, err error) error {
	if err == nil && locked {
		err = idp.Invalid("", "A lock names this browser. Forgotten, it would be let in again as another one: lift the lock first.")
	}
	return err
}

// devicesOf counts the browsers that the user is known in, and names those among
// them that a lock in force names.
func devicesOf(ctx context.Context, tx idp.Repos, user idp.UserID) (known int, locked []idp.KnownDeviceID, err error) {
	yes := true
	for {
		found, err := tx.KnownDevices.Find(ctx, idp.KnownDeviceFilter{UserID: &user, Known: &yes,
			Paging: idp.Paging{Limit: 100, Offset: known, Order: []string{"created"}}})
		if err != nil {
			return 0, nil, err
		}
		for i := range found.Items {
			is, err := deviceLocked(ctx, tx, found.Items[i].ID)
			if err != nil {
				return 0, nil, err
			}
			if is {
				locked = append(locked, found.Items[i].ID)
			}
		}
		if known += len(found.Items); len(found.Items) == 0 || known >= found.Total {
			return known, locked, nil
		}
	}
}

// endIn ends the live sessions that were begun in a browser, each with its event.
func endIn(ctx context.Context, tx idp.Repos, actor idp.Actor, id idp.KnownDeviceID) (int, error) {
	list, err := tx.KnownDevices.Sessions(ctx, id)
	if err != nil {
		return 0, err
	}
	for _, one := range list {
		old, err := tx.Sessions.Get(ctx, one)
		if err != nil {
			return 0, err
		}
		if err := end(ctx, tx, actor, old, ReasonForgotten); err != nil {
			return 0, err
		}
	}
	return len(list), nil
}

// keptBy is the session that stays when the user's others end: the actor's own.
func keptBy(actor idp.Actor, user idp.UserID) *idp.SessionID {
	if actor.Session == nil || actor.Session.UserID != user {
		return nil
	}
	return &actor.Session.ID
}

// deviceFacts are what events say of a browser; the lock's key, for whoever asks what
// became of a locked one, is its pk.
func deviceFacts(d *idp.KnownDevice) map[string]any {
	ip := ""
	if d.IP.IsValid() {
		ip = d.IP.Unmap().String()
	}
	return map[string]any{"action_id": ActionForgotten, "device": map[string]any{"pk": d.ID.String(), "type": "browser",
		"user_agent": d.UserAgent, "ip": ip}}
}
