package app_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/invitation"
)

// ends requires that the flow is done.
func (s *site) ends(got map[string]any, to string) {
	s.Helper()
	require.Equal(s, "xak-flow-redirect", got["component"], "%v", got)
	require.Equal(s, to, got["to"])
}

// asks requires the component and returns its fields by key.
func (s *site) asks(got map[string]any, component string) map[string]map[string]any {
	s.Helper()
	require.Equal(s, component, got["component"], "%v", got)
	out := map[string]map[string]any{}
	fields, _ := got["fields"].([]any)
	for _, f := range fields {
		out[f.(map[string]any)["field_key"].(string)] = f.(map[string]any)
	}
	return out
}

// is requires that the browser is signed in as the user.
func (b *browser) is(u *idp.User) {
	b.site.Helper()
	me := b.api(http.StatusOK, http.MethodGet, "/core/users/me/", nil)["user"].(map[string]any)
	require.EqualValues(b.site, u.ID, me["pk"])
}

// TestEveryExampleIsApplied applies all examples together, twice.
func TestEveryExampleIsApplied(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	files, err := filepath.Glob("../../blueprints/example/*.yaml")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 7)
	for _, f := range files {
		s.example(filepath.Base(f))
	}
	_, err = os.Stat("../../blueprints/example/recovery-by-mail.yaml")
	require.NoError(t, err)
}

func TestExampleEnrollment(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	s.example("enrollment.yaml")
	const slug = "enrollment"
	b := s.browser()
	s.asks(b.challenge(slug), "ak-stage-prompt")
	answers := map[string]any{"component": "ak-stage-prompt", "username": "grace", "name": "Grace Hopper", "email": "grace@example.org",
		"password": password, "password_repeat": password}
	answers["password_repeat"] = "another"
	require.Equal(t, "Passwords don't match.", fault(b.solve(slug, answers), "non_field_errors"))
	answers["password_repeat"], answers["username"] = password, "ADMIN"
	require.Equal(t, "Username is already taken.", fault(b.solve(slug, answers), "username"))
	answers["username"] = "grace"
	s.ends(b.solve(slug, answers), "/")
	grace := s.named("grace")
	b.is(grace)
	require.Equal(t, "users/enrolled", grace.Path)
	require.Equal(t, idp.UserExternal, grace.Type)
	require.False(t, grace.IsSuperuser)
	ok, err := s.browser().tryToSignIn("grace", password)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "ak-stage-access-denied", b.challenge(slug)["component"], "signed in already")

	// The same with the page itself: a form, and no script.
	c := s.browser()
	page := c.get("/if/flow/enrollment/")
	require.Equal(t, http.StatusOK, page.status)
	require.Contains(t, string(page.body), "Create an account")
	c.submit("/if/flow/enrollment/", form{"username": "ada", "name": "Ada", "email": "ada@example.org", "password": password, "password_repeat": password})
	c.is(s.named("ada"))
}

func TestExampleEnrollmentByInvitation(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	s.example("enrollment-by-invitation.yaml")
	const slug = "enrollment-by-invitation"
	require.Equal(t, "ak-stage-access-denied", s.browser().challenge(slug)["component"])

	made := s.admin().api(http.StatusCreated, http.MethodPost, "/stages/invitation/invitations/", map[string]any{"name": "for-grace",
		"single_use": true, "flow": s.flow(slug).ID, "fixed_data": map[string]any{"email": "grace@example.org"}})
	token := made["pk"].(string)
	b, late := s.browser(), s.browser()
	fields := s.asks(b.challenge(slug, "itoken", token), "ak-stage-prompt")
	require.Equal(t, "grace@example.org", fields["email"]["initial_value"])
	s.asks(late.challenge(slug, "itoken", token), "ak-stage-prompt")
	answers := map[string]any{"component": "ak-stage-prompt", "username": "grace", "name": "Grace", "email": "mallory@example.org",
		"password": password, "password_repeat": password}
	s.ends(b.solve(slug, answers, "itoken", token), "/")
	grace := s.named("grace")
	require.Equal(t, "grace@example.org", grace.Email, "what the invitation says stays")
	require.Equal(t, []string{"Invited"}, grace.GroupNames)
	b.is(grace)

	answers["username"] = "late"
	got := late.solve(slug, answers, "itoken", token)
	require.Equal(t, "ak-stage-access-denied", got["component"], "%v", got)
	require.Equal(t, "This invitation is not valid.", got["error_message"])
	require.Len(t, s.acted(idp.ActionInvitationUsed), 1)

	// A link that is opened as a page, of somebody who is then locked down.
	eve := s.user("eve", s.administers)
	open, err := s.replicas[0].Invitations.Create(t.Context(), idp.Actor{User: s.now(eve)}, invitation.Draft{Name: "back-door"})
	require.NoError(t, err)
	link := "/if/flow/" + slug + "/?itoken=" + open.ID.String()
	require.Contains(t, string(s.browser().get(link).body), "You have been invited")
	s.admin().api(http.StatusOK, http.MethodPost, "/lockdowns/", map[string]any{"users": []idp.UserID{eve.ID}, "reason": "stolen"})
	require.Contains(t, string(s.browser().get(link).body), "This invitation is not valid.")
}

