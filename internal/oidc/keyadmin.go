package oidc

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// What events about signing keys tell, by context.action_id: a new one, and one that is
// worth nothing any more.
const (
	ActionKeysRotated = "signing_key_rotated"
	ActionKeyRevoked  = "signing_key_revoked"
)

// KeyState is what a signing key is good for.
type KeyState string

// The states.
const (
	KeySigns   KeyState = "signing"  // what is signed now, is signed with it
	KeyNext    KeyState = "upcoming" // published, to sign later
	KeyRetired KeyState = "retired"  // replaced; what it signed still counts
	KeySealed  KeyState = "sealed"   // signs on servers with another secret, if on any
)

// KeyInfo is a signing key without its secret.
type KeyInfo struct {
	ID        string
	Algorithm string
	State     KeyState // as this server sees it
	CreatedAt time.Time
	SignsFrom time.Time
	RetiredAt *time.Time
}

// Residue is what revoking a key leaves behind, for whoever does it to read.
const Residue = "Nothing that it signed counts here any more, and no server publishes it. " +
	"Applications that have read the keys before may honour what it signed until they read them again: " +
	"they are told to after five minutes, and some do when they are restarted."

// ListKeys returns the signing keys, oldest first.
func (s *Service) ListKeys(ctx context.Context, actor idp.Actor) ([]KeyInfo, error) {
	if err := s.Access.Check(actor, idp.VerbRead, idp.Object{Resource: idp.ResourceSystem}); err != nil {
		return nil, err
	}
	keys, now, err := s.ring.present(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]KeyInfo, len(keys))
	present := signer(keys, now)
	for i, k := range keys {
		out[i] = KeyInfo{ID: k.ID, Algorithm: k.Algorithm, CreatedAt: k.CreatedAt, SignsFrom: k.SignsFrom, RetiredAt: k.RetiredAt, State: k.state(present, now)}
	}
	return out, nil
}

func (k *signingKey) state(present *signingKey, now time.Time) KeyState {
	switch {
	case k.RetiredAt != nil:
		return KeyRetired
	case present != nil && present.ID == k.ID:
		return KeySigns
	case k.private == nil:
		return KeySealed
	case k.SignsFrom.After(now):
		return KeyNext
	}
	return KeyRetired // a newer one signs; TendKeys will write it down
}

// RotateKeys makes the next key whatever the age of the present one, which goes on
// signing until the new one has been published long enough, and returns it.
func (s *Service) RotateKeys(ctx context.Context, actor idp.Actor) (*KeyInfo, error) {
	fresh, err := s.changeKeys(ctx, actor, "rotating the signing key", func(tx idp.Repos, now idp.Actor, fresh *signingKey, _ time.Time) error {
		return s.addKey(ctx, tx, now, fresh, keyLead)
	})
	if err != nil {
		return nil, err
	}
	return s.shown(ctx, actor, fresh.ID)
}

// RevokeKey takes a key that somebody else may have out of use at once: what it signed
// does not count here any more, no server publishes it, and where it was signing, a new
// one signs instead, which is returned; nil = another one signs anyway. Residue says
// what that cannot reach.
func (s *Service) RevokeKey(ctx context.Context, actor idp.Actor, id string) (*KeyInfo, error) {
	replaced := false
	fresh, err := s.changeKeys(ctx, actor, "revoking signing key "+id, func(tx idp.Repos, now idp.Actor, fresh *signingKey, clock time.Time) error {
		held, err := s.ring.held(ctx, tx)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(held, func(k signingKey) bool { return k.ID == id })
		if i < 0 {
			return idp.NotFound("signing key")
		}
		gone := held[i]
		if err := tx.SigningKeys.Delete(ctx, id); err != nil {
			return err
		}
		facts := map[string]any{"action_id": ActionKeyRevoked, "model": keyFacts(id), "residual_exposure": Residue,
			"message": "Signing key " + id + " was revoked: whatever it signed counts no more."}
		// No overlap: who verifies finds the new key when they look for what it signed.
		if signer(slices.Delete(held, i, i+1), clock) == nil && gone.RetiredAt == nil {
			replaced = true
			facts["replaced_by"] = fresh.ID
			if err := s.addKey(ctx, tx, now, fresh, 0); err != nil {
				return err
			}
		}
		return tx.Events.Append(ctx, idp.SecretRotateEvent(app, now, nil, facts))
	})
	if err != nil || !replaced {
		return nil, err
	}
	return s.shown(ctx, actor, fresh.ID)
}

// changeKeys runs an act with the keys held, for whoever may change them and has proved
// lately who they are. The new key is made before, where nobody waits for it.
func (s *Service) changeKeys(ctx context.Context, actor idp.Actor, what string, act func(idp.Repos, idp.Actor, *signingKey, time.Time) error) (*signingKey, error) {
	allowed := func(a idp.Actor) error {
		if err := s.Access.Check(a, idp.VerbUpdate, idp.Object{Resource: idp.ResourceSystem}); err != nil {
			return err
		}
		return s.Access.Fresh(a)
	}
	if err := allowed(actor); err != nil {
		return nil, err
	}
	_, clock, err := s.ring.present(ctx)
	if err != nil {
		return nil, err
	}
	asked := time.Now()
	fresh, err := s.ring.draw()
	if err != nil {
		return nil, err
	}
	err = s.Store.InTx(ctx, func(tx idp.Repos) error {
		if err := tx.SigningKeys.Hold(ctx); err != nil {
			return err
		}
		now, err := actor.Renew(ctx, tx, s.Access)
		if err != nil {
			return err
		}
		if err := allowed(now); err != nil {
			return err
		}
		return act(tx, now, fresh, clock.Add(time.Since(asked)))
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return fresh, nil
}

// held are the keys as they are in a transaction.
func (r *ring) held(ctx context.Context, tx idp.Repos) ([]signingKey, error) {
	rows, err := tx.SigningKeys.All(ctx)
	if err != nil {
		return nil, err
	}
	held := make([]signingKey, 0, len(rows))
	for _, row := range rows {
		k, err := r.open(row)
		if err != nil {
			return nil, err
		}
		held = append(held, k)
	}
	return held, nil
}

// addKey keeps a new key, which signs after a while, with its event.
func (s *Service) addKey(ctx context.Context, tx idp.Repos, actor idp.Actor, fresh *signingKey, signsIn time.Duration) error {
	row := fresh.SigningKey
	if err := tx.SigningKeys.Create(ctx, &row, signsIn); err != nil {
		return err
	}
	return tx.Events.Append(ctx, idp.SecretRotateEvent(app, actor, nil, map[string]any{"action_id": ActionKeysRotated,
		"model": keyFacts(row.ID), "signs_from": row.SignsFrom.UTC().Format(time.RFC3339)}))
}

func keyFacts(id string) map[string]any {
	return map[string]any{"app": app, "model_name": "signingkey", "pk": id, "name": id}
}

// shown is a key as ListKeys has it.
func (s *Service) shown(ctx context.Context, actor idp.Actor, id string) (*KeyInfo, error) {
	keys, err := s.ListKeys(ctx, actor)
	if err != nil {
		return nil, err
	}
	for i := range keys {
		if keys[i].ID == id {
			return &keys[i], nil
		}
	}
	return nil, idp.NotFound("signing key")
}
