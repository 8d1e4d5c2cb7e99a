package configure_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/configure"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// speaks is a world with the flows that a provider needs.
type speaks struct {
	*world
	authorizes, invalidates *idp.Flow
}

func newSpeaks(t *testing.T) *speaks {
	w := &speaks{world: newWorld(t)}
	w.authorizes = must(w.CreateFlow(w.ctx, idp.SystemActor(), idp.Flow{Name: "Agree", Slug: "agree", Designation: idp.DesignationAuthorization}))(t)
	w.invalidates = must(w.CreateFlow(w.ctx, idp.SystemActor(), idp.Flow{Name: "Leave", Slug: "leave", Designation: idp.DesignationInvalidation}))(t)
	return w
}

func (w *speaks) provider(name string) idp.OAuthProvider {
	return idp.OAuthProvider{Name: name, AuthorizationFlow: w.authorizes.ID, InvalidationFlow: w.invalidates.ID}
}

func TestAProviderIsCompleted(t *testing.T) {
	t.Parallel()
	w := newSpeaks(t)
	p := must(w.CreateOAuthProvider(w.ctx, w.admin, w.provider("wiki")))(t)
	require.Len(t, p.ClientID, 40)
	require.Len(t, p.ClientSecret, 128)
	require.Equal(t, []any{idp.ClientConfidential, idp.AccessOpaque, idp.SubjectHashedID, idp.IssuerPerProvider, idp.LogoutBackchannel},
		[]any{p.ClientType, p.AccessFormat, p.SubjectMode, p.IssuerMode, p.LogoutMethod})
	require.Equal(t, []time.Duration{time.Minute, 5 * time.Minute, 30 * 24 * time.Hour, 0}, []time.Duration{p.CodeLifetime, p.AccessLifetime, p.RefreshLifetime, p.RefreshThreshold})
	require.Equal(t, []idp.GrantType{idp.GrantCode, idp.GrantRefresh}, p.GrantTypes)

	public := must(w.UpdateOAuthProvider(w.ctx, w.admin, p.ID, func(p *idp.OAuthProvider) error { p.ClientType = idp.ClientPublic; return nil }))(t)
	require.Empty(t, public.ClientSecret, "who cannot keep a secret has none")
	again := must(w.UpdateOAuthProvider(w.ctx, w.admin, p.ID, func(p *idp.OAuthProvider) error { p.ClientType = idp.ClientConfidential; return nil }))(t)
	require.Len(t, again.ClientSecret, 128)
	require.NotEqual(t, p.ClientSecret, again.ClientSecret)
}

func TestSecretsOfClientsAreSealed(t *testing.T) {
	t.Parallel()
	w := newSpeaks(t)
	sealer, err := secret.NewSealer([]byte(strings.Repeat("s", 32)))
	require.NoError(t, err)
	s := configure.New(configure.Deps{Store: w.store, Access: access.New(), Sealer: sealer})
	draft := w.provider("wiki")
	draft.ClientSecret = "chosen elsewhere"
	p := must(s.CreateOAuthProvider(w.ctx, w.admin, draft))(t)
	require.True(t, secret.IsSealed(p.ClientSecret))
	plain, err := s.ClientSecret(p)
	require.NoError(t, err)
	require.Equal(t, "chosen elsewhere", plain)

	seen := len(w.events())
	same := must(s.UpdateOAuthProvider(w.ctx, w.admin, p.ID, func(p *idp.OAuthProvider) error { p.ClientSecret = "chosen elsewhere"; return nil }))(t)
	require.Equal(t, p.ClientSecret, same.ClientSecret)
	require.Len(t, w.events(), seen, "the same secret again changes nothing")
	other := must(s.CreateOAuthProvider(w.ctx, w.admin, func() idp.OAuthProvider { d := w.provider("mail"); d.ClientSecret = p.ClientSecret; return d }()))(t)
	require.NotEqual(t, p.ClientSecret, other.ClientSecret, "a text that looks sealed is not believed")
	fresh := must(s.UpdateOAuthProvider(w.ctx, w.admin, p.ID, func(p *idp.OAuthProvider) error { p.ClientSecret = ""; return nil }))(t)
	plain, err = s.ClientSecret(fresh)
	require.NoError(t, err)
	require.Len(t, plain, 128)
	require.Equal(t, []any{"client_secret"}, w.events()[len(w.events())-1].Context["changed"])
}

