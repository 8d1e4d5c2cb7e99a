package blueprint

import (
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// environmentPrefix is how the variables begin that content from elsewhere may
// read: the server's own hold secrets.
const environmentPrefix = "BLUEPRINT_"

// maxRead is the largest file that !File reads, in bytes.
const maxRead = 1 << 20

// tags lists what resolve knows, for the message about another one.
const tags = "!KeyOf, !Find, !FindObject, !Context, !Env, !File, !Format, !Condition, !If, !Enumerate, !Index, !Value, !AtIndex or !ParseJSON"

func (s *scope) tag(ctx context.Context, n *yaml.Node) (any, error) {
	switch n.Tag {
	case "!KeyOf":
		return s.keyOf(n)
	case "!Env":
		return s.lookup(ctx, n, s.variable)
	case "!File":
		return s.lookup(ctx, n, s.file)
	case "!Context":
		return s.lookup(ctx, n, func(key string) (any, string, error) { return s.fromContext(ctx, n, key) })
	case "!Find", "!FindObject":
		return s.findTag(ctx, n)
	case "!Format":
		return s.format(ctx, n)
	case "!Condition":
		return s.condition(ctx, n)
	case "!If":
		return s.ifTag(ctx, n)
	case "!Enumerate":
		return s.enumerate(ctx, n)
	case "!Index", "!Value":
		return s.item(n)
	case "!AtIndex":
		return s.atIndex(ctx, n)
	case "!ParseJSON":
		return parseJSON(n)
	}
	return nil, wrongAt(n, "unknown tag %s; expected %s", n.Tag, tags)
}

func (s *scope) keyOf(n *yaml.Node) (any, error) {
	if n.Kind != yaml.ScalarNode {
		return nil, wrongAt(n, "!KeyOf: expected the id of an earlier entry")
	}
	on, ok := s.known[n.Value]
	switch {
	case !ok:
		return nil, wrongAt(n, "!KeyOf %s: no earlier entry has this id", n.Value)
	case on.unmet:
		return nil, wrongAt(n, "!KeyOf %s: the conditions of entry %d leave it out; give this entry the same conditions", n.Value, on.entry)
	case on.skipped || on.failed:
		return nil, &dependent{n, on, n.Value}
	case on.pk == nil:
		return nil, wrongAt(n, "!KeyOf %s: entry %d leaves no object", n.Value, on.entry)
	}
	return on.pk, nil
}

// lookup serves the tags of the form NAME or [NAME, default]. get says why there
// is no value.
func (s *scope) lookup(ctx context.Context, n *yaml.Node, get func(string) (v any, missing string, err error)) (any, error) {
	key, fallback := n.Value, (*yaml.Node)(nil)
	if n.Kind != yaml.ScalarNode {
		if n.Kind != yaml.SequenceNode || len(n.Content) != 2 {
			return nil, wrongAt(n, "%s: expected a name, or [name, default]", n.Tag)
		}
		var err error
		if key, err = s.text(ctx, n.Content[0], n.Tag); err != nil {
			return nil, err
		}
		fallback = n.Content[1]
	}
	if len(key) > maxName {
		return nil, wrongAt(n, "%s: expected a name of at most %d characters", n.Tag, maxName)
	}
	v, missing, err := get(key)
	switch {
	case err != nil:
		return nil, err
	case missing == "":
		return v, nil
	case fallback != nil:
		if n.Tag == "!File" && s.warn != nil {
			s.warn(n, "!File "+key+": "+missing+"; its default is used")
		}
		return s.resolve(ctx, fallback)
	case n.Tag == "!File" || s.d.Files == nil && n.Tag == "!Env" && !strings.HasPrefix(key, environmentPrefix):
		return nil, wrongAt(n, "%s %s: %s; %s [%s, default] would do without", n.Tag, key, missing, n.Tag, key)
	}
	return nil, nil
}

// variable reads the environment; an empty variable counts as unset.
func (s *scope) variable(name string) (any, string, error) {
	if s.d.Files == nil && !strings.HasPrefix(name, environmentPrefix) {
		return nil, "content that is not a file of the server may read only variables that begin with " + environmentPrefix, nil
	}
	if v := s.env(name); v != "" {
		return v, "", nil
	}
	return nil, "not set", nil
}

// file reads a file beside the document or below it.
func (s *scope) file(name string) (any, string, error) {
	if s.d.Files == nil {
		return nil, "content that is not a file of the server may not read files", nil
	}
	if !fs.ValidPath(name) {
		return nil, "expected a path below the directory of the blueprint", nil
	}
	f, err := s.d.Files.Open(name)
	if err != nil {
		return nil, "cannot be read", nil
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxRead+1))
	switch {
	case err != nil:
		return nil, "cannot be read", nil
	case len(content) > maxRead:
		return nil, "larger than " + strconv.Itoa(maxRead) + " bytes", nil
	case !utf8.Valid(content):
		return nil, "not valid UTF-8", nil
	}
	return strings.TrimSpace(string(content)), "", nil
}

// fromContext reads a value by its key or, where no key is called so, by a path
// with dots.
func (s *scope) fromContext(ctx context.Context, n *yaml.Node, key string) (any, string, error) {
	if v, ok, err := s.contextKey(ctx, key); ok || err != nil {
		return v, "", err
	}
	parts := strings.Split(key, ".")
	for i := len(parts) - 1; i > 0; i-- {
		v, ok, err := s.contextKey(ctx, strings.Join(parts[:i], "."))
		if err != nil {
			return nil, "", err
		}
		for _, part := range parts[i:] {
			if ok {
				v, ok = within(v, part)
			}
		}
		if ok {
			return v, "", nil
		}
	}
	return nil, "not set", nil
}

