package rolepage_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/feed"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/server/admin"
	"github.com/portcullis-idp/portcullis/internal/server/admin/rolepage"
	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

const list = "/if/admin/roles/"

// site is the whole server over a database of its own, with roles kept in step by
// the change feed, and a superuser in a browser.
type site struct {
	*pagetest.Site
	t     testing.TB
	roles *access.Service
	boss  *pagetest.Browser
}

func open(t testing.TB) *site {
	t.Helper()
	db, err := postgres.Open(t.Context(), testkit.Database(t), postgres.Options{MaxConns: 6})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	conditions := policy.NewRoleConditions()
	known := access.NewRoles(db, conditions.Holds)
	source := db.NewFeedSource()
	follow := feed.New(source, feed.Options{Log: slog.New(slog.DiscardHandler)}, known)
	require.NoError(t, follow.Start(t.Context()))
	t.Cleanup(func() {
		follow.Stop()
		source.Close()
	})
	db.Await(follow.Await)
	s := &site{t: t}
	s.Site = pagetest.New(t, db, pagetest.Parts{Access: access.New(access.Deps{Roles: known})})
	s.roles = access.NewService(access.ServiceDeps{Store: db, Checker: s.Access, CheckWhere: conditions.Check})
	require.NoError(t, s.roles.EnsureBuiltIn(t.Context()))
	console := admin.New(admin.Deps{Store: db, Roles: s.roles, Accounts: s.Accounts, Sessions: s.Sessions, Tokens: s.Tokens, Lockdowns: s.Lockdowns,
		Configure: s.Configure, Flow: s.Lockdown})
	pages := rolepage.New(rolepage.Deps{Store: db, Roles: s.roles})
	s.Open(db.NewSessionStore(func(deadline time.Time, values map[string]any) ([]byte, error) {
		return json.Marshal(map[string]any{"deadline": deadline, "values": values})
	}), console.Routes, pages.Routes, pagetest.Elsewhere("", "search/", "users/", "groups/", "sessions/", "lockdowns/", "events/", "brands/", "roles/"))
	s.boss = s.As(s.Boss)
	return s
}

// page reads a page that must be in order.
func (s *site) page(path string) *pagetest.Page {
	s.t.Helper()
	return s.pageOf(s.boss, path)
}

func (s *site) pageOf(b *pagetest.Browser, path string) *pagetest.Page {
	s.t.Helper()
	p := b.Get(path)
	require.Equal(s.t, http.StatusOK, p.Status, "%s: %s", path, p.Text())
	require.Empty(s.t, p.Faults(), path)
	return p
}

func (s *site) named(name string) *idp.Role {
	s.t.Helper()
	r, err := s.Store.Repos().Roles.GetByName(s.t.Context(), name)
	require.NoError(s.t, err)
	return r
}

func at(r *idp.Role) string { return list + r.ID.String() + "/" }

// give gives somebody roles.
func (s *site) give(u *idp.User, roles ...string) *idp.User {
	s.t.Helper()
	require.NoError(s.t, s.roles.SetUserRoles(s.t.Context(), idp.SystemActor(), u.ID, roles))
	return s.Reload(u)
}

// post sends a form.
func post(b *pagetest.Browser, path string, form url.Values) *pagetest.Page {
	return b.PostBody(path, "application/x-www-form-urlencoded", form.Encode())
}

// form is what the first form of the content would send.
func form(p *pagetest.Page) url.Values {
	out := url.Values{}
	pairs := p.Fields()
	for i := 0; i+1 < len(pairs); i += 2 {
		out.Add(pairs[i], pairs[i+1])
	}
	return out
}

