package stagepage_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
	"github.com/portcullis-idp/portcullis/internal/stages/prompt"
)

const promptsAt = "/if/admin/prompts/"

// partial asks as the page's script does.
func (w *world) partial(path string, pairs ...string) *pagetest.Page {
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequestWithContext(w.t.Context(), http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Partial", "preview")
	return w.Do(r)
}

func TestPromptsKeepEveryValue(t *testing.T) {
	t.Parallel()
	w := open(t)
	for i, kind := range prompt.Types() {
		name := "a " + string(kind)
		before := w.prompt(name, func(p *idp.Prompt) {
			p.FieldKey, p.Type, p.Required, p.Order, p.SubText, p.Label = "key", string(kind), i%2 == 0, i-5, "Sub & <text>", `Label "x"`
			p.InitialValue, p.InitialValueExpression = "\nuser.username\n  + \"x\"", i%2 == 0
			p.Placeholder, p.PlaceholderExpression = `["a", "b"]`, i%3 == 0
		})
		page := w.Get(promptsAt + before.ID.String() + "/")
		require.Empty(t, page.Faults(), kind)
		saved := w.Post(promptsAt+before.ID.String()+"/", page.Fields()...)
		require.Equal(t, http.StatusSeeOther, saved.Status, "%s: %s", kind, saved.Main())
		after, err := w.Store.Repos().Prompts.Get(t.Context(), before.ID)
		require.NoError(t, err)
		require.Equal(t, before, after, kind)
	}
}

func TestCreatingAPrompt(t *testing.T) {
	t.Parallel()
	w := open(t)
	page := w.Get(promptsAt + "new/?back=" + url.QueryEscape("/if/admin/stages/"))
	require.Empty(t, page.Faults())
	made := w.Post(promptsAt+"new/", page.Fields("name", "nick", "field_key", "nick", "label", "Nickname", "type", "text", "order", "7")...)
	require.Equal(t, http.StatusSeeOther, made.Status, made.Main())
	found, err := w.Store.Repos().Prompts.Find(t.Context(), idp.PromptFilter{})
	require.NoError(t, err)
	var nick *idp.Prompt
	for i := range found.Items {
		if found.Items[i].Name == "nick" {
			nick = &found.Items[i]
		}
	}
	require.NotNil(t, nick)
	require.Equal(t, []any{"nick", "Nickname", "text", 7, true}, []any{nick.FieldKey, nick.Label, nick.Type, nick.Order, nick.Required})
	require.Equal(t, "/if/admin/stages/?prompt="+nick.ID.String(), made.Location)
}

func TestWrongPromptsShowWhy(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.prompt("taken")
	good := []string{"name", "fresh", "field_key", "key", "type", "text", "order", "1"}
	for _, c := range []struct{ field, value, say string }{
		{"name", "", "blank"}, {"name", "taken", "must be unique"}, {"field_key", "a b", "begins with a letter"}, {"field_key", "component", "taken by the flow"},
		{"type", "nonsense", "nonsense"}, {"order", "first", "whole number"}, {"order", "99999999999", "whole number"},
	} {
		pairs := append([]string(nil), good...)
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == c.field {
				pairs[i+1] = c.value
			}
		}
		page := w.Post(promptsAt+"new/", pairs...)
		require.Equal(t, http.StatusBadRequest, page.Status, c.field)
		require.Contains(t, page.Main(), c.say)
		require.Empty(t, page.Faults())
	}
	page := w.Post(promptsAt+"new/", append(good, "initial_value", "user.username\n  + nobody", "initial_value_expression", "true")...)
	require.Equal(t, http.StatusBadRequest, page.Status)
	require.Contains(t, page.Main(), "Line 2, column 5:")
	require.Contains(t, page.Body, `data-line="2"`)
	require.Contains(t, page.Body, "  + nobody\n    ^")
}

