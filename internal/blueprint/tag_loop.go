package blueprint

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// frame is one !Enumerate under way.
type frame struct {
	open  bool // past its iterable
	index any  // the number of the value, or its key in a mapping
	value any
}

// enumerate serves [iterable, SEQ or MAP, body]. A mapping is gone through in the
// order of its keys, which stand for the index; the values of a text are its
// characters.
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
	rounds, err := iterable(n.Content[0], over)
	if err != nil {
		return nil, err
	}
	mode, err := s.text(ctx, n.Content[1], "!Enumerate")
	if err != nil {
		return nil, err
	}
	f.open = true
	switch strings.ToUpper(mode) {
	case "SEQ":
		out := make([]any, 0, len(rounds))
		for _, round := range rounds {
			f.index, f.value = round.index, round.value
			v, err := s.resolve(ctx, n.Content[2])
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	case "MAP":
		out := map[string]any{}
		for _, round := range rounds {
			f.index, f.value = round.index, round.value
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

// gather puts the keys of from into a mapping of ours, level by level; lists are
// put behind one another.
func gather(into, from map[string]any) {
	for key, v := range from {
		switch above := v.(type) {
		case map[string]any:
			below, ours := into[key].(map[string]any)
			if !ours {
				below = map[string]any{}
				into[key] = below
			}
			gather(below, above)
		case []any:
			below, _ := into[key].([]any) // ours as well: made of nothing the first time
			into[key] = append(below, above...)
		default:
			into[key] = v
		}
	}
}

// round is one value that an !Enumerate goes through.
type round struct{ index, value any }

func iterable(n *yaml.Node, v any) ([]round, error) {
	var out []round
	switch v := v.(type) {
	case []any:
		for i, value := range v {
			out = append(out, round{i, value})
		}
	case string:
		for _, r := range v {
			out = append(out, round{len(out), string(r)})
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			out = append(out, round{key, v[key]})
		}
	default:
		return nil, wrongAt(n, "!Enumerate: expected a list, a mapping or a text, got %s", kindOf(v))
	}
	return out, nil
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
