package configure_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// act is one change that everybody with the right may make in a new world. The
// acts on one noun stand together and may be done one after the other.
type act struct {
	name   string
	do     func(*world, idp.Actor) error
	model  string // of its event
	object string // the name in its event
	action idp.Action
	fields []any // that changed
}

const (
	created = idp.ActionModelCreated
	updated = idp.ActionModelUpdated
	deleted = idp.ActionModelDeleted
)

func acts() []act {
	return []act{
		{"create brand", func(w *world, a idp.Actor) error {
			_, err := w.CreateBrand(w.ctx, a, idp.Brand{Domain: "second.example", FlowLockdown: &w.flow.ID})
			return err
		}, "authentik_brands.brand", "second.example", created, nil},
		{"update brand", func(w *world, a idp.Actor) error {
			_, err := w.UpdateBrand(w.ctx, a, w.brand.ID, func(b *idp.Brand) error {
				b.Title, b.FlowRecovery = "New", &w.flow.ID
				return nil
			})
			return err
		}, "authentik_brands.brand", "first.example", updated, []any{"branding_title", "flow_recovery"}},
		{"delete brand", func(w *world, a idp.Actor) error { return w.DeleteBrand(w.ctx, a, w.brand.ID) },
			"authentik_brands.brand", "first.example", deleted, nil},
		{"create flow", func(w *world, a idp.Actor) error {
			_, err := w.CreateFlow(w.ctx, a, aFlow("second"))
			return err
		}, "authentik_flows.flow", "second", created, nil},
		{"update flow", func(w *world, a idp.Actor) error {
			_, err := w.UpdateFlow(w.ctx, a, w.flow.ID, func(f *idp.Flow) error { f.Layout = "content_left"; return nil })
			return err
		}, "authentik_flows.flow", "first", updated, []any{"layout"}},
		{"delete flow", func(w *world, a idp.Actor) error { return w.DeleteFlow(w.ctx, a, w.flow.ID) },
			"authentik_flows.flow", "first", deleted, nil},
		{"create flow binding", func(w *world, a idp.Actor) error {
			_, err := w.CreateFlowBinding(w.ctx, a, idp.FlowBinding{FlowID: w.flow.ID, StageID: w.stage.ID, Order: 20})
			return err
		}, "authentik_flows.flowstagebinding", "#20 of first: first", created, nil},
		{"update flow binding", func(w *world, a idp.Actor) error {
			_, err := w.UpdateFlowBinding(w.ctx, a, w.binding.ID, func(b *idp.FlowBinding) error {
				b.Order, b.EvaluateOnPlan = 30, true
				return nil
			})
			return err
		}, "authentik_flows.flowstagebinding", "#30 of first: first", updated, []any{"evaluate_on_plan", "order"}},
		{"delete flow binding", func(w *world, a idp.Actor) error { return w.DeleteFlowBinding(w.ctx, a, w.binding.ID) },
			"authentik_flows.flowstagebinding", "#30 of first: first", deleted, nil},
		{"create stage", func(w *world, a idp.Actor) error {
			_, err := w.CreateStage(w.ctx, a, idp.Stage{Name: "second", Kind: "account_lockdown"})
			return err
		}, "authentik_stages_account_lockdown.accountlockdownstage", "second", created, nil},
		{"update stage", func(w *world, a idp.Actor) error {
			_, err := w.UpdateStage(w.ctx, a, w.stage.ID, func(s *idp.Stage) error {
				s.Settings = []byte(`{"deny_message": "No."}`)
				return nil
			})
			return err
		}, "authentik_stages_deny.denystage", "first", updated, []any{"deny_message"}},
		{"delete stage", func(w *world, a idp.Actor) error { return w.DeleteStage(w.ctx, a, w.stage.ID) },
			"authentik_stages_deny.denystage", "first", deleted, nil},
		{"create prompt", func(w *world, a idp.Actor) error {
			_, err := w.CreatePrompt(w.ctx, a, aPrompt("second"))
			return err
		}, "authentik_stages_prompt.prompt", "second", created, nil},
		{"update prompt", func(w *world, a idp.Actor) error {
			_, err := w.UpdatePrompt(w.ctx, a, w.prompt.ID, func(p *idp.Prompt) error { p.Label = "Label"; return nil })
			return err
		}, "authentik_stages_prompt.prompt", "first", updated, []any{"label"}},
		{"delete prompt", func(w *world, a idp.Actor) error { return w.DeletePrompt(w.ctx, a, w.prompt.ID) },
			"authentik_stages_prompt.prompt", "first", deleted, nil},
		{"create policy", func(w *world, a idp.Actor) error {
			_, err := w.CreatePolicy(w.ctx, a, aPolicy("second"))
			return err
		}, "authentik_policies_expression.expressionpolicy", "second", created, nil},
		{"update policy", func(w *world, a idp.Actor) error {
			_, err := w.UpdatePolicy(w.ctx, a, w.policy.ID, func(p *idp.Policy) error {
				p.Settings = []byte(`{"expression": "false"}`)
				return nil
			})
			return err
		}, "authentik_policies_expression.expressionpolicy", "first", updated, []any{"expression"}},
		{"delete policy", func(w *world, a idp.Actor) error { return w.DeletePolicy(w.ctx, a, w.policy.ID) },
			"authentik_policies_expression.expressionpolicy", "first", deleted, nil},
		{"create policy binding", func(w *world, a idp.Actor) error {
			_, err := w.CreatePolicyBinding(w.ctx, a, idp.PolicyBinding{Target: w.flow.ID.UUID(), GroupID: &w.admins.ID})
			return err
		}, "authentik_policies.policybinding", "group admins on first", created, nil},
		{"update policy binding", func(w *world, a idp.Actor) error {
			_, err := w.UpdatePolicyBinding(w.ctx, a, w.policyBinding.ID, func(b *idp.PolicyBinding) error { b.Negate = true; return nil })
			return err
		}, "authentik_policies.policybinding", "policy first on #10 of first", updated, []any{"negate"}},
		{"delete policy binding", func(w *world, a idp.Actor) error { return w.DeletePolicyBinding(w.ctx, a, w.policyBinding.ID) },
			"authentik_policies.policybinding", "policy first on #10 of first", deleted, nil},
	}
}