func TestRedirectURIs(t *testing.T) {
	t.Parallel()
	w := newSpeaks(t)
	strict := func(s string) idp.RedirectURI { return idp.RedirectURI{Mode: idp.MatchStrict, URL: s} }
	regex := func(s string) idp.RedirectURI { return idp.RedirectURI{Mode: idp.MatchRegex, URL: s} }
	n := 0
	for uri, says := range map[idp.RedirectURI]string{
		strict("https://wiki.example.org/callback?x=1"):    "",
		strict("http://localhost:8080/cb"):                 "",
		strict("http://[::1]/cb"):                          "",
		strict("com.example.app:/oauth2redirect"):          "",
		strict("myapp://callback"):                         "",
		regex(`https://wiki\.example\.org/[a-z]+`):         "",
		regex(`https://(a|b)\.example\.org/cb`):            "",
		strict(""):                                         "may not be blank",
		strict("/callback"):                                "not an absolute address",
		strict("https:///callback"):                        "names no host",
		strict("https://wiki.example.org/cb#part"):         "fragment",
		strict("https://wiki.example.org/cb#"):             "fragment",
		strict("https://*.example.org/cb"):                 "* in it",
		strict("https://wiki.example.org/*"):               "* in it",
		strict("https://user:pw@wiki.example.org/"):        "name or a password",
		strict("https://wiki.example.org@evil.example/"):   "name or a password",
		strict(`https://evil.example\.wiki.example.org/`):  "backslash",
		strict("https://wiki.example.org/a b"):             "white space",
		strict("https://wiki.example.org/\u200bx"):         "white space",
		strict("javascript:alert(1)"):                      "javascript:",
		strict("JavaScript:alert(1)"):                      "javascript:",
		strict("data:text/html,x"):                         "data:",
		strict("file:///etc/passwd"):                       "file:",
		strict("vbscript:x"):                               "vbscript:",
		strict("urn:ietf:wg:oauth:2.0:oob"):                "urn:",
		regex(`https://(`):                                 "not a valid regular expression",
		regex(`.*`):                                        "matches addresses of anybody",
		regex(`https?://.*`):                               "matches addresses of anybody",
		regex(`https://[^/]+/callback|http://[a-z.]+/.*`):  "matches addresses of anybody",
		regex(`a)|(.*`):                                    "not a valid regular expression",
		{Mode: "prefix", URL: "https://wiki.example.org/"}: `"prefix" is not a valid choice`,
		strict("https://x/" + strings.Repeat("a", 3000)):   "no more than 2048",
		regex("https://x/" + strings.Repeat("a", 3000)):    "no more than 1000",
	} {
		n++
		p := w.provider(fmt.Sprint("p", n))
		p.RedirectURIs = []idp.RedirectURI{uri}
		_, err := w.CreateOAuthProvider(w.ctx, w.admin, p)
		if says == "" {
			require.NoError(t, err, uri.URL)
			continue
		}
		require.Contains(t, strings.Join(faults(t, err)["redirect_uris"], " "), says, uri.URL)
	}
	whole, err := configure.Whole(`https://a/x|https://b/y`)
	require.NoError(t, err)
	require.True(t, whole.MatchString("https://a/x"))
	for _, address := range []string{"https://a/xx", "https://evil/?https://b/y", "https://a/x\n"} {
		require.False(t, whole.MatchString(address), address)
	}
}

