package elevate

import (
	"context"
	"fmt"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

const maxNote = 1000 // characters

// Grant lets somebody have what they asked for, from now on: in the session that they
// asked in, if it lives, and where they use it (Use). It takes the right to update
// access requests, every right of the group, and a fresh proof; nobody grants what they
// asked for themselves. Errors: CodeForbidden; CodeStepUp; CodeNotFound; CodeInvalid on
// note; CodeConflict when it was decided already; CodeRefused when the account may not act.
func (s *Service) Grant(ctx context.Context, actor idp.Actor, id idp.AccessRequestID, note string) (*idp.AccessRequest, error) {
	return s.decide(ctx, actor, id, note, ActionGranted, s.grant)
}

// Deny refuses what somebody asked for. It takes the right to update access requests.
// Errors: CodeForbidden; CodeNotFound; CodeInvalid on note; CodeConflict when it was
// decided already.
func (s *Service) Deny(ctx context.Context, actor idp.Actor, id idp.AccessRequestID, note string) (*idp.AccessRequest, error) {
	return s.decide(ctx, actor, id, note, ActionDenied, func(ctx context.Context, tx idp.Repos, _ idp.Actor, r *idp.AccessRequest, _ *idp.User) error {
		r.State = idp.AccessDenied
		return tx.AccessRequests.Decide(ctx, r)
	})
}

// act is what is done to a held request of u, whose row is shared.
type act func(ctx context.Context, tx idp.Repos, now idp.Actor, r *idp.AccessRequest, u *idp.User) error

func (s *Service) decide(ctx context.Context, actor idp.Actor, id idp.AccessRequestID, note, action string, do act) (*idp.AccessRequest, error) {
	note = strings.TrimSpace(note)
	var faults idp.Faults
	if faults.Text("note", note, maxNote, true); faults.Err() != nil {
		return nil, faults.Err()
	}
	return s.held(ctx, actor, id, action, idp.VerbUpdate, func(ctx context.Context, tx idp.Repos, now idp.Actor, r *idp.AccessRequest, u *idp.User) error {
		switch {
		case now.Is(r.UserID):
			return idp.Forbidden("Nobody decides what they asked for themselves: this takes somebody else.")
		case action == ActionGranted:
			if err := s.access.Admit(ctx, idp.DoorAccessRequest, u, presented(r, u)); err != nil {
				return err
			}
		}
		if r.State != idp.AccessPending {
			return idp.Conflict("This was decided already, or is over: it is %s.", r.State)
		}
		r.Note, r.DecidedBy, r.DecidedID = note, idp.SystemName, nil
		if now.User != nil {
			r.DecidedBy, r.DecidedID = now.User.Username, &now.User.ID
		}
		return do(ctx, tx, now, r, u)
	})
}

// grant is an act.
func (s *Service) grant(ctx context.Context, tx idp.Repos, now idp.Actor, r *idp.AccessRequest, _ *idp.User) error {
	rights, err := tx.Roles.GroupRights(ctx, r.GroupID)
	if err != nil {
		return err
	}
	rights.Taken = true // what the group denies is gone again when the time is over
	if err := s.access.Covers(now, rights); err != nil {
		return err
	}
	if err := s.access.Fresh(now); err != nil {
		return err
	}
	r.State = idp.AccessGranted
	if err := tx.AccessRequests.Decide(ctx, r); err != nil || r.SessionID == nil {
		return err
	}
	err = tx.AccessRequests.Carry(ctx, r.ID, *r.SessionID)
	if idp.Is(err, idp.CodeConflict) { // the session has ended meanwhile
		return nil
	}
	return err
}

// Withdraw takes back what the actor asked for and nobody has decided. Errors:
// CodeForbidden, CodeNotFound; CodeConflict when it was decided already.
func (s *Service) Withdraw(ctx context.Context, actor idp.Actor, id idp.AccessRequestID) (*idp.AccessRequest, error) {
	return s.held(ctx, actor, id, ActionWithdrawn, idp.VerbDelete, func(ctx context.Context, tx idp.Repos, _ idp.Actor, r *idp.AccessRequest, _ *idp.User) error {
		if r.State != idp.AccessPending {
			return idp.Conflict("Only what nobody has decided can be withdrawn: it is %s.", r.State)
		}
		r.State = idp.AccessWithdrawn
		return tx.AccessRequests.Decide(ctx, r)
	})
}

// End takes what was granted from every session before its time: its owner does, and
// whoever may update access requests. Errors: CodeForbidden, CodeNotFound; CodeConflict
// when it is not granted.
func (s *Service) End(ctx context.Context, actor idp.Actor, id idp.AccessRequestID) (*idp.AccessRequest, error) {
	verb := idp.VerbUpdate
	if actor.User != nil {
		if r, err := s.store.Repos().AccessRequests.Get(ctx, id); err == nil && actor.Is(r.UserID) {
			verb = idp.VerbDelete
		}
	}
	return s.held(ctx, actor, id, ActionEnded, verb, func(ctx context.Context, tx idp.Repos, _ idp.Actor, r *idp.AccessRequest, _ *idp.User) error {
		if r.State != idp.AccessGranted {
			return idp.Conflict("Only what is granted can be ended: it is %s.", r.State)
		}
		r.State = idp.AccessEnded
		return tx.AccessRequests.Decide(ctx, r)
	})
}

// held runs an act on a held request, for an actor who may do that as things are now,
// and tells of it.
func (s *Service) held(ctx context.Context, actor idp.Actor, id idp.AccessRequestID, action string, verb idp.Verb, do act) (*idp.AccessRequest, error) {
	seen, err := s.Get(ctx, actor, id)
	if err != nil {
		return nil, err
	}
	if err := s.access.Check(actor, verb, idp.Of(idp.ResourceAccessRequest, seen.UserID)); err != nil {
		return nil, err
	}
	var done *idp.AccessRequest
	err = s.store.InTx(ctx, func(tx idp.Repos) error {
		u, err := tx.Users.Share(ctx, seen.UserID)
		if err != nil {
			return err
		}
		r, err := tx.AccessRequests.Hold(ctx, id)
		if err != nil {
			return err
		}
		now, err := actor.Renew(ctx, tx, s.access)
		if err != nil {
			return err
		}
		if err := s.access.Check(now, verb, idp.Of(idp.ResourceAccessRequest, r.UserID)); err != nil {
			return err
		}
		if err := do(ctx, tx, now, r, u); err != nil {
			return err
		}
		if done, err = tx.AccessRequests.Get(ctx, id); err != nil {
			return err
		}
		return tell(ctx, tx, now, action, done, u)
	})
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", doing[action], id, err)
	}
	return done, nil
}

// doing says what was going on when an act failed.
var doing = map[string]string{ActionGranted: "granting access request", ActionDenied: "denying access request",
	ActionWithdrawn: "withdrawing access request", ActionEnded: "ending access request", ActionUsed: "using access request"}