func TestExampleSignInOnOnePage(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	s.example("sign-in-on-one-page.yaml")
	const slug = "sign-in-on-one-page"
	s.brand(map[string]any{"flow_authentication": s.flow(slug).ID})
	ada := s.user("ada")
	b := s.browser()
	require.Contains(t, b.get("/flows/-/default/authentication/").location(), "/if/flow/"+slug+"/")
	c := b.challenge(slug)
	require.Equal(t, true, c["password_fields"])
	require.Equal(t, "Log in", c["primary_action"])
	in := map[string]any{"component": "ak-stage-identification", "uid_field": "ada", "password": "wrong"}
	require.Equal(t, "Failed to authenticate.", fault(b.solve(slug, in), "non_field_errors"))
	in["password"] = password
	require.Equal(t, "ak-stage-user-login", b.solve(slug, in)["component"])
	s.ends(b.solve(slug, map[string]any{"component": "ak-stage-user-login", "remember_me": true}), "/")
	b.is(ada)
	page, err := s.repos().Sessions.Find(t.Context(), idp.SessionFilter{UserID: &ada.ID})
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(30*24*time.Hour+12*time.Hour), page.Items[0].ExpiresAt, time.Minute)
}

func TestExampleLockdownInYourWords(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	s.example("lockdown-in-your-words.yaml")
	const slug = "lockdown-in-your-words"
	s.brand(map[string]any{"flow_lockdown": s.flow(slug).ID})
	root, eve, ada := s.user("root", s.administers), s.user("eve"), s.user("ada")
	require.Equal(t, "ak-stage-access-denied", s.with(root).challenge(slug)["component"], "opened by its address it is about nobody")

	b := s.with(root)
	got := b.api(http.StatusOK, http.MethodPost, "/core/users/account_lockdown/", map[string]any{"user": eve.ID})
	require.Equal(t, "/if/flow/"+slug+"/", got["link"])
	fields := s.asks(b.challenge(slug), "ak-stage-prompt")
	require.Contains(t, fields["lockdown_warning"]["initial_value"], "You close these accounts:")
	require.Contains(t, fields["lockdown_warning"]["initial_value"], "eve")
	require.Contains(t, fields["lockdown_help"]["initial_value"], "phone 5555")
	require.Equal(t, "What did you see, and what is the ticket?", fields["lockdown_reason"]["label"])
	fields = s.asks(b.solve(slug, map[string]any{"component": "ak-stage-prompt", "lockdown_reason": "SEC-7"}), "ak-stage-prompt")
	require.Contains(t, fields["lockdown_results"]["initial_value"], "eve: closed")
	s.ends(b.solve(slug, map[string]any{"component": "ak-stage-prompt"}), "/")
	require.False(t, s.now(eve).IsActive)
	require.Equal(t, "SEC-7", s.records(eve)[0].Reason)

	own := s.with(ada)
	own.api(http.StatusOK, http.MethodPost, "/core/users/account_lockdown/", map[string]any{})
	require.Contains(t, s.asks(own.challenge(slug), "ak-stage-prompt")["lockdown_warning"]["initial_value"], "You close your own account.")
	s.ends(own.solve(slug, map[string]any{"component": "ak-stage-prompt", "lockdown_reason": "SEC-8"}), "/if/flow/"+slug+"-complete/")
	require.False(t, own.works())
	last := s.asks(own.challenge(slug+"-complete"), "ak-stage-prompt")
	require.Contains(t, last["lockdown_complete"]["initial_value"], "Call the security team, phone 5555")
}

