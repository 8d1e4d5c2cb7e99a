package stages_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/stages/prompt"
)

// seen is where the stage behind the prompts leaves what it found.
type seen struct{ data map[string]any }

func (s *seen) kind() flow.Kind {
	return flow.Kind{Name: "seer", Model: "test.seer", Headless: true, Settings: func() any { return &struct{}{} },
		Build: func(any) (flow.Stage, error) { return seer{s}, nil }}
}

type seer struct{ *seen }

func (s seer) Enter(_ context.Context, run *flow.Run) (flow.Step, error) {
	s.data, _ = flow.KeyPromptData.In(run.Vars)
	return flow.Next{}, nil
}

func (s seer) Submit(ctx context.Context, run *flow.Run, _ flow.Input) (flow.Step, error) {
	return s.Enter(ctx, run)
}

// prompts stores a flow of one prompt stage with the prompts.
func (w *world) prompts(slug, more string, prompts ...idp.Prompt) {
	w.Helper()
	var ids []string
	for i := range prompts {
		p := &prompts[i]
		p.Name = fmt.Sprintf("%s %d %s", slug, i, p.FieldKey)
		require.NoError(w, prompt.CheckPrompt(p), p.Name)
		require.NoError(w, w.repos().Prompts.Create(w.ctx, p))
		ids = append(ids, fmt.Sprintf("%q", p.ID))
	}
	f := w.flow(slug)
	w.stage(f, 0, "prompt", fmt.Sprintf(`{"fields": [%s]%s}`, strings.Join(ids, ", "), more))
	w.stage(f, 10, "seer", `{}`)
}

func field(t prompt.Type, change ...func(*idp.Prompt)) idp.Prompt {
	p := idp.Prompt{FieldKey: "f", Label: "F", Type: string(t), Required: true}
	for _, c := range change {
		c(&p)
	}
	return p
}

func optional(p *idp.Prompt) { p.Required = false }

func initial(v string) func(*idp.Prompt) { return func(p *idp.Prompt) { p.InitialValue = v } }

func placeholder(v string) func(*idp.Prompt) {
	return func(p *idp.Prompt) { p.Placeholder, p.PlaceholderExpression = v, true }
}

