package idp

import "context"

// Renew re-reads the actor through tx and returns them as they are now: whoever
// changes something calls it inside the transaction, after the rows concerned
// are locked, so that an act that was waiting behind a lockdown of its own actor
// comes to nothing. The error is an *Error with CodeRefused when the account,
// or the session, token or grant the request came with, may not act any more. The
// system, and nobody, are returned as they are.
func (a Actor) Renew(ctx context.Context, tx Repos, gate Gate) (Actor, error) {
	if a.System || a.User == nil {
		return a, nil
	}
	door, present := DoorSession, Credential{Family: FamilySession, Generation: a.User.SessionGeneration}
	var u *User
	switch {
	case a.Session != nil:
		s, err := tx.Sessions.Get(ctx, a.Session.ID)
		if Is(err, CodeNotFound) {
			return a, Refuse(door, RefusedUnknown)
		}
		if err != nil {
			return a, err
		}
		present, a.Session = s.Credential(), s
	case a.Token != nil:
		var intent TokenIntent
		door, intent = a.Token.Door()
		var t *Token
		var err error
		if len(a.Token.Digest) > 0 {
			t, u, err = tx.Tokens.Use(ctx, a.Token.Digest) // both in one statement
		} else {
			t, err = tx.Tokens.Get(ctx, a.Token.ID)
		}
		if Is(err, CodeNotFound) {
			return a, Refuse(door, RefusedUnknown)
		}
		if err != nil {
			return a, err
		}
		present, a.Token = t.Credential(intent), t
	case a.Grant != nil:
		door = DoorOAuthAPI
		h, err := tx.OAuthGrants.GetToken(ctx, a.Grant.Token.ID)
		if Is(err, CodeNotFound) {
			return a, Refuse(door, RefusedUnknown)
		}
		if err != nil {
			return a, err
		}
		h.Application, h.Client = a.Grant.Application, a.Grant.Client
		present, a.Grant, u = h.ForAPI(), h, h.User
	}
	if u == nil || u.ID != a.User.ID {
		var err error
		u, err = tx.Users.Get(ctx, a.User.ID)
		if Is(err, CodeNotFound) {
			return a, Refuse(door, RefusedUnknown)
		}
		if err != nil {
			return a, err
		}
	}
	if err := gate.Admit(ctx, door, u, present); err != nil {
		return a, err
	}
	if a.Session != nil {
		u = Elevate(ctx, gate, u, a.Session, present)
	}
	a.User = u
	return a, nil
}
