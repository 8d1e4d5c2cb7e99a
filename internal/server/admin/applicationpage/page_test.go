package applicationpage_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policies"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/server/admin"
	"github.com/portcullis-idp/portcullis/internal/server/admin/applicationpage"
	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

const (
	applicationsAt = "/if/admin/applications/"
	providersAt    = "/if/admin/providers/"
	scopesAt       = "/if/admin/scope-mappings/"
)

type site struct {
	*pagetest.Site
	t     testing.TB
	boss  *pagetest.Browser
	roles *access.Service
	known *access.Roles

	authorizes, invalidates idp.FlowID
}

func open(t testing.TB) *site {
	t.Helper()
	db, err := postgres.Open(t.Context(), testkit.Database(t), postgres.Options{MaxConns: 6})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	kinds := policy.NewKinds(policies.Kinds(policies.Deps{Reputations: db.Repos().Reputations, Clock: db}))
	known := access.NewRoles(db, nil)
	s := &site{t: t, known: known}
	s.Site = pagetest.New(t, db, pagetest.Parts{Access: access.New(access.Deps{Roles: known}), Policies: kinds})
	s.roles = access.NewService(access.ServiceDeps{Store: db, Checker: s.Access})
	require.NoError(t, s.roles.EnsureBuiltIn(t.Context()))
	require.NoError(t, known.Reset(t.Context()))
	pages := applicationpage.New(applicationpage.Deps{Store: db, Configure: s.Configure, PublicURL: "https://id.example.org"})
	console := admin.New(admin.Deps{Store: db, Accounts: s.Accounts, Sessions: s.Sessions, Tokens: s.Tokens, Lockdowns: s.Lockdowns,
		Configure: s.Configure, Flow: s.Lockdown})
	s.Open(db.NewSessionStore(func(deadline time.Time, values map[string]any) ([]byte, error) {
		return json.Marshal(map[string]any{"deadline": deadline, "values": values})
	}), pagetest.Elsewhere("", "search/", "users/", "groups/", "sessions/", "lockdowns/", "events/", "brands/",
		"applications/", "providers/", "scope-mappings/"), console.Routes, pages.Routes)
	s.boss = s.As(s.Boss)
	for slug, f := range map[string]struct {
		is idp.Designation
		to *idp.FlowID
	}{"default-provider-authorization-explicit-consent": {idp.DesignationAuthorization, &s.authorizes}, "default-provider-invalidation-flow": {idp.DesignationInvalidation, &s.invalidates}} {
		made, err := s.Configure.CreateFlow(t.Context(), idp.SystemActor(), idp.Flow{Name: slug, Slug: slug, Title: slug, Designation: f.is})
		require.NoError(t, err)
		*f.to = made.ID
	}
	return s
}

func (s *site) read(b *pagetest.Browser, path string) *pagetest.Page {
	s.t.Helper()
	p := b.Get(path)
	require.Equal(s.t, http.StatusOK, p.Status, "%s: %s", path, p.Text())
	require.Empty(s.t, p.Faults(), path)
	return p
}

func (s *site) repos() idp.Repos { return s.Store.Repos() }

// made makes the application Wiki by the form, and returns it with its provider.
func (s *site) made() (*idp.Application, *idp.OAuthProvider) {
	s.t.Helper()
	p := s.boss.Post(applicationsAt+"new/", "name", "The Wiki", "provider", "new", "client_type", "confidential", "policy_engine_mode", "any",
		"redirect_uris", "https://wiki.example.org/cb\r\nregex: https://wiki\\.example\\.org/[a-z]+", "authorization_flow", s.authorizes.String(),
		"invalidation_flow", s.invalidates.String(), "forward_hosts", "Wiki.example.org")
	require.Equal(s.t, http.StatusSeeOther, p.Status, p.Text())
	app, err := s.repos().Applications.GetBySlug(s.t.Context(), "the-wiki")
	require.NoError(s.t, err)
	require.Equal(s.t, applicationsAt+app.ID.String()+"/", p.Location)
	provider, err := s.repos().OAuthProviders.Get(s.t.Context(), *app.ProviderID)
	require.NoError(s.t, err)
	return app, provider
}