func TestProviderFields(t *testing.T) {
	t.Parallel()
	w := newSpeaks(t)
	mapping := must(w.CreateScopeMapping(w.ctx, w.admin, idp.ScopeMapping{Name: "m", Scope: "email", Expression: "{}"}))(t)
	taken := w.provider("taken")
	taken.ClientID = "taken"
	must(w.CreateOAuthProvider(w.ctx, w.admin, taken))(t)
	noFlow, noMapping := idp.NewID[idp.Flow](), idp.NewID[idp.ScopeMapping]()
	for name, c := range map[string]struct {
		change func(*idp.OAuthProvider)
		want   want
	}{
		"everything": {func(p *idp.OAuthProvider) {
			p.AccessFormat, p.AccessLifetime, p.SubjectMode, p.IssuerMode, p.LogoutMethod = idp.AccessJWT, time.Hour, idp.SubjectUPN, idp.IssuerGlobal, idp.LogoutBackchannel
			p.LogoutURI, p.PostLogoutURIs, p.GrantTypes = "https://x/out", []string{"https://x/bye", "app://bye"}, idp.GrantTypes()
			p.Mappings, p.AuthenticationFlow = []idp.ScopeMappingID{mapping.ID, mapping.ID}, &w.flow.ID
		}, want{}},
		"blank name":        {func(p *idp.OAuthProvider) { p.Name = " " }, want{"name", "may not be blank"}},
		"taken name":        {func(p *idp.OAuthProvider) { p.Name = "taken" }, want{"name", "must be unique"}},
		"taken client":      {func(p *idp.OAuthProvider) { p.ClientID = "taken" }, want{"client_id", "must be unique"}},
		"client of letters": {func(p *idp.OAuthProvider) { p.ClientID = "wíki" }, want{"client_id", "visible ASCII"}},
		"secret of letters": {func(p *idp.OAuthProvider) { p.ClientSecret = "gehéim" }, want{"client_secret", "visible ASCII"}},
		"front-channel":     {func(p *idp.OAuthProvider) { p.LogoutMethod = idp.LogoutFrontchannel }, want{"logout_method", "use back-channel logout"}},
		"client type":       {func(p *idp.OAuthProvider) { p.ClientType = "native" }, want{"client_type", "not a valid choice"}},
		"long code":         {func(p *idp.OAuthProvider) { p.CodeLifetime = 11 * time.Minute }, want{"access_code_validity", "at most 10 minutes"}},
		"short code":        {func(p *idp.OAuthProvider) { p.CodeLifetime = 9 * time.Second }, want{"access_code_validity", "at least 10 seconds"}},
		"broken second":     {func(p *idp.OAuthProvider) { p.CodeLifetime = 10500 * time.Millisecond }, want{"access_code_validity", "whole number"}},
		"long access":       {func(p *idp.OAuthProvider) { p.AccessLifetime = 25 * time.Hour }, want{"access_token_validity", "at most 1 day"}},
		"long signed":       {func(p *idp.OAuthProvider) { p.AccessFormat, p.AccessLifetime = idp.AccessJWT, 2*time.Hour }, want{"access_token_validity", "at most 1 hour"}},
		"long refresh":      {func(p *idp.OAuthProvider) { p.RefreshLifetime = 367 * 24 * time.Hour }, want{"refresh_token_validity", "at most 366 days"}},
		"threshold":         {func(p *idp.OAuthProvider) { p.RefreshThreshold = 30 * 24 * time.Hour }, want{"refresh_token_threshold", "less than the validity"}},
		"negative":          {func(p *idp.OAuthProvider) { p.RefreshThreshold = -time.Second }, want{"refresh_token_threshold", "at least 0 seconds"}},
		"no grants":         {func(p *idp.OAuthProvider) { p.GrantTypes = []idp.GrantType{} }, want{"grant_types", "Choose at least one"}},
		"unknown grant":     {func(p *idp.OAuthProvider) { p.GrantTypes = []idp.GrantType{"password"} }, want{"grant_types", "not a valid choice"}},
		"public with secret": {func(p *idp.OAuthProvider) {
			p.ClientType, p.GrantTypes = idp.ClientPublic, []idp.GrantType{idp.GrantClientCredentials}
		}, want{"grant_types", "public client"}},
		"no flow":                {func(p *idp.OAuthProvider) { p.AuthorizationFlow = idp.FlowID{} }, want{"authorization_flow", "required"}},
		"flow that is not there": {func(p *idp.OAuthProvider) { p.AuthorizationFlow = noFlow }, want{"authorization_flow", missing(noFlow)}},
		"flow for signing in":    {func(p *idp.OAuthProvider) { p.AuthorizationFlow = w.flow.ID }, want{"authorization_flow", "is for authentication. Expected one for authorization"}},
		"flow for authorization": {func(p *idp.OAuthProvider) { p.InvalidationFlow = w.authorizes.ID }, want{"invalidation_flow", "Expected one for invalidation"}},
		"sign-in flow":           {func(p *idp.OAuthProvider) { p.AuthenticationFlow = &w.authorizes.ID }, want{"authentication_flow", "Expected one for authentication"}},
		"mapping":                {func(p *idp.OAuthProvider) { p.Mappings = []idp.ScopeMappingID{noMapping} }, want{"property_mappings", missing(noMapping)}},
		"logout URI":             {func(p *idp.OAuthProvider) { p.LogoutURI = "app://out" }, want{"logout_uri", "https://"}},
		"logout fragment":        {func(p *idp.OAuthProvider) { p.LogoutURI = "https://x/#y" }, want{"logout_uri", "fragment"}},
		"post logout":            {func(p *idp.OAuthProvider) { p.PostLogoutURIs = []string{"javascript:x"} }, want{"post_logout_redirect_uris", "javascript:"}},
		"sub mode":               {func(p *idp.OAuthProvider) { p.SubjectMode = "name" }, want{"sub_mode", "not a valid choice"}},
		"issuer mode":            {func(p *idp.OAuthProvider) { p.IssuerMode = "x" }, want{"issuer_mode", "not a valid choice"}},
		"format":                 {func(p *idp.OAuthProvider) { p.AccessFormat = "paseto" }, want{"access_token_format", "not a valid choice"}},
	} {
		p := w.provider("p " + name)
		c.change(&p)
		_, err := w.CreateOAuthProvider(w.ctx, w.admin, p)
		c.want.check(t, name, err)
	}
}

