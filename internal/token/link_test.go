package token_test

import (
	"errors"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/token"
)

// keyOf reads the key out of a recovery link.
func keyOf(t *testing.T, link string) string {
	t.Helper()
	u, err := url.Parse(link)
	require.NoError(t, err)
	require.Equal(t, "/if/flow/recovery-flow/", u.Path)
	return u.Query().Get("flow_token")
}

func TestARecoveryLinkOpensItsFlowOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia, brand := w.user("mia"), w.brand()
	link, err := w.tokens.RecoveryLink(w.ctx, idp.SystemActor(), mia.ID, brand, token.LinkTerms{})
	require.NoError(t, err)
	opened, u, err := w.tokens.OpenLink(w.ctx, keyOf(t, link))
	require.NoError(t, err)
	require.Equal(t, "mia", u.Username)
	require.Equal(t, "recovery-flow", opened.FlowSlug)
	require.WithinDuration(t, time.Now().Add(time.Hour), *opened.ExpiresAt, time.Minute)

	// Of several that redeem it at once exactly one succeeds.
	var won atomic.Int32
	var g errgroup.Group
	for range 8 {
		g.Go(func() error {
			err := w.redeem(mia, opened.ID)
			switch {
			case err == nil:
				won.Add(1)
			case !idp.Is(err, idp.CodeRefused):
				return err
			}
			return nil
		})
	}
	require.NoError(t, g.Wait())
	require.EqualValues(t, 1, won.Load())
	_, _, err = w.tokens.OpenLink(w.ctx, keyOf(t, link))
	require.Equal(t, idp.RefusedEnded, fault(t, err).Reason)
	require.Equal(t, "This link is not valid any more.", fault(t, err).Message)
	require.Equal(t, idp.CodeRefused, idp.CodeOf(w.redeem(mia, idp.NewID[idp.Token]())))
}

func TestANewRecoveryLinkRevokesTheFormer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia, brand := w.user("mia"), w.brand()
	first, err := w.tokens.RecoveryLink(w.ctx, idp.SystemActor(), mia.ID, brand, token.LinkTerms{Lifetime: time.Minute})
	require.NoError(t, err)
	second, err := w.tokens.RecoveryLink(w.ctx, idp.SystemActor(), mia.ID, brand, token.LinkTerms{Lifetime: time.Minute})
	require.NoError(t, err)
	_, _, err = w.tokens.OpenLink(w.ctx, keyOf(t, first))
	require.Equal(t, idp.CodeRefused, idp.CodeOf(err))
	_, _, err = w.tokens.OpenLink(w.ctx, keyOf(t, second))
	require.NoError(t, err)
	require.Len(t, w.events(idp.ActionModelCreated), 2)
}

// A deactivated user must not be able to complete recovery, nor may a lockdown
// leave a link behind.
func TestALockdownEndsRecovery(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia, brand, system := w.user("mia"), w.brand(), idp.SystemActor()
	link, err := w.tokens.RecoveryLink(w.ctx, system, mia.ID, brand, token.LinkTerms{})
	require.NoError(t, err)
	opened, _, err := w.tokens.OpenLink(w.ctx, keyOf(t, link))
	require.NoError(t, err)
	require.NoError(t, w.lockdowns.Deactivate(w.ctx, system, mia.ID))

	_, _, err = w.tokens.OpenLink(w.ctx, keyOf(t, link))
	require.Equal(t, idp.CodeRefused, idp.CodeOf(err))
	require.Equal(t, idp.CodeRefused, idp.CodeOf(w.redeem(mia, opened.ID)))
	_, err = w.tokens.RecoveryLink(w.ctx, system, mia.ID, brand, token.LinkTerms{})
	require.Equal(t, idp.RefusedInactive, fault(t, err).Reason)

	require.NoError(t, w.lockdowns.Activate(w.ctx, system, mia.ID))
	require.Equal(t, idp.RefusedGeneration, fault(t, w.redeem(mia, opened.ID)).Reason, "activating revives no link")
	fresh, err := w.tokens.RecoveryLink(w.ctx, system, mia.ID, brand, token.LinkTerms{})
	require.NoError(t, err)
	_, _, err = w.tokens.OpenLink(w.ctx, keyOf(t, fresh))
	require.NoError(t, err)
}

func TestRecoveryLinksThatCannotBe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia, brand := w.user("mia"), w.brand()
	gone := idp.NewID[idp.Flow]()
	for name, c := range map[string]struct {
		actor    idp.Actor
		user     idp.UserID
		brand    *idp.Brand
		lifetime time.Duration
		want     idp.Code
		says     string
	}{
		"no brand":        {idp.SystemActor(), mia.ID, nil, 0, idp.CodeInvalid, "No recovery flow set."},
		"no flow":         {idp.SystemActor(), mia.ID, &idp.Brand{}, 0, idp.CodeInvalid, "No recovery flow set."},
		"flow deleted":    {idp.SystemActor(), mia.ID, &idp.Brand{FlowRecovery: &gone}, 0, idp.CodeInvalid, "No recovery flow set."},
		"for oneself":     {idp.Actor{User: mia}, mia.ID, brand, 0, idp.CodeForbidden, ""},
		"nobody":          {idp.Actor{}, mia.ID, brand, 0, idp.CodeUnsigned, ""},
		"unknown user":    {idp.SystemActor(), 4711, brand, 0, idp.CodeNotFound, ""},
		"too long":        {idp.SystemActor(), mia.ID, brand, 31 * 24 * time.Hour, idp.CodeInvalid, "30 days"},
		"before it began": {idp.SystemActor(), mia.ID, brand, -1, idp.CodeInvalid, "30 days"},
	} {
		link, err := w.tokens.RecoveryLink(w.ctx, c.actor, c.user, c.brand, token.LinkTerms{Lifetime: c.lifetime})
		require.Equal(t, c.want, idp.CodeOf(err), "%s: %v", name, err)
		require.ErrorContains(t, err, c.says, name)
		require.Empty(t, link, name)
	}
}