func TestEveryChangeWritesItsEvent(t *testing.T) {
	t.Parallel()
	for one := range slices.Chunk(acts(), 3) {
		t.Run(one[0].model, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for i, c := range one {
				require.NoError(t, c.do(w, w.admin), c.name)
				events := w.events()
				require.Len(t, events, i+1, c.name)
				e := events[i]
				model := e.Context["model"].(map[string]any)
				require.NotEmpty(t, model["pk"])
				require.Equal(t, []any{c.action, "configure", c.model, c.object, c.fields},
					[]any{e.Action, e.App, model["app"].(string) + "." + model["model_name"].(string), model["name"], listed(e.Context["changed"])})
				require.Equal(t, "root", e.User["username"])
			}
		})
	}
}

func listed(v any) []any {
	list, _ := v.([]any)
	return list
}

func TestChangeWithoutItsEventIsNotKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store.broken = errors.New("no room for the audit log")
	before := w.everything()
	for _, c := range acts() {
		require.ErrorIs(t, c.do(w, w.admin), w.store.broken, c.name)
	}
	require.Equal(t, before, w.everything())
}

func TestOnlyWhoMayChangesAnything(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	person := w.person("mia")
	before, began := w.everything(), w.store.began.Load()
	for _, c := range acts() {
		require.Equal(t, idp.CodeForbidden, idp.CodeOf(c.do(w, person)), c.name)
		require.Equal(t, idp.CodeUnsigned, idp.CodeOf(c.do(w, idp.Actor{})), c.name)
	}
	require.Equal(t, before, w.everything())
	require.Empty(t, w.events())
	require.Equal(t, began, w.store.began.Load(), "nobody waits for a row they may not change")
}

