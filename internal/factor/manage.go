package factor

import (
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// maxName is the longest name of a factor, in characters.
const maxName = 64

// most is how many factors an account has at most.
const most = 32

// Of returns the factors of an account, the oldest first. Whoever may not list
// everybody's lists their own. Errors: CodeForbidden.
func (s *Service) Of(ctx context.Context, actor idp.Actor, user idp.UserID) ([]idp.Factor, error) {
	if err := s.access.Check(actor, idp.VerbList, idp.Of(idp.ResourceFactor, user)); err != nil {
		return nil, err
	}
	return s.store.Repos().Factors.Of(ctx, user)
}

// Find lists factors. Who may not see everybody's sees their own: asking for another
// account's is CodeForbidden.
func (s *Service) Find(ctx context.Context, actor idp.Actor, filter idp.FactorFilter) (idp.Page[idp.Factor], error) {
	err := s.access.Check(actor, idp.VerbList, idp.Object{Resource: idp.ResourceFactor})
	if idp.Is(err, idp.CodeForbidden) {
		if filter.UserID == nil {
			own := actor.User.ID
			filter.UserID = &own
		}
		err = s.access.Check(actor, idp.VerbList, idp.Of(idp.ResourceFactor, *filter.UserID))
	}
	if err != nil {
		return idp.Page[idp.Factor]{}, err
	}
	return s.store.Repos().Factors.Find(ctx, filter)
}

// Get returns a factor. One that the actor may not see is CodeNotFound.
func (s *Service) Get(ctx context.Context, actor idp.Actor, id idp.FactorID) (*idp.Factor, error) {
	found, err := s.store.Repos().Factors.Get(ctx, id)
	return s.visible(actor, idp.VerbRead, found, err)
}

// GetByNum returns a factor of the kind by the number that the API shows. One that the
// actor may not see is CodeNotFound.
func (s *Service) GetByNum(ctx context.Context, actor idp.Actor, kind idp.FactorKind, num int32) (*idp.Factor, error) {
	found, err := s.store.Repos().Factors.GetByNum(ctx, kind, num)
	return s.visible(actor, idp.VerbRead, found, err)
}

// visible judges what was found, so that nobody learns what there is who may not see it.
func (s *Service) visible(actor idp.Actor, verb idp.Verb, found *idp.Factor, err error) (*idp.Factor, error) {
	on := idp.Object{Resource: idp.ResourceFactor}
	if err == nil {
		on.Owner = &found.UserID
	}
	denied := s.access.Check(actor, verb, on)
	switch {
	case idp.Is(denied, idp.CodeUnsigned):
		return nil, denied
	case err != nil:
		return nil, err
	case idp.Is(denied, idp.CodeForbidden) && s.access.Check(actor, idp.VerbRead, on) != nil:
		return nil, idp.NotFound("second factor")
	case denied != nil:
		return nil, denied
	}
	return found, nil
}

// Rename gives a factor another name. Errors: CodeNotFound; CodeInvalid on name;
// CodeForbidden for another account that has rights the actor does not have.
func (s *Service) Rename(ctx context.Context, actor idp.Actor, id idp.FactorID, name string) error {
	name, err := judgeName(name)
	if err != nil {
		return err
	}
	err = s.change(ctx, actor, idp.VerbUpdate, id, func(tx idp.Repos, now idp.Actor, f *idp.Factor, u *idp.User) error {
		if f.Name == name {
			return nil
		}
		former := f.Name
		if err := tx.Factors.Rename(ctx, id, name); err != nil {
			return err
		}
		f.Name = name
		said := facts(ActionRenamed, f, u)
		said["former_name"] = former
		return tx.Events.Append(ctx, idp.ModelUpdatedEvent(app, now, u, said))
	})
	if err != nil {
		return fmt.Errorf("renaming second factor %s: %w", id, err)
	}
	return nil
}

// Remove takes a factor from its account. It ends nothing else: sessions that were
// begun with it go on. Errors: CodeNotFound; CodeForbidden as for Rename; CodeStepUp when
// its own owner has not proved lately who they are.
func (s *Service) Remove(ctx context.Context, actor idp.Actor, id idp.FactorID) error {
	err := s.change(ctx, actor, idp.VerbDelete, id, func(tx idp.Repos, now idp.Actor, f *idp.Factor, u *idp.User) error {
		if err := s.access.Fresh(now); err != nil {
			return err
		}
		if err := tx.Factors.Delete(ctx, id); err != nil {
			return err
		}
		return tx.Events.Append(ctx, idp.ModelDeletedEvent(app, now, u, facts(ActionRemoved, f, u)))
	})
	if err != nil {
		return fmt.Errorf("removing second factor %s: %w", id, err)
	}
	return nil
}

// change holds the account of a factor and judges the actor as they are now.
func (s *Service) change(ctx context.Context, actor idp.Actor, verb idp.Verb, id idp.FactorID,
	do func(tx idp.Repos, now idp.Actor, f *idp.Factor, u *idp.User) error) error {
	return s.store.InTx(ctx, func(tx idp.Repos) error {
		f, err := tx.Factors.Get(ctx, id)
		if f, err = s.visible(actor, verb, f, err); err != nil {
			return err
		}
		u, err := tx.Users.Hold(ctx, f.UserID)
		if err != nil {
			return err
		}
		now, err := actor.Renew(ctx, tx, s.access)
		if err != nil {
			return err
		}
		f, err = tx.Factors.Get(ctx, id) // as it is behind whoever held the account before
		if f, err = s.visible(now, verb, f, err); err != nil {
			return err
		}
		if !now.Is(u.ID) {
			if err := s.access.Covers(now, idp.RightsOf(u)); err != nil {
				return err
			}
		}
		return do(tx, now, f, u)
	})
}

// judgeName brings a name into form. The error is CodeInvalid on name.
func judgeName(name string) (string, error) {
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		return "", idp.Invalid("name", "This field may not be blank.")
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return "", idp.Invalid("name", "Control characters and invalid UTF-8 are not allowed.")
	case utf8.RuneCountInString(name) > maxName:
		return "", idp.Invalid("name", "Ensure this field has no more than %d characters.", maxName)
	}
	return name, nil
}
