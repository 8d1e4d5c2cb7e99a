package app_test

import (
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/forward"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// forwardAuth gets a pass at an application's host, and comes with it again.
func (d *doorway) forwardAuth(how spoil) error {
	d.Helper()
	const host = "door.example.org"
	ctx, repos := d.Context(), d.repos()
	if _, err := repos.Applications.ForHost(ctx, host); idp.Is(err, idp.CodeNotFound) {
		require.NoError(d, repos.Applications.Create(ctx, &idp.Application{Name: "door", Slug: "door", ForwardHosts: []string{host}}))
	}
	u := d.person(how)
	row, cookie := d.sessionOf(u, healthy)
	session, _, err := d.Sessions.Recall(ctx, [32]byte(secret.DigestOf(cookie).Bytes()))
	require.NoError(d, err)
	request := idp.PolicyRequest{Context: map[string]any{}}
	code, err := d.Forward.Authorize(ctx, session, host, "/", forward.State("nonce"), request)
	if err != nil {
		return err
	}
	pass, _, err := d.Forward.Redeem(ctx, host, code, "nonce")
	require.NoError(d, err)
	switch how {
	case expired:
		d.one("WITH late AS (UPDATE sessions SET expires_at = clock_timestamp() WHERE id = '" + row.ID.String() + "' RETURNING 1) SELECT count(*) FROM late")
	case ended:
		_, err := repos.Sessions.End(ctx, row.ID, "ended by a test")
		require.NoError(d, err)
	case forged:
		pass = secret.Token()
	default:
		d.common(u, how)
	}
	for until := time.Now().Add(5 * time.Second); ; { // memory hears of what was done without the product a moment later
		_, err = d.Forward.Check(ctx, host, pass, request)
		if err != nil || how.opens() || time.Now().After(until) {
			return err
		}
	}
}
