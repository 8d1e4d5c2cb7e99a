package account

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Update changes an account. Switching it off ends its sessions and tokens in
// the same transaction, switching it on revives none of them. People may change
// their own name and email; the rest takes the right to change users.
//
// Errors: CodeForbidden; CodeNotFound; CodeInvalid on the field concerned, or on
// none for the anonymous user and the last administrator; CodeStepUp where it opens
// or closes another's account or gives or takes rights (idp.Access.Fresh).
func (s *Service) Update(ctx context.Context, actor idp.Actor, id idp.UserID, p Patch) (*idp.User, error) {
	if err := s.mayUpdate(actor, id, p); err != nil {
		return nil, err
	}
	clock, err := s.store.Now(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking for the time: %w", err)
	}
	var changed *idp.User
	err = s.store.InTx(ctx, func(tx idp.Repos) (err error) {
		changed, err = s.UpdateIn(ctx, tx, actor, id, p, clock)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("changing user %d: %w", id, err)
	}
	return changed, nil
}

// UpdateIn is Update in a transaction of the caller's; then is when a password is of.
func (s *Service) UpdateIn(ctx context.Context, tx idp.Repos, actor idp.Actor, id idp.UserID, p Patch, then time.Time) (changed *idp.User, err error) {
	act := func() (err error) {
		changed, err = s.update(ctx, tx, actor, id, p, then)
		return err
	}
	if p.Groups == nil && (p.IsActive == nil || *p.IsActive) {
		err = act()
	} else {
		err = keepAdministrator(ctx, tx, actor, act)
	}
	return changed, err
}

func (s *Service) update(ctx context.Context, tx idp.Repos, actor idp.Actor, id idp.UserID, p Patch, then time.Time) (*idp.User, error) {
	u, err := tx.Users.Hold(ctx, id)
	if err != nil {
		return nil, err
	}
	now, err := actor.Renew(ctx, tx, s.access)
	if err != nil {
		return nil, err
	}
	if err := s.mayUpdate(now, id, p); err != nil {
		return nil, err
	}
	if err := s.mayControl(ctx, tx, now, u, p); err != nil {
		return nil, err
	}
	before := *u
	if err := p.apply(u); err != nil {
		return nil, err
	}
	if p.PasswordHash != nil {
		u.Password, u.PasswordChangedAt = *p.PasswordHash, &then
		u.EndSessions(idp.EndedByPassword) // as SetPassword does
	}
	facts := userFacts(u)
	if err := s.save(ctx, tx, now, u, &before, p, facts); err != nil {
		return nil, err
	}
	if err := s.giveUser(ctx, tx, now, u, p.Roles); err != nil {
		return nil, err
	}
	changed, err := tx.Users.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	facts["changed"] = p.changes(&before, changed)
	tellDiff(facts, &before, changed)
	return changed, tx.Events.Append(ctx, idp.ModelUpdatedEvent(app, now, changed, facts))
}

// mayUpdate lets people change their own name and email and nothing else of
// their own.
func (s *Service) mayUpdate(actor idp.Actor, id idp.UserID, p Patch) error {
	if p.Username == nil && p.Path == nil && p.Type == nil && p.IsActive == nil && p.Attributes == nil &&
		p.Groups == nil && p.PasswordHash == nil {
		return s.access.Check(actor, idp.VerbUpdate, idp.Of(idp.ResourceUser, id))
	}
	return s.access.Check(actor, idp.VerbUpdate, administer)
}

// save stores the changed user by way of the closer where the account is
// switched on or off.
func (s *Service) save(ctx context.Context, tx idp.Repos, actor idp.Actor, u, before *idp.User, p Patch, facts map[string]any) error {
	sessions := 0
	if p.PasswordHash != nil {
		held, err := tx.Holder.Holdings(ctx, u.ID)
		if err != nil {
			return err
		}
		sessions = held.Sessions
	}
	switch {
	case p.IsActive != nil && !*p.IsActive:
		ended, err := s.closer.CloseIn(ctx, tx, u, switchedOff)
		if err != nil {
			return err
		}
		facts["ended"], sessions = ended, ended.Sessions
	case p.IsActive != nil && !before.IsActive:
		if err := s.closer.ReopenIn(ctx, tx, actor, u); err != nil {
			return err
		}
	default:
		if err := tx.Users.Update(ctx, u); err != nil {
			return err
		}
	}
	if err := idp.TellEnded(ctx, tx, app, actor, u, sessions); err != nil {
		return err
	}
	if p.PasswordHash != nil {
		if err := tx.Jobs.Enqueue(ctx, idp.Job{Kind: idp.JobSweep, User: u.ID}); err != nil {
			return err
		}
	}
	if p.Groups != nil {
		return setGroups(ctx, tx, u.ID, unique(*p.Groups))
	}
	return nil
}

// apply puts the patch on a user, except for what has a way of its own: active,
// groups, password.
func (p Patch) apply(u *idp.User) error {
	if u.IsAnonymous() && (p.Username != nil && *p.Username != u.Username || p.Type != nil && *p.Type != u.Type ||
		p.IsActive != nil && *p.IsActive != u.IsActive || p.Groups != nil && len(*p.Groups) > 0 || p.PasswordHash != nil) {
		return idp.Invalid("", anonymousFixed)
	}
	for _, f := range []struct {
		from *string
		to   *string
	}{{p.Username, &u.Username}, {p.Name, &u.Name}, {p.Email, &u.Email}} {
		if f.from != nil {
			*f.to = strings.TrimSpace(*f.from)
		}
	}
	if p.Path != nil {
		u.Path = *p.Path
	}
	if p.Type != nil {
		u.Type = *p.Type
	}
	if p.Attributes != nil {
		u.Attributes = *p.Attributes
	}
	var faults idp.Faults
	p.check(&faults, u)
	return faults.Err()
}

// check judges the changed fields only: what an older version let through must
// not block an unrelated change.
func (p Patch) check(faults *idp.Faults, u *idp.User) {
	if p.Username != nil {
		faults.Line("username", u.Username, maxUsername, false)
	}
	if p.Name != nil {
		faults.Line("name", u.Name, maxName, true)
	}
	if p.Email != nil {
		checkEmail(faults, u.Email)
	}
	if p.Path != nil {
		checkPath(faults, u.Path)
	}
	if p.Type != nil {
		idp.Choice(faults, "type", u.Type, idp.UserTypes())
	}
	if p.Attributes != nil {
		faults.Attributes("attributes", u.Attributes)
	}
	if p.PasswordHash != nil {
		checkHash(faults, *p.PasswordHash)
	}
}

// changes names the fields that an update changed.
func (p Patch) changes(before, after *idp.User) []string {
	out := []string{}
	note := func(name string, changed bool) {
		if changed {
			out = append(out, name)
		}
	}
	note("username", before.Username != after.Username)
	note("name", before.Name != after.Name)
	note("email", before.Email != after.Email)
	note("path", before.Path != after.Path)
	note("type", before.Type != after.Type)
	note("is_active", before.IsActive != after.IsActive)
	note("attributes", p.Attributes != nil)
	note("groups", !sameGroups(before.Groups, after.Groups))
	note("password", p.PasswordHash != nil)
	return out
}

func sameGroups(a, b []idp.GroupID) bool {
	if len(a) != len(b) {
		return false
	}
	for _, id := range a {
		if !slices.Contains(b, id) {
			return false
		}
	}
	return true
}
