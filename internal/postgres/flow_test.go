package postgres

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// requireTable takes a row through create, get, change, list and delete. The
// change must touch every stored field.
func requireTable[T, F any](t *testing.T, table idp.Table[T, idp.ID[T], F], row T, id func(*T) idp.ID[T], change func(*T), all F) {
	t.Helper()
	ctx := t.Context()
	stored := row
	require.NoError(t, table.Create(ctx, &stored))
	require.False(t, id(&stored).IsZero())
	ignore := cmp.FilterPath(func(p cmp.Path) bool {
		return p.String() == "ID" || p.String() == "UpdatedAt" || p.String() == "CreatedAt" || p.String() == "Policy"
	}, cmp.Ignore())
	require.Empty(t, cmp.Diff(row, stored, ignore, cmpopts.EquateEmpty()))
	got, err := table.Get(ctx, id(&stored))
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(&stored, got))

	change(got)
	want := *got
	require.NoError(t, table.Update(ctx, got))
	require.Empty(t, cmp.Diff(want, *got, ignore, cmpopts.EquateEmpty()))
	page, err := table.Find(ctx, all)
	require.NoError(t, err)
	require.Equal(t, 1, page.Total)
	require.Empty(t, cmp.Diff(*got, page.Items[0]))

	require.NoError(t, table.Delete(ctx, id(&stored)))
	_, err = table.Get(ctx, id(&stored))
	requireCode(t, idp.CodeNotFound, err)
	requireCode(t, idp.CodeNotFound, table.Update(ctx, got))
	requireCode(t, idp.CodeNotFound, table.Delete(ctx, id(&stored)))
}

func addFlow(t testing.TB, db *DB, slug string) *idp.Flow {
	t.Helper()
	f := &idp.Flow{Name: slug, Slug: slug, Designation: idp.DesignationAuthentication}
	require.NoError(t, db.Repos().Flows.Create(context.Background(), f))
	return f
}

func addStage(t testing.TB, db *DB, name string) *idp.Stage {
	t.Helper()
	s := &idp.Stage{Name: name, Kind: "prompt"}
	require.NoError(t, db.Repos().Stages.Create(context.Background(), s))
	return s
}

func TestFlow(t *testing.T) {
	t.Parallel()
	requireTable(t, open(t).Repos().Flows,
		idp.Flow{Name: "n", Slug: "s", Title: "t", Designation: idp.DesignationRecovery, Authentication: idp.AuthenticationSuperuser,
			DeniedAction: idp.DeniedContinue, Layout: "sidebar_left", Background: "b", CompatibilityMode: true, PolicyMode: idp.PolicyAll},
		func(f *idp.Flow) idp.FlowID { return f.ID },
		func(f *idp.Flow) {
			f.Name, f.Slug, f.Title, f.Designation, f.Authentication = "n2", "s2", "t2", idp.DesignationEnrollment, idp.AuthenticationNone
			f.DeniedAction, f.Layout, f.Background, f.CompatibilityMode, f.PolicyMode = idp.DeniedMessage, "stacked", "", false, idp.PolicyAny
		}, idp.FlowFilter{})
}

func TestFlowBinding(t *testing.T) {
	t.Parallel()
	db := open(t)
	f, g, s, r := addFlow(t, db, "f"), addFlow(t, db, "g"), addStage(t, db, "s"), addStage(t, db, "r")
	requireTable(t, db.Repos().FlowBindings,
		idp.FlowBinding{FlowID: f.ID, StageID: s.ID, Order: 10, EvaluateOnPlan: true, InvalidResponseAction: idp.InvalidRestart, PolicyMode: idp.PolicyAll},
		func(b *idp.FlowBinding) idp.FlowBindingID { return b.ID },
		func(b *idp.FlowBinding) {
			b.FlowID, b.StageID, b.Order, b.EvaluateOnPlan, b.ReEvaluatePolicies = g.ID, r.ID, -1, false, true
			b.InvalidResponseAction, b.PolicyMode = idp.InvalidRetry, idp.PolicyAny
		}, idp.FlowBindingFilter{})
}

func TestStage(t *testing.T) {
	t.Parallel()
	requireTable(t, open(t).Repos().Stages,
		idp.Stage{Name: "n", Kind: "k", Settings: json.RawMessage(`{"a": [1]}`)},
		func(s *idp.Stage) idp.StageID { return s.ID },
		func(s *idp.Stage) { s.Name, s.Kind, s.Settings = "n2", "k2", json.RawMessage(`{}`) }, idp.StageFilter{})
}

