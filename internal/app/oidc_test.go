package app_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// party is an application that signs people in here, with the code of others: a foreign
// client decides what is right.
type party struct {
	*site
	Application *idp.Application
	Provider    *idp.OAuthProvider
	secret      string
	callback    string
	asks        *idp.Flow // its authorization flow
}

// party registers an application, whose authorization flow has the stages given.
func (s *site) party(slug string, change func(*idp.OAuthProvider), stages ...idp.Stage) *party {
	s.Helper()
	ctx, as := s.Context(), idp.SystemActor()
	configure := s.replicas[0].Configure
	p := &party{site: s, callback: "https://" + slug + ".example.org/callback"}
	s.addFlow(slug+"-authorize", stages...)
	s.addFlow(slug+"-leave", idp.Stage{Kind: "user_logout", Settings: json.RawMessage(`{}`)})
	p.asks = s.flow(slug + "-authorize")
	for name, designation := range map[string]idp.Designation{"-authorize": idp.DesignationAuthorization, "-leave": idp.DesignationInvalidation} {
		_, err := configure.UpdateFlow(ctx, as, s.flow(slug+name).ID, func(f *idp.Flow) error {
			f.Designation = designation
			return nil
		})
		require.NoError(s, err)
	}
	var mappings []idp.ScopeMappingID
	for _, m := range []idp.ScopeMapping{
		{Scope: "openid", Expression: `{}`},
		{Scope: "profile", Expression: `{"name": user.name, "preferred_username": user.username}`, Description: "See your name"},
		{Scope: "offline_access", Expression: `{}`, Description: "Act when you are away"},
	} {
		m.Name = slug + " " + m.Scope
		made, err := configure.CreateScopeMapping(ctx, as, m)
		require.NoError(s, err)
		mappings = append(mappings, made.ID)
	}
	provider := idp.OAuthProvider{Name: slug, ClientID: slug + "-client", AuthorizationFlow: p.asks.ID, InvalidationFlow: s.flow(slug + "-leave").ID,
		RedirectURIs: []idp.RedirectURI{{Mode: idp.MatchStrict, URL: p.callback}}, Mappings: mappings, PostLogoutURIs: []string{"https://" + slug + ".example.org/bye"},
		GrantTypes: idp.GrantTypes()}
	if change != nil {
		change(&provider)
	}
	var err error
	p.Provider, p.Application, err = configure.CreateApplicationWith(ctx, as, provider, idp.Application{Name: strings.ToUpper(slug), Slug: slug})
	require.NoError(s, err)
	p.secret, err = configure.ClientSecret(p.Provider)
	require.NoError(s, err)
	return p
}

// context has the foreign client use the site's connections.
func (p *party) context() context.Context {
	return oidc.ClientContext(p.Context(), &http.Client{Transport: p.transport})
}

// discovered is what the foreign client finds out by itself.
func (p *party) discovered() (*oidc.Provider, *oauth2.Config) {
	p.Helper()
	found, err := oidc.NewProvider(p.context(), p.replicas[0].base+"/application/o/"+p.Application.Slug+"/")
	require.NoError(p, err)
	return found, &oauth2.Config{ClientID: p.Provider.ClientID, ClientSecret: p.secret, Endpoint: found.Endpoint(), RedirectURL: p.callback,
		Scopes: []string{"openid", "profile", "offline_access"}}
}

// local is the path of an address of the site.
func (p *party) local(address string) string {
	p.Helper()
	path, ok := strings.CutPrefix(address, p.replicas[0].base)
	if !ok {
		path = address
	}
	require.True(p, strings.HasPrefix(path, "/"), address)
	return path
}

// goes follows the browser's redirects from a path of the site until one leads
// elsewhere, or a page is there.
func (p *party) goes(b *browser, path string) (*answer, *url.URL) {
	p.Helper()
	for range 10 {
		a := b.get(path)
		if a.status != http.StatusFound && a.status != http.StatusSeeOther {
			return a, nil
		}
		to, err := url.Parse(a.header.Get("Location"))
		require.NoError(p, err)
		if to.Host != "" && !strings.HasPrefix(to.String(), p.replicas[0].base) || to.Host == "" && to.Scheme != "" {
			return a, to
		}
		path = p.local(to.String())
	}
	require.Fail(p, "the browser turns in circles at "+path)
	return nil, nil
}

