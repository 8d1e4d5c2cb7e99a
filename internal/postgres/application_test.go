package postgres

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func addProvider(t testing.TB, db *DB, name string, flow idp.FlowID) *idp.OAuthProvider {
	t.Helper()
	p := &idp.OAuthProvider{Name: name, AuthorizationFlow: flow, InvalidationFlow: flow, ClientID: name + "-client", ClientSecret: "sealed",
		RedirectURIs: []idp.RedirectURI{{Mode: idp.MatchStrict, URL: "https://" + name + ".example.org/cb"}}, GrantTypes: []idp.GrantType{idp.GrantCode},
		CodeLifetime: time.Minute, AccessLifetime: 5 * time.Minute, RefreshLifetime: 30 * 24 * time.Hour, RefreshThreshold: time.Hour,
		ClaimsInIDToken: true, LogoutURI: "https://" + name + ".example.org/out", PostLogoutURIs: []string{"https://" + name + ".example.org/"}}
	require.NoError(t, db.Repos().OAuthProviders.Create(t.Context(), p))
	return p
}

func authorizes(t testing.TB, db *DB, slug string) idp.FlowID {
	t.Helper()
	f := &idp.Flow{Name: slug, Slug: slug, Title: slug, Designation: idp.DesignationAuthorization}
	require.NoError(t, db.Repos().Flows.Create(t.Context(), f))
	return f.ID
}

func TestApplicationsAndProvidersComeBackAsStored(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, repos := t.Context(), db.Repos()
	m := &idp.ScopeMapping{Name: "Email", Scope: "email", Expression: "{}", Description: "Your address"}
	require.NoError(t, repos.ScopeMappings.Create(ctx, m))
	flow := authorizes(t, db, "agree")
	p := addProvider(t, db, "wiki", flow)
	require.Positive(t, p.PK)
	p.Mappings, p.AuthenticationFlow, p.SubjectMode = []idp.ScopeMappingID{m.ID}, &flow, idp.SubjectEmail
	require.NoError(t, repos.OAuthProviders.Update(ctx, p))
	a := &idp.Application{Name: "Wiki", Slug: "wiki", Group: "Docs", ProviderID: &p.ID, LaunchURL: "https://wiki.example.org/", OpenInNew: true,
		Icon: "/icon.svg", Description: "Pages", Publisher: "Us", ForwardHosts: []string{"wiki.example.org", "w.example.org:8443"}, CookieLifetime: 8 * time.Hour}
	require.NoError(t, repos.Applications.Create(ctx, a))

	got, err := repos.OAuthProviders.GetByPK(ctx, p.PK)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(p, got))
	require.Equal(t, 30*24*time.Hour, got.RefreshLifetime)
	byHost, err := repos.Applications.ForHost(ctx, "W.example.org:8443")
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(a, byHost))
	bySlug, err := repos.Applications.GetBySlug(ctx, "wiki")
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(a, bySlug))
	require.Equal(t, 8*time.Hour, bySlug.CookieLifetime)

	provider, application, err := repos.OAuthProviders.GetClient(ctx, "wiki-client")
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(p, provider))
	require.Empty(t, cmp.Diff(a, application))
	addProvider(t, db, "idle", flow)
	_, _, err = repos.OAuthProviders.GetClient(ctx, "idle-client")
	requireCode(t, idp.CodeNotFound, err)

	require.NoError(t, repos.ScopeMappings.Delete(ctx, m.ID))
	got, err = repos.OAuthProviders.Get(ctx, p.ID)
	require.NoError(t, err)
	require.Empty(t, got.Mappings, "what was deleted is in no provider any more")
	requireCode(t, idp.CodeInvalid, repos.Flows.Delete(ctx, flow))
	require.NoError(t, repos.OAuthProviders.Delete(ctx, p.ID))
	a, err = repos.Applications.Get(ctx, a.ID)
	require.NoError(t, err)
	require.Nil(t, a.ProviderID)
}

func TestAForwardHostIsOfOneApplication(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, repos := t.Context(), db.Repos().Applications
	a := &idp.Application{Name: "A", Slug: "a", ForwardHosts: []string{"a.example.org", "b.example.org"}}
	require.NoError(t, repos.Create(ctx, a))
	b := &idp.Application{Name: "B", Slug: "b", ForwardHosts: []string{"b.example.org"}}
	requireField(t, repos.Create(ctx, b), "forward_hosts", "Another application has the host “b.example.org”.")
	b.ForwardHosts = []string{"c.example.org"}
	require.NoError(t, repos.Create(ctx, b))
	b.ForwardHosts = []string{"c.example.org", "a.example.org"}
	requireField(t, repos.Update(ctx, b), "forward_hosts", "a.example.org")
	a.ForwardHosts = []string{"b.example.org"}
	require.NoError(t, repos.Update(ctx, a), "what it has already is its own")
	b.ForwardHosts = []string{"a.example.org"}
	require.NoError(t, repos.Update(ctx, b), "what another one gave up is free")
	require.NoError(t, repos.Delete(ctx, a.ID))
	_, err := repos.ForHost(ctx, "b.example.org")
	requireCode(t, idp.CodeNotFound, err)
}

