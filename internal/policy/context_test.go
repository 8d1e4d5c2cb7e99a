package policy

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestSetContext(t *testing.T) {
	t.Parallel()
	const group = "0190d7f0-0000-7000-8000-000000000001"
	for source, c := range map[string]struct {
		set   string // JSON
		not   bool   // does not pass, and sets it all the same
		fault string
	}{
		`set_context("company", "Blue") and context.company == "Blue" and request.context.flow_plan.context.company == "Blue"`: {set: `{"company":"Blue"}`},
		`set_context("n", {"list": [1, nil, true]}) and context.n.list[0] == 1`:                                                {set: `{"n":{"list":[1,null,true]}}`},
		`set_context("prompt_data.company", "Blue") and prompt_context.company == "Blue" and context.prompt_data.note == "hello"`: {
			set: `{"prompt_data.company":"Blue"}`},
		`set_context("prompt_data.note", nil) and prompt_context.note == nil`:                           {set: `{"prompt_data.note":null}`},
		`set_context("company", "Blue") and false`:                                                      {set: `{"company":"Blue"}`, not: true},
		`set_context("company", 1) and set_context("company", 2) and context.company == 2`:              {set: `{"company":2}`},
		`set_context("pending_user", {"pk": 7, "username": "x"})`:                                       {set: `{"pending_user":{"pk":7,"username":"x"}}`},
		`set_context("pending_user", nil)`:                                                              {set: `{"pending_user":null}`},
		`set_context("email", "a@example.org") and set_context("redirect", "https://a.example/")`:       {set: `{"email":"a@example.org","redirect":"https://a.example/"}`},
		`set_context("groups", ["` + group + `"]) and set_context("user_type", "external")`:             {set: `{"groups":["` + group + `"],"user_type":"external"}`},
		`set_context("consent_permissions", [{"id": "a", "name": "A"}])`:                                {set: `{"consent_permissions":[{"id":"a","name":"A"}]}`},
		`set_context("redirect_stage_target", "ak-flow://x") and set_context("deny_message", "No.")`:    {set: `{"redirect_stage_target":"ak-flow://x","deny_message":"No."}`},
		`ak_call_policy("sets").passing and context.inner == 1 and set_context("outer", context.inner)`: {set: `{"inner":1,"outer":1}`},
		`set_context("pending_user", "ada")`:                                                            {fault: `"pending_user": a user or nil is expected`},
		`set_context("pending_user", {"pk": 0, "username": "x"})`:                                       {fault: `"pending_user": a user or nil`},
		`set_context("email", "Ada <a@example.org>")`:                                                   {fault: `"email": one mail address is expected`},
		`set_context("groups", ["admins"])`:                                                             {fault: `"groups": a list of the UUIDs of groups`},
		`set_context("user_type", "root")`:                                                              {fault: `"user_type": internal, external`},
		`set_context("consent_permissions", [{"id": "a"}])`:                                             {fault: `a list of maps with id and name`},
		`set_context("deny_message", 7)`:                                                                {fault: `"deny_message": text is expected`},
		`set_context("is_sso", "yes")`:                                                                  {fault: `"is_sso": true or false is expected`},
		`set_context("auth_method", "password")`:                                                        {fault: `"auth_method" is set by the product alone`},
		`set_context("opened_by", {"user": 1})`:                                                         {fault: `"opened_by" is set by the product alone`},
		`set_context("prompt_data", {})`:                                                                {fault: `one answer at a time`},
		`set_context("prompt_data.password", "x")`:                                                      {fault: `"prompt_data.password" is a name of secrets`},
		`set_context("api_token", "x")`:                                                                 {fault: `is a name of secrets`},
		`set_context("a.b", 1)`:                                                                         {fault: `is no name in the context`},
		`set_context("prompt_data.", 1)`:                                                                {fault: `is no name in the context`},
		`set_context("goauthentik.io/x", 1)`:                                                            {fault: `is no name in the context`},
		`set_context(repeat("a", 65), 1)`:                                                               {fault: `is no name in the context`},
		`set_context("copy", "is " + prompt_context.password)`:                                          {fault: `"copy" would hold a secret`},
		`set_context("copy", [prompt_context])`:                                                         {fault: `"copy" would hold a secret`},
		`set_context("copy", {"pin": 1})`:                                                               {fault: `"copy" would hold a secret`},
		`set_context("big", map(1..9, repeat("x", 1900)))`:                                              {fault: `"big" would hold more than 16 kB`},
		`set_context("many", 1..600)`:                                                                   {fault: `holds too many values`},
		`set_context("net", ip_network("192.0.2.0/24"))`:                                                {fault: `is not plain data`},
		`all(1..21, set_context("n" + string(#), 1))`:                                                   {fault: `sets at most 20 values`},
		`set_context("company", "Blue") and context.never.deep`:                                         {fault: `cannot fetch deep`},
	} {
		e := actingEngine(&ledger{}, nil).With(shelf{"sets": `set_context("inner", 1)`})
		r, err := e.EvaluatePolicy(t.Context(), asPolicy(source), secretive())
		if c.fault != "" {
			require.ErrorContains(t, err, c.fault, source)
			require.Empty(t, r.Context, source)
			continue
		}
		require.NoError(t, err, source)
		require.Equal(t, !c.not, r.Passing, source)
		got, err := json.Marshal(r.Context)
		require.NoError(t, err)
		require.JSONEq(t, c.set, string(got), source)
	}
	req := secretive()
	before := fmt.Sprint(req.Context)
	_, err := actingEngine(nil, nil).EvaluatePolicy(t.Context(), asPolicy(`set_context("prompt_data.x", 1) and set_context("y", 1)`), req)
	require.NoError(t, err)
	require.Equal(t, before, fmt.Sprint(req.Context), "the request is its caller's")
	_, err = evaluate(t, `set_context("a", 1)`, request())
	require.ErrorContains(t, err, "only a policy can", "prompts set nothing")
	_, err = CompileEvent(`set_context("a", 1)`)
	require.ErrorContains(t, err, "is not available in conditions over events")
}