func TestApplicationFields(t *testing.T) {
	t.Parallel()
	w := newSpeaks(t)
	p := must(w.CreateOAuthProvider(w.ctx, w.admin, w.provider("p")))(t)
	q := must(w.CreateOAuthProvider(w.ctx, w.admin, w.provider("q")))(t)
	must(w.CreateApplication(w.ctx, w.admin, idp.Application{Name: "First", Slug: "first", ProviderID: &p.ID, ForwardHosts: []string{"Taken.example.org"}}))(t)
	none := idp.NewID[idp.OAuthProvider]()
	n := 0
	for name, c := range map[string]struct {
		change func(*idp.Application)
		want   want
	}{
		"everything": {func(a *idp.Application) {
			a.ProviderID, a.Icon, a.LaunchURL, a.CookieLifetime = &q.ID, "data:image/png;base64,AAAA", "https://x/~%(username)s", time.Hour
			a.ForwardHosts = []string{"A.example.org:8443", "a.example.org:8443", " b.example.org "}
		}, want{}},
		"hidden":            {func(a *idp.Application) { a.LaunchURL = configure.Hidden }, want{}},
		"blank name":        {func(a *idp.Application) { a.Name = "" }, want{"name", "may not be blank"}},
		"slug":              {func(a *idp.Application) { a.Slug = "a b" }, want{"slug", "letters, numbers"}},
		"endpoint":          {func(a *idp.Application) { a.Slug = "token" }, want{"slug", "name of an endpoint"}},
		"taken slug":        {func(a *idp.Application) { a.Slug = "first" }, want{"slug", "must be unique"}},
		"no provider":       {func(a *idp.Application) { a.ProviderID = &none }, want{"provider", missing(none)}},
		"taken provider":    {func(a *idp.Application) { a.ProviderID = &p.ID }, want{"provider", "Another application has this provider."}},
		"script to launch":  {func(a *idp.Application) { a.LaunchURL = "javascript:alert(1)" }, want{"meta_launch_url", "starts with https://"}},
		"no host to launch": {func(a *idp.Application) { a.LaunchURL = "https:///x" }, want{"meta_launch_url", "starts with https://"}},
		"script as icon":    {func(a *idp.Application) { a.Icon = "javascript:alert(1)" }, want{"meta_icon", "starts with https://"}},
		"page as icon":      {func(a *idp.Application) { a.Icon = "data:text/html;base64,AAAA" }, want{"meta_icon", "picture"}},
		"broken icon":       {func(a *idp.Application) { a.Icon = "data:image/png;base64,AAA" }, want{"meta_icon", "base64"}},
		"mode":              {func(a *idp.Application) { a.PolicyMode = "most" }, want{"policy_engine_mode", "not a valid choice"}},
		"host with scheme":  {func(a *idp.Application) { a.ForwardHosts = []string{"https://x"} }, want{"forward_hosts", "not the name of a host"}},
		"host with path":    {func(a *idp.Application) { a.ForwardHosts = []string{"x.example/y"} }, want{"forward_hosts", "not the name of a host"}},
		"host with star":    {func(a *idp.Application) { a.ForwardHosts = []string{"*.example.org"} }, want{"forward_hosts", "not the name of a host"}},
		"port":              {func(a *idp.Application) { a.ForwardHosts = []string{"x.example:70000"} }, want{"forward_hosts", "not the name of a host"}},
		"taken host":        {func(a *idp.Application) { a.ForwardHosts = []string{"taken.EXAMPLE.org"} }, want{"forward_hosts", "Another application has the host “taken.example.org”."}},
		"cookie":            {func(a *idp.Application) { a.CookieLifetime = -1 }, want{"cookie_lifetime", "at least 0 seconds"}},
	} {
		n++
		a := idp.Application{Name: "App", Slug: fmt.Sprint("app-", n)}
		c.change(&a)
		got, err := w.CreateApplication(w.ctx, w.admin, a)
		c.want.check(t, name, err)
		if name == "everything" {
			require.Equal(t, []string{"a.example.org:8443", "b.example.org"}, got.ForwardHosts)
			require.Equal(t, idp.PolicyAny, got.PolicyMode)
		}
	}
}

