package configure_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// want is what an attempt is refused with; the zero want is no refusal.
type want struct{ field, says string }

func (x want) check(t *testing.T, name string, err error) {
	t.Helper()
	if x == (want{}) {
		require.NoError(t, err, name)
		return
	}
	got := faults(t, err)
	require.Len(t, got, 1, "%s: %v", name, got)
	require.Contains(t, strings.Join(got[x.field], " "), x.says, name)
}

func missing(pk fmt.Stringer) string {
	return fmt.Sprintf("Invalid pk %q - object does not exist.", pk)
}

func TestFlowFields(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := must(w.CreateFlow(w.ctx, w.admin, aFlow("a_B-9")))(t)
	require.Equal(t, []any{idp.AuthenticationNone, idp.DeniedMessageContinue, idp.Layout("stacked"), idp.PolicyAny},
		[]any{got.Authentication, got.DeniedAction, got.Layout, got.PolicyMode}, "what is unset gets its default")
	for name, c := range map[string]struct {
		change func(*idp.Flow)
		want   want
	}{
		"everything": {func(f *idp.Flow) {
			f.Authentication, f.DeniedAction, f.Layout, f.PolicyMode = idp.AuthenticationOutpost, idp.DeniedContinue, "sidebar_left", idp.PolicyAll
			f.Background, f.CompatibilityMode, f.Title = "/static/a.jpg", true, "Welcome to %(app)s"
		}, want{}},
		"blank name":      {func(f *idp.Flow) { f.Name = "  " }, want{"name", "may not be blank"}},
		"no slug":         {func(f *idp.Flow) { f.Slug = "" }, want{"slug", "may not be blank"}},
		"slug with space": {func(f *idp.Flow) { f.Slug = "a b" }, want{"slug", "letters, numbers, underscores or hyphens"}},
		"slug with slash": {func(f *idp.Flow) { f.Slug = "a/b" }, want{"slug", "letters, numbers, underscores or hyphens"}},
		"slug of letters": {func(f *idp.Flow) { f.Slug = "ä" }, want{"slug", "letters, numbers, underscores or hyphens"}},
		"long slug":       {func(f *idp.Flow) { f.Slug = strings.Repeat("a", 256) }, want{"slug", "no more than 255"}},
		"taken slug":      {func(f *idp.Flow) { f.Slug = "first" }, want{"slug", "must be unique"}},
		"background":      {func(f *idp.Flow) { f.Background = "data:x" }, want{"background", "starts with https:// or /"}},
		"designation":     {func(f *idp.Flow) { f.Designation = "party" }, want{"designation", `"party" is not a valid choice.`}},
		"no designation":  {func(f *idp.Flow) { f.Designation = "" }, want{"designation", `"" is not a valid choice.`}},
		"authentication":  {func(f *idp.Flow) { f.Authentication = "x" }, want{"authentication", `"x" is not a valid choice.`}},
		"denied action":   {func(f *idp.Flow) { f.DeniedAction = "x" }, want{"denied_action", `"x" is not a valid choice.`}},
		"layout":          {func(f *idp.Flow) { f.Layout = "x" }, want{"layout", `"x" is not a valid choice.`}},
		"policy mode":     {func(f *idp.Flow) { f.PolicyMode = "most" }, want{"policy_engine_mode", `"most" is not a valid choice.`}},
	} {
		f := aFlow("second")
		c.change(&f)
		_, err := w.CreateFlow(w.ctx, w.admin, f)
		c.want.check(t, name, err)
	}
	_, err := w.UpdateFlow(w.ctx, w.admin, w.flow.ID, func(f *idp.Flow) error { f.Layout = ""; return nil })
	want{"layout", `"" is not a valid choice.`}.check(t, "a change has no defaults", err)
}

func TestFlowBindingFields(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	noFlow, noStage := idp.NewID[idp.Flow](), idp.NewID[idp.Stage]()
	for name, c := range map[string]struct {
		change func(*idp.FlowBinding)
		want   want
	}{
		"defaults":     {func(*idp.FlowBinding) {}, want{}},
		"no flow":      {func(b *idp.FlowBinding) { b.FlowID = noFlow }, want{"target", missing(noFlow)}},
		"no stage":     {func(b *idp.FlowBinding) { b.StageID = noStage }, want{"stage", missing(noStage)}},
		"action":       {func(b *idp.FlowBinding) { b.InvalidResponseAction = "panic" }, want{"invalid_response_action", `"panic" is not a valid choice.`}},
		"policy mode":  {func(b *idp.FlowBinding) { b.PolicyMode = "none" }, want{"policy_engine_mode", `"none" is not a valid choice.`}},
		"large order":  {func(b *idp.FlowBinding) { b.Order = math.MaxInt32 + 1 }, want{"order", "less than or equal to 2147483647"}},
		"small order":  {func(b *idp.FlowBinding) { b.Order = math.MinInt32 - 1 }, want{"order", "greater than or equal to -2147483648"}},
		"a second one": {func(b *idp.FlowBinding) { b.Order = 10 }, want{idp.NonField, "must make a unique set"}},
	} {
		b := idp.FlowBinding{FlowID: w.flow.ID, StageID: w.stage.ID, Order: 20}
		c.change(&b)
		got, err := w.CreateFlowBinding(w.ctx, w.admin, b)
		c.want.check(t, name, err)
		if err == nil {
			require.Equal(t, []any{idp.InvalidRetry, idp.PolicyAny}, []any{got.InvalidResponseAction, got.PolicyMode})
		}
	}
}

