package oidc

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// Algorithm is what everything is signed with: the one that every client has to know
// (OpenID Connect Discovery 1.0, section 3; RFC 9068, section 2.1). One algorithm leaves
// nothing to confuse.
const Algorithm = string(jose.RS256)

// keyBits is the size of a key. It lasts three months.
const keyBits = 2048

// keyPurpose is what keys are sealed for.
const keyPurpose = "signing key "

// ring holds the signing keys in memory. It may be used by many at once.
type ring struct {
	store  idp.Store
	sealer *secret.Sealer

	mu     sync.Mutex
	keys   []signingKey
	clock  time.Time // the database's, when the keys were read
	readAt time.Time // this machine's, when that began
}

// signingKey is a key as it is used.
type signingKey struct {
	idp.SigningKey
	public  crypto.PublicKey
	private *rsa.PrivateKey // nil = sealed with a secret that this server does not have
}

// read returns the keys as they were in the database at a moment or later, and the
// database's clock. All who wait for one reading get the same, so strangers who ask for
// keys cause one at a time.
func (r *ring) read(ctx context.Context, since time.Time) ([]signingKey, time.Time, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.readAt.After(since) {
		return r.keys, r.clock.Add(time.Since(r.readAt)), nil
	}
	began := time.Now()
	clock, err := r.store.Now(ctx)
	if err != nil {
		return nil, clock, fmt.Errorf("asking for the time: %w", err)
	}
	rows, err := r.store.Repos().SigningKeys.All(ctx)
	if err != nil {
		return nil, clock, err
	}
	known := map[string]signingKey{}
	for _, k := range r.keys {
		known[k.ID] = k
	}
	keys := make([]signingKey, 0, len(rows))
	for _, row := range rows {
		k, ok := known[row.ID]
		if !ok {
			if k, err = r.open(row); err != nil {
				return nil, clock, err
			}
		}
		k.SigningKey = row
		keys = append(keys, k)
	}
	r.keys, r.clock, r.readAt = keys, clock, began
	return keys, clock, nil
}

// open makes a key of its row. One that was sealed with another secret still verifies.
func (r *ring) open(row idp.SigningKey) (signingKey, error) {
	k := signingKey{SigningKey: row}
	public, err := x509.ParsePKIXPublicKey(row.Public)
	if err != nil {
		return k, fmt.Errorf("reading signing key %s: %w", row.ID, err)
	}
	k.public = public
	plain, err := r.sealer.OpenText(keyPurpose+row.ID, row.Private)
	if errors.Is(err, secret.ErrOtherSecret) {
		return k, nil
	}
	if err != nil {
		return k, fmt.Errorf("opening signing key %s: %w", row.ID, err)
	}
	private, err := x509.ParsePKCS8PrivateKey([]byte(plain))
	if err != nil {
		return k, fmt.Errorf("reading signing key %s: %w", row.ID, err)
	}
	k.private, _ = private.(*rsa.PrivateKey)
	return k, nil
}

// present is read as of now: a key that was revoked is gone from every server at once.
func (r *ring) present(ctx context.Context) ([]signingKey, time.Time, error) {
	return r.read(ctx, time.Now())
}

// signer is the key that signs now: the newest of those whose time has come.
func signer(keys []signingKey, now time.Time) *signingKey {
	var found *signingKey
	for i := range keys {
		k := &keys[i]
		if k.private != nil && k.RetiredAt == nil && !k.SignsFrom.After(now) && (found == nil || !k.SignsFrom.Before(found.SignsFrom)) {
			found = k
		}
	}
	return found
}

// signing returns the key that signs now, and makes the first one.
func (r *ring) signing(ctx context.Context) (*signingKey, error) {
	keys, now, err := r.present(ctx)
	asked := time.Now()
	if err != nil {
		return nil, err
	}
	if k := signer(keys, now); k != nil {
		return k, nil
	}
	fresh, err := r.draw() // takes long: not while others wait
	if err != nil {
		return nil, err
	}
	err = r.store.InTx(ctx, func(tx idp.Repos) error {
		if err := tx.SigningKeys.Hold(ctx); err != nil {
			return err
		}
		rows, err := tx.SigningKeys.All(ctx)
		if err != nil {
			return err
		}
		by := now.Add(time.Since(asked) + time.Second)
		for _, row := range rows {
			if k, err := r.open(row); err != nil || k.private != nil && k.RetiredAt == nil && !k.SignsFrom.After(by) {
				return err // somebody else was quicker
			}
		}
		row := fresh.SigningKey
		return tx.SigningKeys.Create(ctx, &row, 0) // nobody remembers a set without it
	})
	if err != nil {
		return nil, fmt.Errorf("making the first signing key: %w", err)
	}
	keys, now, err = r.present(ctx)
	if err != nil {
		return nil, err
	}
	if k := signer(keys, now); k != nil {
		return k, nil
	}
	return nil, errors.New("there is no key to sign with")
}

// draw makes a new key, sealed.
func (r *ring) draw() (*signingKey, error) {
	private, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, fmt.Errorf("making a signing key: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("making a signing key: %w", err)
	}
	plain, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("making a signing key: %w", err)
	}
	id := keyID(sha256.Sum256(public))
	return &signingKey{public: &private.PublicKey, private: private, SigningKey: idp.SigningKey{ID: id, Algorithm: Algorithm,
		Private: r.sealer.SealText(keyPurpose+id, string(plain)), Public: public}}, nil
}

// keyID is 16 bytes of a key's digest: the first ones that do not begin like an option,
// so that commands take every ID.
func keyID(sum [sha256.Size]byte) (id string) {
	for i := range len(sum) - 15 {
		if id = base64.RawURLEncoding.EncodeToString(sum[i : i+16]); id[0] != '-' {
			break
		}
	}
	return id
}

// find returns a key by its ID; nil = there is none, or none any more.
func (r *ring) find(ctx context.Context, id string) (*signingKey, error) {
	keys, _, err := r.present(ctx)
	if err != nil {
		return nil, err
	}
	for i := range keys {
		if keys[i].ID == id {
			return &keys[i], nil
		}
	}
	return nil, nil
}

// Keys returns the published keys (RFC 7517): those that sign, those that are about to,
// and those whose signatures may still be in use.
func (s *Service) Keys(ctx context.Context) (*jose.JSONWebKeySet, error) {
	keys, _, err := s.ring.present(ctx)
	if err == nil && len(keys) == 0 {
		if _, err = s.ring.signing(ctx); err == nil {
			keys, _, err = s.ring.present(ctx)
		}
	}
	if err != nil {
		return nil, err
	}
	set := &jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, k := range keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.public, KeyID: k.ID, Algorithm: k.Algorithm, Use: "sig"})
	}
	return set, nil
}
