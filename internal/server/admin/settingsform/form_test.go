package settingsform_test

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/server/admin/settingsform"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

type settings struct {
	Text     string       `json:"text" help:"Help."`
	Secret   string       `json:"secret" format:"secret" help:"Help."`
	Yes      bool         `json:"yes" help:"Help."`
	Number   int          `json:"number" help:"Help."`
	Maybe    *int         `json:"maybe" help:"Help."`
	Mode     string       `json:"mode" enum:"one,two" labels:"The first" help:"Help."`
	Order    []string     `json:"order" enum:"a,b,c" help:"Help."`
	Set      []string     `json:"set" enum:"x,y,z" unordered:"true" help:"Help."`
	Lines    []string     `json:"lines" help:"Help."`
	Flow     *idp.FlowID  `json:"flow" ref:"flow" help:"Help."`
	Wait     string       `json:"wait" format:"duration" help:"Help."`
	Rule     string       `json:"rule" format:"expression" help:"Help."`
	GeoipIDs []idp.FlowID `json:"geoip_ids" ref:"flow" label:"Flows" help:"Help."`
	Old      string       `json:"old" unoffered:"true" help:"Help."`
}

func described() []flow.Setting {
	return flow.Kind{Settings: func() any {
		return &settings{Number: 7, Mode: "one", Order: []string{}, Set: []string{}, Lines: []string{}, GeoipIDs: []idp.FlowID{}, Old: "kept"}
	}}.Describe()
}

func read(t *testing.T, stored string, pairs ...string) map[string]any {
	t.Helper()
	sent := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		sent.Add(pairs[i], pairs[i+1])
	}
	out := map[string]any{}
	require.NoError(t, json.Unmarshal(settingsform.Read(described(), json.RawMessage(stored), web.Form(sent)).JSON(), &out))
	return out
}

func TestWhatWasSentBecomesSettings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stored string
		pairs  []string
		key    string
		want   any
	}{
		"a text as it is":                     {"", []string{"text", "  a  "}, "text", "  a  "},
		"line ends of forms":                  {"", []string{"text", "a\r\nb"}, "text", "a\nb"},
		"a text that was not sent":            {`{"text": "was"}`, nil, "text", "was"},
		"a text that was emptied":             {`{"text": "was"}`, []string{"text", ""}, "text", ""},
		"a number":                            {"", []string{"number", " 12 "}, "number", 12.0},
		"no number, for the kind to refuse":   {"", []string{"number", "x"}, "number", "x"},
		"a default":                           {"", nil, "number", 7.0},
		"an optional number that is empty":    {`{"maybe": 5}`, []string{"maybe", " "}, "maybe", nil},
		"an optional number":                  {"", []string{"maybe", "5"}, "maybe", 5.0},
		"a box that is not ticked":            {`{"yes": true}`, nil, "yes", false},
		"a box that is ticked":                {"", []string{"yes", "true"}, "yes", true},
		"a secret left empty":                 {`{"secret": "s"}`, []string{"secret", ""}, "secret", "s"},
		"a secret that was removed":           {`{"secret": "s"}`, []string{"secret", "", "clear:secret", "true"}, "secret", ""},
		"a new secret":                        {`{"secret": "s"}`, []string{"secret", "n"}, "secret", "n"},
		"choices by their places":             {"", []string{"order", "a", "order", "b", "order", "c", "at:order:a", "3", "at:order:b", "1", "at:order:c", "2"}, "order", []any{"b", "c", "a"}},
		"choices without places":              {"", []string{"order", "c", "order", "a"}, "order", []any{"c", "a"}},
		"a choice sent twice":                 {"", []string{"order", "c", "order", "c"}, "order", []any{"c"}},
		"places that are no numbers":          {"", []string{"order", "c", "order", "a", "at:order:c", "x", "at:order:a", "1"}, "order", []any{"a", "c"}},
		"none of the choices":                 {`{"order": ["a"]}`, nil, "order", []any{}},
		"an order that means nothing":         {`{"set": ["z", "x"]}`, []string{"set", "x", "set", "y", "set", "z"}, "set", []any{"z", "x", "y"}},
		"lines":                               {"", []string{"lines", "a\r\n\r\n b \r\n"}, "lines", []any{"a", " b "}},
		"nothing chosen":                      {`{"flow": "1b1f9b1e-0000-4000-8000-000000000000"}`, []string{"flow", ""}, "flow", nil},
		"what forms do not show":              {`{"old": "older"}`, []string{"old", "new"}, "old", "older"},
		"what forms do not show, by default":  {"", nil, "old", "kept"},
		"what a button puts in its place":     {"", []string{"rule", "return True", "replace:rule", "true"}, "rule", "true"},
		"settings that are no object":         {`[1]`, []string{"text", "a"}, "text", "a"},
		"settings of null":                    {`null`, []string{"text", "a"}, "text", "a"},
		"values of other types than expected": {`{"text": 5, "number": "x", "order": "a"}`, []string{"yes", "on"}, "text", "5"},
	} {
		require.Equal(t, c.want, read(t, c.stored, c.pairs...)[c.key], name)
	}
}

