package blueprint

import (
	"context"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
)

// maxDepth is how deep values may be nested.
const maxDepth = 50

// scope is what tags may refer to while one document is applied.
type scope struct {
	file    string
	context map[string]any
	env     func(string) string
	known   map[string]string // entry id → pk
	depth   int
	find    func(ctx context.Context, model string, fields map[string]any) (string, bool, error)
}

// resolve turns a node into plain data, running its tags.
func (s *scope) resolve(ctx context.Context, n *yaml.Node) (any, error) {
	if n == nil {
		return nil, nil
	}
	// An alias may stand inside what it stands for.
	if s.depth++; s.depth > maxDepth {
		return nil, fault(s.file, n, "nested more than %d deep", maxDepth)
	}
	defer func() { s.depth-- }()
	if n.Kind == yaml.AliasNode {
		return s.resolve(ctx, n.Alias)
	}
	if strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
		return s.tag(ctx, n)
	}
	switch n.Kind {
	case yaml.MappingNode:
		out := map[string]any{}
		err := pairs(s.file, n, func(key string, value *yaml.Node) error {
			v, err := s.resolve(ctx, value)
			out[key] = v
			return err
		})
		return out, err
	case yaml.SequenceNode:
		return s.list(ctx, n)
	}
	var v any
	if err := n.Decode(&v); err != nil {
		return nil, fault(s.file, n, "%v", err)
	}
	return v, nil
}

func (s *scope) list(ctx context.Context, n *yaml.Node) ([]any, error) {
	out := make([]any, 0, len(n.Content))
	for _, item := range n.Content {
		v, err := s.resolve(ctx, item)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func (s *scope) tag(ctx context.Context, n *yaml.Node) (any, error) {
	switch n.Tag {
	case "!KeyOf":
		pk, ok := s.known[n.Value]
		if !ok {
			return nil, fault(s.file, n, "!KeyOf %s: no earlier entry has this id", n.Value)
		}
		return pk, nil
	case "!Env":
		return s.lookup(ctx, n, func(key string) (any, bool) { v := s.env(key); return v, v != "" })
	case "!Context":
		return s.lookup(ctx, n, func(key string) (any, bool) { v, ok := s.context[key]; return v, ok })
	case "!Find":
		return s.findTag(ctx, n)
	case "!Format":
		return s.format(ctx, n)
	case "!Condition":
		return s.condition(ctx, n)
	case "!If":
		return s.ifTag(ctx, n)
	}
	return nil, fault(s.file, n, "unknown tag %s; expected !KeyOf, !Find, !Context, !Env, !Format, !Condition or !If", n.Tag)
}

// lookup serves the tags of the form NAME or [NAME, default].
func (s *scope) lookup(ctx context.Context, n *yaml.Node, get func(string) (any, bool)) (any, error) {
	key, fallback := n.Value, (*yaml.Node)(nil)
	if n.Kind == yaml.SequenceNode {
		if len(n.Content) != 2 {
			return nil, fault(s.file, n, "%s: expected [name, default]", n.Tag)
		}
		key, fallback = n.Content[0].Value, n.Content[1]
	}
	if v, ok := get(key); ok {
		return v, nil
	}
	return s.resolve(ctx, fallback)
}

func (s *scope) findTag(ctx context.Context, n *yaml.Node) (any, error) {
	if n.Kind != yaml.SequenceNode || len(n.Content) < 2 {
		return nil, fault(s.file, n, "!Find: expected [model, [field, value], …]")
	}
	model, fields := n.Content[0].Value, map[string]any{}
	for _, pair := range n.Content[1:] {
		if pair.Kind != yaml.SequenceNode || len(pair.Content) != 2 {
			return nil, fault(s.file, pair, "!Find: expected [field, value]")
		}
		v, err := s.resolve(ctx, pair.Content[1])
		if err != nil {
			return nil, err
		}
		fields[pair.Content[0].Value] = v
	}
	pk, ok, err := s.find(ctx, model, fields)
	if err != nil {
		return nil, fault(s.file, n, "!Find: %v", err)
	}
	if !ok {
		// The original answers null here and leaves a flow without its stage.
		return nil, fault(s.file, n, "!Find: no %s matches %v", model, fields)
	}
	return pk, nil
}

func (s *scope) format(ctx context.Context, n *yaml.Node) (any, error) {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		return nil, fault(s.file, n, "!Format: expected [format, value, …]")
	}
	args, err := s.list(ctx, n)
	if err != nil {
		return nil, err
	}
	text, _ := args[0].(string)
	if strings.Count(text, "%s") != len(args)-1 {
		return nil, fault(s.file, n, "!Format: the format has %d %%s for %d values", strings.Count(text, "%s"), len(args)-1)
	}
	for _, v := range args[1:] {
		text = strings.Replace(text, "%s", fmt.Sprint(v), 1)
	}
	return text, nil
}

func (s *scope) condition(ctx context.Context, n *yaml.Node) (any, error) {
	if n.Kind != yaml.SequenceNode || len(n.Content) < 2 {
		return nil, fault(s.file, n, "!Condition: expected [MODE, value, …]")
	}
	values, err := s.list(ctx, &yaml.Node{Kind: yaml.SequenceNode, Content: n.Content[1:]})
	if err != nil {
		return nil, err
	}
	trues := 0
	for _, v := range values {
		if truthy(v) {
			trues++
		}
	}
	switch strings.ToUpper(n.Content[0].Value) {
	case "AND":
		return trues == len(values), nil
	case "NAND":
		return trues != len(values), nil
	case "OR":
		return trues > 0, nil
	case "NOR":
		return trues == 0, nil
	case "XOR":
		return trues%2 == 1, nil
	case "XNOR":
		return trues%2 == 0, nil
	}
	return nil, fault(s.file, n.Content[0], "!Condition: mode %q; expected AND, NAND, OR, NOR, XOR or XNOR", n.Content[0].Value)
}

func (s *scope) ifTag(ctx context.Context, n *yaml.Node) (any, error) {
	if n.Kind != yaml.SequenceNode || (len(n.Content) != 1 && len(n.Content) != 3) {
		return nil, fault(s.file, n, "!If: expected [condition] or [condition, yes, no]")
	}
	v, err := s.resolve(ctx, n.Content[0])
	if err != nil {
		return nil, err
	}
	if len(n.Content) == 1 {
		return truthy(v), nil
	}
	if truthy(v) {
		return s.resolve(ctx, n.Content[1])
	}
	return s.resolve(ctx, n.Content[2])
}

// truthy follows the format's origin: empty and zero are false.
func truthy(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case int:
		return v != 0
	case int64:
		return v != 0
	case float64:
		return v != 0
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	return true
}
