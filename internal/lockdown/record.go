package lockdown

import (
	"context"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Get returns one record. Errors: CodeForbidden, CodeNotFound.
func (s *Service) Get(ctx context.Context, actor idp.Actor, id idp.LockdownID) (*idp.Lockdown, error) {
	if err := s.access.Check(actor, idp.VerbRead, idp.Object{Resource: idp.ResourceLockdown}); err != nil {
		return nil, err
	}
	return s.store.Repos().Lockdowns.Get(ctx, id)
}

// Find lists records, newest first. Errors: CodeForbidden.
func (s *Service) Find(ctx context.Context, actor idp.Actor, filter idp.LockdownFilter) (idp.Page[idp.Lockdown], error) {
	if err := s.access.Check(actor, idp.VerbList, idp.Object{Resource: idp.ResourceLockdown}); err != nil {
		return idp.Page[idp.Lockdown]{}, err
	}
	return s.store.Repos().Lockdowns.Find(ctx, filter)
}
