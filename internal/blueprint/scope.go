package blueprint

import (
	"context"

	"go.yaml.in/yaml/v4"
)

// scope is what tags may refer to while one document is applied.
type scope struct {
	budget
	d       *Document
	env     func(string) string
	context map[string]any      // over the document's own
	basis   map[string]any      // under the document's own
	known   map[string]*outcome // of entries, by their id
	leftOut map[string]bool     // models of entries that are not offered
	frames  []*frame            // of !Enumerate, the innermost last
	depth   int
	asking  int // > 0 inside a condition: !Find may find nothing
	// find looks for an object; nil when there is none.
	find func(ctx context.Context, model string, q query) (*thing, error)
	// warn hears of a !File that could not be read and has a default.
	warn func(n *yaml.Node, message string)
}

// outcome is what became of an entry with an id.
type outcome struct {
	entry   int
	pk      any  // nil = none
	unmet   bool // its conditions leave it out
	skipped bool // what it wants is not offered
	failed  bool // has a problem
}

// dependent is the error of an entry that refers to one that came to nothing.
type dependent struct {
	at *yaml.Node
	on *outcome
	id string
}

// Error implements error.
func (d *dependent) Error() string { return "refers to " + d.id }

// resolve turns a node into plain data, running its tags.
func (s *scope) resolve(ctx context.Context, n *yaml.Node) (any, error) {
	if n == nil {
		return nil, nil
	}
	if err := s.step(n); err != nil {
		return nil, err
	}
	// An alias may stand inside what it stands for.
	if s.depth++; s.depth > maxDepth {
		return nil, wrongAt(n, "nested more than %d deep", maxDepth)
	}
	defer func() { s.depth-- }()
	switch {
	case n.Kind == yaml.AliasNode:
		return s.resolve(ctx, n.Alias)
	case tagged(n):
		v, err := s.tag(ctx, n)
		if err != nil {
			return nil, err
		}
		return v, s.charge(n, v)
	case n.Kind == yaml.MappingNode:
		return s.mapping(ctx, n)
	case n.Kind == yaml.SequenceNode:
		return s.list(ctx, n.Content)
	}
	v, err := scalar(n)
	if err != nil {
		return nil, err
	}
	return v, s.charge(n, v)
}

func (s *scope) mapping(ctx context.Context, n *yaml.Node) (map[string]any, error) {
	list, err := pairs(n, &s.budget)
	if err != nil {
		return nil, err
	}
	out := make(map[string]any, len(list))
	for _, item := range list {
		if out[item.key], err = s.resolve(ctx, item.value); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *scope) list(ctx context.Context, nodes []*yaml.Node) ([]any, error) {
	out := make([]any, 0, len(nodes))
	for _, item := range nodes {
		v, err := s.resolve(ctx, item)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// ask resolves a condition.
func (s *scope) ask(ctx context.Context, n *yaml.Node) (any, error) {
	s.asking++
	defer func() { s.asking-- }()
	return s.resolve(ctx, n)
}

// text resolves a node that must be a text.
func (s *scope) text(ctx context.Context, n *yaml.Node, what string) (string, error) {
	v, err := s.resolve(ctx, n)
	if err != nil {
		return "", err
	}
	text, ok := v.(string)
	if !ok {
		return "", wrongAt(n, "%s: expected a text, got %s", what, kindOf(v))
	}
	return text, nil
}

// kindOf names the kind of a value for people.
func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "nothing"
	case bool:
		return "true or false"
	case string:
		return "a text"
	case []any:
		return "a list"
	case map[string]any:
		return "a mapping"
	}
	return "a number"
}