func TestPrompt(t *testing.T) {
	t.Parallel()
	requireTable(t, open(t).Repos().Prompts,
		idp.Prompt{Name: "n", FieldKey: "k", Label: "l", Type: "text", Placeholder: "p", InitialValue: "i", Order: 7, SubText: "s", InitialValueExpression: true},
		func(p *idp.Prompt) idp.PromptID { return p.ID },
		func(p *idp.Prompt) {
			p.Name, p.FieldKey, p.Label, p.Type, p.Required, p.Placeholder, p.InitialValue = "n2", "k2", "l2", "alert_info", true, "", ""
			p.Order, p.SubText, p.PlaceholderExpression, p.InitialValueExpression = 8, "", true, false
		}, idp.PromptFilter{})
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	requireTable(t, open(t).Repos().Policies,
		idp.Policy{Name: "n", Kind: "expression", Settings: json.RawMessage(`{"expression": "true"}`), ExecutionLogging: true},
		func(p *idp.Policy) idp.PolicyID { return p.ID },
		func(p *idp.Policy) {
			p.Name, p.Kind, p.Settings, p.ExecutionLogging = "n2", "k2", json.RawMessage(`{}`), false
		}, idp.PolicyFilter{})
}

func TestPolicyBinding(t *testing.T) {
	t.Parallel()
	db := open(t)
	f, g := addFlow(t, db, "f"), addFlow(t, db, "g")
	p := &idp.Policy{Name: "p", Kind: "expression", Settings: json.RawMessage(`{"expression": "true"}`)}
	require.NoError(t, db.Repos().Policies.Create(t.Context(), p))
	u := addUser(t, db, "u")
	requireTable(t, db.Repos().PolicyBindings,
		idp.PolicyBinding{Target: f.ID.UUID(), PolicyID: &p.ID, Negate: true, Enabled: true, Order: 3, Timeout: 1500 * time.Millisecond, FailureResult: true, Policy: p},
		func(b *idp.PolicyBinding) idp.PolicyBindingID { return b.ID },
		func(b *idp.PolicyBinding) {
			require.Empty(t, cmp.Diff(p, b.Policy), "the policy is loaded with its binding")
			b.Target, b.PolicyID, b.UserID, b.Policy = g.ID.UUID(), nil, &u.ID, nil
			b.Negate, b.Enabled, b.Order, b.Timeout, b.FailureResult = false, false, 4, 0, false
		}, idp.PolicyBindingFilter{})
}

func TestPolicyBindingsFollowTheirTarget(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, r := t.Context(), db.Repos()
	f, s, u := addFlow(t, db, "f"), addStage(t, db, "s"), addUser(t, db, "u")
	b := &idp.FlowBinding{FlowID: f.ID, StageID: s.ID}
	require.NoError(t, r.FlowBindings.Create(ctx, b))
	for order, target := range []idp.UUID{f.ID.UUID(), b.ID.UUID(), b.ID.UUID()} {
		require.NoError(t, r.PolicyBindings.Create(ctx, &idp.PolicyBinding{Target: target, UserID: &u.ID, Order: 9 - order}))
	}
	page, err := r.PolicyBindings.Find(ctx, idp.PolicyBindingFilter{Targets: []idp.UUID{b.ID.UUID()}})
	require.NoError(t, err)
	require.Equal(t, []int{7, 8}, []int{page.Items[0].Order, page.Items[1].Order})
	require.NoError(t, r.Stages.Delete(ctx, s.ID))
	require.Equal(t, 1, scalar[int](t, db, `SELECT count(*) FROM policy_bindings`))
	require.NoError(t, r.Flows.Delete(ctx, f.ID))
	require.Zero(t, scalar[int](t, db, `SELECT count(*) FROM policy_bindings`))

	stray := &idp.PolicyBinding{Target: uuid.New(), UserID: &u.ID}
	requireField(t, r.PolicyBindings.Create(ctx, stray), "target", "does not exist")
}

func TestFlowRefusals(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, r := t.Context(), db.Repos()
	f, s, u := addFlow(t, db, "f"), addStage(t, db, "s"), addUser(t, db, "u")
	p := &idp.Policy{Name: "p", Kind: "expression"}
	require.NoError(t, r.Policies.Create(ctx, p))
	require.NoError(t, r.FlowBindings.Create(ctx, &idp.FlowBinding{FlowID: f.ID, StageID: s.ID, Order: 1}))
	require.NoError(t, r.PolicyBindings.Create(ctx, &idp.PolicyBinding{Target: f.ID.UUID(), PolicyID: &p.ID, Order: 1}))
	for name, c := range map[string]struct {
		err   error
		field string
	}{
		"slug taken":     {r.Flows.Create(ctx, &idp.Flow{Name: "x", Slug: "f"}), "slug"},
		"slug form":      {r.Flows.Create(ctx, &idp.Flow{Name: "x", Slug: "a b"}), "slug"},
		"flow name":      {r.Flows.Create(ctx, &idp.Flow{Slug: "x"}), "name"},
		"stage name":     {r.Stages.Create(ctx, &idp.Stage{Name: "s", Kind: "k"}), "name"},
		"stage settings": {r.Stages.Create(ctx, &idp.Stage{Name: "x", Kind: "k", Settings: json.RawMessage(`[1]`)}), "settings"},
		"broken JSON":    {r.Stages.Create(ctx, &idp.Stage{Name: "x", Kind: "k", Settings: json.RawMessage(`{`)}), idp.NonField},
		"binding twice":  {r.FlowBindings.Create(ctx, &idp.FlowBinding{FlowID: f.ID, StageID: s.ID, Order: 1}), idp.NonField},
		"no such flow":   {r.FlowBindings.Create(ctx, &idp.FlowBinding{FlowID: idp.NewID[idp.Flow](), StageID: s.ID}), "target"},
		"no such stage":  {r.FlowBindings.Create(ctx, &idp.FlowBinding{FlowID: f.ID, StageID: idp.NewID[idp.Stage]()}), "stage"},
		"order too high": {r.FlowBindings.Create(ctx, &idp.FlowBinding{FlowID: f.ID, StageID: s.ID, Order: 1 << 40}), idp.NonField},
		"policy twice":   {r.PolicyBindings.Create(ctx, &idp.PolicyBinding{Target: f.ID.UUID(), PolicyID: &p.ID, Order: 1}), idp.NonField},
		"two subjects":   {r.PolicyBindings.Create(ctx, &idp.PolicyBinding{Target: f.ID.UUID(), PolicyID: &p.ID, UserID: &u.ID}), idp.NonField},
		"no subject":     {r.PolicyBindings.Create(ctx, &idp.PolicyBinding{Target: f.ID.UUID()}), idp.NonField},
	} {
		t.Run(name, func(t *testing.T) { requireField(t, c.err, c.field, "") })
	}
}

