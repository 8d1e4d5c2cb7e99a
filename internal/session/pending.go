package session

import (
	"context"
	"errors"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

var errPending = errors.New("not written yet")

// Start begins a session and returns it with the cookie's value.
func (s *Service) Start(ctx context.Context, actor idp.Actor, b Begin) (*idp.Session, string, error) {
	return nil, "", errPending
}

// Visit returns the session of a cookie and its user.
func (s *Service) Visit(ctx context.Context, cookie string) (*idp.Session, *idp.User, error) {
	return nil, nil, errPending
}

// End ends one session.
func (s *Service) End(ctx context.Context, actor idp.Actor, id idp.SessionID, reason string) error {
	return errPending
}

// EndOthers ends every session of the user but the actor's own.
func (s *Service) EndOthers(ctx context.Context, actor idp.Actor, user idp.UserID) (int, error) {
	return 0, errPending
}

// EndAll ends every session of the user.
func (s *Service) EndAll(ctx context.Context, actor idp.Actor, user idp.UserID) (int, error) {
	return 0, errPending
}

// Get returns one session.
func (s *Service) Get(ctx context.Context, actor idp.Actor, id idp.SessionID) (*idp.Session, error) {
	return nil, errPending
}

// Find lists sessions.
func (s *Service) Find(ctx context.Context, actor idp.Actor, filter idp.SessionFilter) (idp.Page[idp.Session], error) {
	return idp.Page[idp.Session]{}, errPending
}
