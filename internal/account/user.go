package account

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

const app = "account"

// administer is the right to change users beyond what people may change of
// themselves.
var administer = idp.Object{Resource: idp.ResourceUser}

// anonymousFixed refuses changes of the account that stands for nobody.
const anonymousFixed = "The anonymous user cannot be changed."

// switchedOff is what ends when an account is switched off; the password stays.
var switchedOff = idp.Switches{DeactivateUser: true, DeleteSessions: true, RevokeTokens: true}

// Get returns an account. One that the actor may not see is CodeNotFound.
func (s *Service) Get(ctx context.Context, actor idp.Actor, id idp.UserID) (*idp.User, error) {
	err := s.access.Check(actor, idp.VerbRead, idp.Of(idp.ResourceUser, id))
	if idp.Is(err, idp.CodeForbidden) {
		return nil, idp.NotFound("user")
	}
	if err != nil {
		return nil, err
	}
	return s.store.Repos().Users.Get(ctx, id)
}

// Find lists accounts. Errors: CodeForbidden.
func (s *Service) Find(ctx context.Context, actor idp.Actor, filter idp.UserFilter) (idp.Page[idp.User], error) {
	if err := s.access.Check(actor, idp.VerbList, administer); err != nil {
		return idp.Page[idp.User]{}, err
	}
	return s.store.Repos().Users.Find(ctx, filter)
}

// Create makes an account. Errors: CodeForbidden; CodeInvalid on username, name,
// email, path, type, attributes, groups, password or password_hash; CodeBusy
// while too many passwords are being hashed.
func (s *Service) Create(ctx context.Context, actor idp.Actor, n NewUser) (*idp.User, error) {
	if err := s.access.Check(actor, idp.VerbCreate, administer); err != nil {
		return nil, err
	}
	draft, err := s.draw(ctx, n)
	if err != nil {
		return nil, err
	}
	var created *idp.User
	err = s.store.InTx(ctx, func(tx idp.Repos) error {
		now, err := s.permitted(ctx, tx, actor, idp.VerbCreate, administer)
		if err != nil {
			return err
		}
		u := *draft
		if err := tx.Users.Create(ctx, &u); err != nil {
			return err
		}
		if groups := unique(n.Groups); len(groups) > 0 {
			if err := s.mayPlace(ctx, tx, now, nil, groups); err != nil {
				return err
			}
			if err := setGroups(ctx, tx, u.ID, groups); err != nil {
				return err
			}
		}
		if err := s.giveUser(ctx, tx, now, &u, some(n.Roles)); err != nil {
			return err
		}
		if created, err = tx.Users.Get(ctx, u.ID); err != nil {
			return err
		}
		return tx.Events.Append(ctx, idp.ModelCreatedEvent(app, now, created, userFacts(created)))
	})
	if err != nil {
		return nil, fmt.Errorf("creating a user: %w", err)
	}
	return created, nil
}

