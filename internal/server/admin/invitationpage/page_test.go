package invitationpage_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/invitation"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/server/admin/invitationpage"
	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

const list = "/if/admin/invitations/"

// site is the whole server over a database of its own, and a superuser in a
// browser.
type site struct {
	*pagetest.Site
	t           testing.TB
	invitations *invitation.Service
	boss        *pagetest.Browser
}

func open(t testing.TB, public string) *site {
	t.Helper()
	db, err := postgres.Open(t.Context(), testkit.Database(t), postgres.Options{MaxConns: 6})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	s := &site{Site: pagetest.New(t, db), t: t}
	s.invitations = invitation.New(invitation.Deps{Store: db, Access: s.Access})
	pages := invitationpage.New(invitationpage.Deps{Store: db, Invitations: s.invitations, PublicURL: public})
	s.Open(db.NewSessionStore(func(deadline time.Time, values map[string]any) ([]byte, error) {
		return json.Marshal(map[string]any{"deadline": deadline, "values": values})
	}), pages.Routes, neighbours)
	s.boss = s.As(s.Boss)
	return s
}

// neighbours stand for the pages of other packages that these link to.
func neighbours(r chi.Router) {
	for _, path := range []string{"/if/admin/", "/if/admin/users/", "/if/admin/groups/", "/if/admin/sessions/", "/if/admin/lockdowns/", "/if/admin/locks/", "/if/admin/locking-mode/", "/if/admin/flows/", "/if/admin/stages/",
		"/if/admin/prompts/", "/if/admin/policies/", "/if/admin/blueprints/", "/if/admin/roles/", "/if/admin/locking-mode/", "/if/admin/lockouts/", "/if/admin/security-settings/",
		"/if/admin/notification-rules/", "/if/admin/notification-transports/", "/if/admin/property-mappings/", "/if/admin/deliveries/", "/if/admin/tokens/", "/if/admin/applications/", "/if/admin/providers/", "/if/admin/scope-mappings/", "/if/admin/access-requests/", "/if/user/notifications/", "/if/admin/events/", "/if/admin/brands/", "/if/admin/search/", "/if/user/", "/if/user/settings/"} {
		r.Get(path, func(http.ResponseWriter, *http.Request) {})
	}
	r.Post("/if/theme/", func(http.ResponseWriter, *http.Request) {})
}

// page reads a page that must be in order.
func (s *site) page(path string) *pagetest.Page {
	s.t.Helper()
	p := s.boss.Get(path)
	require.Equal(s.t, http.StatusOK, p.Status, "%s: %s", path, p.Text())
	require.Empty(s.t, p.Faults(), path)
	return p
}

// signUp makes a flow with an invitation stage.
func (s *site) signUp(slug string) *idp.Flow {
	s.t.Helper()
	repos, ctx := s.Store.Repos(), s.t.Context()
	f := &idp.Flow{Name: "Sign up " + slug, Slug: slug, Designation: idp.DesignationEnrollment}
	require.NoError(s.t, repos.Flows.Create(ctx, f))
	st := &idp.Stage{Name: "invited " + slug, Kind: "invitation", Settings: []byte("{}")}
	require.NoError(s.t, repos.Stages.Create(ctx, st))
	require.NoError(s.t, repos.FlowBindings.Create(ctx, &idp.FlowBinding{FlowID: f.ID, StageID: st.ID}))
	return f
}

func (s *site) only() *idp.Invitation {
	s.t.Helper()
	page, err := s.Store.Repos().Invitations.Find(s.t.Context(), idp.InvitationFilter{})
	require.NoError(s.t, err)
	require.Len(s.t, page.Items, 1)
	return &page.Items[0]
}

