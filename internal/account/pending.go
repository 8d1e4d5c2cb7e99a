package account

import (
	"context"
	"errors"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

var errPending = errors.New("not written yet")

// Create makes an account.
func (s *Service) Create(ctx context.Context, actor idp.Actor, n NewUser) (*idp.User, error) {
	return nil, errPending
}

// Update changes an account.
func (s *Service) Update(ctx context.Context, actor idp.Actor, id idp.UserID, p Patch) (*idp.User, error) {
	return nil, errPending
}

// Delete ends everything the account holds and deletes it.
func (s *Service) Delete(ctx context.Context, actor idp.Actor, id idp.UserID) error {
	return errPending
}

// SetPassword sets a new password.
func (s *Service) SetPassword(ctx context.Context, actor idp.Actor, id idp.UserID, password string) error {
	return errPending
}

// Get returns an account.
func (s *Service) Get(ctx context.Context, actor idp.Actor, id idp.UserID) (*idp.User, error) {
	return nil, errPending
}

// Find lists accounts.
func (s *Service) Find(ctx context.Context, actor idp.Actor, filter idp.UserFilter) (idp.Page[idp.User], error) {
	return idp.Page[idp.User]{}, errPending
}

// Authenticate reports whether the password is the user's.
func (s *Service) Authenticate(ctx context.Context, actor idp.Actor, user *idp.User, password string) (bool, error) {
	return false, errPending
}

// CreateGroup makes a group.
func (s *Service) CreateGroup(ctx context.Context, actor idp.Actor, n NewGroup) (*idp.Group, error) {
	return nil, errPending
}

// UpdateGroup changes a group.
func (s *Service) UpdateGroup(ctx context.Context, actor idp.Actor, id idp.GroupID, p GroupPatch) (*idp.Group, error) {
	return nil, errPending
}

// DeleteGroup deletes a group.
func (s *Service) DeleteGroup(ctx context.Context, actor idp.Actor, id idp.GroupID) error {
	return errPending
}

// AddMember puts a user into a group.
func (s *Service) AddMember(ctx context.Context, actor idp.Actor, group idp.GroupID, user idp.UserID) error {
	return errPending
}

// RemoveMember takes a user out of a group.
func (s *Service) RemoveMember(ctx context.Context, actor idp.Actor, group idp.GroupID, user idp.UserID) error {
	return errPending
}

// SetMembers replaces the direct members of a group.
func (s *Service) SetMembers(ctx context.Context, actor idp.Actor, group idp.GroupID, users []idp.UserID) error {
	return errPending
}

// GetGroup returns a group.
func (s *Service) GetGroup(ctx context.Context, actor idp.Actor, id idp.GroupID) (*idp.Group, error) {
	return nil, errPending
}

// FindGroups lists groups.
func (s *Service) FindGroups(ctx context.Context, actor idp.Actor, filter idp.GroupFilter) (idp.Page[idp.Group], error) {
	return idp.Page[idp.Group]{}, errPending
}

// Members lists the direct members of a group.
func (s *Service) Members(ctx context.Context, actor idp.Actor, group idp.GroupID, p idp.Paging) (idp.Page[idp.User], error) {
	return idp.Page[idp.User]{}, errPending
}

// EnsureAdministrator makes the first administrator on an empty installation.
func (s *Service) EnsureAdministrator(ctx context.Context, b Bootstrap) error { return errPending }

// SetupLink makes a fresh link with which the first administrator sets a password.
func (s *Service) SetupLink(ctx context.Context, base string) (string, error) { return "", errPending }