// asked is the query of an answer to the application.
func (p *party) asked(to *url.URL) url.Values {
	p.Helper()
	require.NotNil(p, to)
	require.True(p, strings.HasPrefix(to.String(), p.callback+"?"), to)
	return to.Query()
}

// consentStage asks once for good.
func consentStage() idp.Stage {
	return idp.Stage{Kind: "consent", Settings: json.RawMessage(`{"mode": "permanent"}`)}
}

// The whole way, as a foreign client sees it: discovery, signing in, agreeing, code with
// PKCE, ID token, who somebody is, refreshing, signing out.
func TestAForeignClientSignsSomebodyIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	p := s.party("wiki", nil, consentStage())
	found, client := p.discovered()
	ada := s.user("ada")
	b := s.browser()
	verifier := oauth2.GenerateVerifier()
	address := p.local(client.AuthCodeURL("some-state", oauth2.S256ChallengeOption(verifier), oidc.Nonce("some-nonce")))

	// Nobody is signed in: the browser is sent to the flow and brought back.
	page, _ := p.goes(b, address)
	require.Equal(t, http.StatusOK, page.status)
	require.Contains(t, page.header.Get("Content-Security-Policy"), "form-action 'self';", "no form leads to another site")
	first := b.get(address)
	next := p.local(first.header.Get("Location"))
	u, err := url.Parse(next)
	require.NoError(t, err)
	query := []string{"next", u.Query().Get("next")}
	require.NotEmpty(t, query[1], next)
	got := b.solve(signInFlow, map[string]any{"component": "ak-stage-identification", "uid_field": ada.Username}, query...)
	require.Equal(t, "ak-stage-password", got["component"])
	got = b.solve(signInFlow, map[string]any{"component": "ak-stage-password", "password": password}, query...)
	require.Equal(t, "xak-flow-redirect", got["component"])

	// They are asked, agree, and the code is brought to the application.
	page, _ = p.goes(b, got["to"].(string))
	require.Equal(t, http.StatusOK, page.status)
	require.Contains(t, string(page.body), "See your name")
	asks := b.challenge(p.asks.Slug)
	require.Equal(t, "ak-stage-consent", asks["component"])
	require.Equal(t, "You are about to sign in to WIKI.", asks["header_text"])
	got = b.solve(p.asks.Slug, map[string]any{"component": "ak-stage-consent", "token": asks["token"]})
	require.Equal(t, "xak-flow-redirect", got["component"])
	_, to := p.goes(b, got["to"].(string))
	answer := p.asked(to)
	require.Equal(t, "some-state", answer.Get("state"))
	require.Equal(t, p.replicas[0].base+"/application/o/wiki/", answer.Get("iss"), "RFC 9207")

	// The code works once, with the verifier.
	tokens, err := client.Exchange(p.context(), answer.Get("code"), oauth2.VerifierOption(verifier))
	require.NoError(t, err)
	require.NotEmpty(t, tokens.RefreshToken)
	raw, _ := tokens.Extra("id_token").(string)
	id, err := found.VerifierContext(p.context(), &oidc.Config{ClientID: client.ClientID}).Verify(p.context(), raw)
	require.NoError(t, err)
	require.Equal(t, "some-nonce", id.Nonce)
	require.NoError(t, id.VerifyAccessToken(tokens.AccessToken))
	info, err := found.UserInfo(p.context(), oauth2.StaticTokenSource(tokens))
	require.NoError(t, err)
	require.Equal(t, id.Subject, info.Subject)
	var said struct {
		Name string `json:"preferred_username"`
	}
	require.NoError(t, info.Claims(&said))
	require.Equal(t, ada.Username, said.Name)

	// It is remembered: the next time nobody is asked, not even silently.
	_, to = p.goes(b, address+"&prompt=none")
	require.NotEmpty(t, p.asked(to).Get("code"), to)

	// A spent code takes all tokens of its grant along (RFC 9700, section 4.5).
	_, err = client.Exchange(p.context(), answer.Get("code"), oauth2.VerifierOption(verifier))
	require.Error(t, err)
	_, err = found.UserInfo(p.context(), oauth2.StaticTokenSource(tokens))
	require.Error(t, err, "the tokens of a code that was used twice still work")

	// Signing out: at once for whoever proves which session is meant.
	_, to = p.goes(b, address)
	tokens, err = client.Exchange(p.context(), p.asked(to).Get("code"), oauth2.VerifierOption(verifier))
	require.NoError(t, err)
	raw, _ = tokens.Extra("id_token").(string)
	leave := "/application/o/wiki/end-session/?" + url.Values{"post_logout_redirect_uri": {"https://wiki.example.org/bye"}, "state": {"x"}}.Encode()
	page, _ = p.goes(b, leave)
	require.Equal(t, http.StatusOK, page.status)
	require.Contains(t, string(page.body), "Sign out?")
	require.True(t, b.works(), "asking alone signed somebody out")
	_, to = p.goes(b, leave+"&id_token_hint="+raw)
	require.NotNil(t, to)
	require.Equal(t, "https://wiki.example.org/bye?state=x", to.String())
	require.False(t, b.works(), "still signed in")
	_, err = found.UserInfo(p.context(), oauth2.StaticTokenSource(tokens))
	require.NoError(t, err, "offline_access outlives the session")
}

