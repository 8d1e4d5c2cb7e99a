package session

import (
	"context"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// Visit returns the session of a cookie's value and its user. The error is
// CodeRefused, whose Reason says why, when there is none or it may not act. The user
// has the groups that the session has for a while, as far as no lock takes them.
func (s *Service) Visit(ctx context.Context, cookie string) (*idp.Session, *idp.User, error) {
	if cookie == "" {
		return nil, nil, idp.Refuse(idp.DoorSession, idp.RefusedUnknown)
	}
	d := digest(secret.DigestOf(cookie).Bytes())
	var found *idp.Session
	var u *idp.User
	var credential idp.Credential
	err := idp.Steady(ctx, s.access, func() (*idp.User, idp.Credential, error) {
		var err error
		found, u, err = s.visit(ctx, d)
		if idp.Is(err, idp.CodeNotFound) {
			return nil, credential, idp.Refuse(idp.DoorSession, idp.RefusedUnknown)
		}
		if err != nil {
			return nil, credential, err
		}
		credential = found.Credential()
		return u, credential, s.access.Admit(ctx, idp.DoorSession, u, credential)
	})
	if err != nil {
		return nil, nil, err
	}
	return found, idp.Elevate(ctx, s.access, u, found, credential), nil
}

// Recall returns a session by the digest of its cookie's value, and its user, as they
// are: whoever asks judges them at a door of their own. The error is CodeNotFound when
// there is none.
func (s *Service) Recall(ctx context.Context, d [32]byte) (*idp.Session, *idp.User, error) {
	return s.visit(ctx, d)
}

func (s *Service) visit(ctx context.Context, d digest) (*idp.Session, *idp.User, error) {
	if s.view != nil {
		return s.view.visit(ctx, d)
	}
	return s.store.Repos().Sessions.Visit(ctx, d[:])
}

// Get returns one session. A session that the actor may not see is
// CodeNotFound.
func (s *Service) Get(ctx context.Context, actor idp.Actor, id idp.SessionID) (*idp.Session, error) {
	return s.visible(ctx, s.store.Repos(), actor, idp.VerbRead, id)
}

func (s *Service) visible(ctx context.Context, repos idp.Repos, actor idp.Actor, verb idp.Verb, id idp.SessionID) (*idp.Session, error) {
	found, err := repos.Sessions.Get(ctx, id)
	if err != nil {
		if unsigned := s.access.Check(actor, verb, idp.Object{Resource: idp.ResourceSession}); idp.Is(unsigned, idp.CodeUnsigned) {
			return nil, unsigned
		}
		return nil, err
	}
	err = s.access.Check(actor, verb, idp.Of(idp.ResourceSession, found.UserID))
	if idp.Is(err, idp.CodeForbidden) {
		return nil, idp.NotFound("session")
	}
	if err != nil {
		return nil, err
	}
	return found, nil
}

// Find lists sessions. Who may not see everybody's sees their own: asking for
// another user's is CodeForbidden.
func (s *Service) Find(ctx context.Context, actor idp.Actor, filter idp.SessionFilter) (idp.Page[idp.Session], error) {
	err := s.access.Check(actor, idp.VerbList, idp.Object{Resource: idp.ResourceSession})
	if idp.Is(err, idp.CodeForbidden) {
		if filter.UserID == nil {
			own := actor.User.ID
			filter.UserID = &own
		}
		err = s.access.Check(actor, idp.VerbList, idp.Of(idp.ResourceSession, *filter.UserID))
	}
	if err != nil {
		return idp.Page[idp.Session]{}, err
	}
	return s.store.Repos().Sessions.Find(ctx, filter)
}