func TestARoleIsMadeChangedAndDeleted(t *testing.T) {
	t.Parallel()
	s := open(t)
	require.Contains(t, s.page(list).Text(), "locksmith")
	made := post(s.boss, list+"new/", url.Values{"name": {"night shift"}, "description": {"At night"}, "allow": {"lock:list", "lock:create", "user:read", "group:read"},
		"deny": {"event:*"}, "limit_side": {"allow", "allow"}, "limit_resources": {"lock", ""}, "limit_verbs": {"delete, update", ""},
		"limit_where": {`lock.target.role == "contractor"`, ""}, "lock": {"strict"}})
	require.Equal(t, http.StatusSeeOther, made.Status, made.Text())
	role := s.named("night shift")
	require.Equal(t, at(role)+"holders/", made.Location)
	require.Equal(t, idp.RoleSpec{
		Allow: idp.RoleRules{Rules: []idp.RoleRule{{Resources: []string{"lock"}, Verbs: []string{"delete", "update"}, Where: `lock.target.role == "contractor"`},
			{Resources: []string{"user", "group"}, Verbs: []string{"read"}}, {Resources: []string{"lock"}, Verbs: []string{"list", "create"}}}},
		Deny:    idp.RoleRules{Rules: []idp.RoleRule{{Resources: []string{"event"}, Verbs: []string{"*"}}}},
		Options: idp.RoleOptions{Lock: idp.Strict}}, role.Spec)

	shown := s.page(at(role))
	filled := form(shown)
	require.ElementsMatch(t, []string{"lock:list", "lock:create", "user:read", "group:read"}, filled["allow"])
	require.Equal(t, []string{"event:*"}, filled["deny"])
	require.Equal(t, []string{"delete, update", "", ""}, filled["limit_verbs"])

	// Saved as it is shown, it stays what it is.
	require.Equal(t, http.StatusSeeOther, post(s.boss, at(role), filled).Status)
	require.Equal(t, role.Spec, s.named("night shift").Spec)

	filled["limit_where"][0] = "lock.target.rolle == 1"
	bad := post(s.boss, at(role), form(s.page(at(role))))
	require.Equal(t, http.StatusSeeOther, bad.Status)
	filled["seen"] = form(s.page(at(role)))["seen"]
	bad = post(s.boss, at(role), filled)
	require.Equal(t, http.StatusBadRequest, bad.Status)
	require.Contains(t, bad.Text(), "Rule 1, where: line 1, column 13")
	require.Equal(t, []string{"lock.target.rolle == 1"}, form(bad)["limit_where"][:1], "what was typed stays")

	filled["limit_where"][0] = "true"
	filled["allow"] = []string{"moon:shine"}
	require.Equal(t, http.StatusBadRequest, post(s.boss, at(role), filled).Status)

	// Somebody else was faster.
	stale := form(s.page(at(role)))
	_, err := s.roles.Change(t.Context(), idp.SystemActor(), role.ID, access.Patch{Spec: &idp.RoleSpec{}})
	require.NoError(t, err)
	require.Equal(t, http.StatusConflict, post(s.boss, at(role), stale).Status)
	require.Empty(t, s.named("night shift").Spec.Allow.Rules)

	question := s.page(at(role) + "delete/")
	require.Contains(t, question.Text(), "Delete the role night shift?")
	require.Equal(t, http.StatusSeeOther, post(s.boss, at(role)+"delete/", url.Values{"confirmed": {"1"}}).Status)
	require.Equal(t, http.StatusNotFound, s.boss.Get(at(role)).Status)
}

func TestBuiltInRolesStay(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, b := range access.BuiltIn() {
		role := s.named(b.Name)
		shown := s.page(at(role))
		require.Contains(t, shown.Text(), "built in")
		require.NotContains(t, shown.Body, "Save changes")
		require.NotContains(t, shown.Body, "Delete role")
		refused := post(s.boss, at(role), url.Values{"name": {b.Name}, "allow": {"*:*"}})
		require.Equal(t, http.StatusBadRequest, refused.Status)
		post(s.boss, at(role)+"delete/", url.Values{"confirmed": {"1"}})
		require.Equal(t, b.Spec, s.named(b.Name).Spec)
		copied := form(s.page(list + "new/?from=" + role.ID.String()))
		require.NotEmpty(t, copied["allow"])
	}
}

