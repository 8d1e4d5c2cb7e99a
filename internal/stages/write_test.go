package stages_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
)

const passwordChange = "default-password-change"

func TestPasswordChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.user("ada")
	b, other := w.signedIn(ada), w.signedIn(ada)
	other.key = []byte("another browser of ada, 32 bytes")
	denied(t, w.browser("stranger").get(passwordChange), "Sign in to continue.")

	shows(t, b.get(passwordChange), "ak-stage-password")
	wrong(t, b.post(passwordChange, flow.Input{"password": "wrong"}), "password", "Failed to authenticate.")
	fields := fieldsOf(t, b.post(passwordChange, flow.Input{"password": goodPassword}))
	require.Equal(t, "password", fields["password"]["type"])
	wrong(t, b.post(passwordChange, flow.Input{"password": "one password", "password_repeat": "another one"}), idp.NonField, "Passwords don't match.")
	a := b.post(passwordChange, flow.Input{"password": "short", "password_repeat": "short"})
	wrong(t, a, "password", "Ensure this field has at least 8 characters.")
	shows(t, a, "ak-stage-prompt")
	done(t, b.post(passwordChange, flow.Input{"password": "a new good password", "password_repeat": "a new good password"}), "/")
	require.True(t, b.alive(), "the own session stays")
	require.False(t, other.alive(), "the others end")
	require.Len(t, w.events(idp.ActionPasswordSet), 1)

	c := w.browser("next")
	c.post(signIn, flow.Input{"uid_field": "ada"})
	wrong(t, c.post(signIn, flow.Input{"password": goodPassword}), "password", "Failed to authenticate.")
	done(t, c.post(signIn, flow.Input{"password": "a new good password"}), "/")
}

func TestRecoveryByLink(t *testing.T) {
	t.Parallel()
	const recovery = "default-recovery-flow"
	w := newWorld(t)
	w.administrator("root")
	shows(t, w.browser("stranger").get(recovery), "ak-stage-identification")
	opened := func(u *idp.User) *browser {
		b := w.browser("recovery of " + u.Username)
		b.begin(recovery, func(r *flow.Run) {
			r.SetPending(u)
			flow.KeyRestored.Put(r.Vars, true)
			flow.KeyAuthMethod.Put(r.Vars, "token")
		})
		b.get(recovery) // past the stages that ask nothing
		return b
	}
	fresh := flow.Input{"password": "a new good password", "password_repeat": "a new good password"}
	ada := w.user("ada")
	b := opened(ada)
	a := b.post(recovery, flow.Input{"password": "short", "password_repeat": "short"})
	wrong(t, a, "password", "Ensure this field has at least 8 characters.")
	done(t, b.post(recovery, fresh), "/")
	require.Equal(t, ada.ID, b.actor().User.ID, "signed in with what was just set")

	for name, act := range map[string]func(*idp.User){
		"locked down": func(u *idp.User) {
			_, err := w.lockdowns.Contain(w.ctx, idp.SystemActor(), lockdown.Request{Users: []idp.UserID{u.ID}, Switches: idp.AllSwitches()})
			require.NoError(t, err)
		},
		"locked down and active again": func(u *idp.User) {
			_, err := w.lockdowns.Contain(w.ctx, idp.SystemActor(), lockdown.Request{Users: []idp.UserID{u.ID}, Switches: idp.AllSwitches()})
			require.NoError(t, err)
			require.NoError(t, w.lockdowns.Activate(w.ctx, idp.SystemActor(), u.ID))
		},
		"deactivated": func(u *idp.User) { require.NoError(t, w.lockdowns.Deactivate(w.ctx, idp.SystemActor(), u.ID)) },
	} {
		u := w.user("user " + name)
		b := opened(u)
		act(u)
		before := w.now(u)
		denied(t, b.post(recovery, fresh), "This account may not act.")
		require.Equal(t, before.Password, w.now(u).Password, name)
		require.False(t, b.alive(), name)
	}
}

func TestUserWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.flow("settings")
	w.stage(f, 0, "user_write", `{"user_creation_mode": "never_create"}`)
	w.user("taken")
	denied(t, w.browser("stranger").get("settings"), "No user found and can't create new user.")
	for i, c := range []struct {
		data map[string]any
		want func(*testing.T, *idp.User)
		no   string
	}{
		{data: map[string]any{"name": "Ada L.", "email": "new@example.org"}, want: func(t *testing.T, u *idp.User) {
			require.Equal(t, "Ada L.", u.Name)
			require.Equal(t, "new@example.org", u.Email)
		}},
		{data: map[string]any{"attributes.settings.theme": "dark", "attributes_department": "Sales", "locale": "de"}, want: func(t *testing.T, u *idp.User) {
			require.Equal(t, idp.Attributes{"kept": true, "department": "Sales", "settings": map[string]any{"theme": "dark", "locale": "de"}}, u.Attributes)
		}},
		{data: map[string]any{"groups": []any{w.admins.String()}, "is_superuser": true, "is_active": false, "type": "external", "component": "x", "path": "elsewhere"},
			want: func(t *testing.T, u *idp.User) {
				require.Empty(t, u.Groups)
				require.True(t, u.IsActive)
				require.Equal(t, idp.UserInternal, u.Type)
				require.Equal(t, "users", u.Path)
			}},
		{data: map[string]any{"username": "renamed"}, want: func(t *testing.T, u *idp.User) { require.Equal(t, "renamed", u.Username) }},
		{data: map[string]any{"username": ""}, no: "This field may not be blank."},
		{data: map[string]any{"username": "TAKEN", "name": "Half"}, no: "This field must be unique.", want: func(t *testing.T, u *idp.User) { require.NotEqual(t, "Half", u.Name) }},
		{data: map[string]any{"email": "nonsense"}, no: "Enter a valid email address."},
		{data: map[string]any{"name": 5}, want: func(t *testing.T, u *idp.User) { require.NotEqual(t, "5", u.Name) }},
	} {
		u := w.user(fmt.Sprint("user", i), func(u *idp.User) { u.Attributes = idp.Attributes{"kept": true} })
		b := w.signedIn(u)
		b.begin("settings", func(r *flow.Run) { flow.KeyPromptData.Put(r.Vars, c.data) })
		a := b.get("settings")
		if c.no != "" {
			denied(t, a, c.no)
		} else {
			done(t, a, "/")
		}
		if c.want != nil {
			c.want(t, w.now(u))
		}
	}
}
