package admin_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
)

func TestUsersAreSearchedFilteredSortedAndPaged(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	boss, ctx := s.As(s.Boss), t.Context()
	for i := range 25 {
		s.User(fmt.Sprintf("clerk%02d", i), func(n *account.NewUser) { n.Type = idp.UserExternal })
	}
	off := s.User("offline")
	require.NoError(t, s.Lockdowns.Deactivate(ctx, idp.SystemActor(), off.ID))
	group := s.Reload(s.ada).Groups[0].String()
	for _, c := range []struct {
		query     string
		has, lack []string
	}{
		{"", []string{"Ada Lovelace", "clerk00", "of 29 users"}, []string{"clerk24"}},
		{"?page=2", []string{"clerk24"}, []string{"clerk00"}},
		{"?search=lovel", []string{"Ada Lovelace"}, []string{"clerk00"}},
		{"?search=clerk07", []string{"clerk07", "1 user"}, []string{"Ada Lovelace"}},
		{"?type=external&page=2", []string{"clerk24"}, []string{"Ada Lovelace"}},
		{"?status=inactive", []string{"offline", "eve"}, []string{"Ada Lovelace"}},
		{"?status=active&search=eve", []string{"No users match"}, nil},
		{"?status=locked_down", []string{"eve", "Locked down"}, []string{"offline"}},
		{"?group=" + group, []string{"Ada Lovelace"}, []string{"clerk00"}},
		{"?ordering=-username", []string{"offline", "clerk24"}, []string{"Ada Lovelace"}},
		{"?search=%22%3Cscript%3E", []string{"No users match"}, nil},
	} {
		p := boss.Get("/if/admin/users/" + c.query)
		require.Equal(t, http.StatusOK, p.Status, c.query)
		require.Empty(t, p.Faults(), c.query)
		rows := p.Rows()
		for _, want := range c.has {
			require.Contains(t, rows, want, c.query)
		}
		for _, not := range c.lack {
			require.NotContains(t, rows, not, c.query)
		}
	}
	for _, query := range []string{"?page=x", "?page=0", "?page=-1", "?page=99999999999", "?status=dead", "?type=robot", "?group=1", "?ordering=password"} {
		p := boss.Get("/if/admin/users/" + query)
		require.Equal(t, http.StatusBadRequest, p.Status, query)
		require.Empty(t, p.Faults(), query)
	}
	beyond := boss.Get("/if/admin/users/?page=9&status=inactive")
	require.Equal(t, "/if/admin/users/?status=inactive", beyond.Location, "the list became shorter: its last page")
}

func TestUserPageOffersWhatIsPossible(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	boss, ctx := s.As(s.Boss), t.Context()
	page := func(u *idp.User) *pagetest.Page {
		p := boss.Get("/if/admin/users/" + u.ID.String() + "/")
		require.Equal(t, http.StatusOK, p.Status)
		require.Empty(t, p.Faults())
		return p
	}
	at := "/if/admin/users/" + s.ada.ID.String() + "/"

	p := page(s.ada)
	require.Regexp(t, "Edit .*Deactivate .*Account Lockdown Set password Create recovery link", p.Main(), "in this order")
	for _, action := range []string{"deactivate/", "lockdown/", "delete/"} {
		require.True(t, p.Has(at+action), action)
	}
	require.Contains(t, p.Body, `href="`+at+`recovery/"`)
	require.False(t, p.Has(at+"activate/"))
	repos := s.Store.Repos()
	require.NoError(t, repos.Consents.Save(ctx, &idp.Consent{UserID: s.ada.ID, Application: "wiki", Generation: s.Reload(s.ada).TokenGeneration}))
	for range 2 {
		require.NoError(t, repos.Invitations.Create(ctx, &idp.Invitation{Name: "party", CreatedBy: s.ada.ID, Generation: s.Reload(s.ada).TokenGeneration}))
	}
	p = page(s.ada)
	require.Regexp(t, "Sessions 1 Tokens 1 Consents 1 Invitations 2 Grants 0 Applications 0", p.Main(), "what a lockdown would end")

	own := page(s.Boss)
	require.False(t, own.Has("/if/admin/users/"+s.Boss.ID.String()+"/lockdown/"))
	require.Contains(t, own.Main(), "This is your own account. Lock it under your settings")

	robot := s.User("outpost", func(n *account.NewUser) { n.Type = idp.UserInternalServiceAccount })
	require.Contains(t, page(robot).Main(), "Internal service accounts cannot be locked down.")

	require.NoError(t, s.Lockdowns.Deactivate(ctx, idp.SystemActor(), s.ada.ID))
	off := page(s.ada)
	require.True(t, off.Has(at+"activate/"))
	require.False(t, off.Has(at+"deactivate/"))
	require.Contains(t, off.Main(), "Inactive")
	require.Contains(t, off.Main(), "Activate the account first")

	s.SetBrand(func(b *idp.Brand) { b.FlowLockdown, b.FlowRecovery = nil, nil })
	bare := page(s.User("zoe"))
	require.Contains(t, bare.Main(), "No lockdown flow configured")
	require.Contains(t, bare.Main(), "No recovery flow set")
	require.Contains(t, boss.Get("/if/admin/").Main(), "No lockdown flow configured")
	require.Contains(t, boss.Get("/if/admin/users/").Main(), "No lockdown flow configured")
}

