package app_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/stages/prompt"
)

// workshop is an installation with what the rows of tables make there over the
// API.
type workshop struct{ *site }

// at is the workshop for one row.
func (w workshop) at(t *testing.T) workshop {
	s := *w.site
	s.T = t
	return workshop{&s}
}

// make creates an object and returns its key.
func (w workshop) make(path string, body anyMap) string {
	w.Helper()
	return w.admin().api(http.StatusCreated, http.MethodPost, path, body)["pk"].(string)
}

// refused is the fault of a body that is not taken, by field.
func (w workshop) refused(method, path, field string, body anyMap) string {
	w.Helper()
	got := w.admin().api(http.StatusBadRequest, method, path, body)
	require.Contains(w, got, field, "%v", got)
	return got[field].([]any)[0].(string)
}

// prompt creates a prompt with the field key f, a text unless it says otherwise.
func (w workshop) prompt(body anyMap) string {
	w.Helper()
	all := anyMap{"name": unique("prompt"), "field_key": "f", "label": "F", "type": "text"}
	maps.Copy(all, body)
	return w.make("/stages/prompt/prompts/", all)
}

// page creates a prompt stage.
func (w workshop) page(policies []string, prompts ...string) string {
	w.Helper()
	return w.make("/stages/prompt/stages/", anyMap{"name": unique("page"), "fields": prompts, "validation_policies": append([]string{}, policies...)})
}

func (w workshop) expression(source string) string {
	w.Helper()
	return w.make("/policies/expression/", anyMap{"name": unique("policy"), "expression": source})
}

// flowOf creates a flow that shows the stages in their order, and returns its
// slug, its key and those of its bindings.
func (w workshop) flowOf(change anyMap, stages ...string) (slug, pk string, bindings []string) {
	w.Helper()
	slug = unique("flow")
	body := anyMap{"name": slug, "slug": slug, "title": slug, "designation": "stage_configuration", "denied_action": "message"}
	maps.Copy(body, change)
	pk = w.make("/flows/instances/", body)
	for i, stage := range stages {
		bindings = append(bindings, w.make("/flows/bindings/", anyMap{"target": pk, "stage": stage, "order": i}))
	}
	return slug, pk, bindings
}

// seeing is a stage that shows the answers given so far, see collected.
func (w workshop) seeing() string {
	w.Helper()
	return w.page(nil, w.prompt(anyMap{"field_key": "seen", "type": "text_read_only",
		"initial_value": "toJSON(prompt_context)", "initial_value_expression": true}))
}

// collected are the answers given so far, as the stage that sees them tells.
func (w workshop) collected(got anyMap) anyMap {
	w.Helper()
	fields := w.asks(got, "ak-stage-prompt")
	require.Contains(w, fields, "seen", "%v", got)
	out := anyMap{}
	require.NoError(w, json.Unmarshal([]byte(fields["seen"]["initial_value"].(string)), &out))
	return out
}

// unsent is no answer at all, where null is one.
const unsent = "(unsent)"

