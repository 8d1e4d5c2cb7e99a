package app_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockout"
)

// A foreign client has somebody let a device in: with the code in the address, too.
func TestAForeignClientLetsADeviceIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	p := s.party("tv", func(p *idp.OAuthProvider) { // this client proves nothing as a device
		p.ClientType, p.GrantTypes = idp.ClientPublic, []idp.GrantType{idp.GrantCode, idp.GrantDevice}
	})
	found, client := p.discovered()
	shown, err := client.DeviceAuth(p.context())
	require.NoError(t, err)
	shown.Interval = 1 // seconds until the client asks first
	b := s.with(s.user("ada"))
	page := b.get(p.local(shown.VerificationURIComplete))
	require.Equal(t, http.StatusOK, page.status)
	require.Contains(t, string(page.body), `value="`+shown.UserCode+`"`, "the code is filled in")
	require.Equal(t, http.StatusBadRequest, b.do(http.MethodPost, "/device/", form{"code": "BBBB-BBBB"}).status)
	done := b.do(http.MethodPost, "/device/", form{"code": shown.UserCode})
	require.Equal(t, http.StatusSeeOther, done.status, "%s", done.body)
	p.goes(b, p.local(done.header.Get("Location")))
	ctx, cancel := context.WithTimeout(p.context(), 20*time.Second)
	defer cancel()
	tokens, err := client.DeviceAccessToken(ctx, shown)
	require.NoError(t, err)
	info, err := found.UserInfo(p.context(), oauth2.StaticTokenSource(tokens))
	require.NoError(t, err)
	require.NotEmpty(t, info.Subject)
	_, err = client.DeviceAccessToken(ctx, shown)
	require.Equal(t, "invalid_grant", code(t, err), "a device code works once")

	// Nobody guesses at codes for long, whatever they know besides.
	shown, err = client.DeviceAuth(p.context())
	require.NoError(t, err)
	eve := s.with(s.user("eve"))
	for range 8 { // typing errors that no code can be cost nothing
		require.Equal(t, http.StatusBadRequest, eve.do(http.MethodPost, "/device/", form{"code": "BBBB-BBB"}).status)
	}
	for range 5 {
		require.Equal(t, http.StatusBadRequest, eve.do(http.MethodPost, "/device/", form{"code": "BBBB-BBBB"}).status)
	}
	refused := eve.do(http.MethodPost, "/device/", form{"code": shown.UserCode})
	require.Equal(t, http.StatusTooManyRequests, refused.status)
	require.NotEmpty(t, refused.header.Get("Retry-After"))
	require.Contains(t, string(refused.body), "Too many wrong codes. Try again in 10 minutes.")
	action := lockout.ActionCodes
	told, err := s.repos().Events.Find(t.Context(), idp.EventFilter{ActionID: &action})
	require.NoError(t, err)
	require.Len(t, told.Items, 1)
	require.Equal(t, "eve", told.Items[0].User["username"])
	require.Equal(t, http.StatusSeeOther, b.do(http.MethodPost, "/device/", form{"code": shown.UserCode}).status, "others go on")
}
