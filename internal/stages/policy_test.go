package stages_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// TestABrokenPolicyNeverOpensAFlow runs a guarded stage with every mix of
// policies that pass, fail and break, in both modes.
func TestABrokenPolicyNeverOpensAFlow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	policies := map[string]*idp.Policy{}
	for name, source := range map[string]string{"passes": "true", "fails": "false", "breaks": "user.attributes.a.b.c == 1", "breaks kindly": "user.attributes.a.b.c == 1"} {
		settings, err := json.Marshal(map[string]string{"expression": source})
		require.NoError(t, err)
		policies[name] = &idp.Policy{Name: name, Kind: "expression", Settings: settings}
		require.NoError(t, w.repos().Policies.Create(w.ctx, policies[name]))
	}
	ada := w.user("ada")
	const shown, left, refused = "shown", "left out", "refused"
	for i, c := range []struct {
		bound    []string
		anyOf    string
		allOf    string
		disabled bool
	}{
		{nil, shown, shown, false},
		{[]string{"passes"}, shown, shown, false},
		{[]string{"fails"}, left, left, false},
		{[]string{"breaks"}, refused, refused, false},
		{[]string{"breaks kindly"}, shown, shown, false}, // its failure result lets the stage be
		{[]string{"passes", "fails"}, shown, left, false},
		{[]string{"passes", "breaks"}, shown, refused, false},
		{[]string{"fails", "breaks"}, refused, refused, false},
		{[]string{"fails", "breaks kindly"}, shown, refused, false},
		{[]string{"passes", "breaks kindly"}, shown, shown, false},
		{[]string{"fails", "breaks"}, shown, shown, true},
	} {
		for mode, want := range map[idp.PolicyMode]string{idp.PolicyAny: c.anyOf, idp.PolicyAll: c.allOf} {
			for _, planned := range []bool{true, false} {
				f := w.flow(fmt.Sprintf("f%d%s%t", i, mode, planned))
				b := w.stage(f, 0, "password", `{}`)
				w.stage(f, 10, "user_login", `{"remember_me_offset": "days=1"}`)
				b.PolicyMode, b.EvaluateOnPlan, b.ReEvaluatePolicies = mode, planned, !planned
				require.NoError(t, w.repos().FlowBindings.Update(w.ctx, b))
				for order, name := range c.bound {
					require.NoError(t, w.repos().PolicyBindings.Create(w.ctx, &idp.PolicyBinding{Target: b.ID.UUID(), PolicyID: &policies[name].ID,
						Enabled: !c.disabled, Order: order, FailureResult: name == "breaks kindly"}))
				}
				one := w.browser(f.Slug)
				_, err := w.flows.Begin(w.ctx, one.visit(f.Slug), func(r *flow.Run) { r.SetPending(ada) })
				name := fmt.Sprintf("%v %s planned %t", c.bound, mode, planned)
				if want == refused && planned {
					var not *flow.NotApplicable
					require.ErrorAs(t, err, &not, name)
					require.Error(t, not.Cause, name)
					continue
				}
				require.NoError(t, err, name)
				a := one.get(f.Slug)
				switch want {
				case shown:
					require.Equal(t, "password", a.Stage, name)
				case left:
					require.Equal(t, "user_login", a.Stage, name)
				case refused:
					denied(t, a, "Flow does not apply to current user.")
					require.ErrorContains(t, a.Err, "breaks", name)
				}
			}
		}
	}
	require.NotEmpty(t, w.events(idp.ActionPolicyException))
}
