package postgres

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

// open returns a database of the test's own.
func open(t testing.TB) *DB {
	t.Helper()
	return openURL(t, testkit.Database(t))
}

func openURL(t testing.TB, url string) *DB {
	t.Helper()
	db, err := Open(t.Context(), url, Options{MaxConns: 8})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	return db
}

// sql runs a statement as the server's role would.
func sql(t testing.TB, db *DB, statement string, args ...any) {
	t.Helper()
	_, err := db.pool.Exec(t.Context(), statement, args...)
	require.NoError(t, err)
}

// scalar reads one value.
func scalar[T any](t testing.TB, db *DB, statement string, args ...any) (v T) {
	t.Helper()
	require.NoError(t, db.pool.QueryRow(t.Context(), statement, args...).Scan(&v))
	return v
}

func addUser(t testing.TB, db *DB, username string) *idp.User {
	t.Helper()
	u := &idp.User{Username: username, Name: username, IsActive: true}
	require.NoError(t, db.Repos().Users.Create(t.Context(), u))
	return u
}

func addGroup(t testing.TB, db *DB, name string, superuser bool, parents ...idp.GroupID) *idp.Group {
	t.Helper()
	g := &idp.Group{Name: name, IsSuperuser: superuser, Parents: parents}
	require.NoError(t, db.Repos().Groups.Create(t.Context(), g))
	return g
}

var serial atomic.Int64

// digest is another one each time.
func digest() []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "secret %d", serial.Add(1)))
	return sum[:]
}

func addSession(t testing.TB, db *DB, u *idp.User, lifetime time.Duration) *idp.Session {
	t.Helper()
	s := &idp.Session{UserID: u.ID, Digest: digest(), Generation: u.SessionGeneration, AuthMethod: "password",
		ExpiresAt: time.Now().Add(lifetime)}
	require.NoError(t, db.Repos().Sessions.Create(t.Context(), s))
	return s
}

func addToken(t testing.TB, db *DB, u *idp.User, intent idp.TokenIntent) *idp.Token {
	t.Helper()
	k := &idp.Token{Identifier: fmt.Sprintf("token-%d", serial.Add(1)), Intent: intent, UserID: u.ID, Digest: digest(),
		Generation: u.TokenGeneration}
	require.NoError(t, db.Repos().Tokens.Create(t.Context(), k))
	return k
}

// raise ends everything a user holds, as a lockdown does.
func raise(t testing.TB, db *DB, id idp.UserID) {
	t.Helper()
	require.NoError(t, db.Lockdown(t.Context(), func(tx idp.Repos) error {
		u, err := tx.Users.Hold(t.Context(), id)
		if err != nil {
			return err
		}
		u.SessionGeneration++
		u.TokenGeneration++
		return tx.Users.Update(t.Context(), u)
	}))
}

// requireField asserts a CodeInvalid error that names the field.
func requireField(t testing.TB, err error, field, message string) {
	t.Helper()
	require.Equal(t, idp.CodeInvalid, idp.CodeOf(err), "%v", err)
	var e *idp.Error
	require.ErrorAs(t, err, &e)
	require.Contains(t, e.Fields, field)
	require.Contains(t, e.Fields[field][0], message)
}

func requireCode(t testing.TB, code idp.Code, err error) {
	t.Helper()
	require.Equal(t, code, idp.CodeOf(err), "%v", err)
}

func ptr[T any](v T) *T { return &v }

// usernames lists who is on a page.
func usernames(p idp.Page[idp.User]) []string {
	names := []string{}
	for _, u := range p.Items {
		names = append(names, u.Username)
	}
	return names
}

func background() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), time.Minute)
}
