package blueprint

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v4"
)

// frame is one !Enumerate under way.
type frame struct {
	open  bool // past its iterable
	index int
	value any
}

// enumerate serves [iterable, SEQ or MAP, body]. The values of a mapping are
// [key, value], by key; those of a text its characters.
func (s *scope) enumerate(ctx context.Context, n *yaml.Node) (any, error) {
	if n.Kind != yaml.SequenceNode || len(n.Content) != 3 {
		return nil, wrongAt(n, "!Enumerate: expected [iterable, SEQ or MAP, body]")
	}
	f := &frame{}
	s.frames = append(s.frames, f)
	defer func() { s.frames = s.frames[:len(s.frames)-1] }()
	over, err := s.resolve(ctx, n.Content[0])
	if err != nil {
		return nil, err
	}
	values, err := iterable(n.Content[0], over)
	if err != nil {
		return nil, err
	}
	mode, err := s.text(ctx, n.Content[1], "!Enumerate")
	if err != nil {
		return nil, err
	}
	f.open = true
	switch mode {
	case "SEQ":
		out := make([]any, 0, len(values))
		for f.index, f.value = range values {
			v, err := s.resolve(ctx, n.Content[2])
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	case "MAP":
		out := map[string]any{}
		for f.index, f.value = range values {
			v, err := s.resolve(ctx, n.Content[2])
			if err != nil {
				return nil, err
			}
			one, err := keyed(n.Content[2], v)
			if err != nil {
				return nil, err
			}
			gather(out, one)
		}
		return out, nil
	}
	return nil, wrongAt(n.Content[1], "!Enumerate: %q; expected SEQ or MAP", mode)
}

// gather puts the keys of from into a mapping of ours, level by level.
func gather(into, from map[string]any) {
	for key, v := range from {
		below, ours := into[key].(map[string]any)
		above, both := v.(map[string]any)
		switch {
		case ours && both:
			gather(below, above)
		case both:
			own := map[string]any{}
			gather(own, above)
			into[key] = own
		default:
			into[key] = v
		}
	}
}

func iterable(n *yaml.Node, v any) ([]any, error) {
	switch v := v.(type) {
	case []any:
		return v, nil
	case string:
		var out []any
		for _, r := range v {
			out = append(out, string(r))
		}
		return out, nil
	case map[string]any:
		var out []any
		for _, key := range slices.Sorted(maps.Keys(v)) {
			out = append(out, []any{key, v[key]})
		}
		return out, nil
	}
	return nil, wrongAt(n, "!Enumerate: expected a list, a mapping or a text, got %s", kindOf(v))
}

// keyed is what one round of MAP gives: [key, value] or a mapping.
func keyed(n *yaml.Node, v any) (map[string]any, error) {
	switch v := v.(type) {
	case map[string]any:
		return v, nil
	case []any:
		if len(v) == 2 {
			return map[string]any{display(v[0]): v[1]}, nil
		}
	}
	return nil, wrongAt(n, "!Enumerate: expected [key, value] or a mapping for MAP, got %s", kindOf(v))
}

// item serves !Index and !Value.
func (s *scope) item(n *yaml.Node) (any, error) {
	depth, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil || depth < 0 {
		return nil, wrongAt(n, "%s: expected how many !Enumerate further out, from 0", n.Tag)
	}
	if depth >= len(s.frames) {
		return nil, wrongAt(n, "%s %d: it stands inside %d !Enumerate; 0 is the innermost", n.Tag, depth, len(s.frames))
	}
	f := s.frames[len(s.frames)-1-depth]
	if !f.open {
		return nil, wrongAt(n, "%s %d: what an !Enumerate goes through cannot be one of its own values; 1 is the next further out", n.Tag, depth)
	}
	if n.Tag == "!Index" {
		return f.index, nil
	}
	return f.value, nil
}
