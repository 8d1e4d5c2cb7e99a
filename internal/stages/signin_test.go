package stages_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/session"
)

const signIn = "default-authentication-flow"

func TestSignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.user("ada")
	b := w.browser("one")
	b.query = map[string]string{"next": "/if/user/"}
	before := w.store.commits.Load()
	a := b.get(signIn)
	c := shows(t, a, "ak-stage-identification")
	require.Equal(t, []any{"username", "email"}, c["user_fields"])
	require.Equal(t, "authentication", c["flow_designation"])
	require.False(t, a.Stored)
	require.Equal(t, before, w.store.commits.Load(), "looking at the page writes nothing")

	c = shows(t, b.post(signIn, flow.Input{"component": "ak-stage-identification", "uid_field": " ADA@example.org "}), "ak-stage-password")
	require.Equal(t, "ADA@example.org", c["pending_user"], "what was typed, not who it is")
	a = b.post(signIn, flow.Input{"component": "ak-stage-password", "password": goodPassword})
	done(t, a, "/if/user/")
	require.LessOrEqual(t, w.store.commits.Load()-before, int64(3))

	require.NotNil(t, a.Effects.SignedIn)
	require.True(t, a.Effects.SignedIn.Expires.IsZero(), "until the browser closes")
	require.True(t, b.alive())
	require.Equal(t, ada.ID, b.actor().User.ID)
	require.Equal(t, "password", b.actor().Session.AuthMethod)
	require.Len(t, w.events(idp.ActionLogin), 1)
	require.NotNil(t, w.now(ada).LastLoginAt)

	// Again in the same browser: the session is replaced, not added to.
	first := b.cookie
	b.post(signIn, flow.Input{"uid_field": "ada"})
	done(t, b.post(signIn, flow.Input{"password": goodPassword}), "/if/user/")
	require.NotEqual(t, first, b.cookie)
	_, _, err := w.sessions.Visit(w.ctx, first)
	require.True(t, idp.Is(err, idp.CodeRefused))
}

// TestNobodyLearnsWhoExists compares every answer to an account that exists
// with that to one that does not.
func TestNobodyLearnsWhoExists(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("known")
	w.user("inactive", func(u *idp.User) { u.IsActive = false })
	w.user("passwordless", func(u *idp.User) { u.Password = "!" })
	transcript := func(name string) []string {
		b := w.browser("browser of " + name)
		var out []string
		note := func(a *flow.Answer) {
			raw, ok, err := a.JSON()
			require.NoError(t, err)
			var c map[string]any
			if ok {
				require.NoError(t, json.Unmarshal(raw, &c))
			}
			if avatar, ok := c["pending_user_avatar"].(string); ok {
				require.Equal(t, flow.Avatar(name), avatar)
			}
			delete(c, "pending_user_avatar")
			text, err := json.Marshal(c)
			require.NoError(t, err)
			out = append(out, fmt.Sprintf("%s %q %t %t", strings.ReplaceAll(string(text), name, "NAME"), a.Redirect, a.Done, a.Stored))
		}
		note(b.get(signIn))
		note(b.post(signIn, flow.Input{"uid_field": name}))
		note(b.post(signIn, flow.Input{"password": ""}))
		for range 5 {
			note(b.post(signIn, flow.Input{"password": "wrong"}))
		}
		note(b.get(signIn))
		require.False(t, b.alive())
		return out
	}
	want := transcript("nobody")
	require.Len(t, want, 9)
	require.Contains(t, want[3], "Failed to authenticate.")
	require.Contains(t, want[7], "Too many failed attempts. Start again.")
	require.Contains(t, want[8], "ak-stage-identification")
	for _, name := range []string{"known", "inactive", "passwordless", "AnonymousUser"} {
		require.Equal(t, want, transcript(name), name)
	}
	b := w.browser("inactive, right password")
	b.post(signIn, flow.Input{"uid_field": "inactive"})
	wrong(t, b.post(signIn, flow.Input{"password": goodPassword}), "password", "Failed to authenticate.")
}

func TestALockdownStopsASignInUnderWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.administrator("root")
	contain := func(u *idp.User) {
		_, err := w.lockdowns.Contain(w.ctx, idp.SystemActor(), lockdown.Request{Users: []idp.UserID{u.ID}, Switches: idp.Switches{DeleteSessions: true}})
		require.NoError(t, err)
	}
	t.Run("before the password", func(t *testing.T) {
		b := w.browser("a")
		u := w.user("ada")
		b.post(signIn, flow.Input{"uid_field": "ada"})
		contain(u) // the account stays active, but everything of before is over
		wrong(t, b.post(signIn, flow.Input{"password": goodPassword}), "password", "Failed to authenticate.")
		require.False(t, b.alive())
	})
	t.Run("between password and session", func(t *testing.T) {
		f := w.flow("asks-again")
		f.Authentication = idp.AuthenticationNone
		w.stage(f, 0, "identification", `{}`)
		w.stage(f, 10, "password", `{}`)
		w.stage(f, 20, "user_login", `{"remember_me_offset": "days=1"}`)
		b := w.browser("b")
		u := w.user("bea")
		b.post("asks-again", flow.Input{"uid_field": "bea"})
		shows(t, b.post("asks-again", flow.Input{"password": goodPassword}), "ak-stage-user-login")
		contain(u)
		denied(t, b.post("asks-again", flow.Input{"remember_me": true}), "Failed to authenticate.")
		require.False(t, b.alive())
	})
}

func TestEmbeddedPassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.user("ada")
	recovery, err := w.repos().Flows.GetBySlug(w.ctx, "default-recovery-flow")
	require.NoError(t, err)
	f := w.flow("one-page")
	f.Designation = idp.DesignationAuthentication
	require.NoError(t, w.repos().Flows.Update(w.ctx, f))
	password := &idp.Stage{Name: "embedded", Kind: "password", Settings: json.RawMessage(`{"allow_show_password": true}`)}
	require.NoError(t, w.repos().Stages.Create(w.ctx, password))
	w.stage(f, 0, "identification", fmt.Sprintf(`{"password_stage": %q, "recovery_flow": %q}`, password.ID, recovery.ID))
	w.stage(f, 10, "user_login", `{"session_duration": "hours=2"}`)

	b := w.browser("one")
	a := b.get("one-page")
	c := shows(t, a, "ak-stage-identification")
	require.Equal(t, true, c["password_fields"])
	require.Equal(t, true, c["allow_show_password"])
	require.Equal(t, "Log in", c["primary_action"])
	require.Equal(t, "/if/flow/default-recovery-flow/", c["recovery_url"])
	require.Equal(t, "/if/flow/default-recovery-flow/", a.Frame.Links[0].Href)
	for name, in := range map[string]flow.Input{
		"wrong":   {"uid_field": "ada", "password": "wrong"},
		"unknown": {"uid_field": "nobody", "password": goodPassword},
	} {
		wrong(t, b.post("one-page", in), idp.NonField, "Failed to authenticate.")
		require.False(t, b.alive(), name)
	}
	a = b.post("one-page", flow.Input{})
	wrong(t, a, "uid_field", "This field is required.")
	require.Equal(t, "required", a.Errors["password"][0].Code)
	a = b.post("one-page", flow.Input{"uid_field": "ada", "password": goodPassword})
	done(t, a, "/")
	require.Equal(t, ada.ID, b.actor().User.ID)
	require.WithinDuration(t, time.Now().Add(2*time.Hour), a.Effects.SignedIn.Expires, time.Minute)
}

func TestIdentificationSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("ada", func(u *idp.User) { u.Attributes = idp.Attributes{"upn": "Ada@Corp"} })
	for settings, cases := range map[string]map[string]string{
		`{"user_fields": ["upn"], "pretend_user_exists": false}`:                                                        {"ada@corp": "ada", "ada": ""},
		`{"user_fields": ["email"], "pretend_user_exists": false, "show_matched_user": false}`:                          {"ADA@example.org": "ADA@example.org", "ada": ""},
		`{"user_fields": ["username"], "pretend_user_exists": false, "case_insensitive_matching": false}`:               {"ada": "ada", "ADA": "", "ada@example.org": ""},
		`{"user_fields": ["upn", "email"], "pretend_user_exists": false, "case_insensitive_matching": false}`:           {"Ada@Corp": "ada", "ada@corp": "", "ada@example.org": "ada"},
		`{"user_fields": ["username", "email"], "pretend_user_exists": true, "case_insensitive_matching": true}`:        {"ADA@example.org": "ADA@example.org", "nobody": "nobody"},
		`{"user_fields": ["username", "email"], "pretend_user_exists": true, "show_matched_user": true, "sources": []}`: {"Nobody": "Nobody"},
	} {
		f := w.flow("f" + idp.NewID[idp.Flow]().Hex())
		w.stage(f, 0, "identification", settings)
		w.stage(f, 10, "password", `{}`)
		for typed, who := range cases {
			b := w.browser(typed)
			a := b.post(f.Slug, flow.Input{"uid_field": typed})
			if who == "" {
				wrong(t, a, idp.NonField, "Failed to authenticate.")
				continue
			}
			require.Equal(t, who, shows(t, a, "ak-stage-password")["pending_user"], settings)
		}
		b := w.browser("bad input")
		wrong(t, b.post(f.Slug, flow.Input{}), "uid_field", "This field is required.")
		wrong(t, b.post(f.Slug, flow.Input{"uid_field": "  "}), "uid_field", "This field may not be blank.")
		wrong(t, b.post(f.Slug, flow.Input{"uid_field": 3.0}), "uid_field", "Not a valid string.")
		wrong(t, b.post(f.Slug, flow.Input{"uid_field": strings.Repeat("x", 300)}), "uid_field", "Ensure this field has no more than 254 characters.")
	}
}

func TestStaySignedIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("ada")
	f := w.flow("stay")
	w.stage(f, 0, "identification", `{}`)
	w.stage(f, 10, "password", `{}`)
	w.stage(f, 20, "user_login", `{"session_duration": "hours=1", "remember_me_offset": "days=3"}`)
	for answer, lasts := range map[any]time.Duration{true: 73 * time.Hour, "true": 73 * time.Hour, false: time.Hour, "false": time.Hour} {
		b := w.browser(fmt.Sprint(answer))
		b.post("stay", flow.Input{"uid_field": "ada"})
		c := shows(t, b.post("stay", flow.Input{"password": goodPassword}), "ak-stage-user-login")
		require.Equal(t, "ada", c["pending_user"])
		wrong(t, b.post("stay", flow.Input{"remember_me": "perhaps"}), "remember_me", "Must be a valid boolean.")
		a := b.post("stay", flow.Input{"remember_me": answer})
		done(t, a, "/")
		require.WithinDuration(t, time.Now().Add(lasts), a.Effects.SignedIn.Session.ExpiresAt, time.Minute)
		require.Equal(t, a.Effects.SignedIn.Session.ExpiresAt, a.Effects.SignedIn.Expires)
	}
}

func TestTerminateOtherSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.user("ada")
	other := w.signedIn(ada)
	f := w.flow("alone")
	w.stage(f, 0, "identification", `{}`)
	w.stage(f, 10, "password", `{}`)
	w.stage(f, 20, "user_login", `{"terminate_other_sessions": true}`)
	w.stage(f, 30, "password", `{}`)
	b := w.browser("one")
	b.post("alone", flow.Input{"uid_field": "ada"})
	shows(t, b.post("alone", flow.Input{"password": goodPassword}), "ak-stage-password")
	require.True(t, b.alive())
	require.False(t, other.alive())
	done(t, b.post("alone", flow.Input{"password": goodPassword}), "/")
}

func TestLoginWithoutAnybody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.flow("login-only")
	w.stage(f, 0, "user_login", `{}`)
	denied(t, w.browser("one").get("login-only"), "Failed to authenticate.")
	f = w.flow("password-only")
	w.stage(f, 0, "password", `{}`)
	denied(t, w.browser("one").get("password-only"), "Failed to authenticate.")
}

func TestSignOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.signedIn(w.user("ada"))
	require.True(t, b.alive())
	cookie := b.cookie
	a := b.get("default-invalidation-flow")
	done(t, a, "/")
	require.True(t, a.Effects.SignedOut)
	_, _, err := w.sessions.Visit(w.ctx, cookie)
	require.True(t, idp.Is(err, idp.CodeRefused))
	require.Len(t, w.events(idp.ActionLogout), 1)
	require.Equal(t, session.ReasonSignedOut, w.events(idp.ActionLogout)[0].Context["logout_reason"])
	done(t, b.get("default-invalidation-flow"), "/")
}