// answers are what people and programs may send to a field. What prompt_data gets
// is keeps; unsent = nothing. What is refused is told in no.
var promptAnswers = []struct {
	name   string
	prompt anyMap
	sent   any
	keeps  any
	no     string
}{
	{"a text is not trimmed", anyMap{}, "  as it is ", "  as it is ", ""},
	{"a text area is not trimmed", anyMap{"type": "text_area"}, " a\n b ", " a\n b ", ""},
	{"a required text may not be blank", anyMap{}, "", nil, "This field may not be blank."},
	{"a required text area may not be blank", anyMap{"type": "text_area"}, "", nil, "This field may not be blank."},
	{"a required text is missed", anyMap{}, unsent, nil, "This field is required."},
	{"null is no answer", anyMap{}, nil, nil, "This field is required."},
	{"a text must be one", anyMap{}, 5, nil, "Not a valid string."},
	{"an optional text may be blank", anyMap{"required": false}, "", "", ""},
	{"an optional text that nobody sent is not there", anyMap{"required": false}, unsent, unsent, ""},
	{"an initial value is the default", anyMap{"initial_value": "given"}, unsent, "given", ""},
	{"an initial value may be changed", anyMap{"initial_value": "given"}, "other", "other", ""},
	{"an initial value may not be made blank where an answer is required", anyMap{"initial_value": "given"}, "", nil, "This field may not be blank."},
	{"an initial value by expression is the default", anyMap{"initial_value": `lower("GIVEN")`, "initial_value_expression": true}, unsent, "given", ""},

	{"what is read only comes from the prompt", anyMap{"type": "text_read_only", "initial_value": "fixed"}, "forged", "fixed", ""},
	{"so does an area that is read only", anyMap{"type": "text_area_read_only", "initial_value": "fixed"}, "forged", "fixed", ""},
	{"what is hidden comes from the prompt", anyMap{"type": "hidden", "initial_value": "fixed"}, "forged", "fixed", ""},
	{"so does what is static", anyMap{"type": "static", "initial_value": "fixed"}, "forged", "fixed", ""},
	{"what is hidden and empty stays empty", anyMap{"type": "hidden"}, "forged", "", ""},

	{"a separator takes no answer and is never required", anyMap{"type": "separator"}, unsent, unsent, ""},
	{"a separator ignores answers", anyMap{"type": "separator"}, "x", unsent, ""},
	{"an alert about a fact takes none", anyMap{"type": "alert_info"}, "x", unsent, ""},
	{"a warning takes none", anyMap{"type": "alert_warning"}, unsent, unsent, ""},
	{"an alert about a danger takes none", anyMap{"type": "alert_danger"}, "x", unsent, ""},

	{"a free username", anyMap{"type": "username"}, "nobody-has-this", "nobody-has-this", ""},
	{"a username that somebody has", anyMap{"type": "username"}, "prompt-taken", nil, "Username is already taken."},
	{"however it is written", anyMap{"type": "username"}, "Prompt-Taken", nil, "Username is already taken."},
	{"one's own username", anyMap{"type": "username"}, "prompt-ada", "prompt-ada", ""},
	{"an address", anyMap{"type": "email"}, "a@example.org", "a@example.org", ""},
	{"what is no address", anyMap{"type": "email"}, "example.org", nil, "Enter a valid email address."},
	{"an optional address may be blank", anyMap{"type": "email", "required": false}, "", "", ""},

	{"a number", anyMap{"type": "number"}, 42, 42.0, ""},
	{"a number as text", anyMap{"type": "number"}, "-7", -7.0, ""},
	{"a number is whole", anyMap{"type": "number"}, 1.5, nil, "A valid integer is required."},
	{"a word is no number", anyMap{"type": "number"}, "x", nil, "A valid integer is required."},
	{"a required number is missed", anyMap{"type": "number"}, unsent, nil, "This field is required."},
	{"an optional number that nobody sent is not there", anyMap{"type": "number", "required": false}, unsent, unsent, ""},
	{"an initial number is the default", anyMap{"type": "number", "initial_value": "5"}, unsent, 5.0, ""},

	{"a checkbox is never required", anyMap{"type": "checkbox"}, unsent, false, ""},
	{"a ticked checkbox", anyMap{"type": "checkbox"}, true, true, ""},
	{"a checkbox takes true and false", anyMap{"type": "checkbox"}, "perhaps", nil, "Must be a valid boolean."},
	{"a checkbox that is ticked to begin with", anyMap{"type": "checkbox", "initial_value": "true"}, unsent, true, ""},

	{"one of the choices", anyMap{"type": "dropdown", "placeholder": `["a", "b"]`, "placeholder_expression": true}, "b", "b", ""},
	{"none of the choices", anyMap{"type": "dropdown", "placeholder": `["a", "b"]`, "placeholder_expression": true}, "c", nil, "“c” is not a valid choice."},
	{"the first choice is the default", anyMap{"type": "radio-button-group", "placeholder": `["a", "b"]`, "placeholder_expression": true}, unsent, "a", ""},
	{"the value counts, not its label", anyMap{"type": "radio-button-group", "placeholder": `[{"value": "a", "label": "A"}]`, "placeholder_expression": true}, "A", nil, "“A” is not a valid choice."},

	{"a date", anyMap{"type": "date"}, "2026-02-03", "2026-02-03", ""},
	{"a day that does not exist", anyMap{"type": "date"}, "2026-02-30", nil, "Date has wrong format. Use one of these formats instead: YYYY-MM-DD."},
	{"a time is ISO 8601", anyMap{"type": "date-time"}, "2026-02-03T04:05:06+02:00", "2026-02-03T02:05:06Z", ""},
	{"a time without a zone", anyMap{"type": "date-time"}, "2026-02-03T04:05", "2026-02-03T04:05:00Z", ""},
	{"what is no time", anyMap{"type": "date-time"}, "noon", nil, "Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."},
	{"a file is a data URI in base64", anyMap{"type": "file"}, "data:text/plain;base64,aGk=", "data:text/plain;base64,aGk=", ""},
	{"a file must be in base64", anyMap{"type": "file"}, "data:text/plain,hi", nil, "A file is expected, as a data: URL in base64 of at most 512 kB."},
	{"a file is no address", anyMap{"type": "file"}, "https://example.org/", nil, "A file is expected, as a data: URL in base64 of at most 512 kB."},
	{"a language", anyMap{"type": "ak-locale"}, "de-CH", "de-CH", ""},
	{"what is no language", anyMap{"type": "ak-locale"}, "the queen's", nil, "Enter a language tag, such as en or de-CH."},
	{"a password is kept as it was typed", anyMap{"type": "password"}, " a b ", " a b ", ""},
}