// TestPromptAnswers gives every type of field good and bad answers.
func TestPromptAnswers(t *testing.T) {
	t.Parallel()
	var found seen
	w := newWorld(t, found.kind())
	ada := w.user("ada")
	w.user("taken")
	b := w.signedIn(ada)
	const req, blank = "This field is required.", "This field may not be blank."
	absent := struct{}{}
	choices := placeholder(`["a", {"value": "b", "label": "B"}]`)
	for i, c := range []struct {
		prompt idp.Prompt
		sent   any
		want   any    // what prompt_data gets
		no     string // or the message
	}{
		{field(prompt.Text), "  as it is ", "  as it is ", ""},
		{field(prompt.Text), "", nil, blank},
		{field(prompt.Text), absent, nil, req},
		{field(prompt.Text), nil, nil, req},
		{field(prompt.Text), 5.0, nil, "Not a valid string."},
		{field(prompt.Text), "a\x00b", nil, "Null characters and invalid UTF-8 are not allowed."},
		{field(prompt.Text, optional), "", "", ""},
		{field(prompt.Text, optional), absent, absent, ""},
		{field(prompt.Text, initial("given")), absent, "given", ""},
		{field(prompt.Text, initial("given")), "other", "other", ""},
		{field(prompt.Text, initial("given")), "", nil, blank},
		{field(prompt.Text, initial("given"), optional), "", "", ""},
		{field(prompt.TextArea), "two\nlines", "two\nlines", ""},
		{field(prompt.TextArea), " \n kept ", " \n kept ", ""},
		{field(prompt.TextArea), "", nil, blank},
		{field(prompt.TextArea, optional), "", "", ""},
		{field(prompt.TextReadOnly, initial("fixed")), "changed", "fixed", ""},
		{field(prompt.TextAreaReadOnly, initial("fixed")), absent, "fixed", ""},
		{field(prompt.TextAreaReadOnly, initial("fixed")), "changed", "fixed", ""},
		{field(prompt.TextReadOnly), "smuggled", "", ""},
		{field(prompt.Hidden), "smuggled", "", ""},
		{field(prompt.Hidden, initial("fixed")), "changed", "fixed", ""},
		{field(prompt.Static, initial("<script>x</script>fixed")), "changed", "fixed", ""},
		{field(prompt.Username), "free", "free", ""},
		{field(prompt.Username), "ADA", "ADA", ""},
		{field(prompt.Username), "Taken", nil, "Username is already taken."},
		{field(prompt.Username), "", nil, blank},
		{field(prompt.Username, optional), "", "", ""},
		{field(prompt.Email), "a@example.org", "a@example.org", ""},
		{field(prompt.Email), "A <a@example.org>", nil, "Enter a valid email address."},
		{field(prompt.Email), "nonsense", nil, "Enter a valid email address."},
		{field(prompt.Email, optional), "", "", ""},
		{field(prompt.Email), "", nil, blank},
		{field(prompt.Email, initial("given@example.org")), absent, "given@example.org", ""},
		{field(prompt.Password), " secret ", " secret ", ""},
		{field(prompt.Password), "", nil, blank},
		{field(prompt.Password), absent, nil, req},
		{field(prompt.Password, optional), "", "", ""},
		{field(prompt.Number), "42", 42.0, ""},
		{field(prompt.Number), -7.0, -7.0, ""},
		{field(prompt.Number), 1.5, nil, "A valid integer is required."},
		{field(prompt.Number), "x", nil, "A valid integer is required."},
		{field(prompt.Number), "", nil, req},
		{field(prompt.Number, optional), "", nil, ""},
		{field(prompt.Number, initial("5")), absent, 5.0, ""},
		{field(prompt.Number, initial("5")), "7", 7.0, ""},
		{field(prompt.Number), absent, nil, req},
		{field(prompt.Number), true, nil, "A valid integer is required."},
		{field(prompt.Checkbox), true, true, ""},
		{field(prompt.Checkbox), "on", true, ""},
		{field(prompt.Checkbox), absent, false, ""},
		{field(prompt.Checkbox, initial("true")), absent, true, ""},
		{field(prompt.Checkbox), "perhaps", nil, "Must be a valid boolean."},
		{field(prompt.Checkbox), false, false, ""},
		{field(prompt.Checkbox, initial("true")), false, false, ""},
		{field(prompt.Dropdown, choices), "b", "b", ""},
		{field(prompt.Dropdown, choices), "B", nil, "“B” is not a valid choice."},
		{field(prompt.Dropdown, choices), absent, "a", ""},
		{field(prompt.Dropdown, choices), "", nil, blank},
		{field(prompt.Dropdown, choices, optional), "", "", ""},
		{field(prompt.Dropdown, choices), 5.0, nil, "Not a valid string."},
		{field(prompt.RadioButtonGroup, choices), "b", "b", ""},
		{field(prompt.RadioButtonGroup, choices), "c", nil, "“c” is not a valid choice."},
		{field(prompt.RadioButtonGroup, choices, initial("b")), absent, "b", ""},
		{field(prompt.RadioButtonGroup, choices, initial("gone")), absent, "a", ""},
		{field(prompt.Date), "2026-02-03", "2026-02-03", ""},
		{field(prompt.Date), "2026-02-30", nil, "Date has wrong format. Use one of these formats instead: YYYY-MM-DD."},
		{field(prompt.Date), "03.02.2026", nil, "Date has wrong format. Use one of these formats instead: YYYY-MM-DD."},
		{field(prompt.Date), "", nil, blank},
		{field(prompt.Date, optional), "", "", ""},
		{field(prompt.DateTime), "2026-02-03T04:05", "2026-02-03T04:05:00Z", ""},
		{field(prompt.DateTime), "2026-02-03T04:05:06+02:00", "2026-02-03T02:05:06Z", ""},
		{field(prompt.DateTime), "yesterday", nil, "Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."},
		{field(prompt.File), "data:text/plain;base64,aGk=", "data:text/plain;base64,aGk=", ""},
		{field(prompt.File), "data:text/plain,hi", nil, "A file is expected, as a data: URL in base64 of at most 512 kB."},
		{field(prompt.File), "https://example.org/x", nil, "A file is expected, as a data: URL in base64 of at most 512 kB."},
		{field(prompt.File), "", nil, blank},
		{field(prompt.File, optional), "", "", ""},
		{field(prompt.File), "data:text/plain;base64,%%%", nil, "A file is expected, as a data: URL in base64 of at most 512 kB."},
		{field(prompt.File), "data:text/plain;base64," + strings.Repeat("A", 100_000), "data:text/plain;base64," + strings.Repeat("A", 100_000), ""},
		{field(prompt.File), "data:text/plain;base64," + strings.Repeat("A", 600_000), nil, "A file is expected, as a data: URL in base64 of at most 512 kB."},
		{field(prompt.Locale), "de-CH", "de-CH", ""},
		{field(prompt.Locale, optional), "", "", ""},
		{field(prompt.Locale), "no such thing!", nil, "Enter a language tag, such as en or de-CH."},
		{field(prompt.Separator), "x", absent, ""},
		{field(prompt.AlertDanger), "x", absent, ""},
		{field(prompt.AlertInfo, initial("<p>hi</p>")), "x", absent, ""},
		{field(prompt.AlertWarning), absent, absent, ""},
	} {
		slug := fmt.Sprintf("p%d", i)
		w.prompts(slug, "", c.prompt)
		in := flow.Input{"component": "ak-stage-prompt"}
		if c.sent != absent {
			in["f"] = c.sent
		}
		a := b.post(slug, in)
		name := fmt.Sprintf("%d: %s %.40v", i, c.prompt.Type, c.sent)
		if c.no != "" {
			require.NotEmpty(t, a.Errors["f"], name)
			require.Equal(t, c.no, a.Errors["f"][0].String, name)
			continue
		}
		require.True(t, a.Done, "%s: %v", name, a.Errors)
		got, set := found.data["f"]
		require.Equal(t, c.want != absent, set, name)
		if set {
			require.Equal(t, c.want, got, name)
		}
	}
}

