package policy

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// actFunctions leave something behind. They are no part of conditions over
// events: an event that writes events would have no end.
func actFunctions() []function {
	return []function{
		{name: "set_context", usage: "set_context(name, value) → true", run: setContext,
			signs: []any{new(func(string, any) bool)},
			help: "Sets a value of the flow's context, for the policies and stages that follow; nil drops it. The name is one of your own, such as company, " +
				"\"prompt_data.company\" for one answer, or one that stages read: pending_user (a user, of whom nothing is proven by it), email (where the email stage writes to), " +
				"redirect (where the flow ends), redirect_stage_target, deny_message, groups (UUIDs), user_path, user_type, consent_header, consent_title, consent_permissions, is_sso. " +
				"It holds whether or not the policy passes. What the product establishes, such as auth_method, is not set, and secrets are not copied. " +
				"At most 20 names in one evaluation, of 16 kB and 500 values each; trying a policy sets nothing. Not in conditions over events."},
		{name: "ak_create_event", usage: "ak_create_event(action[, map]) → true", run: createEvent,
			signs: []any{new(func(string, any) bool), new(func(string) bool)}, // faults are worded by the last
			help: "Writes an event of the audit log about the user, with the entries of the map as its context. The action is one of the product's, " +
				"such as suspicious_request. Secrets are left out. A policy is asked each time a page is drawn or answered, so expect several. At most 5 in one evaluation, of 16 kB each; trying a policy writes none. Not in conditions over events."},
		{name: "ak_send_email", usage: "ak_send_email(address or user, subject, map) → true or false", run: sendEmail,
			signs: []any{new(func(any, any, any) bool)},
			help: "Sends an email in the background to an address, a user or a list of them. The map has either \"body\": plain text, or \"template\": the name of a mail template " +
				"such as email/setup.html, filled in with the map \"context\", as HTML and as text; in a template its entries are {{.Context.name}}, and what is in them is escaped. " +
				"Templates with a link take its address and how long it works from \"url\" and \"expires\" of the context. \"stage\" names an email stage, whose mail server takes the mail. " +
				"Everybody gets a mail of their own that names nobody else; with \"cc\" or \"bcc\" it is one mail with copies, which names all but those in bcc. " +
				"At most 10 recipients altogether, 16 kB of body or context, 500 values and 32 levels of context; to one address at most 20 in an hour, and the same only once in five minutes. " +
				"false when there is nobody to write to, it was written to too often, or there is no mail server. Secrets are left out. " +
				"At most 3 calls in one evaluation; trying a policy sends nothing, and says what would have been sent. Not in conditions over events."},
	}
}

// Bounds of an event that an expression writes.
const (
	maxEventValues = 500
	maxEventText   = 2000     // characters of one text
	maxEventSize   = 16 << 10 // bytes of JSON
)

// actionNamed judges the name of an action.
func actionNamed(name string) (idp.Action, error) {
	if slices.Contains(idp.Actions(), idp.Action(name)) {
		return idp.Action(name), nil
	}
	names := make([]string, 0, len(idp.Actions()))
	for _, a := range idp.Actions() {
		names = append(names, string(a))
	}
	slices.Sort(names)
	return "", fmt.Errorf("%q is not an action of events; choose one of %s, and say what is particular in the map, such as {\"action_id\": \"…\"}",
		clip(name), strings.Join(names, ", "))
}

// reservedIDs are kept for what the product itself has done.
var reservedIDs = []any{idp.ActionIDLockdown, idp.ActionIDRestore}

func createEvent(m *meter, args []any) (any, error) {
	name, err := textArgument(args, 0)
	if err != nil {
		return nil, err
	}
	action, err := actionNamed(name)
	if err != nil {
		return nil, err
	}
	facts := map[string]any{}
	if len(args) > 1 && args[1] != nil {
		if facts, err = eventFacts(m, args[1]); err != nil {
			return nil, err
		}
	}
	a, err := m.actor(func(l *allowance) *atomic.Int32 { return &l.events }, maxEvents, "writes events")
	if err != nil {
		return nil, err
	}
	facts["policy"] = a.policy
	if a.dry(m) {
		a.journal.note(LevelInfo, "An event “"+name+"” would have been written.", map[string]any{"action": name, "app": App, "context": facts})
		return true, nil
	}
	req := m.request
	from := idp.Actor{User: req.SignedIn, Request: &idp.RequestInfo{Path: req.Path, Method: req.Method, ClientIP: req.ClientIP}}
	began := time.Now()
	err = a.engine.effects.Record(m.ctx, action.Event(App, from, req.User, facts))
	m.waited(began)
	if err != nil {
		return nil, fmt.Errorf("writing the event: %w", err)
	}
	return true, nil
}

// eventFacts makes an event's context of a map: without secrets, and bounded.
func eventFacts(m *meter, from any) (map[string]any, error) {
	left := maxEventValues
	copied, err := plain(from, "the map", 0, &left)
	if err != nil {
		return nil, err
	}
	facts, ok := copied.(map[string]any)
	if !ok {
		return nil, wrongType(2, "a map", from)
	}
	c := newCleaner(m, maxEventText)
	facts, _ = c.clean("", facts).(map[string]any)
	if slices.Contains(reservedIDs, facts["action_id"]) {
		return nil, fmt.Errorf("the action_id %q is kept for what the product itself has done", facts["action_id"])
	}
	w := jsonWriter{m: m}
	if err := w.write(facts, 0); err != nil {
		return nil, err
	}
	if w.out.Len() > maxEventSize {
		return nil, tooMuch("an event of more than %d kB would be written", maxEventSize>>10)
	}
	return facts, nil
}