func TestFieldsFitTheirSettings(t *testing.T) {
	t.Parallel()
	form := settingsform.Of(described(), json.RawMessage(`{"text": "\na", "secret": "hunter2", "yes": true, "order": ["c", "a"], "flow": "1b1f9b1e-0000-4000-8000-000000000000", "rule": "x", "lines": ["a", "b"]}`))
	faults, ok := page.FaultsOf(idp.Invalid("number", "Too much."))
	require.True(t, ok)
	fields := form.Fields(settingsform.Look{Faults: faults, Choices: settingsform.Choices{"flow": {{Value: "f", Label: "One"}}},
		Expression: func(field, source string) *ui.Fault {
			return &ui.Fault{Message: field + " " + source, Line: 1, Column: 1}
		}})
	by := map[string]settingsform.Field{}
	for _, f := range fields {
		switch {
		case f.Picker != nil:
			by[f.Picker.Name] = f
		case f.Editor != nil:
			by[f.Editor.Name] = f
		default:
			by[f.Input.Name] = f
		}
	}
	require.NotContains(t, by, "old")
	require.Equal(t, ui.FieldTextArea, by["text"].Input.Type, "or its line break would be lost")
	require.Equal(t, "\n\na", by["text"].Input.Value, "a page swallows the first one")
	require.Empty(t, by["secret"].Input.Value)
	require.NotNil(t, by["secret"].Clear)
	require.True(t, by["yes"].Input.Checked)
	require.Equal(t, "Too much.", by["number"].Input.Error)
	require.Equal(t, []ui.Option{{Value: "one", Label: "The first", Selected: true}, {Value: "two", Label: "Two"}}, by["mode"].Input.Options)
	require.Equal(t, []string{"c", "a", "b"}, values(by["order"].Picker.Options), "what is chosen comes first, in its order")
	require.Equal(t, []string{"", "f", "1b1f9b1e-0000-4000-8000-000000000000"}, values(by["flow"].Input.Options), "what is gone is not dropped in silence")
	require.Equal(t, "a\nb", by["lines"].Input.Value)
	require.Contains(t, by["wait"].Input.Hint, "hours=1")
	require.Equal(t, "rule x", by["rule"].Editor.Fault.Message)
	require.Equal(t, "Flows", by["geoip_ids"].Picker.Label)
	require.NotContains(t, page.Seen(form.Seen()), "hunter2")
	require.Equal(t, page.Seen(form.Seen()), page.Seen(form.With("secret", "other").Seen()), "secrets leave no trace on the page")
	require.NotEqual(t, page.Seen(form.Seen()), page.Seen(form.With("text", "other").Seen()))
}

func values(options []ui.Option) []string {
	var out []string
	for _, o := range options {
		out = append(out, o.Value)
	}
	return out
}

func TestWords(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"never_create": "Never create", "client_ip": "Client IP", "geoip_binding": "GeoIP binding", "use_tls": "Use TLS",
		"email": "Email", "from_email": "From email", "radio-button-group": "Radio button group", "": ""} {
		require.Equal(t, want, settingsform.Words(name))
	}
}

func TestNamesAreThoseOfTheEnvironment(t *testing.T) {
	t.Parallel()
	render := func(p settingsform.NamesProps) string {
		var b strings.Builder
		require.NoError(t, settingsform.Names(p).Render(context.Background(), &b))
		return b.String()
	}
	requests, events := render(settingsform.NamesProps{}), render(settingsform.NamesProps{Events: true})
	for _, e := range policy.Environment() {
		require.Contains(t, requests, e.Name)
		if strings.Contains(e.Name, "prompt") {
			require.NotContains(t, events, "<code>"+e.Name+": ", "conditions over events know nothing of a flow")
		}
	}
	for _, e := range policy.EventEnvironment() {
		require.Contains(t, events, "<code>"+e.Name+": ")
		require.NotEmpty(t, e.Help, e.Name)
	}
}
