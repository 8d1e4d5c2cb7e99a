package document

import (
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// keys are what a mapping may hold, with what reads it.
type keys map[string]func(n *yaml.Node, at string)

// mapping reads a mapping strictly: every key once, and no other. Keys without a
// value count as not written. shown are the keys that texts offer.
func (r *reader) mapping(n *yaml.Node, at string, shown []string, known keys) {
	if n.Kind != yaml.MappingNode {
		r.wrong(n, at, "a mapping with "+either(shown))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		name := key.Value
		path := join(at, name)
		read := known[name]
		switch {
		case key.Kind != yaml.ScalarNode:
			r.fault(key, at, "a key is no text; expected %s", either(shown))
		case read == nil:
			r.fault(key, at, "unknown key %q; expected %s", clip(name), either(shown))
		case seen[name]:
			r.fault(key, path, "given twice")
		case isNull(value):
		default:
			read(value, path)
		}
		seen[name] = true
	}
}

// wrong says that something else was expected.
func (r *reader) wrong(n *yaml.Node, at, expected string) {
	got := "a list"
	switch n.Kind {
	case yaml.MappingNode:
		got = "a mapping"
	case yaml.AliasNode:
		got = "the alias *" + clip(n.Value) + ", which documents cannot have"
	case yaml.ScalarNode:
		switch n.ShortTag() {
		case "!!int", "!!float":
			got = "the number " + clip(n.Value)
		case "!!bool":
			got = "the truth value " + clip(n.Value)
		case "!!timestamp":
			got = "the time " + clip(n.Value)
		case "!!str":
			got = "the text “" + clip(n.Value) + "”"
		default:
			got = clip(n.ShortTag() + " " + n.Value)
		}
	}
	r.fault(n, at, "expected %s, not %s", expected, got)
}

// text returns a function that reads a text.
func (r *reader) text(to *string) func(*yaml.Node, string) {
	return func(n *yaml.Node, at string) {
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" {
			r.wrong(n, at, "a text (in quotation marks where it looks like something else)")
			return
		}
		*to = n.Value
	}
}

// instant returns a function that reads a time.
func (r *reader) instant(to **time.Time) func(*yaml.Node, string) {
	return func(n *yaml.Node, at string) {
		const expected = "a time such as 2026-12-01T22:27:00Z (RFC 3339)"
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" && n.ShortTag() != "!!timestamp" {
			r.wrong(n, at, expected)
			return
		}
		t, err := time.Parse(time.RFC3339, n.Value)
		if err != nil {
			r.wrong(n, at, expected)
			return
		}
		t = t.UTC()
		*to = &t
	}
}

// texts returns a function that reads a list of texts.
func (r *reader) texts(to *[]string) func(*yaml.Node, string) {
	return func(n *yaml.Node, at string) {
		if n.Kind != yaml.SequenceNode {
			r.wrong(n, at, "a list of texts")
			return
		}
		*to = make([]string, len(n.Content))
		for i, item := range n.Content {
			r.text(&(*to)[i])(item, at)
		}
	}
}

// ignore reads what is shown and says nothing.
func (r *reader) ignore(*yaml.Node, string) {}

func join(at, name string) string {
	if at == "" {
		return clip(name)
	}
	return at + "." + clip(name)
}

// either lists choices for texts.
func either(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

// clip shortens what somebody wrote for a text on one line.
func clip(s string) string {
	s = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return ' '
		}
		return c
	}, s)
	if runes := []rune(s); len(runes) > 64 {
		return string(runes[:64]) + "…"
	}
	return s
}

// sorted returns the names of keys in the order of the alphabet.
func sorted[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for name := range m {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