func TestACheckboxOfAFormIsOffWhenItIsNotSent(t *testing.T) {
	t.Parallel()
	var found seen
	w := newWorld(t, found.kind())
	w.prompts("box", "", field(prompt.Checkbox, initial("true")))
	b := w.browser("one")
	page := func(a *flow.Answer) string {
		var html strings.Builder
		require.NoError(t, a.View.Render(t.Context(), &html))
		return html.String()
	}
	w.prompts("two", "", field(prompt.Checkbox, initial("true")), field(prompt.Text, func(p *idp.Prompt) { p.FieldKey = "g" }))
	require.Contains(t, page(b.get("two")), " checked ")
	require.NotContains(t, page(b.post("two", flow.Input{"_step": "new", "component": "ak-stage-prompt", "g": ""})), " checked ")
	b.post("box", flow.Input{"_step": "new", "component": "ak-stage-prompt"})
	require.Equal(t, false, found.data["f"])
}

// TestPromptShows tells what a challenge shows of a prompt.
func TestPromptShows(t *testing.T) {
	t.Parallel()
	var found seen
	w := newWorld(t, found.kind())
	ada := w.user("ada", func(u *idp.User) { u.Name = "<b>" })
	expression := func(p *idp.Prompt) { p.InitialValueExpression = true }
	for i, c := range []struct {
		prompt  idp.Prompt
		data    map[string]any
		value   any
		holder  any
		choices any
	}{
		{field(prompt.Text, initial("plain")), nil, "plain", "", nil},
		{field(prompt.Text, initial(`user.username + "!"`)), nil, `user.username + "!"`, "", nil},
		{field(prompt.Text, initial(`user.username + "!"`), expression), nil, "ada!", "", nil},
		{field(prompt.Text, initial(`user.username + "!"`), expression), map[string]any{"f": "1 + 1"}, "1 + 1", "", nil},
		{field(prompt.Text, initial(`prompt_context.other`), expression), map[string]any{"other": 7}, "7", "", nil},
		{field(prompt.Text, initial(`user.attributes.x.y`), expression), nil, "user.attributes.x.y", "", nil},
		{field(prompt.Text, initial(`1 + 1`), expression), nil, "2", "", nil},
		{field(prompt.Text, placeholder(`"hint"`)), nil, "", "hint", nil},
		{field(prompt.Password), map[string]any{"f": "secret"}, "", "", nil},
		{field(prompt.AlertInfo, initial(`<p onclick="x">a<script>b</script></p><img src=x>`)), nil, "<p>a</p>", "", nil},
		{field(prompt.AlertDanger, initial(`"<p>" + escape(user.name) + user.name + "</p>"`), expression), nil, "<p>&lt;b&gt;</p>", "", nil},
		{field(prompt.Static, initial(`<em>hi</em><iframe>`)), nil, "<em>hi</em>", "", nil},
		{field(prompt.Dropdown, placeholder(`["a", "b"]`), initial("b")), nil, "b", "", []any{choice("a", "a"), choice("b", "b")}},
		{field(prompt.Dropdown, placeholder(`[{"value": 1, "label": "One"}]`)), nil, "1", "", []any{choice("1", "One")}},
		{field(prompt.Dropdown, func(p *idp.Prompt) { p.Placeholder = "only" }), nil, "only", "", []any{choice("only", "only")}},
		{field(prompt.Dropdown, placeholder(`["a"]`)), map[string]any{"f__choices": []any{"x", "y"}, "f": "y"}, "y", "", []any{choice("x", "x"), choice("y", "y")}},
		{field(prompt.RadioButtonGroup), nil, "", "", []any{}},
		{field(prompt.Text, initial(`request.user.username + request.http_request.path`), expression), nil, "ada/", "", nil},
		{field(prompt.Text, initial(`slugify("A Group!")`), expression), nil, "a-group", "", nil},
		{field(prompt.Text, initial("plain")), map[string]any{"f": ""}, "", "", nil},
		{field(prompt.Text, initial(`true`), expression), nil, "true", "", nil},
		{field(prompt.Text, func(p *idp.Prompt) { p.Placeholder = "as it is" }), nil, "", "as it is", nil},
		{field(prompt.Text, placeholder(`user.attributes.x.y`)), nil, "", "user.attributes.x.y", nil},
		{field(prompt.Dropdown, placeholder(`user.username`)), nil, "ada", "", []any{choice("ada", "ada")}},
		{field(prompt.Dropdown, placeholder(`[{"value": "x"}, {"value": "y", "label": "Y"}]`), initial("gone")), nil, "x", "", []any{choice("x", "x"), choice("y", "Y")}},
		{field(prompt.Dropdown, placeholder(`user.attributes.x.y`)), nil, "user.attributes.x.y", "", []any{choice("user.attributes.x.y", "user.attributes.x.y")}},
		{field(prompt.RadioButtonGroup, placeholder(`["a", "b"]`)), map[string]any{"f": "b"}, "b", "", []any{choice("a", "a"), choice("b", "b")}},
		{field(prompt.RadioButtonGroup, placeholder(`["a"]`)), map[string]any{"f__choices": "single"}, "single", "", []any{choice("single", "single")}},
	} {
		slug := fmt.Sprintf("s%d", i)
		w.prompts(slug, "", c.prompt)
		b := w.browser(slug)
		b.begin(slug, func(r *flow.Run) {
			r.SetPending(ada)
			if c.data != nil {
				flow.KeyPromptData.Put(r.Vars, c.data)
			}
		})
		f := fieldsOf(t, b.get(slug))["f"]
		require.Equal(t, c.value, f["initial_value"], slug)
		require.Equal(t, c.holder, f["placeholder"], slug)
		require.Equal(t, c.choices, f["choices"], slug)
	}
}

