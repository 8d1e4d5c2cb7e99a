package policies_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Stages do what policies have set: the words of a denial, where a flow leads and
// ends, and whom it is about.
func TestStagesReadWhatPoliciesSet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.user("ada")
	sets := func(name, source string, target idp.UUID) {
		w.bind(w.named(name, "expression", expression(source), false), target)
	}

	denies := w.flow("denies", idp.DesignationEnrollment)
	stage := w.stage(denies, 0, "deny", `{"deny_message": "of the stage"}`)
	sets("words", `set_context("deny_message", "Not from " + client_ip + ".")`, stage.ID.UUID())
	require.Equal(t, "Not from 192.0.2.1.", denial(t, w.at("192.0.2.1").begin("denies")))

	onward := w.flow("onward", idp.DesignationEnrollment)
	own := w.stage(onward, 0, "redirect", `{"mode": "static", "target_static": "/own/"}`)
	w.stage(onward, 10, "deny", `{"deny_message": "arrived"}`)
	sets("never", `false`, own.ID.UUID())
	again := w.flow("again", idp.DesignationEnrollment)
	w.stage(again, 0, "redirect", `{"mode": "static", "target_static": "/own/"}`)
	leads := w.flow("leads", idp.DesignationEnrollment)
	stage = w.stage(leads, 0, "redirect", `{"mode": "static", "target_static": "/elsewhere/", "keep_context": true}`)
	require.Equal(t, "/elsewhere/", w.at("192.0.2.1").begin("leads").Redirect)
	sets("onward", `set_context("redirect_stage_target", client_ip == "192.0.2.9" ? "javascript:alert(1)" : client_ip == "192.0.2.3" ? "ak-flow://nowhere" :
		client_ip == "192.0.2.2" ? "https://app.example/x" : client_ip == "192.0.2.4" ? "ak-flow://again" : "ak-flow://onward")`, stage.ID.UUID())
	b := w.at("192.0.2.1")
	require.Equal(t, "/if/flow/onward/", b.begin("leads").Redirect)
	arrived, err := b.flows.Get(t.Context(), b.visit("onward"))
	require.NoError(t, err)
	require.Equal(t, "arrived", denial(t, arrived))
	require.Equal(t, "https://app.example/x", w.at("192.0.2.2").begin("leads").Redirect)
	b = w.at("192.0.2.4")
	require.Equal(t, "/if/flow/again/", b.begin("leads").Redirect)
	arrived, err = b.flows.Get(t.Context(), b.visit("again"))
	require.NoError(t, err)
	require.Equal(t, "/own/", arrived.Redirect, "the target was of the stage that it was set for")
	for _, from := range []string{"192.0.2.3", "192.0.2.9"} {
		require.Equal(t, "ak-stage-flow-error", w.at(from).begin("leads").Challenge.Component(), from)
	}

	ends := w.flow("ends", idp.DesignationEnrollment)
	w.stage(ends, 0, "dummy", `{}`)
	sets("ends", `let found = ak_user_by("username", "ada"); set_context("pending_user", found) and set_context("redirect", "/" + context.pending_user.username + "/")`, ends.ID.UUID())
	b = w.at("192.0.2.1")
	a := b.begin("ends")
	require.Equal(t, "dummy", a.Stage)
	require.Equal(t, "/ada/", b.post("ends", flow.Input{}).Redirect)

	// A name proves nothing: an account is not changed because a policy named it.
	writes := w.flow("writes", idp.DesignationEnrollment)
	w.stage(writes, 0, "user_write", `{"user_creation_mode": "never_create"}`)
	sets("writes", `set_context("pending_user", ak_user_by("username", "ada")) and set_context("prompt_data.name", "Eve")`, writes.ID.UUID())
	w.at("192.0.2.1").begin("writes")
	now, err := w.db.Repos().Users.Get(t.Context(), ada.ID)
	require.NoError(t, err)
	require.Equal(t, ada.Name, now.Name)
}

// Policies that validate answers set the context too, unless they refuse them.
func TestValidationPoliciesSetTheContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	prompt := &idp.Prompt{Name: "team", FieldKey: "team", Label: "Team", Type: "text", Required: true}
	require.NoError(t, w.db.Repos().Prompts.Create(t.Context(), prompt))
	rules := w.named("validates", "expression", expression(`set_context("prompt_data.team", upper(prompt_context.team)) and set_context("deny_message", "Team " + upper(prompt_context.team)) and
		prompt_context.team != "RED"`), false)
	settings, err := json.Marshal(map[string]any{"fields": []idp.PromptID{prompt.ID}, "validation_policies": []idp.PolicyID{rules.ID}})
	require.NoError(t, err)
	f := w.flow("asks", idp.DesignationEnrollment)
	w.stage(f, 0, "prompt", string(settings))
	w.stage(f, 10, "deny", `{"deny_message": "of the stage"}`)
	b := w.at("192.0.2.1")
	b.begin("asks")
	require.NotEmpty(t, b.post("asks", flow.Input{"team": "red"}).Errors)
	require.Equal(t, "Team BLUE", denial(t, b.post("asks", flow.Input{"team": "blue"})))
}
