package stages_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/stages/prompt"
	"github.com/portcullis-idp/portcullis/internal/token"
)

func TestUnenrollment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	root := w.administrator("root")
	f := w.flow("leave")
	w.stage(f, 0, "password", `{}`)
	w.stage(f, 10, "prompt", w.fields("leave", key(prompt.AlertDanger, "warning")))
	w.stage(f, 20, "user_delete", `{}`)
	w.stage(f, 30, "prompt", w.fields("left", key(prompt.AlertInfo, "bye")))
	denied(t, w.browser("stranger").get("leave"), "Failed to authenticate.")

	ada := w.user("ada")
	b, other := w.signedIn(ada), w.signedIn(ada)
	_, key, err := w.tokens.Issue(w.ctx, b.actor(), token.Draft{User: ada.ID, Identifier: "of-ada"})
	require.NoError(t, err)
	shows(t, b.post("leave", flow.Input{"password": goodPassword}), "ak-stage-prompt")
	a := b.post("leave", flow.Input{})
	shows(t, a, "ak-stage-prompt")
	require.True(t, a.Effects.SignedOut)
	require.Nil(t, w.named("ada"))
	require.False(t, b.alive() || other.alive())
	_, _, err = w.tokens.Authenticate(w.ctx, key)
	require.Error(t, err)
	done(t, b.post("leave", flow.Input{}), "/")
	events := w.events(idp.ActionModelDeleted)
	require.Len(t, events, 1)
	require.Equal(t, "ada", events[0].User["username"])
	require.EqualValues(t, 2, events[0].Context["ended"].(map[string]any)["sessions"])

	// The last administrator stays, and reads why.
	r := w.signedIn(root)
	r.post("leave", flow.Input{"password": goodPassword})
	wrong(t, r.post("leave", flow.Input{}), idp.NonField, "This is the last account that can administer this installation.")
	require.True(t, r.alive())
	w.administrator("other-root")
	shows(t, r.post("leave", flow.Input{}), "ak-stage-prompt")
	require.Nil(t, w.named("root"))
}

func TestNobodyIsDeletedAfterALockdown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.administrator("root")
	f := w.flow("leave")
	w.stage(f, 0, "identification", `{}`)
	w.stage(f, 10, "password", `{}`)
	w.stage(f, 20, "prompt", w.fields("leave", key(prompt.AlertDanger, "warning")))
	w.stage(f, 30, "user_delete", `{}`)
	ada := w.user("ada")
	b := w.browser("one")
	b.post("leave", flow.Input{"uid_field": "ada"})
	shows(t, b.post("leave", flow.Input{"password": goodPassword}), "ak-stage-prompt")
	_, err := w.lockdowns.Contain(w.ctx, idp.SystemActor(), lockdown.Request{Users: []idp.UserID{ada.ID}, Switches: idp.AllSwitches()})
	require.NoError(t, err)
	denied(t, b.post("leave", flow.Input{}), "This account may not act.")
	require.NotNil(t, w.named("ada"), "what an attacker did must stay to be looked at")
}
