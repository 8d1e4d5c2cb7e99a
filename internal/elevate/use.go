package elevate

import (
	"context"
	"fmt"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Use lets the session that the actor comes with have what was granted to them. A token
// never has it. Errors: CodeForbidden; CodeNotFound, for what somebody else asked for,
// too; CodeConflict when it is not granted, or not any more; CodeRefused when a lock
// names it.
func (s *Service) Use(ctx context.Context, actor idp.Actor, id idp.AccessRequestID) (*idp.AccessRequest, error) {
	if actor.User == nil || actor.Session == nil {
		return nil, idp.Forbidden("What was granted is used in a session: sign in in a browser. A token never has it.")
	}
	return s.held(ctx, actor, id, ActionUsed, idp.VerbRead, func(ctx context.Context, tx idp.Repos, now idp.Actor, r *idp.AccessRequest, u *idp.User) error {
		switch {
		case !now.Is(r.UserID):
			return idp.NotFound("access request")
		case r.State != idp.AccessGranted:
			return idp.Conflict("Only what is granted can be used: it is %s.", r.State)
		}
		present := now.Session.Credential()
		present.AccessRequests = []idp.AccessRequestID{r.ID}
		if err := s.access.Admit(ctx, idp.DoorAccessRequest, u, present); err != nil {
			return err
		}
		return tx.AccessRequests.Carry(ctx, r.ID, now.Session.ID)
	})
}

// expireAtOnce is how many one transaction of Expire writes down.
const expireAtOnce = 200

// Expire writes down what is over, with its events: what nobody decided in time, whose
// time is over, and what an account's or a group's end ended. None of it counts any
// more in any case; this is for whoever reads the log. Several servers may do it at once.
func (s *Service) Expire(ctx context.Context) error {
	for {
		n := 0
		err := s.store.InTx(ctx, func(tx idp.Repos) error {
			over, err := tx.AccessRequests.Expire(ctx, expireAtOnce)
			if err != nil {
				return err
			}
			n = len(over)
			for i := range over {
				u, err := tx.Users.Get(ctx, over[i].UserID)
				if err != nil {
					return err
				}
				action := ActionExpired
				if over[i].State == idp.AccessEnded {
					action = ActionEnded
				}
				if err := tell(ctx, tx, idp.SystemActor(), action, &over[i], u); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("ending the access requests whose time is over: %w", err)
		}
		if n < expireAtOnce {
			return nil
		}
	}
}
