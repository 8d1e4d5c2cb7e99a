package account_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/token"
)

func TestAFlowSettlesTheAccountItIsAbout(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.create(account.NewUser{Username: "mia", Password: ptr(good), Attributes: idp.Attributes{"team": "a", "settings": map[string]any{"theme": "dark"}}})
	_, cookie := w.signIn(mia)
	changed, err := w.accounts.Settle(w.ctx, idp.Actor{}, mia.ID, account.Settlement{Name: ptr("Mia"), Password: ptr("another good one"),
		Attributes: map[string]any{"settings": map[string]any{"locale": "de"}}, Generation: mia.SessionGeneration})
	require.NoError(t, err)
	require.Equal(t, "Mia", changed.Name)
	require.Equal(t, idp.Attributes{"team": "a", "settings": map[string]any{"theme": "dark", "locale": "de"}}, changed.Attributes)
	require.Equal(t, mia.SessionGeneration+1, changed.SessionGeneration)
	require.False(t, w.works(cookie), "a new password ends the sessions of the account")
	require.True(t, w.accepts(changed, "another good one"))
	require.Len(t, w.events(idp.ActionPasswordSet), 1)
	require.Len(t, w.events(idp.ActionUserWrite), 1)
}

// A flow that was under way when the account was locked down changes nothing,
// not even after the account is active again.
func TestAFlowUnderWayDiesWithALockdown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.create(account.NewUser{Username: "mia", Password: ptr(good)})
	change := account.Settlement{Password: ptr("the thief's own"), Generation: mia.SessionGeneration}
	for _, active := range []bool{false, true} {
		_, err := w.accounts.Update(w.ctx, w.admin, mia.ID, account.Patch{IsActive: &active})
		require.NoError(t, err)
		_, err = w.accounts.Settle(w.ctx, idp.Actor{}, mia.ID, change)
		require.Equal(t, idp.CodeRefused, idp.CodeOf(err))
	}
	require.True(t, w.accepts(mia, good))
}

func TestASettlementIsAllOrNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("taken")
	mia := w.create(account.NewUser{Username: "mia", Password: ptr(good)})
	for field, c := range map[string]account.Settlement{
		"username":   {Username: ptr("TAKEN"), Password: ptr("another good one")},
		"email":      {Email: ptr("x"), Password: ptr("another good one")},
		"password":   {Name: ptr("Mia"), Password: ptr("short")},
		"attributes": {Attributes: map[string]any{"a": "\x00"}, Password: ptr("another good one")},
	} {
		_, err := w.accounts.Settle(w.ctx, idp.Actor{}, mia.ID, c)
		require.Contains(t, fault(t, err).Fields, field)
		require.Equal(t, mia, w.now(mia), field)
	}
	_, err := w.accounts.Settle(w.ctx, idp.Actor{}, 4711, account.Settlement{Name: ptr("x")})
	require.Equal(t, idp.CodeNotFound, idp.CodeOf(err))
}

// The link that a flow came from is used up by what the flow does, once, and
// what was revoked meanwhile opens nothing.
func TestASettlementUsesItsLinkUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia, tom := w.create(account.NewUser{Username: "mia", Password: ptr(good)}), w.user("tom")
	link := func() idp.TokenID {
		issued, _, err := w.tokens.Issue(w.ctx, idp.SystemActor(), token.Draft{User: mia.ID, Identifier: "link-" + uuid.NewString(), Intent: idp.IntentRecovery})
		require.NoError(t, err)
		return issued.ID
	}
	settle := func(id idp.UserID, l idp.TokenID, password string) error {
		u, err := w.accounts.Get(w.ctx, idp.SystemActor(), id)
		require.NoError(t, err)
		_, err = w.accounts.Settle(w.ctx, idp.Actor{}, id, account.Settlement{Password: &password, Link: &l, Generation: u.SessionGeneration})
		return err
	}
	once, revoked := link(), link()
	require.Equal(t, idp.CodeInvalid, idp.CodeOf(settle(mia.ID, once, "short")), "a fault uses nothing up")
	require.Equal(t, idp.CodeRefused, idp.CodeOf(settle(tom.ID, once, "somebody else's")))
	require.NoError(t, w.tokens.Revoke(w.ctx, idp.SystemActor(), revoked))
	require.Equal(t, idp.CodeRefused, idp.CodeOf(settle(mia.ID, revoked, "the finder's own")))
	require.NoError(t, settle(mia.ID, once, "another good one"))
	require.Equal(t, idp.CodeRefused, idp.CodeOf(settle(mia.ID, once, "yet another one")))
	require.True(t, w.accepts(w.now(mia), "another good one"))
}