func TestFlowFilters(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, r := t.Context(), db.Repos()
	a, b := addFlow(t, db, "alpha"), addFlow(t, db, "beta")
	b.Designation = idp.DesignationRecovery
	require.NoError(t, r.Flows.Update(ctx, b))
	got, err := r.Flows.GetBySlug(ctx, "alpha")
	require.NoError(t, err)
	require.Equal(t, a.ID, got.ID)
	_, err = r.Flows.GetBySlug(ctx, "gamma")
	requireCode(t, idp.CodeNotFound, err)
	for _, f := range []idp.FlowFilter{
		{Designation: ptr(idp.DesignationRecovery)}, {Slug: ptr("beta")}, {IDs: []idp.FlowID{b.ID}}, {Paging: idp.Paging{Search: "BET"}},
	} {
		page, err := r.Flows.Find(ctx, f)
		require.NoError(t, err)
		require.Equal(t, 1, page.Total)
		require.Equal(t, b.ID, page.Items[0].ID)
	}
	s := addStage(t, db, "s")
	for _, f := range []idp.StageFilter{{Kind: ptr("prompt")}, {Name: ptr("s")}, {IDs: []idp.StageID{s.ID}}, {Paging: idp.Paging{Search: "PROM"}}} {
		page, err := r.Stages.Find(ctx, f)
		require.NoError(t, err)
		require.Equal(t, 1, page.Total)
	}
	p := &idp.Prompt{Name: "n", FieldKey: "k", Type: "text", Label: "Long label"}
	require.NoError(t, r.Prompts.Create(ctx, p))
	for _, f := range []idp.PromptFilter{{Name: ptr("n")}, {FieldKey: ptr("k")}, {Type: ptr("text")}, {IDs: []idp.PromptID{p.ID}}, {Paging: idp.Paging{Search: "long"}}} {
		page, err := r.Prompts.Find(ctx, f)
		require.NoError(t, err)
		require.Equal(t, 1, page.Total)
	}
	policy := &idp.Policy{Name: "n", Kind: "k"}
	require.NoError(t, r.Policies.Create(ctx, policy))
	for _, f := range []idp.PolicyFilter{{Name: ptr("n")}, {Kind: ptr("k")}, {IDs: []idp.PolicyID{policy.ID}}} {
		page, err := r.Policies.Find(ctx, f)
		require.NoError(t, err)
		require.Equal(t, 1, page.Total)
	}
	require.NoError(t, r.PolicyBindings.Create(ctx, &idp.PolicyBinding{Target: a.ID.UUID(), PolicyID: &policy.ID, Enabled: true}))
	for f, want := range map[*idp.PolicyBindingFilter]int{
		{PolicyID: &policy.ID}: 1, {Enabled: ptr(true)}: 1, {Enabled: ptr(false)}: 0, {Targets: []idp.UUID{}}: 0,
	} {
		page, err := r.PolicyBindings.Find(ctx, *f)
		require.NoError(t, err)
		require.Equal(t, want, page.Total)
	}
	for _, order := range []int{30, 10, 20} {
		require.NoError(t, r.FlowBindings.Create(ctx, &idp.FlowBinding{FlowID: a.ID, StageID: s.ID, Order: order}))
	}
	page, err := r.FlowBindings.Find(ctx, idp.FlowBindingFilter{FlowID: &a.ID, StageID: &s.ID})
	require.NoError(t, err)
	require.Equal(t, []int{10, 20, 30}, []int{page.Items[0].Order, page.Items[1].Order, page.Items[2].Order})
}
