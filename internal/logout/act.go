package logout

import (
	"context"
	"fmt"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Who may read lockdowns may read what applications were told, and who may make them
// may have it told again: it takes nothing from anybody.
func (s *Service) may(actor idp.Actor, verb idp.Verb) error {
	return s.Access.Check(actor, verb, idp.Object{Resource: idp.ResourceLockdown})
}

// Get returns one notice. Errors: CodeForbidden, CodeNotFound.
func (s *Service) Get(ctx context.Context, actor idp.Actor, id idp.LogoutNoticeID) (*idp.LogoutNotice, error) {
	if err := s.may(actor, idp.VerbRead); err != nil {
		return nil, err
	}
	return s.Store.Repos().LogoutNotices.Get(ctx, id)
}

// Find lists notices, newest first. Errors: CodeForbidden.
func (s *Service) Find(ctx context.Context, actor idp.Actor, filter idp.LogoutNoticeFilter) (idp.Page[idp.LogoutNotice], error) {
	if err := s.may(actor, idp.VerbList); err != nil {
		return idp.Page[idp.LogoutNotice]{}, err
	}
	return s.Store.Repos().LogoutNotices.Find(ctx, filter)
}

// Again has a notice that is over told once more. Errors: CodeForbidden; CodeNotFound;
// CodeConflict when it waits, or when there is nobody to tell.
func (s *Service) Again(ctx context.Context, actor idp.Actor, id idp.LogoutNoticeID) (*idp.LogoutNotice, error) {
	if err := s.may(actor, idp.VerbCreate); err != nil {
		return nil, err
	}
	var again *idp.LogoutNotice
	err := s.Store.InTx(ctx, func(tx idp.Repos) error {
		now, err := actor.Renew(ctx, tx, s.Access)
		if err != nil {
			return err
		}
		if err := s.may(now, idp.VerbCreate); err != nil {
			return err
		}
		done, err := tx.LogoutNotices.Again(ctx, id)
		if err != nil {
			return err
		}
		if again, err = tx.LogoutNotices.Get(ctx, id); err != nil {
			return err
		}
		if !done {
			return refusal(again)
		}
		context := facts(again)
		context["action_id"] = ActionAgain
		return tx.Events.Append(ctx, idp.ModelUpdatedEvent(App, now, nil, context))
	})
	if err != nil {
		return nil, fmt.Errorf("telling an application again: %w", err)
	}
	s.Wake()
	return again, nil
}

func refusal(n *idp.LogoutNotice) error {
	if n.State == idp.NoticeNoAddress {
		return &idp.Error{Code: idp.CodeConflict, Message: "The application has no address at which it could be told."}
	}
	return &idp.Error{Code: idp.CodeConflict, Message: "The application is being told already."}
}