func choice(value, label string) map[string]any {
	return map[string]any{"value": value, "label": label}
}

func TestPromptsComeInTheirOrder(t *testing.T) {
	t.Parallel()
	var found seen
	w := newWorld(t, found.kind())
	key := func(k string, order int) idp.Prompt {
		return field(prompt.Text, func(p *idp.Prompt) { p.FieldKey, p.Order = k, order })
	}
	w.prompts("order", "", key("z", 30), key("a", 20), key("m", 10))
	var got []string
	for _, f := range w.browser("one").get("order").Challenge.(prompt.Challenge).Fields {
		got = append(got, f.FieldKey)
	}
	require.Equal(t, []string{"m", "a", "z"}, got)
}

func TestThreePasswordsMustMatchToo(t *testing.T) {
	t.Parallel()
	var found seen
	w := newWorld(t, found.kind())
	key := func(k string) idp.Prompt { return field(prompt.Password, func(p *idp.Prompt) { p.FieldKey = k }) }
	w.prompts("three", "", key("a"), key("b"), key("c"))
	b := w.browser("one")
	wrong(t, b.post("three", flow.Input{"a": "x", "b": "x", "c": "y"}), idp.NonField, "Passwords don't match.")
	done(t, b.post("three", flow.Input{"a": "x", "b": "x", "c": "x"}), "/")
}

