package settingsform

import (
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// Field is one field of the form, drawn by Fields. Exactly one part is set.
type Field struct {
	Input  *ui.FieldProps
	Picker *ui.PickerProps
	Editor *ui.EditorProps
	Clear  *ui.FieldProps // beside Input: removes the secret
	// Suggest are values that Input offers beside what else may be typed.
	Suggest []ui.Option
	Wide    bool // Input takes the whole width, where others stand beside their labels
}

// Look is what fields need beside their values.
type Look struct {
	Choices Choices
	Faults  page.Faults
	// Expression says what is wrong with the expression of a field; nil = nothing
	// is known about expressions.
	Expression func(field, source string) *ui.Fault
	// Suggest are values that a field usually has; nil = none are known.
	Suggest func(field string) []ui.Option
}

// Fields are the fields in the order of the settings.
func (f Form) Fields(look Look) []Field {
	var out []Field
	for _, s := range f.settings {
		if !s.Unoffered {
			out = append(out, f.field(s, look))
		}
	}
	return out
}

func (f Form) field(s flow.Setting, look Look) Field {
	values := f.values[s.Name]
	in := ui.FieldProps{Name: s.Name, Label: label(s), Hint: s.Help, Error: look.Faults.Of(s.Name), NoOptional: true}
	if len(values) > 0 {
		in.Value = values[0]
	}
	switch {
	case s.List && boxes(s):
		return Field{Picker: f.picker(s, in, look.Choices)}
	case s.List:
		in.Type, in.Value, in.Mono = ui.FieldTextArea, area(strings.Join(values, "\n")), true
		in.Hint = strings.TrimSpace(in.Hint + " One on each line.")
	case s.Format == formatExpression:
		return Field{Editor: editor(in, look)}
	case s.Type == "boolean" && !s.Nullable:
		in.Type, in.Checked, in.Value = ui.FieldSwitch, in.Value == "true", ""
	case s.Type == "boolean":
		in.Type = ui.FieldSelect
		in.Options = []ui.Option{{Label: "Not set"}, {Value: "true", Label: "Yes"}, {Value: "false", Label: "No"}}
	case s.Enum != nil:
		enum(s, &in)
	case s.Ref != "" && s.Type == "uuid":
		reference(s, &in, look.Choices)
	case s.Format == formatSecret:
		return secret(s, in, len(values) > 0 && values[0] != "")
	case s.Type == "integer":
		in.Type, in.Min, in.Step = ui.FieldNumber, s.Min, "1"
	default:
		text(s, &in)
	}
	out := Field{Input: &in}
	if look.Suggest != nil && in.Type == "" {
		if out.Suggest = look.Suggest(s.Name); len(out.Suggest) > 0 {
			in.Attrs = map[string]any{"list": "suggest-" + s.Name}
			in.Autocomplete = "off"
		}
	}
	return out
}

func text(s flow.Setting, in *ui.FieldProps) {
	switch {
	case s.Format == formatDuration:
		in.Mono, in.Placeholder = true, "hours=1;minutes=30"
		if !strings.Contains(in.Hint, "=") {
			in.Hint = strings.TrimSpace(in.Hint + " Such as hours=1;minutes=30.")
		}
	case s.Format == formatMultiline, strings.Contains(in.Value, "\n"): // or the line break would be lost
		in.Type, in.Value = ui.FieldTextArea, area(in.Value)
	case s.Type == "uuid":
		in.Mono = true
	}
}

// area is a text as it has to stand in a textarea: a line break at its beginning
// would be taken for the page's.
func area(s string) string {
	if strings.HasPrefix(s, "\n") {
		return "\n" + s
	}
	return s
}

// maxRadio is how many values are shown at once.
const maxRadio = 4

func enum(s flow.Setting, in *ui.FieldProps) {
	in.Type = ui.FieldRadio
	if len(s.Enum) > maxRadio {
		in.Type = ui.FieldSelect
	}
	if s.Nullable {
		in.Type = ui.FieldSelect
		in.Options = append(in.Options, ui.Option{Label: "Not set", Selected: in.Value == ""})
	}
	for i, v := range s.Enum {
		in.Options = append(in.Options, ui.Option{Value: v, Label: value(s, i), Selected: v == in.Value})
	}
}

func reference(s flow.Setting, in *ui.FieldProps, choices Choices) {
	in.Type = ui.FieldSelect
	if s.Nullable || in.Value == "" {
		in.Options = []ui.Option{{Label: "None"}}
	}
	in.Options = append(in.Options, choices.with(s.Ref, in.Value)...)
}

func secret(s flow.Setting, in ui.FieldProps, set bool) Field {
	in.Type, in.Value, in.Autocomplete = ui.FieldPassword, "", "new-password"
	if !set {
		return Field{Input: &in}
	}
	in.Hint = strings.TrimSpace(in.Hint + " Leave it empty to keep the present one, which is not shown.")
	return Field{Input: &in, Clear: &ui.FieldProps{Type: ui.FieldCheckbox, Name: clearPrefix + s.Name, Label: "Remove the present one"}}
}

func editor(in ui.FieldProps, look Look) *ui.EditorProps {
	in.Required = false
	e := &ui.EditorProps{FieldProps: in}
	if look.Expression != nil && strings.TrimSpace(in.Value) != "" {
		if e.Fault = look.Expression(in.Name, in.Value); e.Fault != nil {
			e.Error = "" // the fault says it, with its place
		}
	}
	return e
}

// picker lists what is chosen in its order, then the rest.
func (f Form) picker(s flow.Setting, in ui.FieldProps, choices Choices) *ui.PickerProps {
	p := &ui.PickerProps{Name: in.Name, Label: in.Label, Hint: in.Hint, Error: in.Error, Unordered: s.Unordered, Empty: nothing(s)}
	if made, ok := makers[s.Ref]; ok {
		p.More = ui.Anchor(made.label, made.path)
	}
	var all []ui.Option
	if s.Enum != nil {
		for i, v := range s.Enum {
			all = append(all, ui.Option{Value: v, Label: value(s, i), Hint: origin(v)})
		}
	} else {
		all = choices.with(s.Ref, f.values[s.Name]...)
	}
	chosen := f.values[s.Name]
	for _, o := range all {
		o.Selected = slices.Contains(chosen, o.Value)
		p.Options = append(p.Options, o)
	}
	slices.SortStableFunc(p.Options, func(a, b ui.Option) int {
		if s.Unordered && a.Selected == b.Selected {
			return 0
		}
		return place(chosen, a.Value) - place(chosen, b.Value)
	})
	return p
}

// origin is the full name of a value that is shown by its last part.
func origin(v string) string {
	if choice(v) != v && strings.Contains(v, ".") {
		return v
	}
	return ""
}

// place is where a value stands among the chosen, behind them when it does not.
func place(chosen []string, v string) int {
	if i := slices.Index(chosen, v); i >= 0 {
		return i
	}
	return len(chosen)
}

// makers are where the things are made that settings choose several of.
var makers = map[string]struct{ label, path string }{
	"prompt": {"New prompt", page.AdminPath + "prompts/new/"},
	"policy": {"New policy", page.AdminPath + "policies/new/"},
}

func nothing(s flow.Setting) string {
	to, kind, _ := strings.Cut(s.Ref, ":")
	switch {
	case kind != "":
		return "There is no " + strings.ToLower(Words(kind)) + " stage yet."
	case to == "policy":
		return "There are no policies yet."
	}
	return "There are no " + to + "s yet."
}
