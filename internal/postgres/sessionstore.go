package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// SessionDigest is how a session cookie's value is stored: its SHA-256. The
// session manager, told to hash tokens itself (HashTokenInStore), hands its
// store the same 32 bytes in unpadded URL-safe base64.
func SessionDigest(cookieValue string) []byte {
	sum := sha256.Sum256([]byte(cookieValue))
	return sum[:]
}

// SessionStore keeps the session manager's data in the sessions table. It has
// the methods of scs's CtxStore and needs HashTokenInStore.
//
// It never makes a row: sessions begin in the sign-in transaction
// (idp.Sessions.Create) and nowhere else, and it never writes to one that has
// ended, so neither a forged cookie nor a request in flight brings one to life.
type SessionStore struct {
	db    *DB
	blank func(deadline time.Time, values map[string]any) ([]byte, error)
}

// NewSessionStore returns the store. blank encodes the data of a session that
// has none yet, as just after the sign-in: the session manager's own codec.
func (db *DB) NewSessionStore(blank func(deadline time.Time, values map[string]any) ([]byte, error)) *SessionStore {
	return &SessionStore{db: db, blank: blank}
}

// FindCtx returns the data of a live session; found is false otherwise.
func (s *SessionStore) FindCtx(ctx context.Context, token string) (data []byte, found bool, err error) {
	digest, ok := storedDigest(token)
	if !ok {
		return nil, false, nil
	}
	var expires time.Time
	err = s.db.pool.QueryRow(ctx, `SELECT s.data, s.expires_at FROM sessions s `+sessionUser+
		` WHERE s.digest = $1 AND `+sessionLive, digest).Scan(&data, &expires)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, false, nil
	case err != nil:
		return nil, false, wrap(err, "session", "loading the data of a session")
	case len(data) == 0:
		data, err = s.blank(expires, map[string]any{})
	}
	return data, err == nil, err
}

// CommitCtx keeps the data of a live session. Anything else is silently
// dropped; the expiry is decided at sign-in and not moved here.
func (s *SessionStore) CommitCtx(ctx context.Context, token string, data []byte, _ time.Time) error {
	digest, ok := storedDigest(token)
	if !ok {
		return nil
	}
	err := s.db.repos.Sessions.Save(ctx, digest, data)
	if idp.Is(err, idp.CodeNotFound) {
		return nil
	}
	return err
}

// DeleteCtx makes the session a tombstone.
func (s *SessionStore) DeleteCtx(ctx context.Context, token string) error {
	digest, ok := storedDigest(token)
	if !ok {
		return nil
	}
	_, err := exec(ctx, s.db.pool, "session", "ending a session", `
		UPDATE sessions SET ended_at = clock_timestamp(), end_reason = 'signed_out', data = ''
		 WHERE digest = $1 AND ended_at IS NULL`, digest)
	return err
}

// Find is FindCtx without a context.
func (s *SessionStore) Find(token string) (data []byte, found bool, err error) {
	return s.FindCtx(context.Background(), token)
}

// Commit is CommitCtx without a context.
func (s *SessionStore) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expiry)
}

// Delete is DeleteCtx without a context.
func (s *SessionStore) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }

// storedDigest reads the session manager's form of the digest.
func storedDigest(token string) ([]byte, bool) {
	digest, err := base64.RawURLEncoding.DecodeString(token)
	return digest, err == nil && len(digest) == sha256.Size
}