// seenOf is the state that the form with an action was filled from.
func seenOf(p *pagetest.Page, action string) string {
	_, form, _ := strings.Cut(p.Body, `action="`+action+`"`)
	_, value, _ := strings.Cut(form, `name="seen" value="`)
	value, _, _ = strings.Cut(value, `"`)
	return value
}

func TestAnApplicationIsMadeInOneGo(t *testing.T) {
	t.Parallel()
	s := open(t)
	require.Contains(t, s.read(s.boss, applicationsAt).Main(), "No applications yet")
	require.Contains(t, s.read(s.boss, applicationsAt+"new/").Body, s.authorizes.String())
	app, provider := s.made()
	require.Equal(t, []idp.RedirectURI{{Mode: idp.MatchStrict, URL: "https://wiki.example.org/cb"}, {Mode: idp.MatchRegex, URL: `https://wiki\.example\.org/[a-z]+`}}, provider.RedirectURIs)
	require.Equal(t, []any{"The Wiki", []string{"wiki.example.org"}, s.authorizes}, []any{provider.Name, app.ForwardHosts, provider.AuthorizationFlow})
	main := s.read(s.boss, applicationsAt+app.ID.String()+"/").Main()
	for _, says := range []string{"https://id.example.org/application/o/the-wiki/.well-known/openid-configuration", "https://id.example.org/application/o/token/", "everybody with an account"} {
		require.Contains(t, main, says)
	}
	require.Contains(t, s.read(s.boss, applicationsAt).Main(), "The Wiki")
	require.Contains(t, s.read(s.boss, "/if/admin/search/?q=the+wi").Main(), "the-wiki")
	require.Equal(t, applicationsAt+app.ID.String()+"/", s.boss.Get("/if/admin/search/?q="+app.ID.String()).Location)

	wrong := s.boss.Post(applicationsAt+"new/", "name", "Mail", "slug", "ma il", "provider", "new", "client_type", "confidential", "policy_engine_mode", "any",
		"redirect_uris", "javascript:alert(1)", "authorization_flow", "", "invalidation_flow", s.invalidates.String())
	require.Equal(t, http.StatusBadRequest, wrong.Status)
	require.Empty(t, wrong.Faults())
	require.Contains(t, wrong.Main(), "Choose a flow of the list.")
	found, err := s.repos().Applications.Find(t.Context(), idp.ApplicationFilter{})
	require.NoError(t, err)
	require.Equal(t, 1, found.Total)
}

func TestAnApplicationIsChangedAndDeleted(t *testing.T) {
	t.Parallel()
	s := open(t)
	app, provider := s.made()
	at := applicationsAt + app.ID.String() + "/"
	form := s.read(s.boss, at+"edit/")
	seen := form.Value("seen")
	values := []string{"seen", seen, "name", "Wiki", "slug", "the-wiki", "provider", provider.ID.String(), "policy_engine_mode", "all", "cookie_lifetime", "hours=8", "meta_launch_url", "https://wiki.example.org/"}
	require.Equal(t, http.StatusSeeOther, s.boss.Post(at+"edit/", values...).Status)
	now, err := s.repos().Applications.Get(t.Context(), app.ID)
	require.NoError(t, err)
	require.Equal(t, []any{"Wiki", idp.PolicyAll, 8 * time.Hour, []string{}}, []any{now.Name, now.PolicyMode, now.CookieLifetime, now.ForwardHosts})
	require.Equal(t, http.StatusConflict, s.boss.Post(at+"edit/", append(values, "name", "Other")...).Status, "somebody changed it meanwhile")
	require.Contains(t, s.boss.Post(at+"edit/", "seen", s.read(s.boss, at+"edit/").Value("seen"), "name", "", "slug", "", "policy_engine_mode", "any").Main(), "may not be blank")

	require.Contains(t, s.read(s.boss, at+"delete/").Main(), "Delete the application Wiki?")
	require.Equal(t, http.StatusSeeOther, s.boss.Post(at+"delete/", "confirmed", "1").Status)
	require.Equal(t, http.StatusNotFound, s.boss.Get(at).Status)
	s.read(s.boss, providersAt+provider.ID.String()+"/")
}

