package policypage

import (
	"errors"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policies/eventmatcher"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/server/admin/settingsform"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// policyForm holds what was typed.
type policyForm struct {
	Name     string
	Logging  bool
	Settings settingsform.Form
}

func policyFormOf(kind policy.Kind, p *idp.Policy) policyForm {
	return policyForm{p.Name, p.ExecutionLogging, settingsform.Of(describe(kind), p.Settings)}
}

func readPolicyForm(kind policy.Kind, p *idp.Policy, sent web.Form) policyForm {
	return policyForm{sent.Text("name"), sent.Bool("execution_logging"), settingsform.Read(describe(kind), p.Settings, sent)}
}

// seen is the state that the form was filled from.
func (f policyForm) seen() any { return []any{f.Name, f.Logging, f.Settings.Seen()} }

func (f policyForm) apply(p *idp.Policy) {
	p.Name, p.ExecutionLogging, p.Settings = f.Name, f.Logging, f.Settings.JSON()
}

// fault says what is wrong with the expression in a field. What else is wrong with
// the settings is not said here.
func (f policyForm) fault(kind policy.Kind, field, source string) *ui.Fault {
	_, err := kind.New(f.Settings.JSON())
	var invalid *idp.Error
	var at *policy.Error
	if !errors.As(err, &invalid) || !errors.As(err, &at) || len(invalid.Fields[field]) == 0 {
		return nil
	}
	out := settingsform.FaultOf(at)
	if instead, certain := policy.Translate(source, true); certain {
		if _, err := kind.New(f.Settings.With(field, instead).JSON()); err == nil {
			out = settingsform.Offer(out, instead)
		}
	}
	return out
}

// expressions are the settings of a kind that hold an expression.
func expressions(kind policy.Kind) []string {
	var out []string
	for _, s := range describe(kind) {
		if s.Format == "expression" {
			out = append(out, s.Name)
		}
	}
	return out
}

// overEvents reports whether the kind's expressions are conditions over an event.
func overEvents(kind policy.Kind) bool { return kind.Name == "event_matcher" }

// suggestions are values that a setting of a kind usually has.
func suggestions(kind policy.Kind, setting string) (out []ui.Option) {
	if kind.Name != "event_matcher" || setting != "action" {
		return nil
	}
	for _, action := range eventmatcher.Actions() {
		switch action {
		case "custom_": // the beginning of any
		case eventmatcher.ActionLockdown:
			out = append(out, ui.Option{Value: action, Label: eventmatcher.ActionLockdownLabel})
		default:
			out = append(out, ui.Option{Value: action, Label: settingsform.Words(action)})
		}
	}
	return out
}

// examples are contexts that say something to policies of a kind.
var examples = map[string]string{
	"event_matcher": `{
  "event": {
    "action": "user_write",
    "client_ip": "192.0.2.1",
    "context": {"action_id": "account_lockdown"}
  }
}`,
	"password": `{
  "prompt_data": {"password": "correct horse battery staple"}
}`,
}
