package restore

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Kind says what a change is of.
type Kind string

// The kinds of changes.
const (
	KindToken   Kind = "token"
	KindConsent Kind = "consent"
	KindEmail   Kind = "email"
	KindGroup   Kind = "group"
	KindRole    Kind = "role"
)

// Kinds lists every kind, in the order they are shown in.
func Kinds() []Kind { return []Kind{KindToken, KindConsent, KindEmail, KindGroup, KindRole} }

// Change is something of an account that was changed since the suspected moment.
type Change struct {
	ID   idp.EventID // of the event that tells of it
	Kind Kind
	Text string // what was changed, in a sentence
	At   time.Time
	By   string // username; idp.SystemName for the product itself
	IP   string // from where; "" = not known
	Open bool   // there is something to revert
	// State says how things are now, in a few words.
	State string
	parts []part
}

// part is one thing of a change that can be put back.
type part struct {
	kind Kind
	gone bool   // something was taken away, so putting it back gives it
	key  string // the ID of a token, consent or group, the name of a role, the former address
	name string // as it was called
	// group is the one that a role was given to, and everybody in it with it; zero = the
	// account itself. groupName is how it is called.
	group     idp.GroupID
	groupName string
	// fixed says why it cannot be put back, "" = it can.
	fixed string
	open  bool
}

// How much of the log is looked at.
const (
	maxEvents  = 2_000
	maxPerPage = 500
)

// changesSince reads the log of an account, newest first.
func changesSince(ctx context.Context, repos idp.Repos, c *Checklist) ([]Change, bool, error) {
	events, more, err := eventsSince(ctx, repos, c)
	if err != nil {
		return nil, false, err
	}
	reverted := map[string]bool{}
	for _, a := range c.Acts {
		if a.Deed == idp.DeedReverted {
			if id, ok := a.Facts["event"].(string); ok {
				reverted[id] = true
			}
		}
	}
	now, err := readPresent(ctx, repos, c.User)
	if err != nil {
		return nil, false, err
	}
	now.first = firstAddress(events, c.User.ID)
	out := []Change{}
	for i := range events {
		e := &events[i]
		parts := partsOf(e, c.User.ID)
		if len(parts) == 0 || e.Context["restore"] != nil || !concerns(parts, c.User) && !reverted[e.ID.String()] {
			continue
		}
		ch := Change{ID: e.ID, Kind: parts[0].kind, At: e.CreatedAt, By: doer(e), parts: parts}
		if e.ClientIP.IsValid() {
			ch.IP = e.ClientIP.Unmap().String()
		}
		if err := now.settle(ctx, repos, &ch, reverted[e.ID.String()]); err != nil {
			return nil, false, err
		}
		out = append(out, ch)
	}
	return out, more, nil
}