func TestGroupsAndPoliciesAreBoundToAnApplication(t *testing.T) {
	t.Parallel()
	s := open(t)
	app, _ := s.made()
	at := applicationsAt + app.ID.String() + "/"
	group := &idp.Group{Name: "Editors"}
	require.NoError(t, s.repos().Groups.Create(t.Context(), group))
	rule, err := s.Configure.CreatePolicy(t.Context(), idp.SystemActor(), idp.Policy{Name: "weekdays", Kind: "expression", Settings: json.RawMessage(`{"expression":"true"}`)})
	require.NoError(t, err)
	require.Contains(t, s.read(s.boss, at).Main(), "Members of Editors")
	require.Equal(t, http.StatusSeeOther, s.boss.Post(at+"policies/", "policy", "group:"+group.ID.String()).Status)
	require.Equal(t, http.StatusSeeOther, s.boss.Post(at+"policies/", "policy", "policy:"+rule.ID.String()).Status)
	refused := s.boss.Post(at+"policies/", "policy", "")
	require.Equal(t, http.StatusBadRequest, refused.Status)
	require.Contains(t, refused.Main(), "Choose a group or a policy.")
	bound, err := s.repos().PolicyBindings.Find(t.Context(), idp.PolicyBindingFilter{Targets: []idp.UUID{app.ID.UUID()}})
	require.NoError(t, err)
	require.Len(t, bound.Items, 2)
	require.Equal(t, []int{0, 10}, []int{bound.Items[0].Order, bound.Items[1].Order})
	one := at + "policies/" + bound.Items[0].ID.String() + "/"
	p := s.read(s.boss, at)
	require.Contains(t, p.Main(), "when any of these passes")
	require.Equal(t, http.StatusSeeOther, s.boss.Post(one, "seen", seenOf(p, one), "enabled", "1", "negate", "1", "order", "5", "timeout", "10", "failure_result", "false").Status)
	b, err := s.repos().PolicyBindings.Get(t.Context(), bound.Items[0].ID)
	require.NoError(t, err)
	require.Equal(t, []any{true, 5, 10 * time.Second}, []any{b.Negate, b.Order, b.Timeout})
	require.Contains(t, s.read(s.boss, one+"unbind/").Main(), "Unbind Editors?")
	require.Equal(t, http.StatusSeeOther, s.boss.Post(one+"unbind/", "confirmed", "1").Status)
	require.Equal(t, http.StatusNotFound, s.boss.Post(one+"unbind/", "confirmed", "1").Status)
}

