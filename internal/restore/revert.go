package restore

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Revert puts back what an event tells of: tokens and consents end, the former address
// comes back, and so do groups and roles. What was put back before stays so. It takes
// whatever rights the same change takes elsewhere. Errors: those of take; CodeInvalid on
// event for one that tells of no change since the suspected moment, or of one that cannot
// be put back.
func (s *Service) Revert(ctx context.Context, actor idp.Actor, terms Terms, event idp.EventID) error {
	return s.take(ctx, actor, terms, holdAdmins, func(t *turn) error {
		if err := t.maySee(); err != nil {
			return err
		}
		i := slices.IndexFunc(t.list.Changes, func(c Change) bool { return c.ID == event })
		if i < 0 {
			return idp.Invalid("event", "“%s” tells of no change of this account since %s.", event, t.list.Since.UTC().Format("2006-01-02 15:04:05 MST"))
		}
		c := &t.list.Changes[i]
		if !c.Open && len(c.parts) == 1 && c.parts[0].fixed != "" {
			return idp.Invalid("event", "This cannot be reverted: %s.", c.parts[0].fixed)
		}
		return t.revert(c)
	})
}

// RevertAll is Revert of everything that is left, the newest first: all or nothing.
func (s *Service) RevertAll(ctx context.Context, actor idp.Actor, terms Terms) (n int, err error) {
	err = s.take(ctx, actor, terms, holdAdmins, func(t *turn) error {
		n = 0
		if err := t.maySee(); err != nil {
			return err
		}
		for i := range t.list.Changes {
			if c := &t.list.Changes[i]; c.Open {
				if err := t.revert(c); err != nil {
					return fmt.Errorf("reverting event %s: %w", c.ID, err)
				}
				n++
			}
		}
		return nil
	})
	return n, err
}

func (t *turn) maySee() error {
	return t.s.d.Access.Check(t.actor, idp.VerbList, idp.Object{Resource: idp.ResourceEvent})
}

// revert undoes the open parts of a change.
func (t *turn) revert(c *Change) error {
	if !c.Open {
		return nil
	}
	if err := t.s.d.Access.Fresh(t.actor); err != nil {
		return err
	}
	for _, p := range c.parts {
		if !p.open {
			continue
		}
		if err := t.undo(p); err != nil {
			return err
		}
	}
	t.record(idp.RestoreChanges, idp.DeedReverted, c.Text, map[string]any{"event": c.ID.String(), "change": string(c.Kind)})
	return nil
}

// undo has the use case that owns a part put it back.
func (t *turn) undo(p part) error {
	ctx, d := t.ctx, t.s.d
	switch p.kind {
	case KindToken:
		id, err := idp.ParseID[idp.Token](p.key)
		if err != nil {
			return err
		}
		return d.Tokens.RevokeIn(ctx, t.tx, t.actor, id)
	case KindConsent:
		id, err := strconv.ParseInt(p.key, 10, 32)
		if err != nil {
			return err
		}
		return d.Consents.WithdrawIn(ctx, t.tx, t.actor, idp.ConsentID(id))
	case KindEmail:
		return d.Accounts.ReaddressIn(ctx, t.tx, t.actor, t.user, p.key)
	case KindGroup:
		id, err := idp.ParseID[idp.Group](p.key)
		if err != nil {
			return err
		}
		return d.Accounts.MemberIn(ctx, t.tx, t.actor, id, t.user, p.gone)
	}
	return t.giveBack(p)
}

// giveBack gives a role again that was taken, or takes one that was given.
func (t *turn) giveBack(p part) error {
	change := func(has map[string]bool) []string {
		var names []string
		for name := range has {
			if name != p.key {
				names = append(names, name)
			}
		}
		if p.gone {
			names = append(names, p.key)
		}
		return names
	}
	if !p.group.IsZero() {
		g, err := t.tx.Groups.Hold(t.ctx, p.group)
		if err != nil {
			return err
		}
		_, err = t.s.d.Roles.SetGroupRolesIn(t.ctx, t.tx, t.actor, g, change)
		return err
	}
	u, err := t.tx.Users.Hold(t.ctx, t.user)
	if err != nil {
		return err
	}
	_, err = t.s.d.Roles.SetUserRolesIn(t.ctx, t.tx, t.actor, u, change)
	return err
}