func TestStateOfAnAccountInWords(t *testing.T) {
	t.Parallel()
	s := open(t)
	boss, ctx, sys := s.As(s.Boss), t.Context(), idp.SystemActor()
	ada := s.User("ada")
	at := "/if/admin/users/" + ada.ID.String() + "/"
	require.Contains(t, boss.Get(at).Main(), "ada Active ")
	_, err := s.Lockdowns.Contain(ctx, sys, lockdown.Request{Users: []idp.UserID{ada.ID}, Reason: "Stolen", Switches: idp.AllSwitches()})
	require.NoError(t, err)
	locked := boss.Get(at).Main()
	require.Contains(t, locked, "ada Locked down")
	require.Contains(t, locked, "press Activate, then Set password or Create recovery link")
	require.NoError(t, s.Lockdowns.Activate(ctx, sys, ada.ID))
	restored := boss.Get(at).Main()
	require.Contains(t, restored, "ada Restored")
	require.Contains(t, restored, "re-enrol their MFA devices")
	require.Contains(t, restored, "There is no password yet")
}

func TestUserIsCreatedAndEdited(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	boss := s.As(s.Boss)
	group := s.Reload(s.ada).Groups[0].String()

	faulty := boss.Post("/if/admin/users/new/", "username", "ADA", "name", "Another Ada", "email", "nonsense", "type", "internal",
		"path", "users", "attributes", "[1]", "groups", group)
	require.Equal(t, http.StatusBadRequest, faulty.Status)
	require.Empty(t, faulty.Faults())
	require.Contains(t, faulty.Body, "Another Ada", "what was typed is kept")
	require.Contains(t, faulty.Main(), "Expected a JSON object")
	require.Contains(t, faulty.Body, `aria-invalid="true"`)

	taken := boss.Post("/if/admin/users/new/", "username", "ADA", "type", "internal", "path", "users")
	require.Equal(t, http.StatusBadRequest, taken.Status)
	require.Contains(t, taken.Body, `id="field-username-error"`, "the fault stands beside its field")

	made := boss.Post("/if/admin/users/new/", "username", "grace", "name", "Grace Hopper", "email", "grace@example.com", "type", "external",
		"path", "users/navy", "attributes", `{"rank": "admiral"}`, "groups", group, "is_active", "true")
	p := made.Follow()
	require.Contains(t, p.Text(), "Grace Hopper was created.")
	require.Empty(t, p.Faults())
	require.NotContains(t, boss.Get(made.Location).Text(), "was created. Set", "the message is shown once")

	u, err := s.Store.Repos().Users.FindByLogin(t.Context(), "grace", []string{"username"})
	require.NoError(t, err)
	require.Equal(t, idp.UserExternal, u.Type)
	require.Equal(t, "admiral", u.Attributes["rank"])
	require.Len(t, u.Groups, 1)

	edit := "/if/admin/users/" + u.ID.String() + "/edit/"
	require.Contains(t, boss.Get(edit).Body, `value="Grace Hopper"`)
	boss.Post(edit, "username", "grace", "name", "Rear Admiral Hopper", "email", "grace@example.com", "type", "external",
		"path", "users/navy", "attributes", `{"rank": "admiral"}`).Follow()
	u = s.Reload(u)
	require.Equal(t, "Rear Admiral Hopper", u.Name)
	require.Empty(t, u.Groups, "no group was ticked any more")
	require.Equal(t, "admiral", u.Attributes["rank"])

	blank := boss.Post(edit, "username", "", "type", "external", "path", "users")
	require.Equal(t, http.StatusBadRequest, blank.Status)
	require.Contains(t, blank.Body, `id="field-username-error"`)
	require.Equal(t, "grace", s.Reload(u).Username)
}

func TestTheLastAdministratorStays(t *testing.T) {
	t.Parallel()
	s := open(t)
	boss := s.As(s.Boss)
	at := "/if/admin/users/" + s.Boss.ID.String() + "/"
	p := boss.Post(at+"edit/", "username", "boss", "type", "internal", "path", "users") // without the group
	require.Equal(t, http.StatusBadRequest, p.Status)
	require.True(t, s.Reload(s.Boss).IsSuperuser)
	for _, act := range []string{"deactivate/", "delete/", "lockdown/"} {
		refused := boss.Post(at+act, "confirmed", "1").Follow()
		require.Contains(t, refused.Text(), "own account", act)
	}
	require.True(t, s.Reload(s.Boss).IsActive)
}

// TestTwoAdministratorsEditAtOnce: whoever saves second is told, sees what they
// typed, and can save it knowingly.
func TestTwoAdministratorsEditAtOnce(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	boss := s.As(s.Boss)
	for _, c := range []struct{ path, name string }{
		{"/if/admin/users/{user}/edit/", "name"}, {"/if/admin/groups/{group}/edit/", "name"}, {"/if/admin/brands/{brand}/", "branding_title"},
	} {
		path := s.names.Replace(c.path)
		opened := boss.Get(path)
		first, second := opened.Fields(c.name, "First"), opened.Fields(c.name, "Second")
		require.Equal(t, http.StatusSeeOther, boss.Post(path, first...).Status, path)
		late := boss.Post(path, second...)
		require.Equal(t, http.StatusConflict, late.Status, path)
		require.Contains(t, late.Main(), "Somebody changed this meanwhile.", path)
		require.Contains(t, late.Body, `value="Second"`, path)
		require.Empty(t, late.Faults(), path)
		require.Contains(t, boss.Get(path).Body, `value="First"`, path)
		require.Equal(t, http.StatusSeeOther, boss.Post(path, late.Fields(c.name, "Second")...).Status, path)
		require.Contains(t, boss.Get(path).Body, `value="Second"`, path)
	}
}