// What an application may ask, and what it is answered.
func TestAuthorizationRequestsAreJudged(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	p := s.party("wiki", func(p *idp.OAuthProvider) {
		p.RedirectURIs = append(p.RedirectURIs, idp.RedirectURI{Mode: idp.MatchRegex, URL: `https://[a-z]+\.apps\.example\.org/cb`},
			idp.RedirectURI{Mode: idp.MatchStrict, URL: "http://127.0.0.1/cb"})
	}, consentStage())
	public := s.party("spa", func(p *idp.OAuthProvider) { p.ClientType, p.GrantTypes = idp.ClientPublic, nil })
	ada := s.user("ada")
	b := s.with(ada)
	usual := func(p *party, change ...string) string {
		v := url.Values{"client_id": {p.Provider.ClientID}, "response_type": {"code"}, "redirect_uri": {p.callback}, "scope": {"openid"}, "state": {"s"}}
		for i := 0; i+1 < len(change); i += 2 {
			v.Set(change[i], change[i+1])
			if change[i+1] == "" {
				v.Del(change[i])
			}
		}
		return "/application/o/authorize/?" + v.Encode()
	}
	challenge := oauth2.S256ChallengeFromVerifier(oauth2.GenerateVerifier())

	for name, c := range map[string]struct {
		path string
		want string // of the page
	}{
		"no client":                       {usual(p, "client_id", ""), "client_id is missing"},
		"another client":                  {usual(p, "client_id", "nobody"), "No application has this client ID."},
		"another address":                 {usual(p, "redirect_uri", "https://wiki.example.org/callback/"), "not registered"},
		"an address with more behind":     {usual(p, "redirect_uri", p.callback+"?a=b"), "not registered"},
		"an address with somebody in":     {usual(p, "redirect_uri", "https://wiki.example.org@evil.example/callback"), "not registered"},
		"an address with a fragment":      {usual(p, "redirect_uri", p.callback+"#x"), "not registered"},
		"part of an expression":           {usual(p, "redirect_uri", "https://evil.example/?https://x.apps.example.org/cb"), "not registered"},
		"more than an expression":         {usual(p, "redirect_uri", "https://x.apps.example.org/cb.evil.example"), "not registered"},
		"a line behind an expression":     {usual(p, "redirect_uri", "https://x.apps.example.org/cb\n"), "not registered"},
		"no address, of several":          {usual(p, "redirect_uri", ""), "redirect_uri is missing"},
		"another machine for this one":    {usual(p, "redirect_uri", "http://127.0.0.1.evil.example/cb"), "not registered"},
		"another path on this machine":    {usual(p, "redirect_uri", "http://127.0.0.1:9/other"), "not registered"},
		"the address twice":               {usual(p) + "&redirect_uri=https%3A%2F%2Fevil.example", "more than once"},
		"a request that nobody pushed":    {usual(p, "request_uri", "urn:ietf:params:oauth:request_uri:x"), "not valid any more"},
		"too much":                        {usual(p, "state", strings.Repeat("x", 3000)), "no more than 2048 bytes"},
		"a request that nobody waits for": {"/application/o/authorize/?resume=0191c5a4-0000-7000-8000-000000000000", "Go back to the application"},
		"a request of another form":       {"/application/o/authorize/?resume=x", "not a valid UUID"},
	} {
		page, to := p.goes(b, c.path)
		require.Nil(t, to, "%s: sent to %s", name, to)
		require.Contains(t, []int{http.StatusBadRequest, http.StatusNotFound}, page.status, name)
		require.Contains(t, string(page.body), c.want, name)
	}
	for name, c := range map[string]struct {
		party *party
		path  string
		want  string // the error
	}{
		"another response type":     {p, usual(p, "response_type", "token"), "unsupported_response_type"},
		"no response type":          {p, usual(p, "response_type", ""), "invalid_request"},
		"another response mode":     {p, usual(p, "response_mode", "web_message"), "invalid_request"},
		"an ID token of nobody":     {p, usual(p, "id_token_hint", "x.y.z"), "invalid_request"},
		"plain PKCE":                {p, usual(p, "code_challenge", challenge, "code_challenge_method", "plain"), "invalid_request"},
		"a method alone":            {p, usual(p, "code_challenge_method", "S256"), "invalid_request"},
		"no digest":                 {p, usual(p, "code_challenge", "short", "code_challenge_method", "S256"), "invalid_request"},
		"a public one without":      {public, usual(public), "invalid_request"},
		"a signed request":          {p, usual(p, "request", "e30."), "request_not_supported"},
		"none and another":          {p, usual(p, "prompt", "none login"), "invalid_request"},
		"an unknown prompt":         {p, usual(p, "prompt", "dance"), "invalid_request"},
		"a negative age":            {p, usual(p, "max_age", "-1"), "invalid_request"},
		"scopes that nobody has":    {p, usual(p, "scope", "root"), "invalid_scope"},
		"silently, without consent": {p, usual(p, "prompt", "none"), "consent_required"},
		"silently, too long ago":    {p, usual(p, "prompt", "none", "max_age", "0"), "login_required"},
	} {
		_, to := c.party.goes(b, c.path)
		require.NotNil(t, to, name)
		got := c.party.asked(to)
		require.Equal(t, c.want, got.Get("error"), name)
		require.Equal(t, "s", got.Get("state"), name)
		require.NotEmpty(t, got.Get("error_description"), name)
		require.NotEmpty(t, got.Get("iss"), name)
	}
	_, to := p.goes(s.browser(), usual(p, "prompt", "none"))
	require.Equal(t, "login_required", p.asked(to).Get("error"))

	for _, uri := range []string{p.callback, "https://abc.apps.example.org/cb", "http://127.0.0.1:43210/cb"} {
		page, _ := p.goes(b, usual(p, "redirect_uri", uri))
		require.Equal(t, http.StatusOK, page.status, uri)
		require.Contains(t, string(page.body), "sign in to WIKI", uri)
	}
	_, to = public.goes(b, usual(public, "code_challenge", challenge, "code_challenge_method", "S256"))
	require.NotEmpty(t, public.asked(to).Get("code"), "no stage asks, so nobody is asked")
	_, to = public.goes(b, usual(public, "code_challenge", challenge, "code_challenge_method", "S256", "prompt", "none"))
	require.NotEmpty(t, public.asked(to).Get("code"))
}

// A provider that was given no scope mapping still says who somebody is.
func TestAProviderWithoutMappingsSaysWho(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	p := s.party("bare", func(p *idp.OAuthProvider) { p.Mappings = nil })
	found, client := p.discovered()
	verifier := oauth2.GenerateVerifier()
	b := s.with(s.user("ada"))
	_, to := p.goes(b, p.local(client.AuthCodeURL("s", oauth2.S256ChallengeOption(verifier))))
	tokens, err := client.Exchange(p.context(), p.asked(to).Get("code"), oauth2.VerifierOption(verifier))
	require.NoError(t, err)
	raw, _ := tokens.Extra("id_token").(string)
	_, err = found.VerifierContext(p.context(), &oidc.Config{ClientID: client.ClientID}).Verify(p.context(), raw)
	require.NoError(t, err)
}