// Bindings see what those before them set, whatever these say, and what a broken
// one set counts for nothing.
func TestBindingsSeeWhatWasSet(t *testing.T) {
	t.Parallel()
	var bindings []idp.PolicyBinding
	for i, source := range []string{
		`set_context("a", 1) and set_context("prompt_data.x", 1) and false`,
		`set_context("broken", 1) and context.never.deep`,
		`context.a == 1 and context.broken == nil and prompt_context.x == 1 and prompt_context.note == "hello" and set_context("a", 2)`,
		`context.a == 2 and context.flow_plan.context.a == 2`,
	} {
		p := asPolicy(source)
		p.Name = strings.Repeat("p", i+1)
		bindings = append(bindings, idp.PolicyBinding{ID: idp.NewID[idp.PolicyBinding](), PolicyID: &p.ID, Policy: p, Enabled: true, Order: i})
	}
	req := secretive()
	r, err := actingEngine(nil, nil).Evaluate(t.Context(), bindings, idp.PolicyAll, req)
	require.NoError(t, err)
	var said []bool
	for _, one := range r.Trace {
		said = append(said, one.Passing)
	}
	require.Equal(t, []bool{false, false, true, true}, said)
	require.Equal(t, map[string]any{"a": 2, "prompt_data.x": 1}, r.Context)
	require.NotContains(t, req.Context, "a")
	require.NotContains(t, req.Context["prompt_data"], "x")
}

func TestTryingSetsNothing(t *testing.T) {
	t.Parallel()
	got := actingEngine(nil, nil).Try(t.Context(), asPolicy(`set_context("company", "Blue") and set_context("pending_user", user)`), secretive())
	require.NoError(t, got.Err)
	require.True(t, got.Passing)
	require.Equal(t, "The context's “company” would have been set.", got.Notes[1].Text)
	require.Equal(t, map[string]any{"name": "company", "value": "Blue"}, got.Notes[1].Facts)
	require.Equal(t, map[string]any{"pk": 7, "username": "<b>mallory</b>", "email": "m@example.org"}, got.Notes[2].Facts["value"])
}

// shelf has policies by name.
type shelf map[string]string

func (s shelf) PolicyNamed(_ context.Context, name string) (*idp.Policy, error) {
	source, ok := s[name]
	if !ok {
		return nil, idp.NotFound("policy")
	}
	return asPolicy(source), nil
}

func (shelf) UserBy(context.Context, string, string) (*idp.User, error) {
	return nil, idp.NotFound("user")
}

func (shelf) FactorsOf(_ context.Context, id idp.UserID) ([]idp.FactorKind, error) {
	if id == 7 {
		return []idp.FactorKind{idp.FactorTOTP}, nil
	}
	return nil, nil
}

func (shelf) GroupsNamed(context.Context, []string) ([]idp.Group, error) { return nil, nil }