func TestProvidersByTheirPages(t *testing.T) {
	t.Parallel()
	s := open(t)
	require.Contains(t, s.read(s.boss, providersAt).Main(), "No providers yet")
	s.read(s.boss, providersAt+"new/")
	values := []string{"name", "mail", "client_type", "confidential", "redirect_uris", "https://mail.example.org/cb", "authorization_flow", s.authorizes.String(),
		"invalidation_flow", s.invalidates.String(), "grant_types", "authorization_code", "access_code_validity", "minutes=1", "access_token_validity", "minutes=5",
		"refresh_token_validity", "days=30", "refresh_token_threshold", "seconds=0", "access_token_format", "opaque", "sub_mode", "user_email", "issuer_mode", "per_provider",
		"logout_method", "backchannel", "include_claims_in_id_token", "1"}
	made := s.boss.Post(providersAt+"new/", values...)
	require.Equal(t, http.StatusSeeOther, made.Status, made.Text())
	at := made.Location
	page := s.read(s.boss, at)
	require.Contains(t, page.Main(), "No application has this provider")
	id, err := idp.ParseID[idp.OAuthProvider](strings.Trim(strings.TrimPrefix(at, providersAt), "/"))
	require.NoError(t, err)
	row, err := s.repos().OAuthProviders.Get(t.Context(), id)
	require.NoError(t, err)
	require.Contains(t, page.Body, row.ClientSecret, "to be copied")

	changed := append([]string{"seen", page.Value("seen"), "client_id", "mail-client"}, values...)
	require.Equal(t, http.StatusSeeOther, s.boss.Post(at, changed...).Status)
	require.Equal(t, http.StatusConflict, s.boss.Post(at, append(changed, "name", "x")...).Status)
	wrong := s.boss.Post(providersAt+"new/", "name", "x", "client_type", "confidential", "access_code_validity", "soon", "grant_types", "password")
	require.Equal(t, http.StatusBadRequest, wrong.Status)
	require.Empty(t, wrong.Faults())

	other := slices.Clone(values)
	other[slices.Index(other, "backchannel")] = "frontchannel"
	front := s.boss.Post(providersAt+"new/", other...)
	require.Equal(t, http.StatusBadRequest, front.Status)
	require.Contains(t, front.Main(), "use back-channel logout")
	require.NotContains(t, page.Body, "frontchannel", "it is not offered")

	require.Contains(t, s.read(s.boss, at+"secret/").Main(), "Replace the secret of mail?")
	require.Equal(t, http.StatusSeeOther, s.boss.Post(at+"secret/", "confirmed", "1").Status)
	now, err := s.repos().OAuthProviders.Get(t.Context(), id)
	require.NoError(t, err)
	require.NotEqual(t, row.ClientSecret, now.ClientSecret)
	require.Equal(t, "mail-client", now.ClientID)

	viewer := s.User("viewer")
	require.NoError(t, s.roles.SetUserRoles(t.Context(), idp.SystemActor(), viewer.ID, []string{"auditor"}))
	require.NoError(t, s.known.Reset(t.Context()))
	require.NotContains(t, s.read(s.As(viewer), at).Body, now.ClientSecret, "who may only look does not see secrets")
	require.Equal(t, http.StatusSeeOther, s.boss.Post(at+"delete/", "confirmed", "1").Status)
	require.Equal(t, http.StatusNotFound, s.boss.Get(at).Status)
}

func TestScopeMappingsByTheirPages(t *testing.T) {
	t.Parallel()
	s := open(t)
	require.Contains(t, s.read(s.boss, scopesAt).Main(), "No scope mappings yet")
	s.read(s.boss, scopesAt+"new/")
	made := s.boss.Post(scopesAt+"new/", "name", "Email", "scope_name", "email", "expression", `{"email": user.email}`)
	require.Equal(t, http.StatusSeeOther, made.Status, made.Text())
	page := s.read(s.boss, made.Location)
	require.Contains(t, page.Main(), "No provider")
	require.Contains(t, s.boss.Post(scopesAt+"new/check/", "expression", "{").Body, "Line 1")
	broken := s.boss.Post(made.Location, "seen", page.Value("seen"), "name", "Email", "scope_name", "email", "expression", `{"sub": 1}`)
	require.Equal(t, http.StatusBadRequest, broken.Status)
	require.Contains(t, broken.Main(), "made by the server itself")
	require.Equal(t, http.StatusSeeOther, s.boss.Post(made.Location, "seen", page.Value("seen"), "name", "Mail", "scope_name", "mail", "expression", "{}").Status)
	require.Contains(t, s.read(s.boss, made.Location+"delete/").Main(), "Delete the mapping Mail?")
	require.Equal(t, http.StatusSeeOther, s.boss.Post(made.Location+"delete/", "confirmed", "1").Status)
}
