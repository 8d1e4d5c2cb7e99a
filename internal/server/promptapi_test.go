package server_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPrompts(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	const base = "/stages/prompt/prompts/"
	got := c.post(base, fields{"name": "the address", "field_key": "email", "label": "Email", "type": "email", "pk": "ignored"})
	require.Equal(t, []any{true, "", "", 0.0, "", false, false, []any{}}, []any{got["required"], got["placeholder"], got["initial_value"], got["order"],
		got["sub_text"], got["placeholder_expression"], got["initial_value_expression"], got["prompt_stages_obj"]})
	one := base + got["pk"].(string) + "/"
	stage := c.post("/stages/prompt/stages/", fields{"name": "asks", "fields": []any{got["pk"]}})
	got = c.patch(one, fields{"required": false, "order": 30, "placeholder": "ada@example.org", "sub_text": "<b>Yours</b>",
		"initial_value": "user.email", "initial_value_expression": true})
	require.Equal(t, []any{false, 30.0, "email"}, []any{got["required"], got["order"], got["field_key"]})
	require.Equal(t, []any{stage}, got["prompt_stages_obj"])
	require.Equal(t, got, c.get(one))
	require.Equal(t, got, c.get(base + "?name=the+address&field_key=email&label=Email&type=email&placeholder=ada%40example.org")["results"].([]any)[0])
	c.post(base, fields{"name": "b", "field_key": "b", "label": "", "type": "alert_danger", "initial_value": "<p>Careful.</p>", "order": 1})
	require.Equal(t, []any{"b", "the address"}, c.all(base, "name"))
	require.Equal(t, []any{"the address"}, c.all(base+"?search=addr&ordering=-order", "name"))

	got = c.put(one, fields{"name": "the address", "field_key": "mail", "label": "Mail", "type": "text"})
	require.Equal(t, []any{true, 0.0, "", "", false, "mail"}, []any{got["required"], got["order"], got["placeholder"], got["initial_value"],
		got["initial_value_expression"], got["field_key"]})
	for field, change := range map[string]fields{"name": {"name": ""}, "field_key": {"field_key": "not a key!"}, "type": {"type": "colour"},
		"order": {"order": "first"}, "required": {"required": nil}, "label": {"label": 7},
		"initial_value": {"initial_value": "user.", "initial_value_expression": true},
		"placeholder":   {"placeholder": "nobody.knows(", "placeholder_expression": true}} {
		c.refuse(http.MethodPatch, one, field, change)
	}
	for _, field := range []string{"name", "field_key", "label", "type"} {
		short := fields{"name": "x", "field_key": "x", "label": "x", "type": "text"}
		delete(short, field)
		c.refuse(http.MethodPost, base, field, short)
	}
	c.refuse(http.MethodPost, base, "name", fields{"name": "b", "field_key": "b", "label": "b", "type": "text"})
	person := r.by(r.person)
	for _, at := range []string{base, one, one + "used_by/"} {
		person.send(http.MethodGet, at, nil).json(http.StatusForbidden)
	}
	person.send(http.MethodPost, base+"preview/", fields{}).json(http.StatusForbidden)
	c.delete(one)
}

// Generated clients refuse types that came after their contract, and a whole
// list because of one. They see alerts as texts, and change nothing by sending
// back what they see.
func TestGeneratedClientsSeeAlertsAsTexts(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	const base = "/stages/prompt/prompts/"
	body := fields{"name": "b", "field_key": "b", "label": "b", "type": "alert_danger", "initial_value": "<p>Careful.</p>"}
	one := base + c.post(base, body)["pk"].(string) + "/"
	generated := func(method, at string, body any) *response {
		return r.do(request{method: method, path: path("%s", at), key: c.key, body: body, header: map[string]string{"User-Agent": "OpenAPI-Generator/1.0.0/go"}})
	}
	require.Equal(t, []any{"static"}, results(generated(http.MethodGet, base, nil).json(http.StatusOK), "type"))
	stage := c.post("/stages/prompt/stages/", fields{"name": "warns", "fields": []any{c.all(base, "pk")[0]}})["pk"]
	told := c.post("/flows/instances/", fields{"name": "told", "slug": "told", "title": "Told", "designation": "stage_configuration"})["pk"]
	c.post("/flows/bindings/", fields{"target": told, "stage": stage, "order": 0})
	const executor = "/flows/executor/told/?query="
	types := func(got map[string]any) any { return got["fields"].([]any)[0].(map[string]any)["type"] }
	require.Equal(t, "static", types(generated(http.MethodGet, executor, nil).json(http.StatusOK)))
	require.Equal(t, "alert_danger", types(c.get(executor)))

	body["type"] = "static"
	require.Equal(t, "static", generated(http.MethodPut, one, body).json(http.StatusOK)["type"])
	require.Equal(t, "alert_danger", c.get(one)["type"])
	require.Equal(t, "alert_info", generated(http.MethodPatch, one, fields{"type": "alert_info"}).json(http.StatusOK)["type"], "whoever sends it knows it")
	require.Equal(t, "text", generated(http.MethodPatch, one, fields{"type": "text"}).json(http.StatusOK)["type"])
	require.Equal(t, "static", c.patch(one, fields{"type": "static"})["type"])
}

func TestPreviewOfAPrompt(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	const at = "/stages/prompt/prompts/preview/"
	show := func(body fields) map[string]any {
		got := c.send(http.MethodPost, at, body).json(http.StatusOK)
		require.Equal(t, "ak-stage-prompt", got["component"])
		require.Len(t, got["fields"], 1)
		return got["fields"].([]any)[0].(map[string]any)
	}
	got := show(fields{"name": "n", "field_key": "who", "label": "Who", "type": "text", "initial_value": "user.username + '!'", "initial_value_expression": true,
		"placeholder": "plain"})
	require.Equal(t, []any{"root!", "plain", true, nil}, []any{got["initial_value"], got["placeholder"], got["required"], got["choices"]})
	got = show(fields{"name": "n", "field_key": "size", "label": "Size", "type": "dropdown", "placeholder": "['s', 'm']", "placeholder_expression": true})
	require.Equal(t, []any{map[string]any{"value": "s", "label": "s"}, map[string]any{"value": "m", "label": "m"}}, got["choices"])
	got = show(fields{"name": "n", "field_key": "note", "label": "", "type": "static", "initial_value": "<strong>bold</strong><script>alert(1)</script>"})
	require.Equal(t, "<strong>bold</strong>", got["initial_value"])

	body := fields{"name": "n", "field_key": "who", "label": "Who", "type": "text", "initial_value": "user.username.first", "initial_value_expression": true}
	problem := c.send(http.MethodPost, at, body).json(http.StatusBadRequest)
	require.NotEmpty(t, problem["initial_value"], "%v", problem)
	body["initial_value"] = "user.username +\n  ("
	problem = c.send(http.MethodPost, at, body).json(http.StatusBadRequest)
	require.Regexp(t, `2:\d|line 2`, problem["initial_value"].([]any)[0])
	c.refuse(http.MethodPost, at, "field_key", fields{"name": "n", "label": "Who", "type": "text"})
	require.Empty(t, c.all("/stages/prompt/prompts/", "name"), "nothing is stored")
}
