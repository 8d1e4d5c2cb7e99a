package lockdown_test

import (
	"context"
	"fmt"
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

// world is an installation with one administrator.
type world struct {
	*testing.T
	ctx       context.Context
	db        *postgres.DB
	lockdowns *lockdown.Service
	sessions  *session.Service
	tokens    *token.Service
	accounts  *account.Service
	admin     idp.Actor
	admins    idp.GroupID
}

func newWorld(t *testing.T) *world {
	t.Helper()
	ctx := t.Context()
	db, err := postgres.Open(ctx, testkit.Database(t), postgres.Options{})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	checker := access.New()
	w := &world{T: t, ctx: ctx, db: db,
		lockdowns: lockdown.New(lockdown.Deps{Store: db, Access: checker}),
		sessions:  session.New(session.Deps{Store: db, Access: checker}),
		tokens:    token.New(token.Deps{Store: db, Access: checker}),
	}
	w.accounts = account.New(account.Deps{Store: db, Access: checker, Closer: w.lockdowns, Hasher: secret.New()})
	group := &idp.Group{Name: "admins", IsSuperuser: true}
	require.NoError(t, db.Repos().Groups.Create(ctx, group))
	w.admins = group.ID
	w.admin = w.administrator("root")
	return w
}

// user makes an account with a password.
func (w *world) user(name string, change ...func(*idp.User)) *idp.User {
	w.Helper()
	u := &idp.User{Username: name, Email: name + "@example.org", IsActive: true, Password: "$argon2id$of-" + name}
	for _, c := range change {
		c(u)
	}
	require.NoError(w, w.db.Repos().Users.Create(w.ctx, u))
	return w.now(u)
}

func internalService(u *idp.User) { u.Type = idp.UserInternalServiceAccount }

// administrator makes a superuser who is signed in.
func (w *world) administrator(name string) idp.Actor {
	w.Helper()
	u := w.user(name)
	require.NoError(w, w.db.Repos().Groups.AddUser(w.ctx, w.admins, u.ID))
	return w.signedIn(u)
}

// now reads a user again.
func (w *world) now(u *idp.User) *idp.User {
	w.Helper()
	fresh, err := w.db.Repos().Users.Get(w.ctx, u.ID)
	require.NoError(w, err)
	return fresh
}

// signedIn starts a session and returns the user at its keyboard.
func (w *world) signedIn(u *idp.User) idp.Actor {
	w.Helper()
	u = w.now(u)
	s, _, err := w.sessions.Start(w.ctx, idp.Actor{}, session.Begin{User: u.ID, Generation: u.SessionGeneration, AuthMethod: "password"})
	require.NoError(w, err)
	return idp.Actor{User: w.now(u), Session: s}
}

// cookie starts a session and returns the cookie's value.
func (w *world) cookie(u *idp.User) string {
	w.Helper()
	_, cookie, err := w.sessions.Start(w.ctx, idp.Actor{}, session.Begin{User: u.ID, Generation: w.now(u).SessionGeneration})
	require.NoError(w, err)
	return cookie
}

var serial atomic.Int64

// key issues a token and returns its key.
func (w *world) key(u *idp.User, intent idp.TokenIntent) string {
	w.Helper()
	_, key, err := w.tokens.Issue(w.ctx, idp.SystemActor(), token.Draft{User: u.ID, Intent: intent,
		Identifier: fmt.Sprintf("token-%d", serial.Add(1))})
	require.NoError(w, err)
	return key
}

func (w *world) sessionWorks(cookie string) bool {
	w.Helper()
	_, _, err := w.sessions.Visit(w.ctx, cookie)
	if err != nil {
		require.Equal(w, idp.CodeRefused, idp.CodeOf(err), "%v", err)
	}
	return err == nil
}

func (w *world) keyWorks(key string) bool {
	w.Helper()
	_, _, err := w.tokens.Authenticate(w.ctx, key)
	if err != nil {
		require.Equal(w, idp.CodeRefused, idp.CodeOf(err), "%v", err)
	}
	return err == nil
}

// events lists the events of an action id, oldest first.
func (w *world) events(actionID string) []idp.Event {
	w.Helper()
	page, err := w.db.Repos().Events.Find(w.ctx, idp.EventFilter{ActionID: &actionID,
		Paging: idp.Paging{Limit: 1000, Order: []string{"created"}}})
	require.NoError(w, err)
	return page.Items
}

func (w *world) contain(actor idp.Actor, users ...*idp.User) []lockdown.Result {
	w.Helper()
	results, err := w.lockdowns.Contain(w.ctx, actor, lockdown.Request{Users: ids(users...), Reason: "stolen laptop", Switches: idp.AllSwitches()})
	require.NoError(w, err)
	return results
}

func ids(users ...*idp.User) []idp.UserID {
	out := make([]idp.UserID, len(users))
	for i, u := range users {
		out[i] = u.ID
	}
	return out
}
