package lockdown

import (
	"context"
	"errors"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

var errPending = errors.New("not written yet")

// Preview tells what a containment of the users would end, and for whom it would be refused.
func (s *Service) Preview(ctx context.Context, actor idp.Actor, users []idp.UserID) ([]Target, error) {
	return nil, errPending
}

// Check judges a request before anything is planned or changed.
func (s *Service) Check(ctx context.Context, actor idp.Actor, users []idp.UserID) error {
	return errPending
}

// Contain locks the accounts down.
func (s *Service) Contain(ctx context.Context, actor idp.Actor, req Request) ([]Result, error) {
	return nil, errPending
}

// Activate switches the account on.
func (s *Service) Activate(ctx context.Context, actor idp.Actor, id idp.UserID) error {
	return errPending
}

// Deactivate switches the account off.
func (s *Service) Deactivate(ctx context.Context, actor idp.Actor, id idp.UserID) error {
	return errPending
}

// CloseIn applies the switches to a held user.
func (s *Service) CloseIn(ctx context.Context, tx idp.Repos, u *idp.User, sw idp.Switches) (idp.Holdings, error) {
	return idp.Holdings{}, errPending
}

// ReopenIn switches a held user on.
func (s *Service) ReopenIn(ctx context.Context, tx idp.Repos, actor idp.Actor, u *idp.User) error {
	return errPending
}

// Get returns a lockdown record.
func (s *Service) Get(ctx context.Context, actor idp.Actor, id idp.LockdownID) (*idp.Lockdown, error) {
	return nil, errPending
}

// Find lists lockdown records.
func (s *Service) Find(ctx context.Context, actor idp.Actor, filter idp.LockdownFilter) (idp.Page[idp.Lockdown], error) {
	return idp.Page[idp.Lockdown]{}, errPending
}