func TestStageFields(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	closed := aFlow("closed")
	closed.Authentication = idp.AuthenticationAuthenticated
	shut := must(w.CreateFlow(w.ctx, w.admin, closed))(t)
	secret := must(w.CreateStage(w.ctx, w.admin, idp.Stage{Name: "password", Kind: "password"}))(t)
	none := idp.NewID[any]()
	set := func(field string, value any) json.RawMessage {
		raw, err := json.Marshal(map[string]any{field: value})
		require.NoError(t, err)
		return raw
	}
	for name, c := range map[string]struct {
		stage idp.Stage
		want  want
	}{
		"blank name":        {idp.Stage{Name: "", Kind: "deny"}, want{"name", "may not be blank"}},
		"taken name":        {idp.Stage{Name: "first", Kind: "deny"}, want{"name", "must be unique"}},
		"unknown kind":      {idp.Stage{Name: "x", Kind: "dance"}, want{"kind", `"dance" is not a kind of stage.`}},
		"unknown setting":   {idp.Stage{Name: "x", Kind: "deny", Settings: set("colour", 1)}, want{"colour", "Unknown setting"}},
		"wrong type":        {idp.Stage{Name: "x", Kind: "account_lockdown", Settings: set("revoke_tokens", "yes")}, want{"revoke_tokens", "boolean"}},
		"no object":         {idp.Stage{Name: "x", Kind: "deny", Settings: []byte("[]")}, want{idp.NonField, "JSON object"}},
		"completion flow":   {idp.Stage{Name: "x", Kind: "account_lockdown", Settings: set("self_service_completion_flow", shut.ID)}, want{"self_service_completion_flow", "must not require authentication"}},
		"no flow":           {idp.Stage{Name: "x", Kind: "account_lockdown", Settings: set("self_service_completion_flow", none)}, want{"self_service_completion_flow", missing(none)}},
		"no flow of a link": {idp.Stage{Name: "x", Kind: "identification", Settings: set("recovery_flow", none)}, want{"recovery_flow", missing(none)}},
		"no stage":          {idp.Stage{Name: "x", Kind: "identification", Settings: set("password_stage", none)}, want{"password_stage", missing(none)}},
		"other kind":        {idp.Stage{Name: "x", Kind: "identification", Settings: set("password_stage", w.stage.ID)}, want{"password_stage", "Expected a password stage."}},
		"no prompt":         {idp.Stage{Name: "x", Kind: "prompt", Settings: set("fields", []any{w.prompt.ID, none})}, want{"fields", missing(none)}},
		"no policy":         {idp.Stage{Name: "x", Kind: "prompt", Settings: set("validation_policies", []any{none})}, want{"validation_policies", missing(none)}},
		"no group":          {idp.Stage{Name: "x", Kind: "user_write", Settings: set("create_users_group", none)}, want{"create_users_group", missing(none)}},
		"right stage":       {idp.Stage{Name: "identification", Kind: "identification", Settings: set("password_stage", secret.ID)}, want{}},
		"right prompt":      {idp.Stage{Name: "prompt", Kind: "prompt", Settings: set("fields", []any{w.prompt.ID})}, want{}},
	} {
		_, err := w.CreateStage(w.ctx, w.admin, c.stage)
		c.want.check(t, name, err)
	}
	_, err := w.CreateStage(w.ctx, w.admin, idp.Stage{Kind: "deny", Settings: set("colour", 1)})
	require.Len(t, faults(t, err), 2, "all faults at once: %v", err)
	_, err = w.UpdateStage(w.ctx, w.admin, w.stage.ID, func(s *idp.Stage) error { s.Kind = "redirect"; return nil })
	want{"kind", "cannot be changed"}.check(t, "kind", err)

	got := must(w.CreateStage(w.ctx, w.admin, idp.Stage{Name: "lock", Kind: "account_lockdown", Settings: set("revoke_tokens", false)}))(t)
	require.JSONEq(t, `{"deactivate_user": true, "set_unusable_password": true, "delete_sessions": true, "revoke_tokens": false,
		"self_service_completion_flow": null}`, string(got.Settings), "stored with all defaults")
}

