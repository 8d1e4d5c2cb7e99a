package configure_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// What is deleted disappears from the settings that name it, with an event of
// each stage.
func TestDeletionLeavesNoSettingBehindThatNamesTheObject(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := must(w.CreatePrompt(w.ctx, w.admin, aPrompt("other")))(t)
	secret := must(w.CreateStage(w.ctx, w.admin, idp.Stage{Name: "password", Kind: "password"}))(t)
	shows := w.addStage("shows", "prompt", map[string]any{"fields": []any{w.prompt.ID, other.ID}, "validation_policies": []any{w.policy.ID}})
	asks := w.addStage("asks", "identification", map[string]any{"password_stage": secret.ID, "recovery_flow": w.flow.ID})
	seen := len(w.events())

	require.NoError(t, w.DeletePrompt(w.ctx, w.admin, w.prompt.ID))
	require.NoError(t, w.DeletePolicy(w.ctx, w.admin, w.policy.ID))
	require.NoError(t, w.DeleteStage(w.ctx, w.admin, secret.ID))
	require.NoError(t, w.DeleteFlow(w.ctx, w.admin, w.flow.ID))

	require.Equal(t, map[string]any{"fields": []any{other.ID.String()}, "validation_policies": []any{}}, w.settings(shows))
	require.Nil(t, w.settings(asks)["password_stage"])
	require.Nil(t, w.settings(asks)["recovery_flow"])
	var changed []any
	for _, e := range w.events()[seen:] {
		if e.Action == updated {
			changed = append(changed, e.Context["model"].(map[string]any)["name"], e.Context["changed"])
		}
	}
	require.Equal(t, []any{"shows", []any{"fields"}, "shows", []any{"validation_policies"}, "asks", []any{"password_stage"},
		"asks", []any{"recovery_flow"}}, changed)
}

func TestWhatAStageCannotDoWithoutIsNotDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	leads := w.addStage("leads", "redirect", map[string]any{"mode": "flow", "target_flow": w.flow.ID})
	before := w.everything()
	err := w.DeleteFlow(w.ctx, w.admin, w.flow.ID)
	want{idp.NonField, `The stage "leads" cannot do without it: Target Flow should be present`}.check(t, "redirect", err)
	require.Equal(t, before, w.everything())
	require.NoError(t, w.DeleteStage(w.ctx, w.admin, leads))
	require.NoError(t, w.DeleteFlow(w.ctx, w.admin, w.flow.ID))
}

func (w *world) addStage(name, kind string, settings map[string]any) idp.StageID {
	w.t.Helper()
	raw, err := json.Marshal(settings)
	require.NoError(w.t, err)
	return must(w.CreateStage(w.ctx, w.admin, idp.Stage{Name: name, Kind: kind, Settings: raw}))(w.t).ID
}

func (w *world) settings(id idp.StageID) map[string]any {
	w.t.Helper()
	out := map[string]any{}
	require.NoError(w.t, json.Unmarshal(must(w.repos().Stages.Get(w.ctx, id))(w.t).Settings, &out))
	return out
}
