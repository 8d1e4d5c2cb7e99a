package blueprint_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

const wiki = `version: 1
entries:
  - {model: authentik_core.group, id: staff, identifiers: {name: Staff}}
  - {model: authentik_flows.flow, id: agree, identifiers: {slug: agree}, attrs: {name: Agree, title: Agree, designation: authorization}}
  - {model: authentik_flows.flow, id: leave, identifiers: {slug: leave}, attrs: {name: Leave, title: Leave, designation: invalidation}}
  - model: authentik_providers_oauth2.scopemapping
    identifiers: {managed: example/email}
    attrs: {name: Email, scope_name: email, expression: "{\"email\": user.email}"}
  - model: authentik_providers_oauth2.oauth2provider
    id: provider
    identifiers: {name: wiki}
    attrs:
      authorization_flow: !KeyOf agree
      invalidation_flow: !Find [authentik_flows.flow, [slug, leave]]
      property_mappings: [!Find [authentik_providers_oauth2.scopemapping, [managed, example/email]]]
      client_id: wiki
      client_secret: tell-nobody-2
      access_token_validity: minutes=10
      redirect_uris: [{matching_mode: strict, url: "https://wiki.example.org/cb"}]
  - model: authentik_core.application
    id: application
    identifiers: {slug: wiki}
    attrs: {name: Wiki, provider: !KeyOf provider, forward_hosts: [wiki.example.org], cookie_lifetime: hours=8}
  - model: authentik_policies.policybinding
    identifiers: {target: !KeyOf application, group: !KeyOf staff, order: 0}
`

func TestApplicationsInFiles(t *testing.T) {
	t.Parallel()
	f := open(t)
	report, err := f.apply(t, wiki)
	require.NoError(t, err)
	shown, err := json.Marshal(report)
	require.NoError(t, err)
	require.NotContains(t, string(shown), "tell-nobody", "secrets are never shown")
	repos := f.db.Repos()
	p, app, err := repos.OAuthProviders.GetClient(t.Context(), "wiki")
	require.NoError(t, err)
	require.Equal(t, []any{10 * time.Minute, time.Minute, true, idp.ClientConfidential, 1}, []any{p.AccessLifetime, p.CodeLifetime, p.ClaimsInIDToken, p.ClientType, len(p.Mappings)})
	require.Equal(t, []idp.RedirectURI{{Mode: idp.MatchStrict, URL: "https://wiki.example.org/cb"}}, p.RedirectURIs)
	require.Equal(t, []any{"Wiki", 8 * time.Hour, []string{"wiki.example.org"}}, []any{app.Name, app.CookieLifetime, app.ForwardHosts})
	bound, err := repos.PolicyBindings.Find(t.Context(), idp.PolicyBindingFilter{Targets: []idp.UUID{app.ID.UUID()}})
	require.NoError(t, err)
	require.Len(t, bound.Items, 1)

	again, err := f.apply(t, wiki)
	require.NoError(t, err)
	raw, err := json.Marshal(again)
	require.NoError(t, err)
	require.NotContains(t, string(raw), `"effect":"updated"`)
	require.NotContains(t, string(raw), `"effect":"created"`)

	for old, fault := range map[string][2]string{
		"access_token_validity: minutes=10": {"access_token_validity: days=2", "at most 1 day"},
		"client_id: wiki":                   {"client_id: wiki\n      signing_key: x", "keeps its keys itself"},
		"https://wiki.example.org/cb":       {"javascript:alert(1)", "javascript:"},
		"cookie_lifetime: hours=8":          {"cookie_lifetime: soon", "not part of a duration"},
		`{\"email\": user.email}`:           {`{\"sub\": user.email}`, "made by the server itself"},
	} {
		_, err := f.apply(t, strings.Replace(wiki, old, fault[0], 1))
		require.ErrorContains(t, err, fault[1], old)
	}
}