func TestMakeAndWithdrawAnInvitation(t *testing.T) {
	t.Parallel()
	s := open(t, "https://id.example.org")
	require.Contains(t, s.page(list).Text(), "No invitation yet")
	require.Contains(t, s.page(list+"new/").Text(), "No flow has an invitation stage yet")
	f := s.signUp("join")

	form := s.page(list + "new/")
	require.NotContains(t, form.Text(), "No flow has an invitation stage yet")
	for field, c := range map[string]struct{ sent, no string }{
		"name":       {"for grace", "Enter a valid “slug”"},
		"flow":       {"nonsense", "Choose a flow of the list."},
		"expires":    {"99", "Choose how long it is valid."},
		"fixed_data": {"{email}", "Expected a JSON object"},
	} {
		typed := map[string]string{"name": "for-grace", "flow": "", "expires": "7", "single_use": "on", "fixed_data": "", field: c.sent}
		var pairs []string
		for name, value := range typed {
			pairs = append(pairs, name, value)
		}
		again := s.boss.Post(list+"new/", pairs...)
		require.Equal(t, http.StatusBadRequest, again.Status, field)
		require.Empty(t, again.Faults())
		require.Contains(t, again.Text(), c.no)
	}
	again := s.boss.Post(list+"new/", form.Fields("name", "for-grace", "fixed_data", `{"password": "x"}`)...)
	require.Contains(t, again.Text(), "A password does not belong into an invitation")

	pairs := form.Fields("name", "for-grace", "expires", "1", "fixed_data", `{"email": "g@example.org"}`)
	made := s.boss.Post(list+"new/", append(pairs, "flow", f.ID.String())...)
	require.Equal(t, http.StatusSeeOther, made.Status, made.Text())
	i := s.only()
	require.Equal(t, s.Boss.ID, i.CreatedBy)
	require.True(t, i.SingleUse, "one account, unless said otherwise")
	require.WithinDuration(t, time.Now().Add(24*time.Hour), *i.ExpiresAt, time.Minute)
	require.Equal(t, idp.Attributes{"email": "g@example.org"}, i.FixedData)

	one := list + i.ID.String() + "/"
	shown := s.page(one)
	require.Contains(t, shown.Text(), "https://id.example.org/if/flow/join/?itoken="+i.ID.String())
	require.Contains(t, shown.Text(), "g@example.org")
	row := s.page(list).Text()
	for _, part := range []string{"for-grace", "for one account", "Valid", "join", "boss"} {
		require.Contains(t, row, part)
	}
	require.Contains(t, s.page(list+"?search=grace").Text(), "for-grace")
	require.NotContains(t, s.page(list+"?search=nobody").Text(), "for-grace")

	require.Contains(t, s.page(one+"delete/").Text(), "Its link stops working at once")
	require.Equal(t, http.StatusOK, s.boss.Post(one+"delete/").Status, "it asks first")
	require.NotNil(t, s.only())
	require.Equal(t, http.StatusSeeOther, s.boss.Post(one+"delete/", "confirmed", "true").Status)
	require.Equal(t, http.StatusNotFound, s.boss.Get(one).Status)
	require.Equal(t, http.StatusNotFound, s.boss.Get(list+"nonsense/").Status)
}

func TestWhereAnInvitationLeads(t *testing.T) {
	t.Parallel()
	s := open(t, "")
	make := func(d invitation.Draft) string {
		d.Name = "party"
		i, err := s.invitations.Create(t.Context(), idp.Actor{User: s.Boss}, d)
		require.NoError(t, err)
		return list + i.ID.String() + "/"
	}
	open := make(invitation.Draft{})
	require.Contains(t, s.page(open).Text(), "No flow has an invitation stage")
	one, two := s.signUp("one"), s.signUp("two")
	text := s.page(open).Text()
	require.Contains(t, text, "Link to Sign up one")
	require.Contains(t, text, "://example.com/if/flow/two/?itoken=")
	require.Contains(t, text, "Any number of accounts")
	closed := s.page(make(invitation.Draft{Flow: &two.ID})).Text()
	require.NotContains(t, closed, "/if/flow/one/")
	require.Contains(t, closed, "/if/flow/two/")

	bound, err := s.Store.Repos().FlowBindings.Find(t.Context(), idp.FlowBindingFilter{FlowID: &one.ID})
	require.NoError(t, err)
	of := make(invitation.Draft{Flow: &one.ID})
	require.NoError(t, s.Store.Repos().FlowBindings.Delete(t.Context(), bound.Items[0].ID))
	require.Contains(t, s.page(of).Text(), "Its flow has no invitation stage")
}

func TestAnInvitationThatEnded(t *testing.T) {
	t.Parallel()
	s := open(t, "")
	s.signUp("join")
	eve := s.User("eve")
	made := &idp.Invitation{Name: "back-door", CreatedBy: eve.ID, Generation: eve.TokenGeneration}
	require.NoError(t, s.Store.Repos().Invitations.Create(t.Context(), made))
	past := time.Now().Add(-time.Hour)
	late := &idp.Invitation{Name: "late", CreatedBy: eve.ID, Generation: eve.TokenGeneration, ExpiresAt: &past}
	require.NoError(t, s.Store.Repos().Invitations.Create(t.Context(), late))
	require.NoError(t, s.Lockdowns.Deactivate(t.Context(), idp.SystemActor(), eve.ID))
	for i, state := range map[*idp.Invitation]string{made: "Ended with its maker’s tokens", late: "Expired"} {
		require.Contains(t, s.page(list).Text(), state)
		shown := s.page(list + i.ID.String() + "/").Text()
		require.Contains(t, shown, "The link does not work any more.")
		require.NotContains(t, shown, "itoken")
	}
}

func TestInvitationPagesAreForSuperusers(t *testing.T) {
	t.Parallel()
	s := open(t, "")
	i, err := s.invitations.Create(t.Context(), idp.Actor{User: s.Boss}, invitation.Draft{Name: "party"})
	require.NoError(t, err)
	eve := s.As(s.User("eve"))
	routes := s.Routes("/if/admin/invitations/")
	require.Len(t, routes, 6)
	for _, route := range routes {
		method, path, _ := strings.Cut(route, " ")
		path = strings.ReplaceAll(path, "{invitation}", i.ID.String())
		page := eve.Get(path)
		if method == http.MethodPost {
			page = eve.Post(path, "confirmed", "true", "name", "mine")
		}
		require.Equal(t, http.StatusForbidden, page.Status, route)
		require.NotContains(t, page.Text(), "party")
	}
	require.Equal(t, "party", s.only().Name)
}
