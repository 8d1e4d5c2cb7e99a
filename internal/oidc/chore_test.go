package oidc_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/oidc"
)

func TestWhatIsOfNoUseAnyMoreIsPurged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got, ada, s := w.tokens(w.wiki, "ada")
	old, bob, _ := w.tokens(w.wiki, "bob")
	unused := w.code(w.wiki, ada, s)
	require.NoError(t, w.service.Purge(w.ctx))
	require.True(t, w.works(got.Access))

	w.exec(`UPDATE oauth_tokens t SET expires_at = now() - interval '8 days' FROM oauth_grants o WHERE o.id = t.grant_id AND o.user_id = $1`, bob.ID)
	w.exec(`UPDATE oauth_grants SET created_at = now() - interval '8 days' WHERE user_id = $1`, bob.ID)
	w.exec(`UPDATE sessions SET ended_at = now() WHERE user_id = $1`, bob.ID)
	w.exec(`UPDATE oauth_codes SET expires_at = now() - interval '25 hours' WHERE spent_at IS NULL`)
	require.NoError(t, w.service.Purge(w.ctx))
	page, err := w.db.Repos().OAuthGrants.Find(w.ctx, idp.OAuthGrantFilter{})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	require.Equal(t, ada.ID, page.Items[0].UserID)
	require.True(t, w.works(got.Access))
	_, err = w.token(w.wiki, refresh(old.Refresh))
	require.Equal(t, idp.RefusedUnknown, reason(err))
	_, err = w.token(w.wiki, exchange(unused))
	require.Equal(t, oidc.ErrInvalidGrant, oidc.CodeOf(err))
	require.Equal(t, idp.RefusedUnknown, reason(err))
}