func TestValidationPolicies(t *testing.T) {
	t.Parallel()
	var found seen
	w := newWorld(t, found.kind())
	add := func(name, expression string) string {
		settings, err := json.Marshal(map[string]string{"expression": expression})
		require.NoError(t, err)
		p := &idp.Policy{Name: name, Kind: "expression", Settings: settings}
		require.NoError(t, w.repos().Policies.Create(w.ctx, p))
		return fmt.Sprintf("%q", p.ID)
	}
	long := add("long", `len(context.prompt_data.f) > 3 || message("Too short.") == nil`)
	calm := add("calm", `not (context.prompt_data.f contains "!") || message("No shouting.") == nil`)
	w.prompts("judged", `, "validation_policies": [`+long+", "+calm+"]", field(prompt.Text))
	b := w.browser("one")
	wrong(t, b.post("judged", flow.Input{"f": "abc"}), idp.NonField, "Too short.")
	require.Equal(t, "abc", b.post("judged", flow.Input{"f": "abc"}).Challenge.(prompt.Challenge).Fields[0].InitialValue+"abc", "nothing is kept")
	a := b.post("judged", flow.Input{"f": "ab!"})
	require.Len(t, a.Errors[idp.NonField], 2)
	done(t, b.post("judged", flow.Input{"f": "calm"}), "/")

	broken := add("broken", `context.prompt_data.f.g.h > 3`)
	w.prompts("broken", `, "validation_policies": [`+broken+"]", field(prompt.Text))
	a = b.post("broken", flow.Input{"f": "x"})
	wrong(t, a, idp.NonField, "The answers could not be checked. Try again later.") // and the run goes on
	require.Len(t, w.events(idp.ActionPolicyException), 1)
}

