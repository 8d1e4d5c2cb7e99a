package session

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// ReasonBinding is the reason of the logout event of a session whose binding was
// broken.
const ReasonBinding = "Session binding broken"

// Follow takes note that a request of the session comes from an address. It is
// called on every request with what Visit returned and costs nothing while the
// address stays, or the session is bound to nothing.
//
// An address that the binding allows becomes the session's last at once. Another
// one ends the session, with a logout event of its user that says what was broken;
// the error is then CodeRefused with RefusedBinding, also for requests that come
// at the same time. A binding that only logs writes a suspicious_request event
// instead, once for each new address, and the session goes on.
func (s *Service) Follow(ctx context.Context, actor idp.Actor, found *idp.Session, u *idp.User, to netip.Addr) error {
	if !found.Binding.Bound() || idp.SameAddress(found.IP, to) {
		return nil
	}
	clock, err := s.store.Now(ctx)
	if err != nil {
		return fmt.Errorf("asking for the time: %w", err)
	}
	var refused error
	err = s.store.InTx(ctx, func(tx idp.Repos) error {
		refused = nil
		now, err := tx.Sessions.Hold(ctx, found.ID)
		switch {
		case idp.Is(err, idp.CodeNotFound):
			return idp.Refuse(idp.DoorSession, idp.RefusedUnknown)
		case err != nil:
			return err
		case now.EndedAt != nil && now.EndReason == ReasonBinding:
			return idp.Refuse(idp.DoorSession, idp.RefusedBinding)
		}
		if err := s.access.Admit(ctx, idp.DoorSession, u, now.Credential()); err != nil {
			return err
		}
		if idp.SameAddress(now.IP, to) {
			return nil // what was known of the session was a moment old
		}
		broken, unchecked := now.Binding.Check(s.atlas, now.IP, to)
		if err := tellUnchecked(ctx, tx, actor, unchecked, clock); err != nil {
			return err
		}
		if broken == nil {
			return tx.Sessions.Move(ctx, now.ID, to)
		}
		e := s.brokenEvent(actor, u, now, *broken, to)
		if now.Binding.LogOnly {
			return logOnly(ctx, tx, now, e)
		}
		refused = idp.Refuse(idp.DoorSession, idp.RefusedBinding)
		if ended, err := tx.Sessions.End(ctx, now.ID, ReasonBinding); err != nil || !ended {
			return err
		}
		return tx.Events.Append(ctx, e)
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		return fmt.Errorf("following session %s: %w", found.ID, err)
	}
	return nil
}

// brokenEvent tells of a broken binding. Its context holds these facts and no
// others: people have rules that look at them.
func (s *Service) brokenEvent(actor idp.Actor, u *idp.User, at *idp.Session, b idp.Break, to netip.Addr) *idp.Event {
	place, _ := s.atlas.Place(to)
	network, _ := s.atlas.Network(to)
	e := idp.LogoutEvent(app, actor, u, map[string]any{
		"asn": network.Facts(), "geo": place.Facts(),
		"binding":       map[string]any{"reason": string(b.Reason), "previous_value": b.Previous, "new_value": b.New},
		"ip":            map[string]any{"previous": idp.AddressText(at.IP), "new": idp.AddressText(to)},
		"logout_reason": ReasonBinding,
	})
	e.ClientIP = to
	if facts, ok := e.Context["http_request"].(map[string]any); ok {
		delete(facts, "request_id")
	}
	return e
}

// maxLogged bounds how many events are looked through for one that was written
// already.
const maxLogged = 100

// logOnly writes the event of a broken binding that ends nothing, unless this
// session was seen at the address before, and goes on from there.
func logOnly(ctx context.Context, tx idp.Repos, at *idp.Session, e *idp.Event) error {
	e.Action = idp.ActionSuspicious
	delete(e.Context, "logout_reason") // nobody was signed out
	e.Context["message"], e.Context["log_only"], e.Context["session"] = ReasonBinding, true, at.ID.String()
	address := idp.AddressText(e.ClientIP)
	filter := idp.EventFilter{Actions: []idp.Action{idp.ActionSuspicious}, UserID: &at.UserID, After: &at.CreatedAt,
		Paging: idp.Paging{Limit: maxLogged}}
	if address != "" {
		filter.ClientIP = &address
	}
	page, err := tx.Events.Find(ctx, filter)
	if err != nil {
		return err
	}
	known := len(page.Items) == maxLogged
	for _, old := range page.Items {
		ip, _ := old.Context["ip"].(map[string]any)
		known = known || old.Context["session"] == e.Context["session"] && ip["new"] == address
	}
	if !known {
		if err := tx.Events.Append(ctx, e); err != nil {
			return err
		}
	}
	return tx.Sessions.Move(ctx, at.ID, e.ClientIP)
}

// tellEvery is how long the log is silent about a database once it has told that
// it is missing.
const tellEvery = time.Hour

// tellUnchecked writes that sessions are bound to what cannot be checked, for
// each database at most once an hour, whichever server notices.
func tellUnchecked(ctx context.Context, tx idp.Repos, actor idp.Actor, unchecked []idp.AddressDatabase, now time.Time) error {
	for _, d := range unchecked {
		name := "session/unchecked/" + string(d)
		if due, err := claim(ctx, tx, name, now); err != nil {
			return err
		} else if !due {
			continue
		}
		actor := actor
		actor.User = nil // it is the operator's matter, whoever signed in
		if err := tx.Events.Append(ctx, idp.ConfigErrorEvent(app, actor, nil, map[string]any{
			"message": fmt.Sprintf("Sessions are bound to %[1]s, but no database of %[1]s could be read: the binding is not checked. Name one with %[2]s.",
				d, d.Option()),
			"database": string(d), "option": d.Option(),
		})); err != nil {
			return err
		}
	}
	return nil
}

// claim reports whether nobody has told for a while, and notes that it is told
// now. Most who ask learn from one look that it was; the others take turns.
func claim(ctx context.Context, tx idp.Repos, name string, now time.Time) (due bool, err error) {
	recent, err := toldSince(ctx, tx, name, now.Add(-tellEvery))
	if err != nil || recent {
		return false, err
	}
	if err := tx.Settings.Hold(ctx, name); err != nil {
		return false, err
	}
	if recent, err = toldSince(ctx, tx, name, now.Add(-tellEvery)); err != nil || recent {
		return false, err
	}
	value, err := json.Marshal(now)
	if err != nil {
		return false, err
	}
	return true, tx.Settings.Set(ctx, name, value)
}

// toldSince reports whether the setting holds a time after that.
func toldSince(ctx context.Context, tx idp.Repos, name string, after time.Time) (bool, error) {
	raw, err := tx.Settings.Get(ctx, name)
	if err != nil || raw == nil {
		return false, err
	}
	var at time.Time
	if err := json.Unmarshal(raw, &at); err != nil {
		return false, nil //nolint:nilerr // what nobody can read is written anew
	}
	return at.After(after), nil
}
