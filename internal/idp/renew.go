package idp

import "context"

// Renew re-reads the actor through tx and returns them as they are now: whoever
// changes something calls it inside the transaction, after the rows concerned
// are locked, so that an act that was waiting behind a lockdown of its own actor
// comes to nothing. The error is an *Error with CodeRefused when the account,
// or the session or token the request came with, may not act any more. The
// system, and nobody, are returned as they are.
func (a Actor) Renew(ctx context.Context, tx Repos, gate Gate) (Actor, error) {
	if a.System || a.User == nil {
		return a, nil
	}
	door, present := DoorSession, Credential{Family: FamilySession, Generation: a.User.SessionGeneration}
	switch {
	case a.Session != nil:
		s, err := tx.Sessions.Get(ctx, a.Session.ID)
		if Is(err, CodeNotFound) {
			return a, Refuse(door, RefusedUnknown)
		}
		if err != nil {
			return a, err
		}
		present = s.Credential()
	case a.Token != nil:
		door = DoorAPIToken
		t, err := tx.Tokens.Get(ctx, a.Token.ID)
		if Is(err, CodeNotFound) {
			return a, Refuse(door, RefusedUnknown)
		}
		if err != nil {
			return a, err
		}
		present = t.Credential(IntentAPI)
	}
	u, err := tx.Users.Get(ctx, a.User.ID)
	if Is(err, CodeNotFound) {
		return a, Refuse(door, RefusedUnknown)
	}
	if err != nil {
		return a, err
	}
	if err := gate.Admit(ctx, door, u, present); err != nil {
		return a, err
	}
	a.User = u
	return a, nil
}
