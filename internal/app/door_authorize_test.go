package app_test

import (
	"net/url"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// authorize has an application ask who somebody is who has a session, and whom nobody
// asks anything.
func (d *doorway) authorize(how spoil) error {
	d.Helper()
	c := d.client("portal", func(p *idp.OAuthProvider) {
		d.addFlow("portal-authorize")
		p.AuthorizationFlow = d.flow("portal-authorize").ID
	})
	params := map[string]string{"client_id": c.Provider.ClientID, "response_type": "code", "redirect_uri": callback, "scope": "openid", "state": "s"}
	person := d.person(how)
	session, cookie := d.sessionOf(person, how)
	actor := idp.Actor{User: person, Session: session}
	if how == forged {
		actor, cookie = idp.Actor{}, secret.Token()
	}
	a, err := d.OIDC().Judge(d.Context(), issuer, params)
	require.NoError(d, err)
	row, err := d.OIDC().Wait(d.Context(), a, params)
	require.NoError(d, err)
	err = d.OIDC().Approve(d.Context(), actor, row.ID)
	if err == nil {
		_, err = d.OIDC().Code(d.Context(), actor, a, row.ID)
	}
	query := url.Values{}
	for name, value := range params {
		query.Set(name, value)
	}
	page := d.holding(cookie).get("/application/o/authorize/?" + query.Encode())
	return d.agree(err, strings.HasPrefix(page.header.Get("Location"), callback+"?code="), "authorize")
}