func TestFindApplicationsAndProviders(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, repos := t.Context(), db.Repos()
	one, two := authorizes(t, db, "one"), authorizes(t, db, "two")
	m := &idp.ScopeMapping{Name: "Email", Scope: "email", Expression: "{}", Managed: new("x/email")}
	require.NoError(t, repos.ScopeMappings.Create(ctx, m))
	p, q := addProvider(t, db, "p", one), addProvider(t, db, "q", two)
	p.Mappings, p.ClientType, p.AccessLifetime, p.IssuerMode = []idp.ScopeMappingID{m.ID}, idp.ClientPublic, time.Hour, idp.IssuerGlobal
	require.NoError(t, repos.OAuthProviders.Update(ctx, p))
	a := &idp.Application{Name: "A", Slug: "a", ProviderID: &p.ID, Group: "G", Publisher: "P", Description: "D", LaunchURL: "https://x/"}
	require.NoError(t, repos.Applications.Create(ctx, a))
	require.NoError(t, repos.Applications.Create(ctx, &idp.Application{Name: "B", Slug: "b"}))

	for name, f := range map[string]idp.OAuthProviderFilter{
		"pk": {PK: &p.PK}, "pks": {PKs: []idp.ProviderPK{p.PK}}, "ids": {IDs: []idp.OAuthProviderID{p.ID}}, "name": {Name: new("p")},
		"client id": {ClientID: new("p-client")}, "client type": {ClientType: new(idp.ClientPublic)}, "flow": {FlowID: &one},
		"authorization flow": {AuthorizationFlow: &one}, "mapping": {Mapping: &m.ID}, "mappings": {Mappings: []idp.ScopeMappingID{m.ID}},
		"has application": {Application: new(true)}, "application": {ApplicationID: &a.ID}, "access": {AccessLifetime: new(time.Hour)},
		"issuer": {IssuerMode: new(idp.IssuerGlobal)}, "search": {Paging: idp.Paging{Search: "P-CLI"}},
		"several": {CodeLifetime: new(time.Minute), AccessLifetime: new(time.Hour), RefreshLifetime: &p.RefreshLifetime, ClaimsInIDToken: new(true)},
	} {
		found, err := repos.OAuthProviders.Find(ctx, f)
		require.NoError(t, err, name)
		require.Len(t, found.Items, 1, name)
		require.Equal(t, p.ID, found.Items[0].ID, name)
	}
	found, err := repos.OAuthProviders.Find(ctx, idp.OAuthProviderFilter{Application: new(false)})
	require.NoError(t, err)
	require.Equal(t, q.ID, found.Items[0].ID)
	for name, f := range map[string]idp.ApplicationFilter{
		"name": {Name: new("A")}, "slug": {Slug: new("a")}, "group": {Group: new("G")}, "provider": {ProviderID: &p.ID}, "url": {LaunchURL: new("https://x/")},
		"description": {Description: new("D")}, "publisher": {Publisher: new("P")}, "ids": {IDs: []idp.ApplicationID{a.ID}}, "search": {Paging: idp.Paging{Search: "HTTPS://X"}},
		"providers": {ProviderIDs: []idp.OAuthProviderID{p.ID}},
	} {
		found, err := repos.Applications.Find(ctx, f)
		require.NoError(t, err, name)
		require.Len(t, found.Items, 1, name)
		require.Equal(t, a.ID, found.Items[0].ID, name)
	}
	for order := range applicationTable.orders {
		_, err := repos.Applications.Find(ctx, idp.ApplicationFilter{Paging: idp.Paging{Order: []string{"-" + order}}})
		require.NoError(t, err, order)
	}
	for order := range oauthProviderTable.orders {
		_, err := repos.OAuthProviders.Find(ctx, idp.OAuthProviderFilter{Paging: idp.Paging{Order: []string{order}}})
		require.NoError(t, err, order)
	}
	for name, f := range map[string]idp.ScopeMappingFilter{"name": {Name: new("Email")}, "scope": {Scope: new("email")}, "managed": {Managed: []string{"x/email"}},
		"not null": {ManagedNull: new(false)}} {
		found, err := repos.ScopeMappings.Find(ctx, f)
		require.NoError(t, err, name)
		require.Len(t, found.Items, 1, name)
	}
	none, err := repos.ScopeMappings.Find(ctx, idp.ScopeMappingFilter{ManagedNull: new(true)})
	require.NoError(t, err)
	require.Empty(t, none.Items)
}