// contextKey is a value by its whole key: that of whoever applies the document
// over its own, that over what is always there.
func (s *scope) contextKey(ctx context.Context, key string) (any, bool, error) {
	v, ok := s.basis[key]
	if node := child(s.d.Context, key); node != nil {
		own, err := s.resolve(ctx, node)
		if err != nil {
			return nil, true, err
		}
		v, ok = own, true
	}
	if above, set := s.context[key]; set {
		v, ok = overlay(v, above), true
	}
	return v, ok, nil
}

// within is one step into a value: a key of a mapping or an index of a list.
func within(v any, part string) (any, bool) {
	switch v := v.(type) {
	case map[string]any:
		inner, ok := v[part]
		return inner, ok
	case []any:
		if i, err := strconv.Atoi(part); err == nil && i >= 0 && i < len(v) {
			return v[i], true
		}
	}
	return nil, false
}

func (s *scope) ifTag(ctx context.Context, n *yaml.Node) (any, error) {
	if n.Kind != yaml.SequenceNode || (len(n.Content) != 1 && len(n.Content) != 3) {
		return nil, wrongAt(n, "!If: expected [condition] or [condition, yes, no]")
	}
	v, err := s.ask(ctx, n.Content[0])
	switch {
	case err != nil:
		return nil, err
	case len(n.Content) == 1:
		return truthy(v), nil
	case truthy(v):
		return s.resolve(ctx, n.Content[1])
	}
	return s.resolve(ctx, n.Content[2])
}

func (s *scope) condition(ctx context.Context, n *yaml.Node) (any, error) {
	if n.Kind != yaml.SequenceNode || len(n.Content) < 2 {
		return nil, wrongAt(n, "!Condition: expected [MODE, value, …]")
	}
	mode, err := s.text(ctx, n.Content[0], "!Condition")
	if err != nil {
		return nil, err
	}
	trues, equal := 0, true
	var first any
	for i, item := range n.Content[1:] {
		v, err := s.ask(ctx, item)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			first = v
		}
		equal = equal && same(first, v)
		if truthy(v) {
			trues++
		}
	}
	all := len(n.Content) - 1
	switch strings.ToUpper(mode) {
	case "AND":
		return trues == all, nil
	case "NAND":
		return trues != all, nil
	case "OR":
		return trues > 0, nil
	case "NOR":
		return trues == 0, nil
	case "XOR":
		return trues%2 == 1, nil
	case "XNOR":
		return trues%2 == 0, nil
	case "EQ":
		return equal, nil
	case "NEQ":
		return !equal, nil
	}
	return nil, wrongAt(n.Content[0], "!Condition: mode %q; expected AND, NAND, OR, NOR, XOR, XNOR, EQ or NEQ", mode)
}

func (s *scope) atIndex(ctx context.Context, n *yaml.Node) (any, error) {
	if n.Kind != yaml.SequenceNode || len(n.Content) != 2 && len(n.Content) != 3 {
		return nil, wrongAt(n, "!AtIndex: expected [list or mapping, index or key] or [list or mapping, index or key, default]")
	}
	from, err := s.list(ctx, n.Content[:2])
	if err != nil {
		return nil, err
	}
	found, ok := any(nil), false
	switch v := from[0].(type) {
	case []any:
		i, isInt := from[1].(int)
		if !isInt {
			return nil, wrongAt(n.Content[1], "!AtIndex: expected a number as the index of a list, got %s", kindOf(from[1]))
		}
		if i < 0 {
			i += len(v) // from the end
		}
		if ok = i >= 0 && i < len(v); ok {
			found = v[i]
		}
	case map[string]any:
		found, ok = v[display(from[1])]
	default:
		return nil, wrongAt(n.Content[0], "!AtIndex: expected a list or a mapping, got %s", kindOf(v))
	}
	switch {
	case ok:
		return found, nil
	case len(n.Content) == 3:
		return s.resolve(ctx, n.Content[2])
	}
	return nil, wrongAt(n, "!AtIndex: there is nothing at %s; a third value would be the default", display(from[1]))
}

func parseJSON(n *yaml.Node) (any, error) {
	if n.Kind != yaml.ScalarNode {
		return nil, wrongAt(n, "!ParseJSON: expected a text")
	}
	decoder := json.NewDecoder(strings.NewReader(n.Value))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		return nil, wrongAt(n, "!ParseJSON: not valid JSON: %v", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, wrongAt(n, "!ParseJSON: expected one JSON value")
	}
	return numbers(n, v, 0)
}

// numbers makes the numbers of JSON those of YAML.
func numbers(n *yaml.Node, v any, depth int) (_ any, err error) {
	if depth > maxDepth {
		return nil, wrongAt(n, "nested more than %d deep", maxDepth)
	}
	switch v := v.(type) {
	case json.Number:
		if i, err := strconv.Atoi(v.String()); err == nil {
			return i, nil
		}
		f, err := v.Float64()
		if err != nil {
			return nil, wrongAt(n, "expected a finite number")
		}
		return f, nil
	case []any:
		for i := range v {
			if v[i], err = numbers(n, v[i], depth+1); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for key := range v {
			if v[key], err = numbers(n, v[key], depth+1); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}
