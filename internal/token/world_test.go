package token_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/secret"
	"github.com/portcullis-idp/portcullis/internal/testkit"
	"github.com/portcullis-idp/portcullis/internal/token"
)

type world struct {
	*testing.T
	ctx       context.Context
	url       string
	db        *postgres.DB
	tokens    *token.Service
	lockdowns *lockdown.Service
}

func newWorld(t *testing.T) *world {
	t.Helper()
	url := testkit.Database(t)
	db, err := postgres.Open(t.Context(), url, postgres.Options{})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	checker := access.New()
	return &world{T: t, ctx: t.Context(), url: url, db: db,
		tokens:    token.New(token.Deps{Store: db, Access: checker, Sealer: sealer(t, "a")}),
		lockdowns: lockdown.New(lockdown.Deps{Store: db, Access: checker})}
}

func sealer(t *testing.T, secrets ...string) *secret.Sealer {
	t.Helper()
	var list [][]byte
	for _, s := range secrets {
		list = append(list, []byte(strings.Repeat(s, secret.MinSecret)))
	}
	s, err := secret.NewSealer(list...)
	require.NoError(t, err)
	return s
}

// with is the same installation as another server sees it.
func (w *world) with(s *secret.Sealer, revealable bool) *token.Service {
	return token.New(token.Deps{Store: w.db, Access: access.New(), Sealer: s, Revealable: revealable})
}

func (w *world) user(name string, change ...func(*idp.User)) *idp.User {
	w.Helper()
	u := &idp.User{Username: name, IsActive: true, Password: "$argon2id$" + name}
	for _, c := range change {
		c(u)
	}
	require.NoError(w, w.db.Repos().Users.Create(w.ctx, u))
	return w.now(u)
}

// redeem uses a link up, as what it is used for does.
func (w *world) redeem(u *idp.User, id idp.TokenID) error {
	return w.db.InTx(w.ctx, func(tx idp.Repos) error {
		held, err := tx.Users.Hold(w.ctx, u.ID)
		if err != nil {
			return err
		}
		return idp.RedeemLink(w.ctx, tx, idp.Unlocked{}, held, id)
	})
}

func inactive(u *idp.User) { u.IsActive = false }

func (w *world) now(u *idp.User) *idp.User {
	w.Helper()
	fresh, err := w.db.Repos().Users.Get(w.ctx, u.ID)
	require.NoError(w, err)
	return fresh
}

func (w *world) issue(actor idp.Actor, d token.Draft) (*idp.Token, string) {
	w.Helper()
	t, key, err := w.tokens.Issue(w.ctx, actor, d)
	require.NoError(w, err)
	return t, key
}

func (w *world) events(action idp.Action) []idp.Event {
	w.Helper()
	page, err := w.db.Repos().Events.Find(w.ctx, idp.EventFilter{Actions: []idp.Action{action}})
	require.NoError(w, err)
	return page.Items
}

// brand has a recovery flow.
func (w *world) brand() *idp.Brand {
	w.Helper()
	flow := &idp.Flow{Name: "Recovery", Slug: "recovery-flow", Designation: idp.DesignationRecovery, Authentication: idp.AuthenticationNone,
		DeniedAction: idp.DeniedMessage, Layout: "stacked", PolicyMode: idp.PolicyAny}
	require.NoError(w, w.db.Repos().Flows.Create(w.ctx, flow))
	return &idp.Brand{FlowRecovery: &flow.ID}
}

// recovers is brand, with the flow made on first use.
func (w *world) recovers() *idp.Brand {
	w.Helper()
	if f, err := w.db.Repos().Flows.GetBySlug(w.ctx, "recovery-flow"); err == nil {
		return &idp.Brand{FlowRecovery: &f.ID}
	}
	return w.brand()
}

func fault(t *testing.T, err error) *idp.Error {
	t.Helper()
	var e *idp.Error
	require.True(t, errors.As(err, &e), "%v", err)
	return e
}
