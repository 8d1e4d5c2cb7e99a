package app_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/portcullis-idp/portcullis/internal/idp"
	core "github.com/portcullis-idp/portcullis/internal/oidc"
)

// signs is what the foreign client gets for somebody.
func (p *party) signs(client *oauth2.Config, b *browser) *oauth2.Token {
	p.Helper()
	verifier := oauth2.GenerateVerifier()
	_, to := p.goes(b, p.local(client.AuthCodeURL("s", oauth2.S256ChallengeOption(verifier))))
	tokens, err := client.Exchange(p.context(), p.asked(to).Get("code"), oauth2.VerifierOption(verifier))
	require.NoError(p, err)
	return tokens
}

// code is the error code that a foreign client understood.
func code(t *testing.T, err error) string {
	t.Helper()
	var refused *oauth2.RetrieveError
	require.True(t, errors.As(err, &refused), "%v", err)
	return refused.ErrorCode
}

// A foreign client refreshes by itself; the refresh token that it replaced is worth
// nothing, and whoever brings it again takes the whole grant along.
func TestAForeignClientRefreshes(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	p := s.party("wiki", nil)
	found, client := p.discovered()
	tokens := p.signs(client, s.with(s.user("ada")))
	old := *tokens
	old.Expiry = time.Now().Add(-time.Minute)
	source := client.TokenSource(p.context(), &old)
	fresh, err := source.Token()
	require.NoError(t, err)
	require.NotEqual(t, tokens.AccessToken, fresh.AccessToken)
	require.NotEqual(t, tokens.RefreshToken, fresh.RefreshToken)
	same, err := source.Token()
	require.NoError(t, err)
	require.Equal(t, fresh.AccessToken, same.AccessToken, "it is good: nothing to refresh")
	_, err = found.UserInfo(p.context(), oauth2.StaticTokenSource(fresh))
	require.NoError(t, err)

	_, err = s.connect().Exec(t.Context(), `UPDATE oauth_tokens SET replaced_at = replaced_at - interval '1 hour' WHERE replaced_at IS NOT NULL`)
	require.NoError(t, err)
	thief := old
	_, err = client.TokenSource(p.context(), &thief).Token()
	require.Equal(t, "invalid_grant", code(t, err))
	stale := *fresh
	stale.Expiry = old.Expiry
	_, err = client.TokenSource(p.context(), &stale).Token()
	require.Equal(t, "invalid_grant", code(t, err), "a copied refresh token takes the grant along")
	_, err = found.UserInfo(p.context(), oauth2.StaticTokenSource(fresh))
	require.Error(t, err)
}

// Applications say whom they mean and where the answer goes; neither tells them, or
// whoever looks, who exists.
func TestApplicationsHintAtWhomTheyMean(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	p, other := s.party("wiki", nil), s.party("chat", nil)
	_, client := p.discovered()
	_, foreign := other.discovered()
	ada := s.user("ada")
	b, eve := s.with(ada), s.with(s.user("eve"))
	hint := p.signs(client, b).Extra("id_token").(string)
	theirs := other.signs(foreign, b).Extra("id_token").(string)
	asks := func(change ...string) string {
		v := url.Values{"client_id": {p.Provider.ClientID}, "response_type": {"code"}, "redirect_uri": {p.callback}, "scope": {"openid"}, "state": {"s"}}
		for i := 0; i+1 < len(change); i += 2 {
			v.Set(change[i], change[i+1])
		}
		return "/application/o/authorize/?" + v.Encode()
	}

	_, to := p.goes(b, asks("id_token_hint", hint, "prompt", "none"))
	require.NotEmpty(t, p.asked(to).Get("code"))
	_, to = p.goes(eve, asks("id_token_hint", hint, "prompt", "none"))
	require.Equal(t, "login_required", p.asked(to).Get("error"), "somebody else is signed in")
	_, to = p.goes(b, asks("id_token_hint", theirs))
	require.Equal(t, "invalid_request", p.asked(to).Get("error"), "it is another application's")
	_, to = p.goes(b, asks("response_mode", "fragment"))
	require.True(t, strings.HasPrefix(to.String(), p.callback+"#"), to)
	got, err := url.ParseQuery(to.Fragment)
	require.NoError(t, err)
	require.NotEmpty(t, got.Get("code"))
	_, to = p.goes(b, asks("response_mode", "fragment", "prompt", "dance"))
	require.Contains(t, to.Fragment, "error=invalid_request")

	for _, name := range []string{ada.Username, "nobody-has-this"} {
		stranger := s.browser()
		page, to := p.goes(stranger, asks("login_hint", name))
		require.Nil(t, to)
		require.Contains(t, string(page.body), `value="`+name+`"`)
		require.Equal(t, "ak-stage-identification", stranger.challenge(signInFlow)["component"])
	}
	page, to := p.goes(s.browser(), asks("login_hint", strings.Repeat("x", 300)))
	require.Nil(t, to)
	require.NotContains(t, string(page.body), "xxxx")
}

// Why an application gets an error of ours, the audit log says: by the mapping's name,
// and not for each time that somebody runs into it.
func TestBrokenMappingsAreNamedInTheLog(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	s.tolerant = true // of the faults below, which the server's log has, too
	p := s.party("wiki", nil)
	found, client := p.discovered()
	tokens := p.signs(client, s.with(s.user("ada")))
	_, err := s.connect().Exec(t.Context(), `UPDATE scope_mappings SET expression = '{"name": user.attributes.missing.more}' WHERE name = 'wiki profile'`)
	require.NoError(t, err)
	for range 3 {
		_, err = found.UserInfo(p.context(), oauth2.StaticTokenSource(tokens))
		require.ErrorContains(t, err, "server_error")
		require.NotContains(t, err.Error(), "missing")
	}
	page, err := s.repos().Events.Find(t.Context(), idp.EventFilter{Actions: []idp.Action{idp.ActionConfigError}})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	require.Equal(t, core.ActionMappingFailed, page.Items[0].Context["action_id"])
	require.Contains(t, page.Items[0].Context["message"], "wiki profile")
}
