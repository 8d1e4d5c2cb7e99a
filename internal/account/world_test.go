package account_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/secret"
	"github.com/portcullis-idp/portcullis/internal/session"
	"github.com/portcullis-idp/portcullis/internal/testkit"
	"github.com/portcullis-idp/portcullis/internal/token"
)

type world struct {
	*testing.T
	ctx      context.Context
	db       *postgres.DB
	hasher   *counting
	accounts *account.Service
	sessions *session.Service
	tokens   *token.Service
	closer   *lockdown.Service
	admins   idp.GroupID
	admin    idp.Actor
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := emptyWorld(t)
	group := &idp.Group{Name: "admins", IsSuperuser: true}
	require.NoError(t, w.db.Repos().Groups.Create(w.ctx, group))
	w.admins = group.ID
	root := w.user("root", func(u *idp.User) { u.Password = "$argon2id$of-root" })
	require.NoError(t, w.db.Repos().Groups.AddUser(w.ctx, group.ID, root.ID))
	w.admin = idp.Actor{User: w.now(root)}
	return w
}

// emptyWorld is an installation before its first start.
func emptyWorld(t *testing.T) *world {
	t.Helper()
	db, err := postgres.Open(t.Context(), testkit.Database(t), postgres.Options{})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	w := &world{T: t, ctx: t.Context(), db: db, hasher: &counting{Hasher: shared}}
	checker := access.New()
	w.sessions = session.New(session.Deps{Store: db, Access: checker})
	w.tokens = token.New(token.Deps{Store: db, Access: checker})
	w.closer = lockdown.New(lockdown.Deps{Store: db, Access: checker})
	w.accounts = account.New(account.Deps{Store: db, Access: checker, Hasher: w.hasher, Closer: w.closer, AppPasswords: w.tokens})
	return w
}

// shared is one hasher for all tests, as one process has one.
var shared = secret.New()

// counting notes what the hasher is asked and may answer in its place.
type counting struct {
	*secret.Hasher
	hashes, verifies, absents atomic.Int64
	busy                      error
	during                    func() // runs while a password is being verified
}

func (c *counting) Hash(ctx context.Context, password string) (string, error) {
	c.hashes.Add(1)
	if c.busy != nil {
		return "", c.busy
	}
	return c.Hasher.Hash(ctx, password)
}

func (c *counting) Verify(ctx context.Context, encoded, password string) (secret.Result, error) {
	c.verifies.Add(1)
	if c.busy != nil {
		return secret.Result{}, c.busy
	}
	result, err := c.Hasher.Verify(ctx, encoded, password)
	if c.during != nil {
		c.during()
	}
	return result, err
}

func (c *counting) VerifyAbsent(ctx context.Context, password string) error {
	c.absents.Add(1)
	if c.busy != nil {
		return c.busy
	}
	return c.Hasher.VerifyAbsent(ctx, password)
}

func (w *world) user(name string, change ...func(*idp.User)) *idp.User {
	w.Helper()
	u := &idp.User{Username: name, IsActive: true, Password: secret.Unusable()}
	for _, c := range change {
		c(u)
	}
	require.NoError(w, w.db.Repos().Users.Create(w.ctx, u))
	return w.now(u)
}

// create makes a user by the use case.
func (w *world) create(n account.NewUser) *idp.User {
	w.Helper()
	u, err := w.accounts.Create(w.ctx, w.admin, n)
	require.NoError(w, err)
	return u
}

func (w *world) now(u *idp.User) *idp.User {
	w.Helper()
	fresh, err := w.db.Repos().Users.Get(w.ctx, u.ID)
	require.NoError(w, err)
	return fresh
}

func (w *world) signIn(u *idp.User) (idp.Actor, string) {
	w.Helper()
	s, cookie, err := w.sessions.Start(w.ctx, idp.Actor{}, session.Begin{User: u.ID, Generation: w.now(u).SessionGeneration})
	require.NoError(w, err)
	return idp.Actor{User: w.now(u), Session: s}, cookie
}

func (w *world) works(cookie string) bool {
	w.Helper()
	_, _, err := w.sessions.Visit(w.ctx, cookie)
	return err == nil
}

func (w *world) events(action idp.Action) []idp.Event {
	w.Helper()
	page, err := w.db.Repos().Events.Find(w.ctx, idp.EventFilter{Actions: []idp.Action{action}, Paging: idp.Paging{Limit: 1000, Order: []string{"created"}}})
	require.NoError(w, err)
	return page.Items
}

func fault(t *testing.T, err error) *idp.Error {
	t.Helper()
	var e *idp.Error
	require.True(t, errors.As(err, &e), "%v", err)
	return e
}

func ptr[T any](v T) *T { return &v }
