package blueprint

import (
	"fmt"
	"math"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// Bounds of what one document may cost: a few lines of aliases or loops could
// otherwise stand for more than any memory holds.
const (
	maxDepth = 50        // how deep values may be nested
	maxSteps = 200_000   // values looked at
	maxBytes = 16 << 20  // of the values that tags give
	maxText  = 1_000_000 // characters of one text that !Format makes
	maxName  = 1000      // characters of a name in a tag
	maxTold  = 500       // problems of one document
	// maxEntries is how many entries a document may have.
	maxEntries = 10_000
)

// wrong is a fault at a place of the file.
type wrong struct {
	at          *yaml.Node
	field       string // "" = what the place is in
	message     string
	unsupported bool
}

// Error implements error.
func (w *wrong) Error() string { return w.message }

func wrongAt(n *yaml.Node, format string, args ...any) error {
	return &wrong{at: n, message: fmt.Sprintf(format, args...)}
}

// budget is what a document has used up.
type budget struct{ steps, bytes int }

// step counts one value.
func (b *budget) step(n *yaml.Node) error {
	if b.steps++; b.steps > maxSteps {
		return wrongAt(n, "too large: more than %d values when everything is written out", maxSteps)
	}
	return nil
}

// charge counts a value that a tag gave, all of it.
func (b *budget) charge(n *yaml.Node, v any) error {
	switch v := v.(type) {
	case string:
		b.bytes += len(v)
	case []any:
		for _, item := range v {
			if err := b.charge(n, item); err != nil {
				return err
			}
		}
	case map[string]any:
		for key, item := range v {
			b.bytes += len(key)
			if err := b.charge(n, item); err != nil {
				return err
			}
		}
	}
	if b.bytes += 16; b.bytes > maxBytes {
		return wrongAt(n, "too large: more than %d bytes when everything is written out", maxBytes)
	}
	return nil
}

// tagged reports whether a tag of the format stands at the node.
func tagged(n *yaml.Node) bool {
	return n != nil && strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!")
}

// deref follows an alias.
func deref(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// pair is one key of a mapping.
type pair struct {
	key   string
	value *yaml.Node
}

// pairs lists a mapping with what its merge keys (<<) bring in: a key of its own
// goes before a merged one, an earlier merge before a later. A key may stand only
// once.
func pairs(n *yaml.Node, b *budget) ([]pair, error) { return mergedPairs(n, b, 0) }

func mergedPairs(n *yaml.Node, b *budget, depth int) ([]pair, error) {
	at := n
	if n = deref(n); n.Kind != yaml.MappingNode || tagged(n) {
		return nil, wrongAt(at, "expected a mapping")
	}
	if depth > maxDepth {
		return nil, wrongAt(at, "nested more than %d deep", maxDepth)
	}
	var out []pair
	var merges []*yaml.Node
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if err := b.step(n.Content[i]); err != nil {
			return nil, err
		}
		key, value := deref(n.Content[i]), n.Content[i+1]
		switch {
		case key.Tag == "!!merge":
			merges = append(merges, value)
		case key.Kind != yaml.ScalarNode || tagged(key):
			return nil, wrongAt(n.Content[i], "expected a plain text as key")
		case seen[key.Value]:
			return nil, wrongAt(n.Content[i], "key %q stands twice", key.Value)
		default:
			seen[key.Value] = true
			out = append(out, pair{key.Value, value})
		}
	}
	for _, m := range merges {
		list, err := mergeSource(m, b, depth)
		if err != nil {
			return nil, err
		}
		for _, item := range list {
			if !seen[item.key] {
				seen[item.key] = true
				out = append(out, item)
			}
		}
	}
	return out, nil
}

// mergeSource lists what stands behind a merge key: a mapping or a list of them.
func mergeSource(n *yaml.Node, b *budget, depth int) ([]pair, error) {
	if deref(n).Kind != yaml.SequenceNode {
		return mergedPairs(n, b, depth+1)
	}
	var out []pair
	for _, item := range deref(n).Content {
		list, err := mergedPairs(item, b, depth+1)
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	return out, nil
}

// child is the value of a mapping's own key, nil when there is none.
func child(n *yaml.Node, key string) *yaml.Node {
	if n = deref(n); n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// scalar is the plain value of a node without a tag of the format. Unquoted yes,
// no, on and off are true and false, as in YAML 1.1, which the format was made
// with.
func scalar(n *yaml.Node) (any, error) {
	switch n.Tag {
	case "!!str":
		if n.Style == 0 {
			switch strings.ToLower(n.Value) {
			case "yes", "on":
				return true, nil
			case "no", "off":
				return false, nil
			}
		}
		return n.Value, nil
	case "!!int":
		digits := strings.TrimLeft(n.Value, "+-")
		if len(digits) > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9' {
			return nil, wrongAt(n, "%s would be read as an octal number; write it without the leading zero, with 0o in front, or in quotes", n.Value)
		}
	case "!!timestamp":
		var t time.Time
		if err := n.Decode(&t); err != nil {
			return nil, wrongAt(n, "%v", err)
		}
		if len(n.Value) == len(time.DateOnly) {
			return n.Value, nil
		}
		return t.UTC().Format(time.RFC3339Nano), nil
	case "!!float", "!!bool", "!!null":
	default:
		return nil, wrongAt(n, "YAML's own tag %s is not used here", n.Tag)
	}
	var v any
	if err := n.Decode(&v); err != nil {
		return nil, wrongAt(n, "%v", err)
	}
	if f, ok := v.(float64); ok && (math.IsInf(f, 0) || math.IsNaN(f)) {
		return nil, wrongAt(n, "expected a finite number")
	}
	return v, nil
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
	case uint64:
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

// overlay puts upper over lower: mappings are merged, anything else is replaced.
func overlay(lower, upper any) any {
	below, ok := lower.(map[string]any)
	above, both := upper.(map[string]any)
	if !ok || !both {
		return upper
	}
	out := make(map[string]any, len(below)+len(above))
	for key, v := range below {
		out[key] = v
	}
	for key, v := range above {
		if old, ok := out[key]; ok {
			v = overlay(old, v)
		}
		out[key] = v
	}
	return out
}
