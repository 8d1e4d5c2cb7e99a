package account

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Settlement is what a flow changes of the account it is about; nil means
// unchanged.
type Settlement struct {
	Username, Name, Email *string
	Password              *string
	// Attributes are put over the present ones, level by level.
	Attributes map[string]any
	// Groups are joined beside those that the account is in.
	Groups []idp.GroupID
	// Link is the recovery link that established it, to be redeemed; nil = none.
	Link *idp.TokenID
	// Generation is the user's session generation when the flow established who
	// it is about. Another one at present means that everything was ended
	// meanwhile.
	Generation int64
}

// Settle changes an account on behalf of a flow that has established who it is
// about. It asks no permission but the door rule, with the row held: a flow
// under way when the account was locked down changes nothing. All or nothing.
// A new password does what SetPassword says, and raises the session generation
// of the user returned.
//
// Errors: CodeRefused; CodeNotFound; CodeInvalid on the field concerned;
// CodeBusy while too many passwords are being hashed.
func (s *Service) Settle(ctx context.Context, actor idp.Actor, id idp.UserID, c Settlement) (*idp.User, error) {
	clock, err := s.store.Now(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking for the time: %w", err)
	}
	encoded, former := "", ""
	if c.Password != nil {
		var faults idp.Faults
		checkPassword(&faults, "password", *c.Password)
		if err := faults.Err(); err != nil {
			return nil, err
		}
		if former, err = s.differs(ctx, id, *c.Password); err != nil {
			return nil, err
		}
		if encoded, err = s.hasher.Hash(ctx, *c.Password); err != nil {
			return nil, err
		}
	}
	var changed *idp.User
	err = s.store.InTx(ctx, func(tx idp.Repos) error {
		u, err := tx.Users.Hold(ctx, id)
		if err != nil {
			return err
		}
		now, err := actor.Renew(ctx, tx, s.access)
		if err != nil {
			return err
		}
		proof := idp.Credential{Family: idp.FamilySession, Generation: c.Generation}
		if err := s.access.Admit(ctx, idp.DoorPasswordSet, u, proof); err != nil {
			return err
		}
		if c.Link != nil {
			if err := idp.RedeemLink(ctx, tx, s.access, u, *c.Link); err != nil {
				return err
			}
		}
		before := *u
		patch := Patch{Username: c.Username, Name: c.Name, Email: c.Email}
		if c.Attributes != nil {
			merged := idp.Attributes(overlay(u.Attributes, c.Attributes))
			patch.Attributes = &merged
		}
		if err := patch.apply(u); err != nil {
			return err
		}
		if c.Password != nil {
			if u.RenewPassword && u.Password != former {
				return idp.Conflict("The password was changed by somebody else meanwhile.")
			}
			u.Password, u.PasswordChangedAt, u.RenewPassword = encoded, &clock, false
			ended, err := endOthers(ctx, tx, now, u, c.Link)
			if err != nil {
				return err
			}
			if err := tx.Events.Append(ctx, idp.PasswordSetEvent(app, now, u, map[string]any{"ended": ended})); err != nil {
				return err
			}
		} else if err := tx.Users.Update(ctx, u); err != nil {
			return err
		}
		if err := join(ctx, tx, u, c.Groups); err != nil {
			return err
		}
		if changed, err = tx.Users.Get(ctx, id); err != nil {
			return err
		}
		facts := userFacts(changed)
		facts["changed"] = patch.changes(&before, changed)
		tellDiff(facts, &before, changed)
		return tx.Events.Append(ctx, idp.UserWriteEvent(app, now, changed, facts))
	})
	if err != nil {
		return nil, fmt.Errorf("changing user %d in a flow: %w", id, err)
	}
	return changed, nil
}

// join adds memberships to those that a user has.
func join(ctx context.Context, tx idp.Repos, u *idp.User, groups []idp.GroupID) error {
	if err := knownGroups(ctx, tx, "groups", groups); err != nil {
		return err
	}
	for _, id := range groups {
		if slices.Contains(u.Groups, id) {
			continue
		}
		if err := tx.Groups.AddUser(ctx, id, u.ID); err != nil {
			return err
		}
	}
	return nil
}

// overlay puts the values of upper over those of lower; maps are merged.
func overlay(lower, upper map[string]any) map[string]any {
	out := maps.Clone(lower)
	if out == nil {
		out = map[string]any{}
	}
	for key, v := range upper {
		below, isMap := out[key].(map[string]any)
		if above, ok := v.(map[string]any); ok && isMap {
			out[key] = overlay(below, above)
			continue
		}
		out[key] = v
	}
	return out
}