func TestGivingAndTaking(t *testing.T) {
	t.Parallel()
	s := open(t)
	ada := s.User("ada")
	group, err := s.Accounts.CreateGroup(t.Context(), idp.SystemActor(), account.NewGroup{Name: "night", Users: []idp.UserID{ada.ID}})
	require.NoError(t, err)
	role := s.named("helpdesk")

	// From the role.
	require.Equal(t, http.StatusBadRequest, post(s.boss, at(role)+"users/give/", url.Values{"username": {"nobody"}}).Status)
	require.Equal(t, http.StatusSeeOther, post(s.boss, at(role)+"users/give/", url.Values{"username": {"ada"}}).Status)
	require.Equal(t, []string{"helpdesk"}, s.Reload(ada).RoleNames)
	require.Contains(t, s.page(at(role)+"holders/").Text(), "ada")
	require.Equal(t, http.StatusSeeOther, post(s.boss, at(role)+"groups/give/", url.Values{"group": {group.ID.String()}}).Status)
	require.Contains(t, s.page(list).Text(), "1 user · 1 group")
	require.Contains(t, s.page(at(role)+"users/"+ada.ID.String()+"/take/").Text(), "Take the role helpdesk from")
	post(s.boss, at(role)+"users/"+ada.ID.String()+"/take/", url.Values{"confirmed": {"1"}})
	require.Equal(t, []string{"helpdesk"}, s.Reload(ada).RoleNames, "through the group")
	require.Contains(t, s.page(at(role)+"holders/").Text(), "Through a group")
	post(s.boss, at(role)+"groups/"+group.ID.String()+"/take/", url.Values{"confirmed": {"1"}})
	require.Empty(t, s.Reload(ada).RoleNames)

	// From the user, and from the group.
	user, crew := "/if/admin/users/"+ada.ID.String()+"/", "/if/admin/groups/"+group.ID.String()+"/"
	require.Equal(t, http.StatusSeeOther, post(s.boss, user+"roles/give/", url.Values{"role": {"viewer"}}).Status)
	require.Equal(t, http.StatusSeeOther, post(s.boss, crew+"roles/give/", url.Values{"role": {"auditor"}}).Status)
	require.Equal(t, []string{"auditor", "viewer"}, s.Reload(ada).RoleNames)
	shown := s.page(user + "roles/").Text()
	require.Contains(t, shown, "Directly")
	require.Contains(t, shown, "Through a group")
	require.Contains(t, s.page(crew+"roles/").Text(), "auditor")
	require.Contains(t, s.page(user).Text(), "viewer")
	post(s.boss, user+"roles/"+s.named("viewer").ID.String()+"/take/", url.Values{"confirmed": {"1"}})
	post(s.boss, crew+"roles/"+s.named("auditor").ID.String()+"/take/", url.Values{"confirmed": {"1"}})
	require.Empty(t, s.Reload(ada).RoleNames)
}

// The console shows each role what it may use, and nothing else.
func TestTheConsoleShowsWhatRolesAllow(t *testing.T) {
	t.Parallel()
	s := open(t)
	mia := s.User("mia")
	all := []string{"users/", "groups/", "roles/", "sessions/", "lockdowns/", "locks/", "flows/", "stages/", "prompts/", "policies/", "invitations/", "blueprints/", "events/", "brands/", "access-requests/"}
	for role, sees := range map[string][]string{
		"administrator": all, "auditor": all, "locksmith": {"locks/"},
		"helpdesk": {"users/", "groups/", "sessions/", "lockdowns/", "events/", "access-requests/"},
		"viewer":   {"users/", "groups/", "roles/", "sessions/", "lockdowns/", "locks/", "access-requests/"},
	} {
		u := s.give(s.User("has-"+role), role)
		b := s.As(u)
		home := s.pageOf(b, "/if/admin/")
		for _, path := range all {
			may := false
			for _, seen := range sees {
				may = may || seen == path
			}
			require.Equal(t, may, strings.Contains(home.Body, `class="nav-link" href="/if/admin/`+path+`"`), "%s sees %s", role, path)
			if mounted := []string{"users/", "groups/", "roles/", "sessions/", "lockdowns/", "events/", "brands/"}; !may && slices.Contains(mounted, path) {
				require.Equal(t, http.StatusForbidden, b.Get("/if/admin/"+path).Status, "%s opens %s", role, path)
			}
		}
		user := "/if/admin/users/" + mia.ID.String() + "/"
		if role == "locksmith" {
			require.Equal(t, http.StatusForbidden, b.Get(user).Status)
			continue
		}
		body := s.pageOf(b, user).Body
		for path, who := range map[string]string{"edit/": "administrator", "password/": "administrator", "delete/": "administrator", "deactivate/": "administrator",
			"lockdown/": "administrator", "recovery/": "administrator helpdesk"} {
			offered := strings.Contains(body, `"`+user+path+`"`)
			require.Equal(t, strings.Contains(" "+who+" ", " "+role+" "), offered, "%s is offered %s", role, path)
			if !offered {
				require.Equal(t, http.StatusForbidden, post(b, user+path, url.Values{"confirmed": {"1"}}).Status, "%s sends %s", role, path)
			}
		}
	}
	b := s.As(mia)
	require.Equal(t, http.StatusForbidden, b.Get("/if/admin/").Status, "without a role there is no console")
}