func TestScopeMappingFields(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(w.CreateScopeMapping(w.ctx, w.admin, idp.ScopeMapping{Name: "taken", Scope: "a", Expression: "nil", Managed: new("m")}))(t)
	for name, c := range map[string]struct {
		change func(*idp.ScopeMapping)
		want   want
	}{
		"right":         {func(m *idp.ScopeMapping) { m.Description = "What it is for" }, want{}},
		"taken name":    {func(m *idp.ScopeMapping) { m.Name = "taken" }, want{"name", "must be unique"}},
		"taken mark":    {func(m *idp.ScopeMapping) { m.Managed = new("m") }, want{"managed", "must be unique"}},
		"no scope":      {func(m *idp.ScopeMapping) { m.Scope = "" }, want{"scope_name", "may not be blank"}},
		"two scopes":    {func(m *idp.ScopeMapping) { m.Scope = "a b" }, want{"scope_name", "no spaces"}},
		"quote":         {func(m *idp.ScopeMapping) { m.Scope = `a"` }, want{"scope_name", "quotation marks"}},
		"no expression": {func(m *idp.ScopeMapping) { m.Expression = "" }, want{"expression", "may not be blank"}},
		"broken":        {func(m *idp.ScopeMapping) { m.Expression = "{" }, want{"expression", "line 1"}},
		"who it is":     {func(m *idp.ScopeMapping) { m.Expression = `{"sub": "x"}` }, want{"expression", `"sub"`}},
	} {
		m := idp.ScopeMapping{Name: "n" + name, Scope: "scope", Expression: "{}"}
		c.change(&m)
		_, err := w.CreateScopeMapping(w.ctx, w.admin, m)
		c.want.check(t, name, err)
	}
}

func TestAnApplicationAndItsProviderAreMadeTogether(t *testing.T) {
	t.Parallel()
	w := newSpeaks(t)
	p, a, err := w.CreateApplicationWith(w.ctx, w.admin, w.provider("Wiki"), idp.Application{Name: "Wiki", Slug: "wiki"})
	require.NoError(t, err)
	require.Equal(t, p.ID, *a.ProviderID)
	events := len(w.events())
	broken := w.provider("Mail")
	broken.RedirectURIs = []idp.RedirectURI{{URL: "x"}}
	_, _, err = w.CreateApplicationWith(w.ctx, w.admin, broken, idp.Application{Name: "Mail", Slug: "ma il"})
	require.Len(t, faults(t, err), 2, "what is wrong with both is said at once")
	_, _, err = w.CreateApplicationWith(w.ctx, w.admin, w.provider("Mail"), idp.Application{Name: "Mail", Slug: "wiki"})
	require.Contains(t, faults(t, err)["slug"][0], "unique")
	_, _, err = w.CreateApplicationWith(w.ctx, w.person("eve"), w.provider("Mail"), idp.Application{Name: "Mail", Slug: "mail"})
	require.True(t, idp.Is(err, idp.CodeForbidden))
	found, err := w.repos().OAuthProviders.Find(w.ctx, idp.OAuthProviderFilter{})
	require.NoError(t, err)
	require.Equal(t, 1, found.Total, "both or none")
	require.Len(t, w.events(), events)

	require.NoError(t, w.DeleteOAuthProvider(w.ctx, w.admin, p.ID))
	a, err = w.repos().Applications.Get(w.ctx, a.ID)
	require.NoError(t, err)
	require.Nil(t, a.ProviderID)
	last := w.events()[len(w.events())-1]
	require.Equal(t, []any{"provider"}, last.Context["changed"], "the application says so")
}