// TestPromptAnswersOverTheAPI sends every kind of answer to every kind of field.
func TestPromptAnswersOverTheAPI(t *testing.T) {
	t.Parallel()
	w := workshop{newSite(t, 1)}
	ada, _ := w.user("prompt-ada"), w.user("prompt-taken")
	tried := map[string]bool{}
	for _, c := range promptAnswers {
		kind, ok := c.prompt["type"].(string)
		if !ok {
			kind = "text"
		}
		tried[kind] = true
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := w.at(t)
			slug, _, _ := w.flowOf(nil, w.page(nil, w.prompt(c.prompt)), w.seeing())
			b, body := w.with(ada), anyMap{"component": "ak-stage-prompt"}
			if c.sent != unsent {
				body["f"] = c.sent
			}
			require.Equal(t, kind, w.asks(b.challenge(slug), "ak-stage-prompt")["f"]["type"])
			got := b.solve(slug, body)
			if c.no != "" {
				require.Equal(t, c.no, fault(got, "f"), "%v", got)
				require.Contains(t, w.asks(got, "ak-stage-prompt"), "f", "the same page again")
				return
			}
			data := w.collected(got)
			if c.keeps == unsent {
				require.NotContains(t, data, "f")
				return
			}
			require.Contains(t, data, "f")
			require.Equal(t, c.keeps, data["f"])
		})
	}
	for _, kind := range prompt.Types() {
		require.True(t, tried[string(kind)], "no row tries %s", kind)
	}
}

