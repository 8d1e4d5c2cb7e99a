package prompt

import (
	"strconv"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/stages/form"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// item is a field with what draws it.
type item struct {
	field Field
	props ui.FieldProps
}

// items are all fields; the first that takes an answer, or the first that is
// wrong, gets the focus.
func (c Challenge) items(p flow.Page) []item {
	out := make([]item, 0, len(c.Fields))
	focus := -1
	for i, f := range c.Fields {
		out = append(out, item{f, f.props(p)})
		takes := !f.Type.shownOnly() && !f.Type.imposed()
		if takes && (focus < 0 || out[focus].props.Error == "" && out[i].props.Error != "") {
			focus = i
		}
	}
	if focus >= 0 {
		out[focus].props.Autofocus = true
	}
	return out
}

// samples are the items for a page that asks for something else.
func (c Challenge) samples() []item {
	out := c.items(flow.Page{})
	for i := range out {
		out[i].props.Autofocus, out[i].props.ID = false, "sample-"+strconv.Itoa(i)
	}
	return out
}

var fieldTypes = map[Type]ui.FieldType{
	TextArea: ui.FieldTextArea, TextAreaReadOnly: ui.FieldTextArea, Email: ui.FieldEmail, Password: ui.FieldPassword,
	Number: ui.FieldNumber, Checkbox: ui.FieldCheckbox, RadioButtonGroup: ui.FieldRadio, Dropdown: ui.FieldSelect,
	Date: ui.FieldDate, DateTime: ui.FieldDateTime, File: ui.FieldFile, Hidden: ui.FieldHidden,
}

// props draws the field.
func (f Field) props(p flow.Page) ui.FieldProps {
	out := ui.FieldProps{Name: f.FieldKey, Label: f.Label, Type: fieldTypes[f.Type], Required: f.Required && f.Type != Checkbox,
		ReadOnly: f.Type == TextReadOnly || f.Type == TextAreaReadOnly, Placeholder: f.Placeholder, Hint: f.SubText,
		Error: form.Error(p, f.FieldKey), Autocomplete: f.autocomplete(), NoOptional: f.Type == Checkbox || f.Type == RadioButtonGroup}
	switch {
	case f.Type == Password, f.Type == File:
	case f.Type == Checkbox:
		out.Checked = form.Ticked(p, f.FieldKey, f.InitialValue == "true")
	case f.Type.imposed():
		out.Value = f.InitialValue
	default:
		out.Value = form.Value(p, f.FieldKey, f.InitialValue)
	}
	if at, ok := moment(out.Value); ok && f.Type == DateTime {
		out.Value = at.UTC().Format("2006-01-02T15:04:05")
	}
	for _, c := range f.Choices {
		out.Options = append(out.Options, ui.Option{Value: c.Value, Label: c.Label, Selected: c.Value == out.Value})
	}
	return out
}

// autocomplete helps password managers and browsers fill the field.
func (f Field) autocomplete() string {
	switch f.Type {
	case Username:
		return "username"
	case Email:
		return "email"
	case Locale:
		return "language"
	case Password:
		if strings.HasPrefix(f.FieldKey, "current") || strings.HasPrefix(f.FieldKey, "old") {
			return "current-password"
		}
		return "new-password"
	case Text:
		if f.FieldKey == "name" {
			return "name"
		}
	}
	return ""
}

// tone is the colour of an alert.
func (f Field) tone() ui.Tone {
	switch f.Type {
	case AlertDanger:
		return ui.ToneBad
	case AlertWarning:
		return ui.ToneWarn
	}
	return ui.ToneInfo
}