func TestPoliciesAreBoundToApplications(t *testing.T) {
	t.Parallel()
	w := newSpeaks(t)
	a := must(w.CreateApplication(w.ctx, w.admin, idp.Application{Name: "Wiki", Slug: "wiki"}))(t)
	b := must(w.CreatePolicyBinding(w.ctx, w.admin, idp.PolicyBinding{Target: a.ID.UUID(), GroupID: &w.admins.ID, Enabled: true}))(t)
	last := w.events()[len(w.events())-1]
	require.Equal(t, "group admins on application wiki", last.Context["model"].(map[string]any)["name"])
	require.NoError(t, w.DeleteApplication(w.ctx, w.admin, a.ID))
	_, err := w.repos().PolicyBindings.Get(w.ctx, b.ID)
	require.True(t, idp.Is(err, idp.CodeNotFound), "what is bound goes with it")
	require.NoError(t, w.DeleteFlow(w.ctx, w.admin, w.authorizes.ID))
}

func TestAFlowOfAProviderStays(t *testing.T) {
	t.Parallel()
	w := newSpeaks(t)
	must(w.CreateOAuthProvider(w.ctx, w.admin, w.provider("wiki")))(t)
	err := w.DeleteFlow(w.ctx, w.admin, w.authorizes.ID)
	want{idp.NonField, "A provider needs the authorization flow"}.check(t, "flow in use", err)
}

// Secrets of clients and transports that were sealed with a secret of the server that was
// replaced are sealed anew when one starts, so that the old one can be forgotten.
func TestStoredSecretsOfClientsAndTransportsAreSealed(t *testing.T) {
	t.Parallel()
	w := newSpeaks(t)
	by := func(words ...string) *configure.Service {
		if len(words) == 0 {
			return w.sealing(nil)
		}
		return w.sealing(sealerOf(t, words...))
	}
	client := func(s *configure.Service, name string, kind idp.ClientType) idp.OAuthProviderID {
		draft := w.provider(name)
		if draft.ClientType = kind; kind != idp.ClientPublic {
			draft.ClientSecret = "of " + name
		}
		return must(s.CreateOAuthProvider(w.ctx, w.admin, draft))(t).ID
	}
	transport := func(s *configure.Service, name string) idp.TransportID {
		return must(s.CreateTransport(w.ctx, w.admin, idp.Transport{Name: name, Mode: idp.TransportWebhook, WebhookURL: "https://hooks.example.org/", WebhookSecret: "of " + name}))(t).ID
	}
	old, lost, unsealed, public := client(by("a"), "old", ""), client(by("c"), "lost", ""), client(by(), "unsealed", ""), client(by("a"), "public", idp.ClientPublic)
	hook := transport(by("a"), "hook")
	stored := func(id idp.OAuthProviderID) string {
		return must(w.repos().OAuthProviders.Get(w.ctx, id))(t).ClientSecret
	}
	gone, events := stored(lost), len(w.events())

	require.NoError(t, by().SealSecrets(w.ctx))
	require.Equal(t, "of unsealed", stored(unsealed), "nothing lasts that it could be sealed with")
	for range 2 { // once is enough
		require.NoError(t, by("b", "a").SealSecrets(w.ctx))
		for id, want := range map[idp.OAuthProviderID]string{old: "of old", unsealed: "of unsealed"} {
			require.True(t, secret.IsSealed(stored(id)))
			plain, err := sealerOf(t, "b").OpenText(configure.ClientSecretUse(id), stored(id))
			require.NoError(t, err, want)
			require.Equal(t, want, plain)
		}
		plain, err := sealerOf(t, "b").OpenText(configure.TransportSecretUse(hook), must(w.repos().Transports.Get(w.ctx, hook))(t).WebhookSecret)
		require.NoError(t, err)
		require.Equal(t, "of hook", plain)
		require.Equal(t, gone, stored(lost), "nobody can open it, so it stays")
		require.Empty(t, stored(public))
		require.Len(t, w.events(), events+3)
	}
}
