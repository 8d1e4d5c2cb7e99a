package policy

import (
	"fmt"
	"time"
)

func factFunctions() []function {
	return []function{
		{name: "message", usage: "message(text) → true", signs: []any{new(func(any) bool)}, run: message(true),
			help: "Shows the text to the person the policy is about."},
		{name: "ak_message", usage: "ak_message(text) → true", signs: []any{new(func(any) bool)}, run: message(true),
			help: "The same as message, by the name other products use."},
		{name: "deny", usage: "deny(text) → false", signs: []any{new(func(any) bool)}, run: message(false),
			help: "Shows the text and gives false: allowed or deny(\"Not from here.\")."},
		{name: "log", usage: "log(value) → true", run: logValue, signs: []any{new(func(any) bool)},
			help: "Notes the value among the log messages of a trial; elsewhere it does nothing."},
		{name: "is_group_member", usage: "is_group_member(user, name or map) → true or false", run: isGroupMember,
			signs: []any{new(func(any, string) bool), new(func(any, map[string]any) bool)},
			help: "Whether the user belongs to the group of that name, directly or through another group; false for nil. " +
				"A map asks for a group with all of its entries: name, pk, is_superuser."},
		{name: "ak_is_group_member", usage: "ak_is_group_member(user, name or map) → true or false", run: isGroupMember,
			signs: []any{new(func(any, string) bool), new(func(any, map[string]any) bool)},
			help:  "The same as is_group_member, by the name other products use."},
		{name: "now", usage: "now() → time", signs: []any{new(func() time.Time)}, run: now,
			help: "The time, in UTC; the same throughout one evaluation."},
		{name: "date", usage: "date(text[, layout]) → time", run: date,
			signs: []any{new(func(any) time.Time), new(func(any, string) time.Time)},
			help:  "The time written as 2006-01-02, 2006-01-02 15:04:05 or RFC 3339, or in the layout given; UTC unless it says otherwise."},
	}
}

func message(result bool) func(*meter, []any) (any, error) {
	return func(m *meter, args []any) (any, error) {
		text, err := scalarText(m, args[0])
		if err != nil {
			return nil, err
		}
		return result, m.message(text)
	}
}

func now(m *meter, _ []any) (any, error) { return m.now.UTC(), nil }

func date(_ *meter, args []any) (any, error) {
	text, err := textArgument(args, 0)
	if err != nil {
		return nil, err
	}
	layouts := []string{time.DateOnly, time.DateTime, time.RFC3339}
	if len(args) > 1 {
		layout, err := textArgument(args, 1)
		if err != nil {
			return nil, err
		}
		layouts = []string{layout}
	}
	for _, layout := range layouts {
		if len(text) > 100 || len(layout) > 100 {
			break
		}
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return nil, fmt.Errorf("%q is not a time", clip(text))
}

func clip(s string) string { return clipTo(s, 60) }

func clipTo(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
