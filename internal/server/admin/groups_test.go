package admin_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestGroups(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	boss := s.As(s.Boss)
	research := s.Reload(s.ada).Groups[0]

	blank := boss.Post("/if/admin/groups/new/", "name", " ", "attributes", `{"a": 1}`)
	require.Equal(t, http.StatusBadRequest, blank.Status)
	require.Contains(t, blank.Body, `id="field-name-error"`)
	require.Contains(t, blank.Body, "{&#34;a&#34;: 1}", "what was typed is kept")
	require.Empty(t, blank.Faults())
	require.Equal(t, http.StatusBadRequest, boss.Post("/if/admin/groups/new/", "name", "x", "attributes", "oops").Status)
	require.Equal(t, http.StatusBadRequest, boss.Post("/if/admin/groups/new/", "name", "x", "parents", "oops").Status)

	made := boss.Post("/if/admin/groups/new/", "name", "Laboratory", "parents", research.String(), "attributes", `{"floor": 3}`)
	at := made.Location
	p := made.Follow()
	require.Contains(t, p.Text(), "The group Laboratory was created.")
	require.Contains(t, p.Main(), "Parents Research")
	require.Contains(t, p.Main(), "No members yet")
	require.Empty(t, p.Faults())

	require.Contains(t, boss.Post(at+"members/add/", "username", "nobody").Main(), "There is no user “nobody”.")
	require.Contains(t, boss.Post(at+"members/add/", "username", "").Main(), "Type a username.")
	require.Contains(t, boss.Post(at+"members/add/", "username", "ADA").Follow().Text(), "Ada Lovelace is a member of Laboratory now.")
	require.Len(t, s.Reload(s.ada).Groups, 2)
	require.True(t, boss.Get(at).Has(at+"members/"+s.ada.ID.String()+"/remove/"))

	groups := boss.Get("/if/admin/users/" + s.ada.ID.String() + "/groups/")
	require.Contains(t, groups.Main(), "Laboratory Direct")
	require.Empty(t, groups.Faults())

	require.Contains(t, boss.Post(at+"members/"+s.ada.ID.String()+"/remove/", "confirmed", "1").Follow().Text(), "Ada Lovelace is no member of Laboratory any more.")
	require.Len(t, s.Reload(s.ada).Groups, 1)

	require.Contains(t, boss.Post(at+"edit/", "name", "Lab", "attributes", `{"floor": 3}`).Follow().Text(), "The group Lab was saved.")
	require.NotContains(t, boss.Get(at).Main(), "Parents Research")
	require.Equal(t, http.StatusBadRequest, boss.Post(at+"edit/", "name", "Research").Status, "the name is taken")

	require.Contains(t, boss.Post(at+"delete/", "confirmed", "1").Follow().Text(), "The group Lab was deleted.")
	require.Equal(t, http.StatusNotFound, boss.Get(at).Status)
}

func TestGroupsCannotBeTheirOwnAncestors(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	boss := s.As(s.Boss)
	research := s.Reload(s.ada).Groups[0]
	child, err := s.Accounts.CreateGroup(t.Context(), idp.SystemActor(), account.NewGroup{Name: "Child", Parents: []idp.GroupID{research}})
	require.NoError(t, err)
	p := boss.Post("/if/admin/groups/"+research.String()+"/edit/", "name", "Research", "parents", child.ID.String())
	require.Equal(t, http.StatusBadRequest, p.Status)
	require.Empty(t, p.Faults())
	require.Contains(t, boss.Get("/if/admin/groups/"+research.String()+"/").Main(), "Children Child")
}

func TestJoinAndLeaveFromTheUser(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	boss := s.As(s.Boss)
	other, err := s.Accounts.CreateGroup(t.Context(), idp.SystemActor(), account.NewGroup{Name: "Other"})
	require.NoError(t, err)
	at := "/if/admin/users/" + s.ada.ID.String() + "/groups/"
	require.Contains(t, boss.Post(at+"join/", "group", other.ID.String()).Follow().Text(), "Ada Lovelace is a member of Other now.")
	require.Contains(t, boss.Post(at+"join/", "group", "").Follow().Text(), "Choose a group first.")
	require.Contains(t, boss.Post(at+"join/", "group", "00000000-0000-7000-8000-000000000000").Follow().Text(), "That group is gone.")
	require.Contains(t, boss.Post(at+other.ID.String()+"/leave/", "confirmed", "1").Follow().Text(), "no member of Other any more")
	require.Len(t, s.Reload(s.ada).Groups, 1)
}