// eventsSince are the events that may tell of a change, newest first: those about the
// account, and those about groups, which may name it among others.
func eventsSince(ctx context.Context, repos idp.Repos, c *Checklist) (out []idp.Event, more bool, err error) {
	app, group := "account", "group"
	changes := []idp.Action{idp.ActionModelCreated, idp.ActionModelUpdated}
	seen := map[idp.EventID]bool{}
	for _, f := range []idp.EventFilter{
		{UserID: &c.User.ID, Actions: append([]idp.Action{idp.ActionUserWrite, idp.ActionSecretRotate}, changes...)},
		{ModelApp: &app, ModelName: &group, Actions: changes},
	} {
		f.After, f.Uncounted = &c.Since, true
		for n := 0; ; {
			f.Paging = idp.Paging{Limit: maxPerPage, Offset: n, Order: []string{"-created"}}
			page, err := repos.Events.Find(ctx, f)
			if err != nil {
				return nil, false, err
			}
			for _, e := range page.Items {
				if !seen[e.ID] {
					seen[e.ID] = true
					out = append(out, e)
				}
			}
			if n += len(page.Items); len(page.Items) < maxPerPage {
				break
			}
			if n >= maxEvents {
				more = true
				break
			}
		}
	}
	slices.SortStableFunc(out, func(a, b idp.Event) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return out, more, nil
}

// partsOf reads from an event what it changed of an account.
func partsOf(e *idp.Event, user idp.UserID) []part {
	model, _ := e.Context["model"].(map[string]any)
	noun, _ := model["model_name"].(string)
	name, _ := model["name"].(string)
	pk := text(model["pk"])
	theirs := text(e.User["pk"]) == user.String()
	switch {
	case e.App == "token" && noun == "token" && theirs && e.Action != idp.ActionModelUpdated:
		return []part{{kind: KindToken, key: pk, name: name}}
	case e.App == "consent" && theirs && e.Action == idp.ActionModelCreated:
		return []part{{kind: KindConsent, key: pk, name: name}}
	case e.App == "account" && noun == "group":
		return membership(e, user, pk, name)
	case e.App == "account" && noun == "user" && pk == user.String():
		return ofUser(e)
	case e.App == "access" && noun == "user" && pk == user.String():
		return rolesMoved(e, part{kind: KindRole})
	case e.App == "access" && noun == "group":
		if id, err := idp.ParseID[idp.Group](pk); err == nil {
			return rolesMoved(e, part{kind: KindRole, group: id, groupName: name})
		}
	}
	return nil
}

// rolesMoved reads an event about who has which roles.
func rolesMoved(e *idp.Event, like part) (parts []part) {
	for _, gone := range []bool{false, true} {
		for _, role := range texts(e.Context[map[bool]string{false: "given", true: "taken"}[gone]]) {
			p := like
			p.gone, p.key, p.name = gone, role, role
			parts = append(parts, p)
		}
	}
	return parts
}

// membership reads an event about a group.
func membership(e *idp.Event, user idp.UserID, pk, name string) []part {
	joined := slices.Contains(texts(e.Context["added"]), user.String()) ||
		e.Action == idp.ActionModelCreated && slices.Contains(texts(e.Context["users"]), user.String())
	switch {
	case joined:
		return []part{{kind: KindGroup, key: pk, name: name}}
	case slices.Contains(texts(e.Context["removed"]), user.String()):
		return []part{{kind: KindGroup, gone: true, key: pk, name: name}}
	}
	return nil
}

// ofUser reads an event about the account itself. Events of older versions say that
// the address was changed, and not what it was.
func ofUser(e *idp.Event) []part {
	var parts []part
	diff, _ := e.Context["diff"].(map[string]any)
	if email, ok := diff["email"].(map[string]any); ok {
		former, _ := email["previous_value"].(string)
		present, _ := email["new_value"].(string)
		parts = append(parts, part{kind: KindEmail, key: former, name: present})
	} else if slices.Contains(texts(e.Context["changed"]), "email") {
		parts = append(parts, part{kind: KindEmail, fixed: "the log does not say what it was before"})
	}
	groups, _ := diff["groups"].(map[string]any)
	for _, id := range texts(groups["add"]) {
		parts = append(parts, part{kind: KindGroup, key: id})
	}
	for _, id := range texts(groups["remove"]) {
		parts = append(parts, part{kind: KindGroup, gone: true, key: id})
	}
	return parts
}

// firstAddress is what the address was before the first change of it that the events
// tell of; "" = they do not say.
func firstAddress(events []idp.Event, user idp.UserID) string {
	for i := len(events) - 1; i >= 0; i-- {
		if events[i].Context["restore"] != nil {
			continue
		}
		for _, p := range partsOf(&events[i], user) {
			if p.kind == KindEmail && p.fixed == "" {
				return p.key
			}
		}
	}
	return ""
}

// doer is who did what an event tells of.
func doer(e *idp.Event) string {
	if by, ok := e.User["authenticated_as"].(map[string]any); ok {
		return text(by["username"])
	}
	if name := text(e.User["username"]); name != "" {
		return name
	}
	return idp.SystemName
}

// text is a value of an event as text; numbers come as floats from the database.
func text(v any) string {
	switch x := v.(type) {
	case string:
		return x
	case float64:
		return strconv.FormatInt(int64(x), 10)
	case int:
		return strconv.Itoa(x)
	}
	return ""
}

func texts(v any) []string {
	list, _ := v.([]any)
	out := make([]string, 0, len(list))
	for _, item := range list {
		out = append(out, text(item))
	}
	return out
}

// sentence says what a part is about.
func (p part) sentence() string {
	quoted := "“" + p.name + "”"
	switch {
	case p.kind == KindToken:
		return "The token " + quoted + " was made."
	case p.kind == KindConsent:
		return "Consent was given to " + quoted + "."
	case p.kind == KindEmail && p.fixed != "":
		return "The e-mail address was changed."
	case p.kind == KindEmail:
		return fmt.Sprintf("The e-mail address was changed from %s to %s.", address(p.key), address(p.name))
	case p.kind == KindGroup && p.gone:
		return "Taken out of the group " + quoted + "."
	case p.kind == KindGroup:
		return "Put into the group " + quoted + "."
	case !p.group.IsZero() && p.gone:
		return "The role " + quoted + " was taken from the group “" + p.groupName + "”."
	case !p.group.IsZero():
		return "The role " + quoted + " was given to the group “" + p.groupName + "”, and so to everybody in it."
	case p.gone:
		return "The role " + quoted + " was taken away."
	}
	return "The role " + quoted + " was given."
}

func address(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func sentences(parts []part) string {
	out := make([]string, len(parts))
	for i, p := range parts {
		out[i] = p.sentence()
	}
	return strings.Join(out, " ")
}
