package app_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	core "github.com/portcullis-idp/portcullis/internal/oidc"
	"github.com/portcullis-idp/portcullis/internal/server/web"
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

// subject is whom an ID token is of.
func subject(t *testing.T, token string) string {
	t.Helper()
	var said struct {
		Subject string `json:"sub"`
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &said))
	require.NotEmpty(t, said.Subject)
	return said.Subject
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
	// Somebody else who is signed in is asked to sign in as the one who is meant, and only
	// that one is answered for.
	signsIn := func(b *browser, name string) *url.URL {
		t.Helper()
		page, to := p.goes(b, asks("id_token_hint", hint))
		require.Nil(t, to, "answered for somebody else")
		require.Equal(t, http.StatusOK, page.status)
		again, err := url.Parse(p.local(b.get(asks("id_token_hint", hint)).header.Get("Location")))
		require.NoError(t, err)
		next := []string{"next", again.Query().Get("next")}
		require.Equal(t, "ak-stage-identification", b.challenge(signInFlow, next...)["component"])
		b.solve(signInFlow, map[string]any{"component": "ak-stage-identification", "uid_field": name}, next...)
		done := b.solve(signInFlow, map[string]any{"component": "ak-stage-password", "password": password}, next...)
		require.Equal(t, "xak-flow-redirect", done["component"])
		_, to = p.goes(b, done["to"].(string))
		return to
	}
	refused := p.asked(signsIn(eve, "eve"))
	require.Equal(t, "login_required", refused.Get("error"), "they signed in as themselves again")
	require.Empty(t, refused.Get("code"))
	mallory := s.with(s.user("mallory"))
	tokens, err := client.Exchange(p.context(), p.asked(signsIn(mallory, ada.Username)).Get("code"))
	require.NoError(t, err)
	require.Equal(t, subject(t, hint), subject(t, tokens.Extra("id_token").(string)))

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

// provedAt is when an application is told that somebody proved who they are, by an answer
// to it.
func (p *party) provedAt(found *oidc.Provider, client *oauth2.Config, to *url.URL, verifier string) time.Time {
	p.Helper()
	tokens, err := client.Exchange(p.context(), p.asked(to).Get("code"), oauth2.VerifierOption(verifier))
	require.NoError(p, err)
	raw, _ := tokens.Extra("id_token").(string)
	id, err := found.VerifierContext(p.context(), &oidc.Config{ClientID: client.ClientID}).Verify(p.context(), raw)
	require.NoError(p, err)
	var said struct {
		AuthTime int64 `json:"auth_time"`
	}
	require.NoError(p, id.Claims(&said))
	return time.Unix(said.AuthTime, 0)
}

// TestApplicationsAskForAFreshProof: prompt=login and max_age have whoever is signed in
// prove once more that it is them, in the session that they have, and the application is
// told when; nobody else can answer.
func TestApplicationsAskForAFreshProof(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	p := s.party("wiki", nil)
	found, client := p.discovered()
	ada := s.user("ada")
	s.user("eve", func(n *account.NewUser) {
		hash, err := s.replicas[0].Accounts.HashPassword(t.Context(), "what Eve knows")
		require.NoError(t, err)
		n.PasswordHash = &hash
	})
	verifier := oauth2.GenerateVerifier()
	asks := func(params ...string) string {
		options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(verifier)}
		for i := 0; i+1 < len(params); i += 2 {
			options = append(options, oauth2.SetAuthURLParam(params[i], params[i+1]))
		}
		return p.local(client.AuthCodeURL("s", options...))
	}
	proved := func(began *idp.Session) time.Time {
		t.Helper()
		now, err := s.repos().Sessions.Get(t.Context(), began.ID)
		require.NoError(t, err)
		return now.ProvedAt.UTC().Truncate(time.Second)
	}
	for name, c := range map[string]struct {
		params []string
		stale  bool // whether an hour old is too old
	}{
		"nothing asked": {nil, false}, "max_age of two hours": {[]string{"max_age", "7200"}, false},
		"max_age of a minute": {[]string{"max_age", "60"}, true}, "max_age=0": {[]string{"max_age", "0"}, true}, "prompt=login": {[]string{"prompt", "login"}, true},
	} {
		began, cookie := s.cookie(ada)
		s.age(began)
		b, before := s.holding(cookie), proved(began)
		require.True(t, before.Before(time.Now().Add(-59*time.Minute)))
		page, to := p.goes(b, asks(c.params...))
		if !c.stale {
			require.Equal(t, before, p.provedAt(found, client, to, verifier).UTC(), name)
			continue
		}
		require.Nil(t, to, name)
		require.Contains(t, string(page.body), "Confirm that it is you", name)
		require.Contains(t, string(page.body), "The application that you are going to asks for a fresh proof.", name)
		if c.params[0] == "max_age" {
			_, to = p.goes(b, asks(append(c.params, "prompt", "none")...))
			require.Equal(t, "login_required", p.asked(to).Get("error"), name)
		}
		_, next := b.sentTo(asks(c.params...))
		b.challenge(flow.StepUpSlug, "next", next)
		wrong := b.solve(flow.StepUpSlug, anyMap{"component": "ak-stage-password", "password": "what Eve knows"}, "next", next)
		require.Contains(t, wrong, "response_errors", name)
		_, to = p.goes(b, next)
		require.Nil(t, to, "%s: nothing was proved", name)
		_, next = b.sentTo(asks(c.params...))
		b.challenge(flow.StepUpSlug, "next", next)
		done := b.solve(flow.StepUpSlug, anyMap{"component": "ak-stage-password", "password": password}, "next", next)
		require.Equal(t, next, done["to"], name)
		_, to = p.goes(b, next)
		after := proved(began)
		require.True(t, after.After(before), "the proof is of the session they had")
		require.Equal(t, after, p.provedAt(found, client, to, verifier).UTC(), name)
		require.Equal(t, cookie, b.cookie(web.SessionCookie), name)

		_, to = p.goes(b, asks(c.params...))
		require.Equal(t, c.params[1] == "60", to != nil, "%s: a proof of before counts for max_age alone", name)
	}

	// Whoever is to choose an account signs in anew, as whomever they like, and once.
	b := s.with(ada)
	slug, next := b.sentTo(asks("prompt", "select_account login"))
	require.Equal(t, signInFlow, slug)
	b.solve(signInFlow, anyMap{"component": "ak-stage-identification", "uid_field": "eve"}, "next", next)
	done := b.solve(signInFlow, anyMap{"component": "ak-stage-password", "password": "what Eve knows"}, "next", next)
	require.Equal(t, next, done["to"], "%v", done)
	_, to := p.goes(b, next)
	require.WithinDuration(t, time.Now(), p.provedAt(found, client, to, verifier), time.Minute)

	// Where no flow is for it, they sign in again.
	s.admin().api(http.StatusNoContent, http.MethodDelete, "/flows/instances/"+flow.StepUpSlug+"/", nil)
	slug, _ = s.with(ada).sentTo(asks("prompt", "login"))
	require.Equal(t, signInFlow, slug)
}

// sentTo is the flow that a path of the site leads to, and where that goes on.
func (b *browser) sentTo(path string) (slug, next string) {
	b.site.Helper()
	to, err := url.Parse(b.get(path).location())
	require.NoError(b.site, err)
	slug, ok := strings.CutPrefix(to.Path, "/if/flow/")
	require.True(b.site, ok, to)
	return strings.TrimSuffix(slug, "/"), to.Query().Get("next")
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