func TestTheLastAdministratorKeepsTheGroup(t *testing.T) {
	t.Parallel()
	s := open(t)
	boss := s.As(s.Boss)
	admins := "/if/admin/groups/" + s.Reload(s.Boss).Groups[0].String() + "/"
	boss.Post(admins+"members/"+s.Boss.ID.String()+"/remove/", "confirmed", "1").Follow()
	boss.Post(admins+"delete/", "confirmed", "1").Follow()
	require.Equal(t, http.StatusBadRequest, boss.Post(admins+"edit/", "name", "Administrators").Status, "without the switch")
	require.True(t, s.Reload(s.Boss).IsSuperuser)
}

func TestBrands(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	boss := s.As(s.Boss)
	at := s.names.Replace("/if/admin/brands/{brand}/")
	lock := s.Brand.FlowLockdown.String()

	form := boss.Get(at)
	require.Contains(t, form.Main(), "Lockdown flow")
	require.Regexp(t, `value="`+lock+`" selected`, form.Body)

	none := boss.Post(at, "domain", "example.com", "default", "true", "branding_title", "Example").Follow()
	require.Contains(t, none.Text(), "The brand example.com was saved.")
	require.Contains(t, boss.Get("/if/admin/brands/").Main(), "Not configured")
	require.Contains(t, boss.Get("/if/admin/users/"+s.ada.ID.String()+"/").Main(), "No lockdown flow configured")

	boss.Post(at, "domain", "example.com", "default", "true", "branding_title", "Example", "flow_lockdown", lock).Follow()
	require.True(t, boss.Get("/if/admin/users/"+s.ada.ID.String()+"/").Has("/if/admin/users/"+s.ada.ID.String()+"/lockdown/"))

	for _, c := range []struct{ field, value string }{
		{"domain", ""}, {"domain", "no spaces allowed"}, {"domain", "https://example.org"}, {"flow_lockdown", "x"},
		{"flow_lockdown", "00000000-0000-7000-8000-000000000000"}, {"attributes", "7"}, {"branding_logo", "javascript:alert(1)"},
		{"branding_title", strings.Repeat("t", 2000)},
	} {
		fields := map[string]string{"domain": "other.example", c.field: c.value}
		var pairs []string
		for k, v := range fields {
			pairs = append(pairs, k, v)
		}
		p := boss.Post("/if/admin/brands/new/", pairs...)
		require.Equal(t, http.StatusBadRequest, p.Status, c.field+"="+c.value)
		require.Contains(t, p.Body, `id="field-`+c.field+`-error"`, c.field+"="+c.value)
		require.Empty(t, p.Faults(), c.field)
	}
	require.Equal(t, http.StatusBadRequest, boss.Post("/if/admin/brands/new/", "domain", "EXAMPLE.com").Status, "the domain is taken")

	boss.Post("/if/admin/brands/new/", "domain", "other.example", "default", "true").Follow()
	found, err := s.Store.Repos().Brands.Find(t.Context(), idp.BrandFilter{})
	require.NoError(t, err)
	require.Len(t, found.Items, 2)
	for _, b := range found.Items {
		require.Equal(t, b.Domain == "other.example", b.Default, "one default at a time: %s", b.Domain)
		if b.Domain == "other.example" {
			require.Contains(t, boss.Post("/if/admin/brands/"+b.ID.String()+"/delete/", "confirmed", "1").Follow().Text(), "The brand other.example was deleted.")
		}
	}
	log := boss.Get("/if/admin/events/?action=model_deleted").Main()
	require.Contains(t, log, "boss deleted brand other.example")
}
