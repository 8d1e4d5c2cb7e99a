package factor

import (
	"context"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// RemoveIn is Remove in a transaction of the caller's.
func (s *Service) RemoveIn(ctx context.Context, tx idp.Repos, actor idp.Actor, id idp.FactorID) error {
	in := *s
	in.store = joined{s.store, tx}
	return in.Remove(ctx, actor, id)
}

// joined does in a transaction that there is what would have one of its own.
type joined struct {
	idp.Store
	tx idp.Repos
}

// InTx implements idp.Store.
func (j joined) InTx(_ context.Context, fn func(tx idp.Repos) error) error { return fn(j.tx) }
