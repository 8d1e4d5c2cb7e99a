package policy

import (
	"html"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/expr-lang/expr/vm/runtime"
	"golang.org/x/text/unicode/norm"
)

func textFunctions() []function {
	return []function{
		{name: "escape", usage: "escape(value) → text", signs: []any{new(func(any) string)}, run: escape,
			help: "The value as text with <, >, &, ' and \" made harmless for HTML. Use it on everything that people may choose, such as names."},
		{name: "string", usage: "string(value) → text", signs: []any{new(func(any) string)}, run: asText,
			help: "The value as text; nil becomes the empty text, lists and maps become JSON."},
		{name: "toJSON", usage: "toJSON(value) → text", signs: []any{new(func(any) string)}, run: toJSON,
			help: "The value as JSON on one line."},
		{name: "upper", usage: "upper(text) → text", signs: []any{new(func(any) string)}, run: mapText(strings.ToUpper),
			help: "The text in capitals."},
		{name: "lower", usage: "lower(text) → text", signs: []any{new(func(any) string)}, run: mapText(strings.ToLower),
			help: "The text in small letters."},
		{name: "slugify", usage: "slugify(text) → text", signs: []any{new(func(any) string)}, run: mapText(slugify),
			help: "The text in small ASCII letters, digits, hyphens and underscores."},
		{name: "join", usage: "join(list[, separator]) → text", run: join,
			signs: []any{new(func(any) string), new(func(any, string) string)},
			help:  "The texts of the list in a row, with the separator between them."},
		{name: "split", usage: "split(text, separator[, parts]) → list", run: split,
			signs: []any{new(func(any, string) []any), new(func(any, string, int) []any)},
			help:  "The parts of the text between separators, at most so many."},
		{name: "replace", usage: "replace(text, old, new) → text", run: replaceText,
			signs: []any{new(func(any, string, any) string)},
			help:  "The text with every old replaced by new."},
		{name: "repeat", usage: "repeat(text, times) → text", run: repeat,
			signs: []any{new(func(any, int) string)}, help: "The text so many times in a row."},
	}
}

// add is "+" where texts may be involved.
func add(m *meter, args []any) (any, error) {
	a, isText := args[0].(string)
	b, bothText := args[1].(string)
	if isText && bothText {
		if err := m.text(len(a) + len(b)); err != nil {
			return nil, err
		}
		return a + b, nil
	}
	return runtime.Add(args[0], args[1]), nil // panics on what cannot be added; the machine reports it
}

func escape(m *meter, args []any) (any, error) {
	text, err := scalarText(m, args[0])
	if err != nil {
		return nil, err
	}
	if err := m.text(len(text)); err != nil { // before the work, which is linear
		return nil, err
	}
	out := html.EscapeString(text)
	return out, m.text(len(out))
}

func asText(m *meter, args []any) (any, error) { return scalarText(m, args[0]) }

func mapText(change func(string) string) func(*meter, []any) (any, error) {
	return func(m *meter, args []any) (any, error) {
		text, err := textArgument(args, 0)
		if err != nil {
			return nil, err
		}
		if err := m.text(2 * len(text)); err != nil { // case mapping may lengthen a text
			return nil, err
		}
		return change(text), nil
	}
}

func join(m *meter, args []any) (any, error) {
	list, err := listArgument(m, args, 0)
	if err != nil {
		return nil, err
	}
	separator, err := textOr(args, 1, "")
	if err != nil {
		return nil, err
	}
	parts := make([]string, len(list))
	total := 0
	for i, v := range list {
		if parts[i], err = scalarText(m, v); err != nil {
			return nil, err
		}
		if total += len(parts[i]) + len(separator); total > maxText {
			return nil, m.text(total)
		}
	}
	return strings.Join(parts, separator), m.text(total)
}

func split(m *meter, args []any) (any, error) {
	text, err := textArgument(args, 0)
	if err != nil {
		return nil, err
	}
	separator, err := textArgument(args, 1)
	if err != nil {
		return nil, err
	}
	parts := maxList + 1
	if len(args) > 2 {
		if parts, err = intArgument(args, 2); err != nil {
			return nil, err
		}
		parts = min(parts, maxList+1)
	}
	if err := m.spend(1 + len(text)>>6); err != nil {
		return nil, err
	}
	found := strings.SplitN(text, separator, max(parts, 0))
	if err := m.list(len(found)); err != nil {
		return nil, err
	}
	out := make([]any, len(found))
	for i, s := range found {
		out[i] = s
	}
	return out, nil
}

func replaceText(m *meter, args []any) (any, error) {
	var texts [3]string
	for i := range texts {
		var err error
		if texts[i], err = textArgument(args, i); err != nil {
			return nil, err
		}
	}
	text, from, to := texts[0], texts[1], texts[2]
	if err := m.text(len(text)); err != nil {
		return nil, err
	}
	n := strings.Count(text, from)
	if err := m.text(len(text) + n*max(len(to)-len(from), 0)); err != nil {
		return nil, err
	}
	return strings.ReplaceAll(text, from, to), nil
}

func repeat(m *meter, args []any) (any, error) {
	text, err := textArgument(args, 0)
	if err != nil {
		return nil, err
	}
	n, err := intArgument(args, 1)
	if err != nil {
		return nil, err
	}
	if n <= 0 || text == "" {
		return "", nil
	}
	if n > maxText || len(text) > maxText { // or the product may overflow
		return nil, m.text(maxText + 1)
	}
	if err := m.text(n * len(text)); err != nil {
		return nil, err
	}
	return strings.Repeat(text, n), nil
}

// slugify follows what people know from Django: compatibility decomposition,
// ASCII only, runs of spaces and hyphens become one hyphen.
func slugify(text string) string {
	var b strings.Builder
	hyphen := false
	for _, r := range norm.NFKD.String(text) {
		switch {
		case r >= utf8.RuneSelf:
			hyphen = hyphen || unicode.IsSpace(r)
		case r == '-' || unicode.IsSpace(r):
			hyphen = true
		case r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z':
			if hyphen && b.Len() > 0 {
				b.WriteByte('-')
			}
			hyphen = false
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return strings.Trim(b.String(), "-_")
}
