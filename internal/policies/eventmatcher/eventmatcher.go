// Package eventmatcher is the policy that compares an event of the audit log with
// criteria. Whoever evaluates it puts the event into the request's context under
// the name event, as plain data (idp.Event.Facts).
//
// It must not know where events come from, nor what follows from a match.
package eventmatcher

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
)

// ActionLockdown is the short form, as a value of action, for the events that
// lockdowns write: action user_write with context.action_id account_lockdown.
// ActionLockdownLabel is its name for people.
const (
	ActionLockdown      = "account_lockdown_triggered"
	ActionLockdownLabel = "Account Lockdown Triggered"
)

// Actions lists every value of action: the short form, those in use here, and
// those that only configurations from elsewhere name.
func Actions() []string {
	out := []string{ActionLockdown}
	for _, a := range idp.Actions() {
		out = append(out, string(a))
	}
	for _, a := range []string{"source_linked", "impersonation_started", "impersonation_ended", "property_mapping_exception",
		"system_task_execution", "system_task_exception", "update_available", "export_ready", "review_initiated", "review_overdue",
		"review_attested", "review_completed", "custom_"} {
		if !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

// Settings are the settings of an event matcher policy. What is empty or null is
// not looked at; all the rest must match.
type Settings struct {
	Action   string `json:"action" help:"The event's action. account_lockdown_triggered is short for user_write with the action_id of a lockdown in its context."`
	ClientIP string `json:"client_ip" label:"Client address" help:"The address the act came from, exactly."`
	App      string `json:"app" help:"The part of the product that wrote the event, or one that contains it: authentik.policies also stands for authentik.policies.password."`
	Model    string `json:"model" help:"The kind of object the event is about, as app.model: authentik_core.user."`
	Query    string `json:"query" format:"expression" help:"A condition over the event's fields action, app, user, context, client_ip, brand, created and pk, such as: context.action_id == \"account_lockdown\"."`
}

// Kind returns the kind for the list of kinds.
func Kind() policy.Kind {
	return policy.Kind{
		Name:          "event_matcher",
		Model:         "authentik_policies_event_matcher.eventmatcherpolicy",
		Component:     "ak-policy-event-matcher-form",
		Verbose:       "Event Matcher Policy",
		VerbosePlural: "Event Matcher Policies",
		Summary:       "Passes when an event matches every criterion that is set, for notification rules.",
		Settings:      &Settings{},
		New:           build,
	}
}

type rule struct {
	settings Settings
	ip       netip.Addr
	query    *policy.EventCondition // nil = none
}

var modelForm = regexp.MustCompile(`^[a-z0-9_]+\.[a-z0-9_]+$`)

func build(settings json.RawMessage) (policy.Policy, error) {
	var s Settings
	if err := policy.DecodeSettings(settings, &s); err != nil {
		return nil, err
	}
	var faults idp.Faults
	r := rule{settings: s}
	if s.Action != "" && !strings.HasPrefix(s.Action, "custom_") {
		idp.Choice(&faults, "action", s.Action, Actions())
	}
	if s.ClientIP != "" {
		ip, err := netip.ParseAddr(s.ClientIP)
		if err != nil {
			faults.Add("client_ip", "Enter a valid IPv4 or IPv6 address.")
		}
		r.ip = ip.Unmap()
	}
	faults.Line("app", s.App, 200, true)
	if s.Model != "" && !modelForm.MatchString(s.Model) {
		faults.Add("model", "Enter an app and a model, such as authentik_core.user.")
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	if strings.TrimSpace(s.Query) != "" {
		var err error
		if r.query, err = compile(s.Query); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func compile(query string) (*policy.EventCondition, error) {
	c, err := policy.CompileEvent(query)
	var fault *policy.Error
	if errors.As(err, &fault) {
		return nil, fault.Invalid("query")
	}
	return c, err
}

// Evaluate implements policy.Policy. Without an event it does not pass. A query
// that cannot be evaluated is an error: the binding then decides.
func (r rule) Evaluate(ctx context.Context, req idp.PolicyRequest) (idp.PolicyResult, error) {
	event, ok := req.Context["event"].(map[string]any)
	if !ok {
		return idp.PolicyResult{}, nil
	}
	s := r.settings
	facts, _ := event["context"].(map[string]any)
	matches := []bool{
		s.Action == "" || matchesAction(s.Action, text(event, "action"), facts),
		s.ClientIP == "" || matchesIP(r.ip, text(event, "client_ip")),
		s.App == "" || within(text(event, "app"), s.App),
		s.Model == "" || matchesModel(s.Model, facts),
	}
	if slices.Contains(matches, false) || r.query == nil {
		return idp.PolicyResult{Passing: !slices.Contains(matches, false)}, nil
	}
	value, err := r.query.Run(ctx, event)
	if err != nil {
		return idp.PolicyResult{}, err
	}
	passing, err := value.Truth()
	if err != nil {
		return idp.PolicyResult{}, err
	}
	return idp.PolicyResult{Passing: passing, Messages: value.Messages}, nil
}

func text(m map[string]any, name string) string {
	s, _ := m[name].(string)
	return s
}

func matchesAction(want, action string, facts map[string]any) bool {
	if want == ActionLockdown {
		return action == string(idp.ActionUserWrite) && text(facts, "action_id") == idp.ActionIDLockdown
	}
	return action == want
}

func matchesIP(want netip.Addr, ip string) bool {
	got, err := netip.ParseAddr(ip)
	return err == nil && got.Unmap() == want
}

// within reports whether name is part or one of its parts.
func within(name, part string) bool { return name == part || strings.HasPrefix(name, part+".") }

// matchesModel compares with context.model, which names its app and model_name.
// Apps are written with dots or underscores.
func matchesModel(want string, facts map[string]any) bool {
	model, ok := facts["model"].(map[string]any)
	if !ok {
		return false
	}
	return strings.ReplaceAll(text(model, "app"), ".", "_")+"."+text(model, "model_name") == want
}
