package lockdown

import (
	"context"
	"fmt"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Preview tells what a containment with all switches on would end, in the order
// in which it would happen, and for whom it would be refused; it changes
// nothing. Its errors are those of Contain.
func (s *Service) Preview(ctx context.Context, actor idp.Actor, users []idp.UserID) ([]Target, error) {
	req, err := accept(actor, Request{Users: users})
	if err != nil {
		return nil, err
	}
	if err := s.mayAll(actor, req.Users); err != nil {
		return nil, err
	}
	found, err := s.targets(ctx, "users", req.Users)
	if err != nil {
		return nil, err
	}
	targets, err := s.foresee(ctx, found)
	if err != nil {
		return nil, err
	}
	for i := range targets {
		held, err := s.store.Repos().Holder.Holdings(ctx, targets[i].User.ID)
		if err != nil {
			return nil, fmt.Errorf("counting what user %d holds: %w", targets[i].User.ID, err)
		}
		targets[i].Holdings = held
		if targets[i].Applications, err = s.store.Repos().Holder.Applications(ctx, targets[i].User.ID, MaxApplications); err != nil {
			return nil, err
		}
	}
	return targets, nil
}

// Check judges whether it makes sense to plan a lockdown of the users: the actor
// may contain every one (else CodeForbidden), each exists, and at least one can
// be contained (else CodeInvalid). Faults are on the field "user" for one user
// and "users" for several. CodeStepUp is as with Contain: whoever has to prove who
// they are does so before they are asked for a reason. It changes nothing, and
// everything is judged again when it comes to act.
func (s *Service) Check(ctx context.Context, actor idp.Actor, users []idp.UserID) error {
	req, err := accept(actor, Request{Users: users})
	if err != nil {
		return err
	}
	field := "users"
	if len(req.Users) == 1 {
		field = "user"
	}
	if err := s.mayAll(actor, req.Users); err != nil {
		return err
	}
	found, err := s.targets(ctx, field, req.Users)
	if err != nil {
		return err
	}
	if err := s.fresh(actor, req.Users...); err != nil {
		return err
	}
	targets, err := s.foresee(ctx, found)
	if err != nil {
		return err
	}
	for _, t := range targets {
		if t.Refusal == "" {
			return nil
		}
	}
	return idp.Invalid(field, "%s", targets[0].Refusal)
}

// mayAll judges the actor's permission on every user, before any is read, so that nobody
// learns who exists.
func (s *Service) mayAll(actor idp.Actor, ids []idp.UserID) error {
	for _, id := range ids {
		if err := s.may(actor, id); err != nil {
			return err
		}
	}
	return nil
}

// targets reads the users. Call mayAll first.
func (s *Service) targets(ctx context.Context, field string, ids []idp.UserID) ([]*idp.User, error) {
	page, err := s.store.Repos().Users.Find(ctx, idp.UserFilter{Paging: idp.Paging{Limit: MaxUsers}, IDs: ids})
	if err != nil {
		return nil, fmt.Errorf("reading the users to lock down: %w", err)
	}
	known := make(map[idp.UserID]*idp.User, len(page.Items))
	for i := range page.Items {
		known[page.Items[i].ID] = &page.Items[i]
	}
	var faults idp.Faults
	out := make([]*idp.User, 0, len(ids))
	for _, id := range ids {
		u, ok := known[id]
		if !ok {
			faults.Add(field, "Invalid pk \"%d\" - object does not exist.", id)
		}
		out = append(out, u)
	}
	return out, faults.Err()
}

// may asks for the permission to lock one account down.
func (s *Service) may(actor idp.Actor, id idp.UserID) error {
	err := s.access.Check(actor, idp.VerbCreate, idp.Of(idp.ResourceLockdown, id))
	if idp.Is(err, idp.CodeForbidden) {
		return idp.Forbidden(forbidden)
	}
	return err
}

// fresh asks whoever locks others down, or opens or closes their accounts, for a fresh
// proof. For one's own account nobody is: whose laptop was stolen must not be slowed.
func (s *Service) fresh(actor idp.Actor, ids ...idp.UserID) error {
	for _, id := range ids {
		if !actor.Is(id) {
			return s.access.Fresh(actor)
		}
	}
	return nil
}

// foresee tells who would be refused: the protected, and whoever would be the
// last administrator left when their turn comes.
func (s *Service) foresee(ctx context.Context, users []*idp.User) ([]Target, error) {
	var targets []Target
	err := s.store.InTx(ctx, func(tx idp.Repos) error {
		targets = make([]Target, 0, len(users))
		var gone []idp.UserID
		for _, u := range users {
			refusal := u.Protected()
			if refusal == "" && shutsOut(u, idp.AllSwitches()) {
				remaining, err := tx.Users.HoldAdministrators(ctx, append(gone, u.ID)...)
				if err != nil {
					return fmt.Errorf("counting administrators beside user %d: %w", u.ID, err)
				}
				if remaining == 0 {
					refusal = LastAdministrator
				} else {
					gone = append(gone, u.ID)
				}
			}
			targets = append(targets, Target{User: u, Refusal: refusal})
		}
		return nil
	})
	return targets, err
}
