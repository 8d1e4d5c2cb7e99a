package oidc

import (
	"context"
	"fmt"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Keys sign for keyAge and are published for keyLead before they do, which is many
// times what clients are told to remember the set for. What they signed is over long
// before keyKept, which is how long they stay published afterwards: a day at most for
// tokens, and who signs out may bring an older one as a hint.
const (
	keyAge  = 90 * 24 * time.Hour
	keyLead = 24 * time.Hour
	keyKept = 30 * 24 * time.Hour
)

// TendKeys replaces the signing key when its time has come, retires those that were
// replaced, and deletes those that nothing needs any more. It may run on any number of
// servers at once.
func (s *Service) TendKeys(ctx context.Context) error {
	keys, now, err := s.ring.present(ctx)
	if err != nil {
		return err
	}
	if len(keys) == 0 {
		return nil // nobody has needed one yet
	}
	var fresh *signingKey
	if due(keys, now) {
		if fresh, err = s.ring.draw(); err != nil {
			return err
		}
	}
	err = s.Store.InTx(ctx, func(tx idp.Repos) error {
		if err := tx.SigningKeys.Hold(ctx); err != nil {
			return err
		}
		held, err := s.ring.held(ctx, tx)
		if err != nil {
			return err
		}
		if err := settleKeys(ctx, tx, held, now); err != nil {
			return err
		}
		if fresh == nil || !due(held, now) {
			return nil // another server was quicker
		}
		return s.addKey(ctx, tx, idp.SystemActor(), fresh, keyLead)
	})
	if err != nil {
		return fmt.Errorf("tending the signing keys: %w", err)
	}
	return nil
}

// due reports whether it is time to publish the next key.
func due(keys []signingKey, now time.Time) bool {
	var newest time.Time
	for _, k := range keys {
		if k.private != nil && k.RetiredAt == nil && k.SignsFrom.After(newest) {
			newest = k.SignsFrom
		}
	}
	return now.After(newest.Add(keyAge - keyLead))
}

// settleKeys retires the keys that a newer one has replaced, and deletes what was
// retired long ago.
func settleKeys(ctx context.Context, tx idp.Repos, keys []signingKey, now time.Time) error {
	present := signer(keys, now)
	for i := range keys {
		k := &keys[i]
		var err error
		switch {
		case k.RetiredAt != nil && k.RetiredAt.Add(keyKept).Before(now):
			err = tx.SigningKeys.Delete(ctx, k.ID)
		case k.RetiredAt == nil && k.private != nil && present != nil && k.ID != present.ID && k.SignsFrom.Before(present.SignsFrom),
			// Nobody has the secret of a key that is older than any key signs.
			k.RetiredAt == nil && k.SignsFrom.Add(2*keyAge).Before(now):
			err = tx.SigningKeys.Retire(ctx, k.ID)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// How long what is over is kept: tokens and grants so that who asks what happened finds
// them, requests so that a code that comes twice is known.
const (
	grantsKept   = 7 * 24 * time.Hour
	requestsKept = 24 * time.Hour
	purgeBatch   = 1000
)

// Purge deletes grants, tokens and requests that are of no use any more, in small
// batches.
func (s *Service) Purge(ctx context.Context) error {
	repos := s.Store.Repos()
	for _, some := range []func() (int, error){
		func() (int, error) { return repos.OAuthGrants.Purge(ctx, grantsKept, purgeBatch) },
		func() (int, error) { return repos.OAuthRequests.Purge(ctx, requestsKept, purgeBatch) },
	} {
		for {
			n, err := some()
			if err != nil {
				return fmt.Errorf("purging what was granted: %w", err)
			}
			if n == 0 {
				break
			}
		}
	}
	return nil
}
