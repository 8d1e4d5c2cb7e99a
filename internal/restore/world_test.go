package restore_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/consent"
	"github.com/portcullis-idp/portcullis/internal/factor"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/restore"
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
	accounts  *account.Service
	sessions  *session.Service
	tokens    *token.Service
	consents  *consent.Service
	roles     *access.Service
	post      *post
	deps      restore.Deps
	restores  *restore.Service
	held      *access.Roles
	admins    idp.GroupID
	admin     idp.Actor
}

// shared is one hasher for all tests, as one process has one.
var shared = secret.New()

func newWorld(t *testing.T) *world {
	t.Helper()
	db, err := postgres.Open(t.Context(), testkit.Database(t), postgres.Options{})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	w := &world{T: t, ctx: t.Context(), db: db, post: &post{ready: true}, held: access.NewRoles(db, nil)}
	checker := access.New(access.Deps{Roles: w.held})
	w.roles = access.NewService(access.ServiceDeps{Store: db, Checker: checker})
	w.lockdowns = lockdown.New(lockdown.Deps{Store: db, Access: checker})
	w.sessions = session.New(session.Deps{Store: db, Access: checker})
	w.tokens = token.New(token.Deps{Store: db, Access: checker})
	w.consents = consent.New(consent.Deps{Store: db, Access: checker})
	w.accounts = account.New(account.Deps{Store: db, Access: checker, Closer: w.lockdowns, Hasher: shared, Roles: w.roles, AppPasswords: w.tokens})
	w.deps = restore.Deps{Store: db, Access: checker, Lockdowns: w.lockdowns, Passwords: w.accounts, Accounts: w.accounts, Roles: w.roles,
		Tokens: w.tokens, Consents: w.consents, Links: links{w.tokens}, Factors: factor.New(factor.Deps{Store: db, Access: checker}), Post: w.post}
	w.restores = restore.New(w.deps)
	group := &idp.Group{Name: "admins", IsSuperuser: true}
	require.NoError(t, db.Repos().Groups.Create(w.ctx, group))
	w.admins = group.ID
	w.admin = w.administrator("root")
	return w
}

// links are those of token, as app has them.
type links struct{ *token.Service }

func (l links) LinkIn(ctx context.Context, tx idp.Repos, actor idp.Actor, user idp.UserID, brand *idp.Brand, now time.Time) (string, idp.TokenID, error) {
	made, err := l.RecoveryLinkIn(ctx, tx, actor, user, brand, token.LinkTerms{}, now)
	if err != nil {
		return "", idp.TokenID{}, err
	}
	return made.Link, made.Token, nil
}

func (l links) MailIn(ctx context.Context, tx idp.Repos, actor idp.Actor, user idp.UserID, brand *idp.Brand, stage idp.StageID) error {
	return l.RecoveryMailIn(ctx, tx, actor, user, brand, stage, token.LinkTerms{})
}

// post notes what is ordered.
type post struct {
	ready bool
	told  []string
}

func (p *post) Ready() bool { return p.ready }

func (p *post) Restored(_ context.Context, _ idp.Repos, u *idp.User, _ bool) error {
	p.told = append(p.told, u.Email)
	return nil
}

func (w *world) user(name string) *idp.User {
	w.Helper()
	u := &idp.User{Username: name, Email: name + "@example.org", IsActive: true, Password: "$argon2id$of-" + name}
	require.NoError(w, w.db.Repos().Users.Create(w.ctx, u))
	return w.now(u)
}

func (w *world) administrator(name string) idp.Actor {
	w.Helper()
	u := w.user(name)
	require.NoError(w, w.db.Repos().Groups.AddUser(w.ctx, w.admins, u.ID))
	return w.signedIn(u)
}

func (w *world) now(u *idp.User) *idp.User {
	w.Helper()
	fresh, err := w.db.Repos().Users.Get(w.ctx, u.ID)
	require.NoError(w, err)
	return fresh
}

