package account_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
)

// agreed saves a consent to an application that there is.
func agreed(t testing.TB, s *pagetest.Site, u *idp.User, name string) idp.ConsentID {
	t.Helper()
	ctx, repos := t.Context(), s.Store.Repos()
	app := &idp.Application{Name: name, Slug: "of-" + name}
	require.NoError(t, repos.Applications.Create(ctx, app))
	k := &idp.Consent{UserID: u.ID, Application: app.ID.String(), ApplicationName: name, ApplicationSlug: app.Slug, Permissions: []string{"email"}, Generation: u.TokenGeneration}
	require.NoError(t, repos.Consents.Save(ctx, k))
	return k.ID
}

func TestHomeShowsWhatThePersonMayUse(t *testing.T) {
	t.Parallel()
	s := open(t)
	u := ada(s)
	ctx, repos := t.Context(), s.Store.Repos()
	group := &idp.Group{Name: "Finance"}
	require.NoError(t, repos.Groups.Create(ctx, group))
	for _, a := range []idp.Application{{Name: "Wiki", Slug: "wiki", LaunchURL: "https://wiki.example.org/~%(username)s", Icon: "https://cdn.example.org/w.png", Description: "Pages of everybody"},
		{Name: "Chat", Slug: "chat", Group: "Talk", LaunchURL: "https://chat.example.org/", OpenInNew: true},
		{Name: "Payroll", Slug: "payroll", LaunchURL: "https://pay.example.org/"}, {Name: "Nowhere", Slug: "nowhere"},
		{Name: "Hidden", Slug: "hidden", LaunchURL: "blank://blank"}} {
		require.NoError(t, repos.Applications.Create(ctx, &a))
		if a.Slug == "payroll" {
			require.NoError(t, repos.PolicyBindings.Create(ctx, &idp.PolicyBinding{Target: a.ID.UUID(), GroupID: &group.ID, Enabled: true}))
		}
	}
	me := s.As(u)
	p := me.Get("/if/user/")
	require.Empty(t, p.Faults())
	require.Contains(t, p.Body, `href="https://wiki.example.org/~ada"`)
	require.Contains(t, p.Body, `target="_blank" rel="noopener noreferrer">Chat`)
	require.Contains(t, p.Main(), "Talk")
	for _, not := range []string{"Payroll", "Nowhere", "Hidden", "No applications yet"} {
		require.NotContains(t, p.Main(), not)
	}
	found := me.Get("/if/user/?search=CHAT").Main()
	require.Contains(t, found, "Chat")
	require.NotContains(t, found, "Wiki")
	require.Contains(t, me.Get("/if/user/?search=zzz").Main(), "No application")
	require.NoError(t, repos.Groups.AddUser(ctx, group.ID, u.ID))
	require.Contains(t, s.As(u).Get("/if/user/").Main(), "Payroll")
}

func TestConsentsAreRevoked(t *testing.T) {
	t.Parallel()
	s := open(t)
	u := ada(s)
	me := s.As(u)
	require.Contains(t, me.Get("/if/user/settings/applications/").Main(), "Nothing yet")
	id := agreed(t, s, u, "Wiki")
	p := me.Get("/if/user/settings/applications/")
	require.Empty(t, p.Faults())
	require.Contains(t, p.Main(), "Wiki")
	require.Contains(t, p.Main(), "email")
	revoke := "/if/user/settings/applications/" + id.String() + "/revoke/"
	require.Equal(t, http.StatusNotFound, s.As(s.Boss).Post(revoke, "confirmed", "1").Status, "another's is nobody's here")
	require.Contains(t, me.Get(revoke).Main(), "Revoke your consent for Wiki?")
	require.Equal(t, http.StatusSeeOther, me.Post(revoke, "confirmed", "1").Status)
	require.Contains(t, me.Get("/if/user/settings/applications/").Main(), "was revoked")
	require.Equal(t, http.StatusNotFound, me.Post(revoke, "confirmed", "1").Status)
}