func TestOnlyLinksOpenFlows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	for intent, opens := range map[idp.TokenIntent]bool{
		idp.IntentAPI: false, idp.IntentAppPassword: false, idp.IntentRecovery: true, idp.IntentVerification: true,
	} {
		issued, key := w.issue(idp.SystemActor(), token.Draft{User: mia.ID, Identifier: string(intent), Intent: intent})
		_, _, err := w.tokens.OpenLink(w.ctx, key)
		require.Equal(t, opens, err == nil, string(intent))
		require.Equal(t, opens, w.redeem(mia, issued.ID) == nil, string(intent))
	}
}

// reusable is a link of mia's that may be used again, opened.
func reusable(t *testing.T, w *world, mia *idp.User) (key string, id idp.TokenID) {
	t.Helper()
	link, err := w.tokens.RecoveryLink(w.ctx, idp.SystemActor(), mia.ID, w.recovers(), token.LinkTerms{Reusable: true})
	require.NoError(t, err)
	opened, _, err := w.tokens.OpenLink(w.ctx, keyOf(t, link))
	require.NoError(t, err)
	require.True(t, opened.Reusable)
	return keyOf(t, link), opened.ID
}

// A link that is not single use serves everybody who uses it, at once or one after
// the other.
func TestAReusableLinkServesAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia, tom := w.user("mia"), w.user("tom")
	key, id := reusable(t, w, mia)
	var g errgroup.Group
	for range 8 {
		g.Go(func() error { return w.redeem(mia, id) })
	}
	require.NoError(t, g.Wait())
	require.NoError(t, w.redeem(mia, id))
	_, _, err := w.tokens.OpenLink(w.ctx, key)
	require.NoError(t, err)
	require.Equal(t, idp.RefusedUnknown, fault(t, w.redeem(tom, id)).Reason, "for its own user only")
	require.Equal(t, false, w.events(idp.ActionModelCreated)[0].Context["single_use"])
}

// Whatever ends a link ends one that is not single use, whether or not it was
// used before.
func TestWhatEndsAReusableLink(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]struct {
		end  func(u *idp.User, id idp.TokenID) error
		want idp.Refusal
	}{
		"revoked": {func(_ *idp.User, id idp.TokenID) error {
			_, err := w.db.Repos().Tokens.Revoke(w.ctx, id)
			return err
		}, idp.RefusedEnded},
		"removed": {func(_ *idp.User, id idp.TokenID) error { return w.tokens.Revoke(w.ctx, idp.SystemActor(), id) }, idp.RefusedUnknown},
		"replaced": {func(u *idp.User, _ idp.TokenID) error {
			_, err := w.tokens.RecoveryLink(w.ctx, idp.SystemActor(), u.ID, w.recovers(), token.LinkTerms{Reusable: true})
			return err
		}, idp.RefusedEnded},
		"expired": {func(_ *idp.User, id idp.TokenID) error {
			t, err := w.db.Repos().Tokens.Get(w.ctx, id)
			past := time.Now().Add(-time.Second)
			t.ExpiresAt = &past
			return errors.Join(err, w.db.Repos().Tokens.Update(w.ctx, t))
		}, idp.RefusedExpired},
		"contained": {func(u *idp.User, _ idp.TokenID) error { return w.lockdowns.Deactivate(w.ctx, idp.SystemActor(), u.ID) }, idp.RefusedInactive},
		"contained and restored": {func(u *idp.User, _ idp.TokenID) error {
			return errors.Join(w.lockdowns.Deactivate(w.ctx, idp.SystemActor(), u.ID), w.lockdowns.Activate(w.ctx, idp.SystemActor(), u.ID))
		}, idp.RefusedGeneration},
		"contained, tokens only": {func(u *idp.User, _ idp.TokenID) error {
			return w.db.InTx(w.ctx, func(tx idp.Repos) error {
				held, err := tx.Users.Hold(w.ctx, u.ID)
				if err != nil {
					return err
				}
				_, err = w.lockdowns.CloseIn(w.ctx, tx, held, idp.Switches{RevokeTokens: true})
				return err
			})
		}, idp.RefusedGeneration},
	} {
		u := w.user("u " + name)
		key, id := reusable(t, w, u)
		require.NoError(t, w.redeem(u, id), name)
		require.NoError(t, c.end(u, id), name)
		require.Equal(t, c.want, fault(t, w.redeem(u, id)).Reason, name)
		_, _, err := w.tokens.OpenLink(w.ctx, key)
		require.Equal(t, c.want, fault(t, err).Reason, name)
	}
}
