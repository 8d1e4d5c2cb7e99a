package app_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

var (
	formTo    = regexp.MustCompile(`<form[^>]* action="([^"]*)"[^>]* data-leads-on>`)
	formField = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
)

// posted reads a page whose form brings an answer to an application.
func (p *party) posted(a *answer) (to string, values url.Values) {
	p.Helper()
	require.Equal(p, http.StatusOK, a.status, "%s", a.body)
	found := formTo.FindAllStringSubmatch(string(a.body), -1)
	require.Len(p, found, 1, "%s", a.body)
	require.Contains(p, found[0][0], `method="post"`)
	values = url.Values{}
	for _, field := range formField.FindAllStringSubmatch(string(a.body), -1) {
		values.Add(html.UnescapeString(field[1]), html.UnescapeString(field[2]))
	}
	require.Contains(p, string(a.body), "Continue", "there is a way without script")
	require.Equal(p, "no-store", a.header.Get("Cache-Control"))
	require.Equal(p, "strict-origin", a.header.Get("Referrer-Policy"))
	return html.UnescapeString(found[0][1]), values
}

// Answers may be posted to the application: codes and errors, to registered addresses of
// servers alone, by a page that can send nothing anywhere else.
func TestAnswersMayBePosted(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	const query, native, six = "https://wiki.example.org/callback?tenant=a&b=c", "org.example.wiki:/callback", "http://[::1]/callback"
	p := s.party("wiki", func(p *idp.OAuthProvider) {
		for _, uri := range []string{query, native, six} {
			p.RedirectURIs = append(p.RedirectURIs, idp.RedirectURI{Mode: idp.MatchStrict, URL: uri})
		}
	})
	found, client := p.discovered()
	var says struct {
		Modes []string `json:"response_modes_supported"`
	}
	require.NoError(t, found.Claims(&says))
	require.Equal(t, []string{"query", "fragment", "form_post"}, says.Modes)
	b := s.with(s.user("ada"))
	const state = `"><script>alert(1)</script>&'`
	asks := func(change ...string) string {
		v := url.Values{"client_id": {p.Provider.ClientID}, "response_type": {"code"}, "redirect_uri": {p.callback}, "scope": {"openid"},
			"state": {state}, "response_mode": {"form_post"}}
		for i := 0; i+1 < len(change); i += 2 {
			v.Set(change[i], change[i+1])
		}
		return "/application/o/authorize/?" + v.Encode()
	}

	verifier := oauth2.GenerateVerifier()
	page, to := p.goes(b, asks("code_challenge", oauth2.S256ChallengeFromVerifier(verifier), "code_challenge_method", "S256"))
	require.Nil(t, to)
	require.Contains(t, page.header.Get("Content-Security-Policy"), "form-action https: http:;")
	require.Contains(t, page.header.Get("Content-Security-Policy"), "script-src 'self';")
	require.NotContains(t, string(page.body), "<script>")
	address, answer := p.posted(page)
	require.Equal(t, p.callback, address)
	require.Equal(t, []string{state}, answer["state"])
	require.Equal(t, p.replicas[0].base+"/application/o/wiki/", answer.Get("iss"))
	tokens, err := client.Exchange(p.context(), answer.Get("code"), oauth2.VerifierOption(verifier))
	require.NoError(t, err)
	require.NotEmpty(t, tokens.Extra("id_token"))

	for name, c := range map[string]struct{ path, to, says string }{
		"an error":               {asks("prompt", "dance"), p.callback, "invalid_request"},
		"scopes that nobody has": {asks("scope", "root"), p.callback, "invalid_scope"},
		"silently, too long ago": {asks("prompt", "none", "max_age", "0"), p.callback, "login_required"},
		"a query that it has":    {asks("redirect_uri", query, "prompt", "dance"), query, "invalid_request"},
		"an address of IPv6":     {asks("redirect_uri", six, "prompt", "dance"), six, "invalid_request"},
	} {
		page, to := p.goes(b, c.path)
		require.Nil(t, to, name)
		address, answer := p.posted(page)
		require.Equal(t, c.to, address, name)
		require.Equal(t, c.says, answer.Get("error"), name)
		require.NotEmpty(t, answer.Get("error_description"), name)
		require.NotEmpty(t, answer.Get("iss"), name)
		require.Equal(t, state, answer.Get("state"), name)
		require.Empty(t, answer.Get("code"), name)
		require.Contains(t, page.header.Get("Content-Security-Policy"), "form-action https: http:;", name)
	}

	_, to = p.goes(b, asks("redirect_uri", native))
	require.True(t, strings.HasPrefix(to.String(), native+"?"), "programs cannot be posted to: %s", to)
	require.Equal(t, "invalid_request", to.Query().Get("error"))
	require.Contains(t, to.Query().Get("error_description"), "form_post")
	for _, uri := range []string{p.callback + "#x", p.callback + "/", "https://evil.example/callback", "javascript:alert(1)", "data:text/html,x"} {
		page, to := p.goes(b, asks("redirect_uri", uri))
		require.Nil(t, to, uri)
		require.Equal(t, http.StatusBadRequest, page.status, uri)
		require.Contains(t, string(page.body), "not registered", uri)
		require.NotContains(t, string(page.body), "data-leads-on", uri)
	}
	p.postsRequests(b, asks)
}

// postsRequests: an application has browsers post what it asks, from a page of its own;
// they send no session with that, and are led to where they do.
func (p *party) postsRequests(b *browser, asks func(...string) string) {
	p.Helper()
	foreign := []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://wiki.example.org"}
	where, query, _ := strings.Cut(asks("response_mode", "query"), "?")
	body := func(query string) raw { return raw{"application/x-www-form-urlencoded", query} }
	sent := p.browser().do(http.MethodPost, where, body(query), foreign...)
	require.Equal(p, http.StatusSeeOther, sent.status, "%s", sent.body)
	_, to := p.goes(b, sent.location())
	require.NotEmpty(p, p.asked(to).Get("code"), to)

	require.Equal(p, http.StatusForbidden, b.do(http.MethodPost, where, body(query), foreign...).status, "a session came along")
	require.Equal(p, http.StatusBadRequest, p.browser().do(http.MethodPost, where+"?client_id=x", body(query), foreign...).status)
	require.Equal(p, http.StatusRequestEntityTooLarge, p.browser().do(http.MethodPost, where, body(query+"&x="+strings.Repeat("a", 20_000)), foreign...).status)
	require.Equal(p, http.StatusUnsupportedMediaType, p.browser().do(http.MethodPost, where, anyMap{"client_id": "x"}, foreign...).status)

	leave := "/application/o/wiki/end-session/"
	sent = p.browser().do(http.MethodPost, leave, body("state=x"), foreign...)
	require.Equal(p, http.StatusSeeOther, sent.status, "%s", sent.body)
	require.Equal(p, leave+"?state=x", sent.location())
	require.Equal(p, http.StatusForbidden, b.do(http.MethodPost, leave, body("confirmed=true"), foreign...).status, "nobody else confirms")
	require.True(p, b.works())
}
