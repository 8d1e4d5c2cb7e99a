package stages_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// TestWhatTheFirstPageShows: its links end where the flow would, and it names
// what people sign in to and what they typed before.
func TestWhatTheFirstPageShows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to := w.flow("elsewhere")
	f := w.flow("first")
	bound := w.stage(f, 0, "identification", fmt.Sprintf(`{"enrollment_flow": %[1]q, "recovery_flow": %[1]q, "passwordless_flow": %[1]q}`, to.ID))
	bound.InvalidResponseAction = idp.InvalidRestartWithContext
	w.stage(f, 10, "password", `{"failed_attempts_before_cancel": 1}`)
	password, err := w.repos().FlowBindings.Find(w.ctx, idp.FlowBindingFilter{FlowID: &f.ID})
	require.NoError(t, err)
	again := password.Items[1]
	again.InvalidResponseAction = idp.InvalidRestartWithContext
	require.NoError(t, w.repos().FlowBindings.Update(w.ctx, &again))

	b := w.browser("one")
	c := shows(t, b.get("first"), "ak-stage-identification")
	for _, key := range []string{"enroll_url", "recovery_url", "passwordless_url"} {
		require.Equal(t, "/if/flow/elsewhere/", c[key])
	}
	require.NotContains(t, c, "pending_user_identifier")
	require.NotContains(t, c, "application_pre")
	b.query = map[string]string{"next": "/if/user/?a=b"}
	c = shows(t, b.get("first"), "ak-stage-identification")
	require.Equal(t, "/if/flow/elsewhere/?next=%2Fif%2Fuser%2F%3Fa%3Db", c["enroll_url"])
	a := b.post("first", flow.Input{"uid_field": "ada"})
	require.Equal(t, "/if/flow/elsewhere/?next=%2Fif%2Fuser%2F%3Fa%3Db", shows(t, a, "ak-stage-password")["recovery_url"])

	// One wrong password is one too many here, and the flow begins again with
	// what it knows.
	a = b.post("first", flow.Input{"password": "wrong"})
	require.Equal(t, "ada", shows(t, a, "ak-stage-identification")["pending_user_identifier"])

	b.begin("first", func(r *flow.Run) {
		flow.Key[map[string]string]("application").Put(r.Vars, map[string]string{"name": "Wiki"})
	})
	require.Equal(t, "Wiki", shows(t, b.get("first"), "ak-stage-identification")["application_pre"])
}

// TestAPageOfLinksOnly has nothing to fill in.
func TestAPageOfLinksOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	to := w.flow("with-a-key")
	f := w.flow("links")
	w.stage(f, 0, "identification", fmt.Sprintf(`{"user_fields": [], "passwordless_flow": %q}`, to.ID))
	w.user("ada")
	b := w.browser("one")
	c := shows(t, b.get("links"), "ak-stage-identification")
	require.Contains(t, c, "user_fields")
	require.Nil(t, c["user_fields"])
	require.Equal(t, false, c["password_fields"])
	wrong(t, b.post("links", flow.Input{"uid_field": "ada"}), idp.NonField, "This page takes no names: choose one of its links.")
}

func TestHowManyWrongPasswords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("ada")
	f := w.flow("strict")
	w.stage(f, 0, "identification", `{}`)
	w.stage(f, 10, "password", `{"failed_attempts_before_cancel": 3, "allow_show_password": true}`)
	w.stage(f, 20, "user_login", `{}`)
	for _, name := range []string{"ada", "nobody"} {
		b := w.browser(name)
		a := b.post("strict", flow.Input{"uid_field": name})
		require.Equal(t, true, shows(t, a, "ak-stage-password")["allow_show_password"])
		for range 2 {
			wrong(t, b.post("strict", flow.Input{"password": "wrong"}), "password", "Failed to authenticate.")
		}
		b.get("strict") // loading the page again begins nothing anew
		a, err := b.flows.Solve(b.ctx, b.visit("strict"), flow.Input{"password": "wrong"})
		require.NoError(t, err)
		denied(t, a, "Too many failed attempts. Start again.")
		shows(t, b.get("strict"), "ak-stage-identification")
	}
	// The count begins anew with a right password.
	b := w.browser("other")
	b.post("strict", flow.Input{"uid_field": "ada"})
	wrong(t, b.post("strict", flow.Input{"password": "wrong"}), "password", "Failed to authenticate.")
	done(t, b.post("strict", flow.Input{"password": goodPassword}), "/")
}
