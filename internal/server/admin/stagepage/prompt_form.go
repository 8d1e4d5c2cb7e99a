package stagepage

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/internal/stages/prompt"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// promptForm holds what was typed.
type promptForm struct {
	Name, FieldKey, Label, Type, Placeholder, InitialValue, SubText, Order string
	Required, PlaceholderExpression, InitialValueExpression                bool
}

func promptFormOf(p *idp.Prompt) promptForm {
	return promptForm{p.Name, p.FieldKey, p.Label, p.Type, p.Placeholder, p.InitialValue, p.SubText, strconv.Itoa(p.Order),
		p.Required, p.PlaceholderExpression, p.InitialValueExpression}
}

func readPromptForm(sent web.Form) promptForm {
	text := func(name string) string {
		value := sent.Text(name)
		if sent.Has(ui.ReplacePrefix + name) {
			value = sent.Text(ui.ReplacePrefix + name)
		}
		return strings.ReplaceAll(value, "\r\n", "\n")
	}
	return promptForm{sent.Text("name"), sent.Trimmed("field_key"), text("label"), sent.Trimmed("type"), text("placeholder"),
		text("initial_value"), text("sub_text"), sent.Trimmed("order"), sent.Bool("required"), sent.Bool("placeholder_expression"),
		sent.Bool("initial_value_expression")}
}

func (f promptForm) apply(p *idp.Prompt) error {
	p.Name, p.FieldKey, p.Label, p.Type = f.Name, f.FieldKey, f.Label, f.Type
	p.Placeholder, p.InitialValue, p.SubText, p.Required = f.Placeholder, f.InitialValue, f.SubText, f.Required
	p.PlaceholderExpression, p.InitialValueExpression = f.PlaceholderExpression, f.InitialValueExpression
	order, err := strconv.ParseInt(f.Order, 10, 32)
	if f.Order != "" && err != nil {
		return idp.Invalid("order", "A whole number is expected.")
	}
	p.Order = int(order)
	return nil
}

// typeNames are the types as people choose them.
var typeNames = map[prompt.Type]string{
	prompt.Text: "Text, one line", prompt.TextArea: "Text, several lines", prompt.TextReadOnly: "Text, one line, read only",
	prompt.TextAreaReadOnly: "Text, several lines, read only", prompt.Username: "Username", prompt.Email: "Email", prompt.Password: "Password",
	prompt.Number: "Number", prompt.Checkbox: "Checkbox", prompt.RadioButtonGroup: "Choice, as radio buttons", prompt.Dropdown: "Choice, as a list",
	prompt.Date: "Date", prompt.DateTime: "Date and time", prompt.File: "File", prompt.Separator: "Separator line", prompt.Hidden: "Hidden value",
	prompt.Static: "Static text", prompt.Locale: "Language", prompt.AlertInfo: "Note", prompt.AlertWarning: "Note: warning", prompt.AlertDanger: "Note: danger",
}

func typeName(t string) string {
	if name, ok := typeNames[prompt.Type(t)]; ok {
		return name
	}
	return t
}

func typeOptions() []ui.Option {
	var out []ui.Option
	for _, t := range prompt.Types() {
		out = append(out, ui.Option{Value: string(t), Label: typeName(string(t))})
	}
	return out
}

// promptFields are the fields of the form by name.
func (f promptForm) fields(faults page.Faults, wrong map[string]*ui.Fault) promptFields {
	field := func(name, label, value, hint string) ui.FieldProps {
		return ui.FieldProps{Name: name, Label: label, Value: value, Hint: hint, Error: faults.Of(name), NoOptional: true, Autocomplete: "off"}
	}
	toggle := func(name, label string, on bool, hint string) ui.FieldProps {
		return ui.FieldProps{Name: name, Label: label, Type: ui.FieldSwitch, Checked: on, Hint: hint, Error: faults.Of(name)}
	}
	expression := func(in ui.FieldProps, on bool) ui.EditorProps {
		in.Rows = 2
		e := ui.EditorProps{FieldProps: in}
		if on && wrong[in.Name] != nil {
			e.Fault, e.Error = wrong[in.Name], ""
		}
		return e
	}
	out := promptFields{
		Name:     field("name", "Name", f.Name, "How this prompt is called in lists. Visitors never see it."),
		FieldKey: field("field_key", "Field key", f.FieldKey, "Under which name the answer is kept: expressions read it as prompt_context.<key>, user write stages store attributes.<key>."),
		Type:     field("type", "Type", cmp.Or(f.Type, string(prompt.Text)), "What is shown. Notes, separators and static texts ask for nothing; read-only and hidden values come from here, whatever is sent."),
		Label:    field("label", "Label", f.Label, "Stands above the field."),
		Required: toggle("required", "Required", f.Required, "The flow goes on only with an answer. Checkboxes are never required."),
		SubText:  field("sub_text", "Help text", f.SubText, "Stands below the field, in small letters."),
		Order:    field("order", "Order", f.Order, "Prompts of a stage are shown by this number, the lowest first."),
		Placeholder: expression(field("placeholder", "Placeholder", f.Placeholder,
			"Shown while the field is empty. For choices: what there is to choose, as an expression that gives a list, or one single choice."), f.PlaceholderExpression),
		PlaceholderExpression: toggle("placeholder_expression", "The placeholder is an expression", f.PlaceholderExpression, "Then it is evaluated each time the prompt is shown."),
		InitialValue: expression(field("initial_value", "Initial value", f.InitialValue,
			"What the field holds at first. For notes and static texts: the text itself, which may be simple HTML."), f.InitialValueExpression),
		InitialValueExpression: toggle("initial_value_expression", "The initial value is an expression", f.InitialValueExpression, "Then it is evaluated each time the prompt is shown."),
	}
	out.Name.Required, out.Name.MaxLength, out.Name.Autofocus = true, 255, f.Name == ""
	out.FieldKey.Required, out.FieldKey.Mono, out.FieldKey.MaxLength = true, true, 200
	out.Type.Type, out.Type.Options = ui.FieldSelect, typeOptions()
	if f.Type != "" && typeNames[prompt.Type(f.Type)] == "" {
		out.Type.Options = append(out.Type.Options, ui.Option{Value: f.Type, Label: "Unknown: " + f.Type, Selected: true})
	}
	out.Order.Type, out.Order.Step = ui.FieldNumber, "1"
	return out
}

// promptFields are the fields as the page shows them.
type promptFields struct {
	Name, FieldKey, Type, Label, Required, SubText, Order ui.FieldProps
	PlaceholderExpression, InitialValueExpression         ui.FieldProps
	Placeholder, InitialValue                             ui.EditorProps
}

func promptNames() []string {
	return []string{"name", "field_key", "type", "label", "required", "sub_text", "order", "placeholder", "placeholder_expression",
		"initial_value", "initial_value_expression"}
}
