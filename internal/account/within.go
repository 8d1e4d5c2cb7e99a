package account

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// The acts of this file are those of everybody's changes in a transaction of the
// caller's, who has made sure with Actor.Renew that the actor may act, and sees
// to it that an administrator remains.

// CheckPassword judges a password before it is hashed. Errors: CodeInvalid on
// password.
func (s *Service) CheckPassword(password string) error {
	var faults idp.Faults
	checkPassword(&faults, "password", password)
	return faults.Err()
}

// HashPassword hashes a password, outside of any transaction. Errors: CodeBusy
// while too many are being hashed.
func (s *Service) HashPassword(ctx context.Context, password string) (string, error) {
	return s.hasher.Hash(ctx, password)
}

// VerifyPassword reports whether a stored hash is that of a password, for whoever
// sets passwords and wants to leave one alone that fits. It is no sign-in: see
// Authenticate.
func (s *Service) VerifyPassword(ctx context.Context, encoded, password string) (bool, error) {
	result, err := s.hasher.Verify(ctx, encoded, password)
	return result.OK, err
}

// SaveUserIn makes a user (u.ID = 0), or changes one to what u says; nil groups
// are left as they are. u.Password is an encoded hash; a new one counts as of
// then, and ends the sessions, as SetPassword does. Errors: CodeForbidden;
// CodeNotFound; CodeInvalid on the field concerned.
func (s *Service) SaveUserIn(ctx context.Context, tx idp.Repos, actor idp.Actor, u idp.User, groups *[]idp.GroupID, then time.Time) (*idp.User, error) {
	if u.ID == 0 {
		return s.createIn(ctx, tx, actor, u, groups, then)
	}
	if err := s.access.Check(actor, idp.VerbUpdate, administer); err != nil {
		return nil, err
	}
	row, err := tx.Users.Hold(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	before := *row
	p := differences(&before, &u, groups)
	if err := s.mayControl(ctx, tx, actor, row, p); err != nil {
		return nil, err
	}
	if err := p.apply(row); err != nil {
		return nil, err
	}
	facts := userFacts(row)
	if p.PasswordHash != nil {
		row.Password, row.PasswordChangedAt = *p.PasswordHash, &then
		row.EndSessions(idp.EndedByPassword) // as SetPassword does
	}
	if err := s.save(ctx, tx, actor, row, &before, p, facts); err != nil {
		return nil, err
	}
	if p.PasswordHash != nil {
		if _, err := tx.Tokens.RevokeIntent(ctx, u.ID, idp.IntentRecovery, nil); err != nil {
			return nil, err
		}
	}
	changed, err := tx.Users.Get(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	facts["changed"] = p.changes(&before, changed)
	tellDiff(facts, &before, changed)
	return changed, tx.Events.Append(ctx, idp.ModelUpdatedEvent(app, actor, changed, facts))
}

// differences are what has to change for before to be after.
func differences(before, after *idp.User, groups *[]idp.GroupID) (p Patch) {
	for _, f := range []struct {
		was, is string
		to      **string
	}{{before.Username, after.Username, &p.Username}, {before.Name, after.Name, &p.Name}, {before.Email, after.Email, &p.Email},
		{before.Path, after.Path, &p.Path}, {before.Password, after.Password, &p.PasswordHash}} {
		if f.was != f.is {
			value := f.is
			*f.to = &value
		}
	}
	if before.Type != after.Type {
		p.Type = &after.Type
	}
	if before.IsActive != after.IsActive {
		p.IsActive = &after.IsActive
	}
	p.Attributes = &after.Attributes
	if groups != nil {
		list := unique(*groups)
		p.Groups = &list
	}
	return p
}

func (s *Service) createIn(ctx context.Context, tx idp.Repos, actor idp.Actor, u idp.User, groups *[]idp.GroupID, then time.Time) (*idp.User, error) {
	if err := s.access.Check(actor, idp.VerbCreate, administer); err != nil {
		return nil, err
	}
	u.Username, u.Name, u.Email = strings.TrimSpace(u.Username), strings.TrimSpace(u.Name), strings.TrimSpace(u.Email)
	var faults idp.Faults
	checkUser(&faults, &u)
	if u.Password != "" {
		checkHash(&faults, u.Password)
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	if u.UUID = uuid.New(); u.Password == "" {
		u.Password = secret.Unusable()
	} else {
		u.PasswordChangedAt = &then
	}
	if err := tx.Users.Create(ctx, &u); err != nil {
		return nil, err
	}
	if groups != nil && len(*groups) > 0 {
		if err := s.mayPlace(ctx, tx, actor, nil, *groups); err != nil {
			return nil, err
		}
		if err := setGroups(ctx, tx, u.ID, unique(*groups)); err != nil {
			return nil, err
		}
	}
	made, err := tx.Users.Get(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	return made, tx.Events.Append(ctx, idp.ModelCreatedEvent(app, actor, made, userFacts(made)))
}

// DeleteUserIn ends everything the account holds and deletes it. Errors:
// CodeForbidden; CodeNotFound; CodeInvalid for the anonymous user and for the
// actor's own account.
func (s *Service) DeleteUserIn(ctx context.Context, tx idp.Repos, actor idp.Actor, id idp.UserID) error {
	if err := s.access.Check(actor, idp.VerbDelete, administer); err != nil {
		return err
	}
	u, err := tx.Users.Hold(ctx, id)
	switch {
	case err != nil:
		return err
	case u.IsAnonymous():
		return idp.Invalid("", "The anonymous user cannot be deleted.")
	case actor.Is(id):
		return idp.Invalid("", "You cannot delete the account that you are signed in with.")
	}
	if err := s.access.Covers(actor, idp.RightsOf(u)); err != nil {
		return err
	}
	if err := s.access.Fresh(actor); err != nil {
		return err
	}
	u.SessionsEnded = idp.EndedByDeletion
	ended, err := s.closer.CloseIn(ctx, tx, u, idp.AllSwitches())
	if err != nil {
		return err
	}
	if err := tx.Users.Delete(ctx, id); err != nil {
		return err
	}
	if err := idp.TellEnded(ctx, tx, app, actor, u, ended.Sessions); err != nil {
		return err
	}
	facts := userFacts(u)
	facts["ended"] = ended
	return tx.Events.Append(ctx, idp.ModelDeletedEvent(app, actor, u, facts))
}

// SaveGroupIn makes a group, which may have its ID already, or changes one to
// what g says; nil users are left as they are. Errors: CodeForbidden;
// CodeNotFound; CodeInvalid on name, parents, users or attributes.
func (s *Service) SaveGroupIn(ctx context.Context, tx idp.Repos, actor idp.Actor, g idp.Group, isNew bool, users *[]idp.UserID) (*idp.Group, error) {
	verb, action := idp.VerbUpdate, idp.ActionModelUpdated
	if isNew {
		verb, action = idp.VerbCreate, idp.ActionModelCreated
	}
	if err := s.access.Check(actor, verb, anyGroup); err != nil {
		return nil, err
	}
	g.Name, g.Parents = strings.TrimSpace(g.Name), unique(g.Parents)
	if err := checkGroup(&g); err != nil {
		return nil, err
	}
	if err := knownGroups(ctx, tx, "parents", g.Parents); err != nil {
		return nil, err
	}
	write := tx.Groups.Update
	if isNew {
		if write = tx.Groups.Create; g.ID.IsZero() {
			g.ID = idp.NewID[idp.Group]()
		}
	}
	if !isNew {
		if err := s.mayShape(ctx, tx, actor, g.ID); err != nil {
			return nil, err
		}
	}
	if err := write(ctx, &g); err != nil {
		return nil, err
	}
	if err := s.mayShape(ctx, tx, actor, g.ID); err != nil {
		return nil, err
	}
	saved := groupFacts(&g)
	if users != nil && (!isNew || len(*users) > 0) {
		if err := tellMembers(ctx, tx, saved, g.ID, *users); err != nil {
			return nil, err
		}
	}
	now, err := tx.Groups.Get(ctx, g.ID)
	if err != nil {
		return nil, err
	}
	return now, tx.Events.Append(ctx, action.Event(app, actor, nil, saved))
}

// DeleteGroupIn deletes a group; its members stay. Errors: CodeForbidden;
// CodeNotFound.
func (s *Service) DeleteGroupIn(ctx context.Context, tx idp.Repos, actor idp.Actor, id idp.GroupID) error {
	if err := s.access.Check(actor, idp.VerbDelete, anyGroup); err != nil {
		return err
	}
	g, err := tx.Groups.Hold(ctx, id)
	if err != nil {
		return err
	}
	if err := s.mayShape(ctx, tx, actor, id); err != nil {
		return err
	}
	if err := tx.Groups.Delete(ctx, id); err != nil {
		return err
	}
	return tx.Events.Append(ctx, idp.ModelDeletedEvent(app, actor, nil, groupFacts(g)))
}