func TestExampleUserSettings(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	s.example("user-settings.yaml")
	const slug = "user-settings"
	ada := s.user("ada")
	b := s.with(ada)
	require.Contains(t, string(b.get("/if/user/settings/").body), "Save changes")
	s.brand(map[string]any{"flow_user_settings": s.flow(slug).ID})
	page := string(b.get("/if/user/settings/").body)
	require.Contains(t, page, `href="/if/flow/user-settings/?next=%2Fif%2Fuser%2Fsettings%2F"`)
	require.NotContains(t, page, "Save changes")
	refused := b.do(http.MethodPost, "/if/user/settings/details/", form{"name": "Around the flow"})
	require.Contains(t, refused.location(), "/if/flow/user-settings/")
	require.NotEqual(t, "Around the flow", s.now(ada).Name)
	require.Equal(t, "ak-stage-access-denied", s.browser().challenge(slug)["component"])

	fields := s.asks(b.challenge(slug, "next", "/if/user/settings/"), "ak-stage-prompt")
	require.Equal(t, "ada", fields["username_shown"]["initial_value"])
	require.Equal(t, s.now(ada).Email, fields["email"]["initial_value"])
	require.Equal(t, "", fields["attributes.phone"]["initial_value"])
	in := map[string]any{"component": "ak-stage-prompt", "username_shown": "root", "name": "Ada King", "email": "king@example.org",
		"attributes.settings.locale": "de", "attributes.phone": "5555", "is_active": false, "groups": []string{"x"}}
	in["email"] = "nonsense"
	require.Equal(t, "Enter a valid email address.", fault(b.solve(slug, in, "next", "/if/user/settings/"), "email"))
	in["email"] = "king@example.org"
	s.ends(b.solve(slug, in, "next", "/if/user/settings/"), "/if/user/settings/")
	now := s.now(ada)
	require.Equal(t, []string{"ada", "Ada King", "king@example.org"}, []string{now.Username, now.Name, now.Email})
	require.Equal(t, "5555", now.Attributes["phone"])
	require.Equal(t, map[string]any{"locale": "de"}, now.Attributes["settings"])
	require.True(t, now.IsActive && b.works())
	require.Equal(t, "5555", s.asks(b.challenge(slug), "ak-stage-prompt")["attributes.phone"]["initial_value"])
}

func TestExampleUnenrollment(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	s.example("unenrollment.yaml")
	const slug = "unenrollment"
	ada := s.user("ada")
	b, other := s.with(ada), s.with(ada)
	require.NotContains(t, string(b.get("/if/user/settings/").body), "Delete my account")
	s.brand(map[string]any{"flow_unenrollment": s.flow(slug).ID})
	require.Contains(t, string(b.get("/if/user/settings/").body), `href="/if/flow/unenrollment/"`)
	require.Contains(t, b.get("/flows/-/default/unenrollment/").location(), "/if/flow/unenrollment/")

	require.Equal(t, "ak-stage-password", b.challenge(slug)["component"])
	s.asks(b.solve(slug, map[string]any{"component": "ak-stage-password", "password": password}), "ak-stage-prompt")
	require.Equal(t, "Tick the box to delete your account.", fault(b.solve(slug, map[string]any{"component": "ak-stage-prompt"}), "non_field_errors"))
	require.True(t, b.works())
	s.ends(b.solve(slug, map[string]any{"component": "ak-stage-prompt", "unenrollment_sure": true}), "/")
	require.False(t, b.works() || other.works())
	_, err := s.repos().Users.Get(t.Context(), ada.ID)
	require.True(t, idp.Is(err, idp.CodeNotFound))
	ok, err := s.browser().tryToSignIn("ada", password)
	require.NoError(t, err)
	require.False(t, ok)
}