func TestPreviewIsWhatTheStageShows(t *testing.T) {
	t.Parallel()
	w := open(t)
	before := w.prompt("shown")
	for _, path := range []string{promptsAt + "new/preview/", promptsAt + before.ID.String() + "/preview/"} {
		for _, c := range []struct {
			pairs []string
			want  []string
		}{
			{[]string{"type", "text", "label", "Your <name>", "sub_text", "As in the passport", "placeholder", "Ada"},
				[]string{"Your &lt;name&gt;", "As in the passport", `placeholder="Ada"`, `type="text"`}},
			{[]string{"type", "alert_danger", "initial_value", "<p>Bad<script>x</script></p>"}, []string{"alert bad", "<p>Bad</p>"}},
			{[]string{"type", "dropdown", "label", "Colour", "placeholder", `["red", "blue"]`, "placeholder_expression", "true"}, []string{`<option value="red"`, `<option value="blue"`}},
			{[]string{"type", "text", "initial_value", `"I am " + user.username`, "initial_value_expression", "true"}, []string{`value="I am boss"`}},
			{[]string{"type", "text", "initial_value", `context.pending_user.email`, "initial_value_expression", "true"}, []string{`value="boss@example.com"`}},
			{[]string{"type", "text", "initial_value", `user.username +`, "initial_value_expression", "true"}, []string{`data-bad`, "Line 1, column"}},
			{[]string{"type", "text", "initial_value", `user.attributes.a.b.c + 1`, "initial_value_expression", "true"}, []string{`data-bad`}},
			{[]string{"type", "hidden"}, []string{"the value goes along unseen"}},
			{[]string{"type", "checkbox", "label", "Agree"}, []string{`type="checkbox"`, "Agree"}},
			{nil, []string{`type="text"`}},
		} {
			part := w.partial(path, c.pairs...)
			require.Equal(t, http.StatusOK, part.Status)
			require.NotContains(t, part.Body, "<form", "only the part")
			require.NotContains(t, part.Body, "<script")
			whole := w.Post(path, c.pairs...)
			require.Empty(t, whole.Faults(), c.pairs)
			for _, want := range c.want {
				require.Contains(t, part.Body, want)
				require.Contains(t, whole.Body, want)
			}
			for i := 1; i < len(c.pairs); i += 2 {
				require.Contains(t, strings.ReplaceAll(whole.Body, "&#34;", `"`), strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(c.pairs[i]), "what was typed stays")
			}
		}
	}
	after, err := w.Store.Repos().Prompts.Get(t.Context(), before.ID)
	require.NoError(t, err)
	require.Equal(t, before, after, "looking changes nothing")
}

func TestPreviewDoesNotHideThatSomebodyWasFaster(t *testing.T) {
	t.Parallel()
	w := open(t)
	p := w.prompt("shown")
	path := promptsAt + p.ID.String() + "/"
	page := w.Get(path)
	_, err := w.Configure.UpdatePrompt(t.Context(), idp.SystemActor(), p.ID, func(p *idp.Prompt) error { p.Label = "New"; return nil })
	require.NoError(t, err)
	preview := w.Post(path+"preview/", page.Fields("label", "Mine")...)
	require.Equal(t, http.StatusConflict, w.Post(path, preview.Fields()...).Status)
}

func TestPromptListAndDelete(t *testing.T) {
	t.Parallel()
	w := open(t)
	p := w.prompt("nick", func(p *idp.Prompt) { p.Label, p.Type = "Nickname", "email" })
	s := w.stage("sheet", "prompt", `{"fields": ["`+p.ID.String()+`"]}`)
	w.flow("enrol", s)
	page := w.Get(promptsAt)
	require.Empty(t, page.Faults())
	require.Contains(t, page.Rows(), "nick Nickname nick Email 0 sheet")
	require.Contains(t, w.Get(promptsAt+"?type=password").Rows(), "No prompts match")
	require.Contains(t, w.Get(promptsAt+"?search=nick&type=email&ordering=-order").Rows(), "Nickname")
	path := promptsAt + p.ID.String() + "/delete/"
	require.Contains(t, w.Post(path).Main(), "The stage sheet no longer shows it, in the flow enrol")
	require.Contains(t, w.Get(promptsAt+p.ID.String()+"/").Main(), "sheet")
	require.Contains(t, w.Post(path, "confirmed", "1").Follow().Text(), "The prompt nick was deleted.")
	require.Equal(t, []any{}, settings(t, w.find("sheet"))["fields"])
}