// TestPromptsOneAfterTheOther: answers are laid over what was collected before,
// and policies judge the answers just given, and nothing else.
func TestPromptsOneAfterTheOther(t *testing.T) {
	t.Parallel()
	var found seen
	w := newWorld(t, found.kind())
	settings, err := json.Marshal(map[string]string{"expression": `(context.prompt_data.first == nil && context.prompt_data.second == "b") ? message("Well done.") == nil || true : message("What is that?") == nil`})
	require.NoError(t, err)
	only := &idp.Policy{Name: "only what was just said", Kind: "expression", Settings: settings}
	require.NoError(t, w.repos().Policies.Create(w.ctx, only))
	f := w.flow("two-pages")
	w.stage(f, 0, "prompt", w.fields("one", key(prompt.Text, "first"), key(prompt.Text, "both")))
	w.stage(f, 10, "prompt", strings.TrimSuffix(w.fields("two", key(prompt.Text, "second"), key(prompt.Text, "both")), "}")+
		fmt.Sprintf(`, "validation_policies": [%q]}`, only.ID))
	w.stage(f, 20, "seer", `{}`)
	b := w.browser("one")
	fields := fieldsOf(t, b.post("two-pages", flow.Input{"first": "a", "both": "of the first"}))
	require.Equal(t, "of the first", fields["both"]["initial_value"])
	wrong(t, b.post("two-pages", flow.Input{"second": "x", "both": "y"}), idp.NonField, "What is that?")
	a, err := b.flows.Solve(b.ctx, b.visit("two-pages"), flow.Input{"second": "b", "both": "of the second"})
	require.NoError(t, err)
	done(t, a, "/")
	require.Equal(t, []string{"Well done."}, a.Effects.Messages, "what passing policies say is shown")
	require.Equal(t, map[string]any{"first": "a", "second": "b", "both": "of the second"}, found.data)
}

// TestAPendingUserKeepsTheirName: also one who is not signed in yet.
func TestAPendingUserKeepsTheirName(t *testing.T) {
	t.Parallel()
	var found seen
	w := newWorld(t, found.kind())
	ada := w.user("ada")
	w.prompts("name", "", field(prompt.Username))
	b := w.browser("one")
	b.begin("name", func(r *flow.Run) { r.SetPending(ada) })
	done(t, b.post("name", flow.Input{"f": "Ada"}), "/")
	wrong(t, w.browser("two").post("name", flow.Input{"f": "Ada"}), "f", "Username is already taken.")
}

func TestCheckPrompt(t *testing.T) {
	t.Parallel()
	good := idp.Prompt{Name: "n", FieldKey: "attributes.settings.x", Type: "text"}
	require.NoError(t, prompt.CheckPrompt(&good))
	for field, change := range map[string]func(*idp.Prompt){
		"name":          func(p *idp.Prompt) { p.Name = " " },
		"field_key":     func(p *idp.Prompt) { p.FieldKey = "_step" },
		"type":          func(p *idp.Prompt) { p.Type = "toggle" },
		"initial_value": func(p *idp.Prompt) { p.InitialValue, p.InitialValueExpression = "1 +", true },
		"placeholder":   func(p *idp.Prompt) { p.Placeholder, p.PlaceholderExpression = "return 1", true },
	} {
		p := good
		change(&p)
		var e *idp.Error
		require.ErrorAs(t, prompt.CheckPrompt(&p), &e)
		require.Contains(t, e.Fields, field)
	}
	p := good
	p.FieldKey = "component"
	require.Error(t, prompt.CheckPrompt(&p))
}

func TestPreview(t *testing.T) {
	t.Parallel()
	p := idp.Prompt{Name: "n", FieldKey: "f", Type: "alert_info", InitialValue: `"<p>" + user.username + "</p>"`, InitialValueExpression: true}
	c, err := prompt.Preview(t.Context(), &p, idp.PolicyRequest{User: &idp.User{Username: "ada"}})
	require.NoError(t, err)
	require.Equal(t, "<p>ada</p>", c.Fields[0].InitialValue)
	_, err = prompt.Preview(t.Context(), &p, idp.PolicyRequest{})
	require.True(t, idp.Is(err, idp.CodeInvalid), "a preview says what is wrong: %v", err)
}