// promptShows is what a field shows of a prompt. data is what the flow collected
// before, as entries of a map.
var promptShows = []struct {
	name               string
	prompt             anyMap
	data               map[string]string // key → expression
	value, placeholder string
	choices            any // nil = null
}{
	{"a text that is plain", anyMap{"initial_value": `user.username`, "placeholder": `user.name`}, nil, "user.username", "user.name", nil},
	{"an expression sees user, request and prompt_context", anyMap{"initial_value": `user.username + " " + request.user.username + " " + prompt_context.g`,
		"initial_value_expression": true}, map[string]string{"g": `"x"`}, "prompt-eve prompt-eve x", "", nil},
	{"an expression has the functions of policies", anyMap{"placeholder": `slugify(regex_replace("A b", "b", "c"))`, "placeholder_expression": true}, nil, "", "a-c", nil},
	{"an expression that fails leaves its text", anyMap{"initial_value": `user.attributes.a.b.c`, "initial_value_expression": true,
		"placeholder": `context.none.at.all`, "placeholder_expression": true}, nil, "user.attributes.a.b.c", "context.none.at.all", nil},
	{"what was collected comes first and is not evaluated", anyMap{"initial_value": `"own"`, "initial_value_expression": true}, map[string]string{"f": `"1 + 1"`}, "1 + 1", "", nil},
	{"numbers are sent as text", anyMap{"initial_value": `6 * 7`, "initial_value_expression": true, "type": "number"}, nil, "42", "", nil},
	{"so is what is true", anyMap{"initial_value": `1 < 2`, "initial_value_expression": true, "type": "checkbox"}, nil, "true", "", nil},
	{"a password that was given is shown to nobody", anyMap{"type": "password", "initial_value": ""}, map[string]string{"f": `"hunter"`}, "", "", nil},

	{"the choices of a placeholder", anyMap{"type": "dropdown", "placeholder": "only"}, nil, "only", "", []any{choice("only", "only")}},
	{"the choices of an expression", anyMap{"type": "dropdown", "placeholder": `["a", {"value": "b", "label": "B"}, {"value": "c"}]`, "placeholder_expression": true}, nil,
		"a", "", []any{choice("a", "a"), choice("b", "B"), choice("c", "c")}},
	{"one value is one choice", anyMap{"type": "radio-button-group", "placeholder": `user.username`, "placeholder_expression": true}, nil,
		"prompt-eve", "", []any{choice("prompt-eve", "prompt-eve")}},
	{"choices in the context come first", anyMap{"type": "radio-button-group", "placeholder": `["a"]`, "placeholder_expression": true},
		map[string]string{"f__choices": `["x", {"value": "y", "label": "Y"}]`}, "x", "", []any{choice("x", "x"), choice("y", "Y")}},
	{"choices in the context may be one value", anyMap{"type": "dropdown", "placeholder": "a"}, map[string]string{"f__choices": `"x"`}, "x", "", []any{choice("x", "x")}},
	{"the initial choice", anyMap{"type": "dropdown", "placeholder": `["a", "b"]`, "placeholder_expression": true, "initial_value": "b"}, nil,
		"b", "", []any{choice("a", "a"), choice("b", "b")}},
	{"an initial choice that is none of them is the first", anyMap{"type": "dropdown", "placeholder": `["a", "b"]`, "placeholder_expression": true, "initial_value": "c"}, nil,
		"a", "", []any{choice("a", "a"), choice("b", "b")}},
	{"a choice that was collected", anyMap{"type": "dropdown", "placeholder": `["a", "b"]`, "placeholder_expression": true}, map[string]string{"f": `"b"`},
		"b", "", []any{choice("a", "a"), choice("b", "b")}},
	{"an expression of choices that fails is the one choice", anyMap{"type": "dropdown", "placeholder": `user.attributes.a.b`, "placeholder_expression": true}, nil,
		"user.attributes.a.b", "", []any{choice("user.attributes.a.b", "user.attributes.a.b")}},
	{"an alert shows HTML without what could act", anyMap{"type": "alert_danger", "initial_value": `<p onclick="x()">a<script>b()</script></p>`}, nil, "<p>a</p>", "", nil},
}

func choice(value, label string) anyMap { return anyMap{"value": value, "label": label} }