// draw validates a new user and makes the row of it, the password hashed.
func (s *Service) draw(ctx context.Context, n NewUser) (*idp.User, error) {
	u := &idp.User{
		UUID: uuid.New(), Username: strings.TrimSpace(n.Username), Name: strings.TrimSpace(n.Name),
		Email: strings.TrimSpace(n.Email), Path: n.Path, Type: n.Type, IsActive: n.IsActive == nil || *n.IsActive,
		Attributes: n.Attributes, Password: secret.Unusable(),
	}
	if u.Path == "" {
		u.Path = idp.DefaultUserPath
	}
	if u.Type == "" {
		u.Type = idp.UserInternal
	}
	var faults idp.Faults
	checkUser(&faults, u)
	switch {
	case n.Password != nil && n.PasswordHash != nil:
		faults.Add("password_hash", "Give either a password or a hash of one.")
	case n.Password != nil:
		checkPassword(&faults, "password", *n.Password)
	case n.PasswordHash != nil:
		checkHash(&faults, *n.PasswordHash)
		u.Password = *n.PasswordHash
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	if n.Password != nil {
		var err error
		if u.Password, err = s.hasher.Hash(ctx, *n.Password); err != nil {
			return nil, err
		}
	}
	if n.Password != nil || n.PasswordHash != nil {
		now, err := s.store.Now(ctx)
		if err != nil {
			return nil, fmt.Errorf("asking for the time: %w", err)
		}
		u.PasswordChangedAt = &now
	}
	return u, nil
}

func checkUser(faults *idp.Faults, u *idp.User) {
	faults.Line("username", u.Username, maxUsername, false)
	faults.Line("name", u.Name, maxName, true)
	checkEmail(faults, u.Email)
	checkPath(faults, u.Path)
	idp.Choice(faults, "type", u.Type, idp.UserTypes())
	faults.Attributes("attributes", u.Attributes)
}

// setGroups replaces the direct memberships of a user.
func setGroups(ctx context.Context, tx idp.Repos, id idp.UserID, groups []idp.GroupID) error {
	if err := knownGroups(ctx, tx, "groups", groups); err != nil {
		return err
	}
	return tx.Groups.SetGroups(ctx, id, groups)
}

// permitted judges the actor with what is true now.
func (s *Service) permitted(ctx context.Context, tx idp.Repos, actor idp.Actor, verb idp.Verb, on idp.Object) (idp.Actor, error) {
	now, err := actor.Renew(ctx, tx, s.access)
	if err != nil {
		return actor, err
	}
	return now, s.access.Check(now, verb, on)
}

// Delete ends everything the account holds and deletes it; lockdown records and
// events stay. Errors: CodeForbidden; CodeNotFound; CodeInvalid for the
// anonymous user and the last administrator; CodeStepUp (idp.Access.Fresh).
func (s *Service) Delete(ctx context.Context, actor idp.Actor, id idp.UserID) error {
	if err := s.access.Check(actor, idp.VerbDelete, administer); err != nil {
		return err
	}
	if err := s.access.Fresh(actor); err != nil {
		return err
	}
	err := s.remove(ctx, id, func(tx idp.Repos, u *idp.User) (idp.Actor, error) {
		now, err := s.permitted(ctx, tx, actor, idp.VerbDelete, administer)
		if err != nil {
			return now, err
		}
		if err := s.access.Covers(now, idp.RightsOf(u)); err != nil {
			return now, err
		}
		return now, s.access.Fresh(now)
	})
	if err != nil {
		return fmt.Errorf("deleting user %d: %w", id, err)
	}
	return nil
}

// remove deletes an account after everything it holds has ended. permit judges
// the actor, with the account held.
func (s *Service) remove(ctx context.Context, id idp.UserID, permit func(idp.Repos, *idp.User) (idp.Actor, error)) error {
	return s.store.InTx(ctx, func(tx idp.Repos) error {
		// Before the row, in the order of every act that may shut out an
		// administrator.
		if _, err := tx.Users.HoldAdministrators(ctx); err != nil {
			return err
		}
		u, err := tx.Users.Hold(ctx, id)
		if err != nil {
			return err
		}
		now, err := permit(tx, u)
		if err != nil {
			return err
		}
		if u.IsAnonymous() {
			return idp.Invalid("", "The anonymous user cannot be deleted.")
		}
		u.SessionsEnded = idp.EndedByDeletion
		ended, err := s.closer.CloseIn(ctx, tx, u, idp.AllSwitches())
		if err != nil {
			return err
		}
		if err := tx.Users.Delete(ctx, id); err != nil {
			return err
		}
		if err := idp.TellEnded(ctx, tx, app, now, u, ended.Sessions); err != nil {
			return err
		}
		facts := userFacts(u)
		facts["ended"] = ended
		return tx.Events.Append(ctx, idp.ModelDeletedEvent(app, now, u, facts))
	})
}

// userFacts shows a user inside an event about the row.
func userFacts(u *idp.User) map[string]any {
	return map[string]any{"model": map[string]any{
		"app": app, "model_name": "user", "pk": int(u.ID), "name": u.Username}}
}

// refusalOf is the reason inside an error of MayAct.
func refusalOf(err error) idp.Refusal {
	var e *idp.Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return idp.RefusedUnknown
}

// errorText is the message of an *idp.Error, for use inside another one.
func errorText(err error) string {
	var e *idp.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return "This value is not valid."
}
