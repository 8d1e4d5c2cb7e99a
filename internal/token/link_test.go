package token_test

import (
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