// The actor of a request was read when it began; what counts is what is true
// when the change is made.
func TestActorIsJudgedAgainInTheTransaction(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		meanwhile func(*world)
		want      idp.Code
	}{
		"no superuser any more": {func(w *world) {
			require.NoError(t, w.repos().Groups.RemoveUser(w.ctx, w.admins.ID, w.admin.User.ID))
		}, idp.CodeForbidden},
		"switched off": {func(w *world) { w.change(func(u *idp.User) { u.IsActive = false }) }, idp.CodeRefused},
		"locked down":  {func(w *world) { w.change(func(u *idp.User) { u.SessionGeneration++ }) }, idp.CodeRefused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			before := w.everything()
			c.meanwhile(w)
			for _, change := range acts() {
				require.Equal(t, c.want, idp.CodeOf(change.do(w, w.admin)), change.name)
			}
			require.Equal(t, before, w.everything())
			require.Empty(t, w.events())
		})
	}
}

// An act that waited behind the lockdown of its own actor comes to nothing.
func TestActThatWaitedIsJudgedByWhatIsTrueThen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	result := make(chan error, 1)
	require.NoError(t, w.store.DB.InTx(w.ctx, func(tx idp.Repos) error {
		if _, err := tx.Brands.Hold(w.ctx, w.brand.ID); err != nil {
			return err
		}
		go func() {
			_, err := w.UpdateBrand(w.ctx, w.admin, w.brand.ID, func(b *idp.Brand) error { b.Title = "Late"; return nil })
			result <- err
		}()
		w.waiting(result)
		u, err := tx.Users.Hold(w.ctx, w.admin.User.ID)
		if err != nil {
			return err
		}
		u.SessionGeneration++
		return tx.Users.Update(w.ctx, u)
	}))
	require.Equal(t, idp.CodeRefused, idp.CodeOf(<-result))
	require.Empty(t, must(w.repos().Brands.Get(w.ctx, w.brand.ID))(t).Title)
}

func TestWhatIsNotThereIsNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.NoError(t, w.DeleteBrand(w.ctx, w.admin, w.brand.ID))
	require.NoError(t, w.DeleteFlow(w.ctx, w.admin, w.flow.ID))
	require.NoError(t, w.DeleteStage(w.ctx, w.admin, w.stage.ID))
	require.NoError(t, w.DeletePrompt(w.ctx, w.admin, w.prompt.ID))
	require.NoError(t, w.DeletePolicy(w.ctx, w.admin, w.policy.ID))
	events := w.events()
	for _, c := range acts() {
		if c.action != created {
			require.Equal(t, idp.CodeNotFound, idp.CodeOf(c.do(w, w.admin)), c.name)
		}
	}
	require.Equal(t, events, w.events())
}

func (w *world) change(change func(*idp.User)) {
	w.t.Helper()
	u := must(w.repos().Users.Get(w.ctx, w.admin.User.ID))(w.t)
	change(u)
	require.NoError(w.t, w.repos().Users.Update(w.ctx, u))
}

// everything is the whole configuration.
func (w *world) everything() []any {
	w.t.Helper()
	r, ctx := w.repos(), w.ctx
	return []any{
		must(r.Brands.Find(ctx, idp.BrandFilter{}))(w.t), must(r.Flows.Find(ctx, idp.FlowFilter{}))(w.t),
		must(r.FlowBindings.Find(ctx, idp.FlowBindingFilter{}))(w.t), must(r.Stages.Find(ctx, idp.StageFilter{}))(w.t),
		must(r.Prompts.Find(ctx, idp.PromptFilter{}))(w.t), must(r.Policies.Find(ctx, idp.PolicyFilter{}))(w.t),
		must(r.PolicyBindings.Find(ctx, idp.PolicyBindingFilter{}))(w.t),
	}
}
