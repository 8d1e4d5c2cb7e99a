package prompt

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
)

// Settings configure the stage.
type Settings struct {
	Fields             []idp.PromptID `json:"fields" ref:"prompt" unordered:"true" help:"What is shown, in the order of the prompts."`
	ValidationPolicies []idp.PolicyID `json:"validation_policies" ref:"policy" unordered:"true" help:"All of them must pass with the answers as context.prompt_data; their messages are shown."`
}

// Type is what kind of field a prompt is, by its name on the wire.
type Type string

// The types.
const (
	Text             Type = "text"
	TextArea         Type = "text_area"
	TextReadOnly     Type = "text_read_only"
	TextAreaReadOnly Type = "text_area_read_only"
	Username         Type = "username"
	Email            Type = "email"
	Password         Type = "password"
	Number           Type = "number"
	Checkbox         Type = "checkbox"
	RadioButtonGroup Type = "radio-button-group"
	Dropdown         Type = "dropdown"
	Date             Type = "date"
	DateTime         Type = "date-time"
	File             Type = "file"
	Separator        Type = "separator"
	Hidden           Type = "hidden"
	Static           Type = "static"
	Locale           Type = "ak-locale"
	AlertInfo        Type = "alert_info"
	AlertWarning     Type = "alert_warning"
	AlertDanger      Type = "alert_danger"
)

// Types lists every type.
func Types() []Type {
	return []Type{Text, TextArea, TextReadOnly, TextAreaReadOnly, Username, Email, Password, Number, Checkbox,
		RadioButtonGroup, Dropdown, Date, DateTime, File, Separator, Hidden, Static, Locale, AlertInfo, AlertWarning, AlertDanger}
}

// shownOnly reports whether the type never takes an answer.
func (t Type) shownOnly() bool {
	return t == Separator || t == Static || t.alert()
}

func (t Type) alert() bool { return t == AlertInfo || t == AlertWarning || t == AlertDanger }

// imposed reports whether the prompt's own value counts, whatever is sent.
func (t Type) imposed() bool {
	return t == Hidden || t == Static || t == TextReadOnly || t == TextAreaReadOnly
}

func (t Type) choice() bool { return t == RadioButtonGroup || t == Dropdown }

// html reports whether the value is shown as sanitised HTML.
func (t Type) html() bool { return t == Static || t.alert() }

// maxKey is the longest field key, in bytes.
const maxKey = 200

var keyForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]*$`)

// CheckPrompt judges a prompt about to be written. The error is an *idp.Error
// with CodeInvalid.
func CheckPrompt(p *idp.Prompt) error {
	var faults idp.Faults
	if strings.TrimSpace(p.Name) == "" {
		faults.Add("name", "This field may not be blank.")
	}
	if len(p.FieldKey) > maxKey || !keyForm.MatchString(p.FieldKey) {
		faults.Add("field_key", "Enter a name of letters, digits, underscores, dots and hyphens that begins with a letter.")
	}
	if p.FieldKey == "component" {
		faults.Add("field_key", "This name is taken by the flow itself.")
	}
	if !slices.Contains(Types(), Type(p.Type)) {
		names := []string{}
		for _, t := range Types() {
			names = append(names, string(t))
		}
		faults.Add("type", "%q is not a valid choice. Expected one of: %s.", p.Type, strings.Join(names, ", "))
	}
	for field, source := range map[string]string{"initial_value": onlyIf(p.InitialValueExpression, p.InitialValue), "placeholder": onlyIf(p.PlaceholderExpression, p.Placeholder)} {
		if source == "" {
			continue
		}
		if _, err := policy.CompilePrompt(source); err != nil {
			faults.Add(field, "%s", err.Error())
		}
	}
	return faults.Err()
}

func onlyIf(on bool, s string) string {
	if on {
		return s
	}
	return ""
}

// once leaves out what is named again.
func once[T comparable](list []T) []T {
	out := []T{}
	for _, one := range list {
		if !slices.Contains(out, one) {
			out = append(out, one)
		}
	}
	return out
}

// check refuses prompts and policies that do not exist, and takes each once.
func check(ctx context.Context, repos idp.Repos, settings any) error {
	s := settings.(*Settings)
	s.Fields, s.ValidationPolicies = once(s.Fields), once(s.ValidationPolicies)
	var faults idp.Faults
	prompts, err := repos.Prompts.Find(ctx, idp.PromptFilter{IDs: s.Fields, Paging: idp.Paging{Limit: 1000}})
	if err != nil {
		return err
	}
	for _, id := range s.Fields {
		if !slices.ContainsFunc(prompts.Items, func(p idp.Prompt) bool { return p.ID == id }) {
			faults.Add("fields", "Invalid pk \"%s\" - object does not exist.", id)
		}
	}
	policies, err := repos.Policies.Find(ctx, idp.PolicyFilter{IDs: s.ValidationPolicies, Paging: idp.Paging{Limit: 1000}})
	if err != nil {
		return err
	}
	for _, id := range s.ValidationPolicies {
		if !slices.ContainsFunc(policies.Items, func(p idp.Policy) bool { return p.ID == id }) {
			faults.Add("validation_policies", "Invalid pk \"%s\" - object does not exist.", id)
		}
	}
	return faults.Err()
}

// Challenge shows the fields.
type Challenge struct {
	Fields []Field `json:"fields"`
}

// Component implements flow.Challenge.
func (Challenge) Component() string { return "ak-stage-prompt" }

// Frame implements flow.Framed.
func (c Challenge) Frame() flow.Frame {
	f := flow.Frame{Told: true}
	for _, field := range c.Fields {
		f.Told = f.Told && field.Type.shownOnly()
		f.Danger = f.Danger || field.Type == AlertDanger
		f.Wide = f.Wide || field.Type.alert()
	}
	return f
}

// Field is one prompt as it is shown.
type Field struct {
	FieldKey     string   `json:"field_key"`
	Label        string   `json:"label"`
	Type         Type     `json:"type"`
	Required     bool     `json:"required"`
	Placeholder  string   `json:"placeholder"`
	InitialValue string   `json:"initial_value"`
	Order        int      `json:"order"`
	SubText      string   `json:"sub_text"`
	Choices      []Choice `json:"choices"` // null for types without choices
}

// Choice is one choice of a radio-button-group or dropdown.
type Choice struct {
	Value string `json:"value"`
	Label string `json:"label"`
}

// errGone is the error of a stage whose prompt was deleted.
var errGone = errors.New("a prompt of the stage does not exist")
