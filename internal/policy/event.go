package policy

import (
	"context"

	"github.com/expr-lang/expr/types"
)

// EventCondition is a compiled condition over one event of the audit log. It may
// be used by many at once. Its bounds are those of every expression.
type EventCondition struct{ expression *Expression }

// CompileEvent compiles a condition over an event. It sees the fields of the
// event and nothing else: pk, action, app, client_ip and created as texts; user
// (pk, username, email, authenticated_as), context and brand as maps:
//
//	action == "user_write" and context.action_id == "account_lockdown"
//
// The error is an *Error, as that of CompileCondition.
func CompileEvent(source string) (*EventCondition, error) {
	e, err := condition(compile(source, eventGuard()))
	if err != nil {
		return nil, err
	}
	return &EventCondition{e}, nil
}

// Run evaluates the condition for an event, given as plain data (see
// idp.Event.Facts). The error is an *Error.
func (c *EventCondition) Run(ctx context.Context, event map[string]any) (Value, error) {
	return c.expression.run(ctx, func(m *meter) (map[string]any, error) { return eventEnvironment(event, m) })
}

// The fields of an event. The maps are there even when the event has none, so
// that asking for one of their fields is never a fault.
var (
	eventTexts = []string{"pk", "action", "app", "client_ip", "created"}
	eventMaps  = []string{"user", "context", "brand"}
)

var eventHelp = map[string]string{
	"pk":        "The event's identifier.",
	"action":    "What was done, such as login, user_write or model_updated.",
	"app":       "The part of the product that wrote the event.",
	"client_ip": "The address the act came from, \"\" when it is not known.",
	"created":   "When it was written, such as 2026-02-03T04:05:06Z.",
	"user":      "Whom the event is about, or who acted: pk, username, email, authenticated_as.",
	"context":   "The facts of the event, such as action_id or model (app, model_name, pk, name).",
	"brand":     "The brand of the request: pk, domain, name.",
}

// EventEnvironment lists the names that conditions over events see beside the
// functions of Environment.
func EventEnvironment() []Entry {
	var out []Entry
	for _, name := range eventTexts {
		out = append(out, Entry{name, "variable", "text", eventHelp[name]})
	}
	for _, name := range eventMaps {
		out = append(out, Entry{name, "variable", "map", eventHelp[name]})
	}
	return out
}

func eventTypes() types.Map {
	out := types.Map{}
	for _, name := range eventTexts {
		out[name] = types.Any
	}
	for _, name := range eventMaps {
		out[name] = types.Map{types.Extra: types.Any}
	}
	return out
}

func eventEnvironment(event map[string]any, m *meter) (map[string]any, error) {
	left := maxInputs
	env := map[string]any{nameRun: m}
	for _, name := range eventTexts {
		value, err := plain(event[name], "event."+name, 1, &left)
		if err != nil {
			return nil, err
		}
		env[name] = value
	}
	for _, name := range eventMaps {
		value, err := plain(event[name], "event."+name, 1, &left)
		if err != nil {
			return nil, err
		}
		if _, ok := value.(map[string]any); !ok {
			value = map[string]any{}
		}
		env[name] = value
	}
	return env, nil
}
