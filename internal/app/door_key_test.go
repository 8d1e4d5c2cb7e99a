package app_test

import (
	"errors"
	"net/http"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// sealed is a token whose key is kept to be shown, spoilt after it was made: in
// itself, or in whose it is.
func (d *doorway) sealed(how spoil) (*idp.Token, string) {
	d.Helper()
	owner := d.person(healthy)
	row, key := d.key(owner, idp.IntentAPI)
	clock, err := d.DB.Now(d.Context())
	require.NoError(d, err)
	switch how {
	case nobodys:
		row.UserID = d.named(idp.AnonymousUsername).ID
		row.Generation = d.named(idp.AnonymousUsername).TokenGeneration
		require.NoError(d, d.repos().Tokens.Update(d.Context(), row))
	case expired:
		past := clock.Add(-time.Second)
		row.Expiring, row.ExpiresAt = true, &past
		require.NoError(d, d.repos().Tokens.Update(d.Context(), row))
	case ended:
		_, err := d.repos().Tokens.Revoke(d.Context(), row.ID)
		require.NoError(d, err)
	case forged:
		require.NoError(d, d.repos().Tokens.Delete(d.Context(), row.ID))
	default:
		d.common(owner, how)
	}
	return row, key
}

// refused requires the error that a way of spoiling leads to: CodeRefused for its
// reason, or what another rule says.
func (d *doorway) refused(what string, how spoil, err error, other map[spoil]idp.Code) {
	d.Helper()
	if how.opens() {
		require.NoError(d, err, what)
		return
	}
	var e *idp.Error
	require.True(d, errors.As(err, &e), "%s, %s: %v", what, how, err)
	if want := other[how]; want != "" {
		require.Equal(d, want, e.Code, "%s, %s: %v", what, how, err)
		return
	}
	require.Equal(d, idp.CodeRefused, e.Code, "%s, %s: %v", what, how, err)
	require.Equal(d, how, spoils[e.Reason], "%s, %s: refused as %s", what, how, e.Reason)
}

// ofActors are the ways to spoil the credential that an act came with.
var ofActors = map[spoil]bool{healthy: true, outdated: true, expired: true, ended: true, misused: true}

// revealed asks for the key of a token, which shows it once.
func (d *doorway) revealed(how spoil) {
	d.Helper()
	absent := map[spoil]idp.Code{forged: idp.CodeNotFound}
	if how != misused { // a token is shown whatever it is for
		row, key := d.sealed(how)
		got, err := d.Tokens.Reveal(d.Context(), d.actor(healthy), row.ID)
		d.refused("revealing", how, err, absent)
		require.Equal(d, how.opens(), got == key, "the key that was made")

		row, key = d.sealed(how)
		answer := d.admin().get("/api/v3/core/tokens/" + row.Identifier + "/view_key/")
		require.Equal(d, how.opens(), answer.status == http.StatusOK, "%s: %d %s", how, answer.status, answer.body)
		if !how.opens() {
			require.Contains(d, []int{http.StatusForbidden, http.StatusNotFound}, answer.status, "%s: %s", how, answer.body)
			require.NotContains(d, string(answer.body), key)
		}
	}
	if ofActors[how] {
		row, key := d.sealed(healthy)
		got, err := d.Tokens.Reveal(d.Context(), d.actor(how), row.ID)
		d.refused("revealing, by the credential of who asks", how, err, nil)
		require.Equal(d, how.opens(), got == key)
	}
}

// rekeyed chooses another key for a token.
func (d *doorway) rekeyed(how spoil) {
	d.Helper()
	other := map[spoil]idp.Code{forged: idp.CodeNotFound,
		// What has ended cannot be changed, whoever asks.
		outdated: idp.CodeInvalid, expired: idp.CodeInvalid, ended: idp.CodeInvalid}
	set := func(actor idp.Actor, row *idp.Token) error {
		chosen := secret.Token()
		err := d.Tokens.SetKey(d.Context(), actor, row.ID, chosen)
		_, _, opened := d.Tokens.Authenticate(d.Context(), chosen)
		require.Equal(d, err == nil, opened == nil, "setting the key says %v, using it %v", err, opened)
		return err
	}
	if how != misused { // the key of a token is set whatever it is for
		row, _ := d.sealed(how)
		d.refused("setting the key", how, set(d.actor(healthy), row), other)

		row, _ = d.sealed(how)
		chosen := secret.Token()
		answer := d.admin().do(http.MethodPost, "/api/v3/core/tokens/"+row.Identifier+"/set_key/", map[string]any{"key": chosen})
		require.Equal(d, how.opens(), answer.status == http.StatusNoContent, "%s: %d %s", how, answer.status, answer.body)
		require.Less(d, answer.status, 500)
		require.Equal(d, how.opens(), d.program(chosen).works())
	}
	if ofActors[how] {
		row, _ := d.sealed(healthy)
		d.refused("setting the key, by the credential of who asks", how, set(d.actor(how), row), nil)
	}
}

// madeAgain opens and uses a link that may be used again: it is judged each time
// as one that may not, and refused for the same reason.
func (d *doorway) madeAgain(how spoil, want error) {
	d.Helper()
	person := d.person(how)
	row, key := d.tokenOf(person, idp.IntentRecovery, idp.IntentAPI, how)
	row.Reusable = true
	require.NoError(d, d.repos().Tokens.Update(d.Context(), row))
	if how == forged {
		row.ID = idp.NewID[idp.Token]()
	}
	for range 2 {
		_, _, err := d.Tokens.OpenLink(d.Context(), key)
		require.Equal(d, want == nil, err == nil, "reusable: %v, otherwise %v", err, want)
		err = d.DB.InTx(d.Context(), func(tx idp.Repos) error { return idp.RedeemLink(d.Context(), tx, d.Access, d.now(person), row.ID) })
		d.refused("redeeming a reusable link", how, err, nil)
		answer := d.browser().get("/if/flow/" + recoveryFlow + "/?flow_token=" + key)
		require.Equal(d, want == nil, answer.status == http.StatusSeeOther)
	}
}