func (w *world) signedIn(u *idp.User) idp.Actor {
	w.Helper()
	u = w.now(u)
	s, _, err := w.sessions.Start(w.ctx, idp.Actor{}, session.Begin{User: u.ID, Generation: u.SessionGeneration, AuthMethod: "password"})
	require.NoError(w, err)
	return idp.Actor{User: w.now(u), Session: s}
}

var serial atomic.Int64

func (w *world) token(actor idp.Actor, u *idp.User) (idp.TokenID, string) {
	w.Helper()
	made, key, err := w.tokens.Issue(w.ctx, actor, token.Draft{User: u.ID, Intent: idp.IntentAPI, Identifier: fmt.Sprintf("token-%d", serial.Add(1))})
	require.NoError(w, err)
	return made.ID, key
}

func (w *world) keyWorks(key string) bool {
	w.Helper()
	_, _, err := w.tokens.Authenticate(w.ctx, key)
	if err != nil {
		require.Equal(w, idp.CodeRefused, idp.CodeOf(err), "%v", err)
	}
	return err == nil
}

// contain locks an account down and returns the record.
func (w *world) contain(u *idp.User, sw idp.Switches) *idp.Lockdown {
	w.Helper()
	results, err := w.lockdowns.Contain(w.ctx, w.admin, lockdown.Request{Users: []idp.UserID{u.ID}, Reason: "stolen laptop", Switches: sw})
	require.NoError(w, err)
	require.Equal(w, lockdown.Success, results[0].Status, results[0].Error)
	return results[0].Lockdown
}

// kept leaves tokens, so that something is there to be reverted.
var kept = idp.Switches{DeactivateUser: true, SetUnusablePassword: true, DeleteSessions: true}

func on(l *idp.Lockdown) restore.Terms { return restore.Terms{Lockdown: l.ID} }

func (w *world) list(l *idp.Lockdown) *restore.Checklist {
	w.Helper()
	c, err := w.restores.Checklist(w.ctx, w.admin, l.ID, nil)
	require.NoError(w, err)
	return c
}

// states are the states of all steps, in their order.
func (w *world) states(l *idp.Lockdown) (out []restore.State) {
	w.Helper()
	for _, item := range w.list(l).Items {
		out = append(out, item.State)
	}
	return out
}

// steps are the events of steps, oldest first.
func (w *world) steps() (out []string) {
	w.Helper()
	id := idp.ActionIDRestoreStep
	page, err := w.db.Repos().Events.Find(w.ctx, idp.EventFilter{ActionID: &id, Paging: idp.Paging{Limit: 1000, Order: []string{"created"}}})
	require.NoError(w, err)
	for i := range page.Items {
		step, _ := page.Items[i].Context["step"].(string)
		if deed, ok := page.Items[i].Context["deed"].(string); ok {
			step += " " + deed
		}
		out = append(out, step)
	}
	return out
}

// factor gives an account one.
func (w *world) factor(u *idp.User, name string) idp.FactorID {
	w.Helper()
	f := &idp.Factor{UserID: u.ID, Kind: idp.FactorTOTP, Name: name, Secret: "sealed", Digits: 6}
	require.NoError(w, w.db.Repos().Factors.Create(w.ctx, f, nil))
	return f.ID
}

// brand is one with a recovery flow.
func (w *world) brand() *idp.Brand {
	w.Helper()
	flow := &idp.Flow{Name: "Recovery", Slug: "recovery", Title: "Recovery", Designation: idp.DesignationRecovery, Authentication: idp.AuthenticationNone,
		DeniedAction: idp.DeniedMessage, Layout: "stacked", PolicyMode: idp.PolicyAny}
	require.NoError(w, w.db.Repos().Flows.Create(w.ctx, flow))
	b := &idp.Brand{Domain: "example.org", Default: true, FlowRecovery: &flow.ID}
	require.NoError(w, w.db.Repos().Brands.Create(w.ctx, b))
	return b
}