// TestWhatPromptsShowOverTheAPI tells what challenges show of prompts.
func TestWhatPromptsShowOverTheAPI(t *testing.T) {
	t.Parallel()
	w := workshop{newSite(t, 1)}
	eve := w.user("prompt-eve", func(u *account.NewUser) { u.Name = "Eve" })
	for _, c := range promptShows {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := w.at(t)
			c.prompt["sub_text"], c.prompt["order"] = "a hint", 7
			slug, pk, _ := w.flowOf(nil, w.page(nil, w.prompt(c.prompt)))
			for key, source := range c.data {
				w.make("/policies/bindings/", anyMap{"target": pk, "order": 0, "policy": w.expression(`set_context("prompt_data.` + key + `", ` + source + `)`)})
			}
			f := w.asks(w.with(eve).challenge(slug), "ak-stage-prompt")["f"]
			require.Equal(t, c.value, f["initial_value"])
			require.Equal(t, c.placeholder, f["placeholder"])
			require.Equal(t, c.choices, f["choices"])
			require.Equal(t, []any{"F", "a hint", 7.0}, []any{f["label"], f["sub_text"], f["order"]})
		})
	}
}

// TestPromptStagesOverTheAPI is about fields that belong together.
func TestPromptStagesOverTheAPI(t *testing.T) {
	t.Parallel()
	w := workshop{newSite(t, 1)}
	field := func(w workshop, key string, more ...any) string {
		body := anyMap{"field_key": key}
		for i := 0; i+1 < len(more); i += 2 {
			body[more[i].(string)] = more[i+1]
		}
		return w.prompt(body)
	}
	for name, row := range map[string]func(t *testing.T, w workshop){
		"a prompt has defaults": func(t *testing.T, w workshop) {
			got := w.admin().api(http.StatusCreated, http.MethodPost, "/stages/prompt/prompts/", anyMap{"name": unique("p"), "field_key": "k", "label": "L", "type": "text"})
			require.Subset(t, got, anyMap{"required": true, "placeholder": "", "initial_value": "", "order": 0.0, "sub_text": "",
				"placeholder_expression": false, "initial_value_expression": false, "prompt_stages_obj": []any{}})
		},
		"a prompt tells which stages show it": func(t *testing.T, w workshop) {
			one := field(w, "a")
			stage := w.page(nil, one)
			got := w.admin().api(http.StatusOK, http.MethodGet, "/stages/prompt/prompts/"+one+"/", nil)["prompt_stages_obj"].([]any)
			require.Equal(t, stage, got[0].(anyMap)["pk"])
			require.Equal(t, []any{one}, got[0].(anyMap)["fields"])
		},
		"names of prompts are unique": func(t *testing.T, w workshop) {
			name := unique("same")
			field(w, "a", "name", name)
			require.Contains(t, w.refused(http.MethodPost, "/stages/prompt/prompts/", "name", anyMap{"name": name, "field_key": "a", "label": "", "type": "text"}), "unique")
		},
		"types are those of the list": func(t *testing.T, w workshop) {
			require.Contains(t, w.refused(http.MethodPost, "/stages/prompt/prompts/", "type", anyMap{"name": "x", "field_key": "a", "label": "", "type": "toggle"}), "not a valid choice")
		},
		"a stage shows its prompts by their order": func(t *testing.T, w workshop) {
			slug, _, _ := w.flowOf(nil, w.page(nil, field(w, "z", "order", 3), field(w, "a", "order", 2), field(w, "m", "order", 1)))
			keys := []any{}
			for _, f := range w.browser().challenge(slug)["fields"].([]any) {
				keys = append(keys, f.(anyMap)["field_key"])
			}
			require.Equal(t, []any{"m", "a", "z"}, keys)
		},
		"two passwords must match": func(t *testing.T, w workshop) {
			slug, _, _ := w.flowOf(nil, w.page(nil, field(w, "one", "type", "password"), field(w, "two", "type", "password")), w.seeing())
			b := w.browser()
			require.Equal(t, "Passwords don't match.", fault(b.solve(slug, anyMap{"one": "x", "two": "y"}), "non_field_errors"))
			require.NotEmpty(t, w.collected(b.solve(slug, anyMap{"one": "x", "two": "x"})))
		},
		"so must three": func(t *testing.T, w workshop) {
			slug, _, _ := w.flowOf(nil, w.page(nil, field(w, "one", "type", "password"), field(w, "two", "type", "password"), field(w, "three", "type", "password")))
			require.Equal(t, "Passwords don't match.", fault(w.browser().solve(slug, anyMap{"one": "x", "two": "x", "three": "y"}), "non_field_errors"))
		},
		"answers are laid over those before": func(t *testing.T, w workshop) {
			slug, _, _ := w.flowOf(nil, w.page(nil, field(w, "a"), field(w, "both")), w.page(nil, field(w, "b"), field(w, "both")), w.seeing())
			b := w.browser()
			fields := w.asks(b.solve(slug, anyMap{"a": "1", "both": "2"}), "ak-stage-prompt")
			require.Equal(t, "2", fields["both"]["initial_value"])
			require.Equal(t, anyMap{"a": "1", "b": "3", "both": "4"}, w.collected(b.solve(slug, anyMap{"b": "3", "both": "4"})))
		},
		"all validation policies must pass, and all say why": func(t *testing.T, w workshop) {
			policies := []string{w.expression(`len(context.prompt_data.a) > 2 or deny("Too short.")`), w.expression(`context.prompt_data.a startsWith "b" or deny("Not with a b.")`)}
			slug, _, _ := w.flowOf(nil, w.page(policies, field(w, "a")), w.seeing())
			b := w.browser()
			told := func(a string) []string {
				errs := b.solve(slug, anyMap{"a": a})["response_errors"].(anyMap)["non_field_errors"].([]any)
				out := []string{}
				for _, e := range errs {
					out = append(out, e.(anyMap)["string"].(string))
				}
				return out
			}
			require.ElementsMatch(t, []string{"Too short.", "Not with a b."}, told("a"))
			require.Equal(t, []string{"Too short."}, told("b"))
			require.Equal(t, anyMap{"a": "bcd"}, w.collected(b.solve(slug, anyMap{"a": "bcd"})))
		},
		"validation policies see the answers of their page alone": func(t *testing.T, w workshop) {
			only := w.expression(`keys(context.prompt_data) == ["b"] or deny(toJSON(context.prompt_data))`)
			slug, _, _ := w.flowOf(nil, w.page(nil, field(w, "a")), w.page([]string{only}, field(w, "b")), w.seeing())
			b := w.browser()
			b.solve(slug, anyMap{"a": "1"})
			require.Equal(t, anyMap{"a": "1", "b": "2"}, w.collected(b.solve(slug, anyMap{"b": "2"})))
		},
		"a validation policy without a word": func(t *testing.T, w workshop) {
			slug, _, _ := w.flowOf(nil, w.page([]string{w.expression("false")}, field(w, "a")))
			require.Equal(t, "The answers are not accepted.", fault(w.browser().solve(slug, anyMap{"a": "1"}), "non_field_errors"))
		},
		"a validation policy that breaks refuses the answers, and an event tells why": func(t *testing.T, w workshop) {
			name := unique("breaks")
			broken := w.make("/policies/expression/", anyMap{"name": name, "expression": `context.prompt_data.a.b.c == 1`})
			slug, _, _ := w.flowOf(nil, w.page([]string{broken}, field(w, "a")), w.seeing())
			b := w.browser()
			require.Equal(t, "The answers could not be checked. Try again later.", fault(b.solve(slug, anyMap{"a": "1"}), "non_field_errors"))
			require.Contains(t, w.asks(b.challenge(slug), "ak-stage-prompt"), "a", "the run goes on")
			require.Len(t, w.told("policy_exception", name), 1)
		},
		"one validation policy named twice": func(t *testing.T, w workshop) {
			p := w.expression("true")
			stage := w.page([]string{p, p}, field(w, "a"))
			got := w.admin().api(http.StatusOK, http.MethodGet, "/stages/prompt/stages/"+stage+"/", nil)
			require.Equal(t, []any{p}, got["validation_policies"])
			slug, _, _ := w.flowOf(nil, stage, w.seeing())
			require.Equal(t, anyMap{"a": "1"}, w.collected(w.browser().solve(slug, anyMap{"a": "1"})))
		},
		"what passing policies say is shown on the next page": func(t *testing.T, w workshop) {
			slug, _, _ := w.flowOf(nil, w.page([]string{w.expression(`message("Well done.")`)}, field(w, "a")), w.seeing())
			b := w.browser()
			b.get("/if/flow/" + slug + "/")
			b.submit("/if/flow/"+slug+"/", form{"a": "1"})
			require.Contains(t, string(b.get("/if/flow/"+slug+"/").body), "Well done.")
			require.NotContains(t, string(w.browser().get("/if/flow/"+slug+"/").body), "Well done.")
			known := w.with(w.user(unique("known")))
			known.submit("/if/flow/"+slug+"/", form{"a": "1"})
			require.Equal(t, 1, strings.Count(string(known.get("/if/flow/"+slug+"/").body), "Well done."))
		},
		"a preview is a challenge of one field": func(t *testing.T, w workshop) {
			got := w.admin().api(http.StatusOK, http.MethodPost, "/stages/prompt/prompts/preview/", anyMap{"name": "n", "field_key": "k", "label": "L",
				"type": "dropdown", "placeholder": `[user.username, "b"]`, "placeholder_expression": true})
			f := w.asks(got, "ak-stage-prompt")["k"]
			require.Equal(t, []any{choice("admin", "admin"), choice("b", "b")}, f["choices"])
		},
		"a preview tells what a flow hides": func(t *testing.T, w workshop) {
			body := anyMap{"name": "n", "field_key": "k", "label": "L", "type": "text", "initial_value": "user.attributes.a.b", "initial_value_expression": true}
			require.Contains(t, w.refused(http.MethodPost, "/stages/prompt/prompts/preview/", "initial_value", body), "cannot fetch b from nil")
		},
		"what a prompt may not do is refused when it is saved": func(t *testing.T, w workshop) {
			for name, source := range map[string]string{"ak_user_by": `ak_user_by("username", "x")`, "ak_call_policy": `ak_call_policy("x").passing`,
				"ak_create_event": `ak_create_event("login")`, "ak_send_email": `ak_send_email("a@example.org", "s", {"body": "b"})`,
				"set_context": `set_context("a", 1)`, "resolve_dns": `resolve_dns("localhost")`, "reverse_dns": `reverse_dns("::1")`} {
				for _, field := range []string{"initial_value", "placeholder"} {
					said := w.refused(http.MethodPost, "/stages/prompt/prompts/", field, anyMap{"name": unique("p"), "field_key": "k", "label": "L", "type": "text",
						field: source, field + "_expression": true})
					require.Contains(t, said, name)
					require.Contains(t, said, "prompt")
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			row(t, w.at(t))
		})
	}
}

// told are the events of an action that name a policy.
func (w workshop) told(action, policy string) (out []anyMap) {
	w.Helper()
	list := w.admin().api(http.StatusOK, http.MethodGet, "/events/events/?page_size=100&action="+action, nil)["results"].([]any)
	for _, e := range list {
		if raw, _ := json.Marshal(e.(anyMap)["context"]); strings.Contains(string(raw), `"`+policy+`"`) {
			out = append(out, e.(anyMap))
		}
	}
	return out
}