func TestPromptFields(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]struct {
		change func(*idp.Prompt)
		want   want
	}{
		"html":       {func(p *idp.Prompt) { p.Type, p.InitialValue = "alert_info", "<p>a</p>\n<p>b</p>" }, want{}},
		"blank name": {func(p *idp.Prompt) { p.Name = "" }, want{"name", "may not be blank"}},
		"taken name": {func(p *idp.Prompt) { p.Name = "first" }, want{"name", "must be unique"}},
		"field key":  {func(p *idp.Prompt) { p.FieldKey = "1 2" }, want{"field_key", "letters, digits"}},
		"type":       {func(p *idp.Prompt) { p.Type = "telepathy" }, want{"type", `"telepathy" is not a valid choice.`}},
		"expression": {func(p *idp.Prompt) { p.InitialValue, p.InitialValueExpression = "1 +", true }, want{"initial_value", "line 1"}},
		"long text":  {func(p *idp.Prompt) { p.SubText = strings.Repeat("a", 100_001) }, want{"sub_text", "no more than 100000"}},
		"order":      {func(p *idp.Prompt) { p.Order = math.MaxInt32 + 1 }, want{"order", "less than or equal to"}},
	} {
		p := aPrompt("second")
		c.change(&p)
		_, err := w.CreatePrompt(w.ctx, w.admin, p)
		c.want.check(t, name, err)
	}
}

func TestPolicyFields(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]struct {
		change func(*idp.Policy)
		want   want
	}{
		"logging":         {func(p *idp.Policy) { p.ExecutionLogging = true }, want{}},
		"blank name":      {func(p *idp.Policy) { p.Name = " " }, want{"name", "may not be blank"}},
		"taken name":      {func(p *idp.Policy) { p.Name = "first" }, want{"name", "must be unique"}},
		"unknown kind":    {func(p *idp.Policy) { p.Kind = "mood" }, want{"kind", `"mood" is not a kind of policy.`}},
		"model for kind":  {func(p *idp.Policy) { p.Kind = "authentik_policies_expression.expressionpolicy" }, want{"kind", "is not a kind of policy."}},
		"no settings":     {func(p *idp.Policy) { p.Settings = nil }, want{"expression", "required"}},
		"unknown setting": {func(p *idp.Policy) { p.Settings = []byte(`{"x": 1}`) }, want{"x", "Unknown field"}},
		"bad expression":  {func(p *idp.Policy) { p.Settings = []byte(`{"expression": "1 +"}`) }, want{"expression", "line 1"}},
	} {
		p := aPolicy("second")
		c.change(&p)
		_, err := w.CreatePolicy(w.ctx, w.admin, p)
		c.want.check(t, name, err)
	}
	_, err := w.UpdatePolicy(w.ctx, w.admin, w.policy.ID, func(p *idp.Policy) error { p.Kind = "mood"; return nil })
	want{"kind", "cannot be changed"}.check(t, "kind", err)
}

func TestPolicyBindingFields(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	none := idp.NewID[any]()
	root := w.admin.User.ID
	for name, c := range map[string]struct {
		binding idp.PolicyBinding
		want    want
	}{
		"user on a flow":     {idp.PolicyBinding{UserID: &root}, want{}},
		"group on a binding": {idp.PolicyBinding{Target: w.binding.ID.UUID(), GroupID: &w.admins.ID, Timeout: time.Second}, want{}},
		"nobody":             {idp.PolicyBinding{}, want{idp.NonField, "One of 'policy', 'user', 'group' must be set."}},
		"two":                {idp.PolicyBinding{UserID: &root, GroupID: &w.admins.ID}, want{idp.NonField, "Only one of 'policy', 'user', 'group' can be set."}},
		"no target":          {idp.PolicyBinding{Target: none.UUID(), UserID: &root}, want{"target", missing(none)}},
		"stage as target":    {idp.PolicyBinding{Target: w.stage.ID.UUID(), UserID: &root}, want{"target", missing(w.stage.ID)}},
		"no policy":          {idp.PolicyBinding{PolicyID: ptr(idp.PolicyID(none))}, want{"policy", missing(none)}},
		"no group":           {idp.PolicyBinding{GroupID: ptr(idp.GroupID(none))}, want{"group", missing(none)}},
		"no user":            {idp.PolicyBinding{UserID: ptr(idp.UserID(4711))}, want{"user", `Invalid pk "4711" - object does not exist.`}},
		"negative timeout":   {idp.PolicyBinding{UserID: &root, Timeout: -1}, want{"timeout", "greater than or equal to 0"}},
		"endless timeout":    {idp.PolicyBinding{UserID: &root, Timeout: math.MaxInt64}, want{"timeout", "less than or equal to 2147483647"}},
		"order":              {idp.PolicyBinding{UserID: &root, Order: math.MaxInt32 + 1}, want{"order", "less than or equal to"}},
	} {
		if c.binding.Target == (idp.UUID{}) {
			c.binding.Target = w.flow.ID.UUID()
		}
		_, err := w.CreatePolicyBinding(w.ctx, w.admin, c.binding)
		c.want.check(t, name, err)
	}
	_, err := w.UpdatePolicyBinding(w.ctx, w.admin, w.policyBinding.ID, func(b *idp.PolicyBinding) error { b.PolicyID = nil; return nil })
	want{idp.NonField, "must be set"}.check(t, "a change is judged too", err)
}
