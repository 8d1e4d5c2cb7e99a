package blueprint

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// criterion is one field that an object must have. The field may go on with
// names behind double underscores: keys of a mapping, fields of what it refers
// to, and last how to compare.
type criterion struct {
	field string
	want  any
}

// query is criteria that must all hold.
type query []criterion

// exact are the criteria that name a field and nothing more.
func (q query) exact() map[string]any {
	out := map[string]any{}
	for _, c := range q {
		field := strings.TrimSuffix(c.field, "__exact")
		if !strings.Contains(field, "__") {
			out[field] = c.want
		}
	}
	return out
}

func (q query) String() string {
	parts := make([]string, len(q))
	for i, c := range q {
		parts[i] = c.field + " " + display(c.want)
	}
	return strings.Join(parts, ", ")
}

// comparisons are the ways to compare, as Django's field lookups name them.
var comparisons = map[string]func(got, want any) (bool, error){
	"exact":       func(got, want any) (bool, error) { return matches(got, want), nil },
	"iexact":      folded(func(got, want string) bool { return got == want }),
	"contains":    contains,
	"icontains":   folded(strings.Contains),
	"startswith":  textual(strings.HasPrefix),
	"istartswith": folded(strings.HasPrefix),
	"endswith":    textual(strings.HasSuffix),
	"iendswith":   folded(strings.HasSuffix),
	"in":          among,
	"isnull":      isNull,
	"gt":          ordered(func(c int) bool { return c > 0 }),
	"gte":         ordered(func(c int) bool { return c >= 0 }),
	"lt":          ordered(func(c int) bool { return c < 0 }),
	"lte":         ordered(func(c int) bool { return c <= 0 }),
}

// matches compares a field with what an entry identifies it by: mappings need
// hold only what is asked for.
func matches(got, want any) bool {
	if w, ok := want.(map[string]any); ok {
		g, ok := got.(map[string]any)
		if !ok {
			return false
		}
		for key, v := range w {
			if inner, ok := g[key]; !ok || !matches(inner, v) {
				return false
			}
		}
		return true
	}
	return same(got, want)
}

// same compares values; YAML and JSON may differ in the kind of number, and
// primary keys may be written as texts.
func same(a, b any) bool { return text(a) == text(b) }

func textual(compare func(got, want string) bool) func(any, any) (bool, error) {
	return func(got, want any) (bool, error) {
		w, ok := want.(string)
		if !ok {
			return false, fmt.Errorf("expected a text, got %s", kindOf(want))
		}
		g, ok := got.(string)
		return ok && compare(g, w), nil
	}
}

func folded(compare func(got, want string) bool) func(any, any) (bool, error) {
	return textual(func(got, want string) bool { return compare(strings.ToLower(got), strings.ToLower(want)) })
}

func contains(got, want any) (bool, error) {
	switch g := got.(type) {
	case map[string]any:
		return matches(g, want), nil
	case []any:
		return slices.ContainsFunc(g, func(v any) bool { return same(v, want) }), nil
	}
	return textual(strings.Contains)(got, want)
}

func among(got, want any) (bool, error) {
	list, ok := want.([]any)
	if !ok {
		return false, fmt.Errorf("expected a list, got %s", kindOf(want))
	}
	return slices.ContainsFunc(list, func(v any) bool { return same(got, v) }), nil
}

func isNull(got, want any) (bool, error) {
	null, ok := want.(bool)
	if !ok {
		return false, fmt.Errorf("expected true or false, got %s", kindOf(want))
	}
	return (got == nil) == null, nil
}

func ordered(fits func(int) bool) func(any, any) (bool, error) {
	return func(got, want any) (bool, error) {
		if w, ok := want.(string); ok {
			g, ok := got.(string)
			return ok && fits(strings.Compare(g, w)), nil
		}
		w, err := strconv.ParseFloat(text(want), 64)
		if err != nil {
			return false, fmt.Errorf("expected a number or a text, got %s", kindOf(want))
		}
		g, err := strconv.ParseFloat(text(got), 64)
		return err == nil && fits(int(max(-1, min(1, (g-w)*1e9)))), nil
	}
}

// fits reports whether an object is what the query asks for.
func (q query) fits(ctx context.Context, a about, t *thing, refer func(context.Context, string, string) (*thing, error)) (bool, error) {
	for _, c := range q {
		ok, err := c.fits(ctx, a, t, refer)
		if err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

func (c criterion) fits(ctx context.Context, a about, t *thing, refer func(context.Context, string, string) (*thing, error)) (bool, error) {
	parts := strings.Split(c.field, "__")
	if parts[0] == "pk" || parts[0] == "id" || parts[0] == "uuid" && t.data["uuid"] == nil {
		if len(parts) == 1 {
			return display(t.key()) == display(c.want), nil
		}
		return c.compare(parts[1:], t.key(), c.want)
	}
	got, known := t.data[parts[0]]
	if !known || a.secret(parts[0]) {
		return false, idp.Invalid(c.field, "unknown field; expected one of %s", strings.Join(fieldNames(t), ", "))
	}
	return c.through(ctx, a.ref(parts[0]), parts[1:], got, refer)
}

// through goes on into what a field refers to; of a list, one has to fit.
func (c criterion) through(ctx context.Context, ref string, parts []string, got any, refer func(context.Context, string, string) (*thing, error)) (bool, error) {
	if ref == "" || len(parts) == 0 || comparisons[parts[0]] != nil || got == nil {
		return c.compare(parts, got, c.want)
	}
	if list, ok := got.([]any); ok {
		for _, item := range list {
			if ok, err := c.through(ctx, ref, parts, item, refer); ok || err != nil {
				return ok, err
			}
		}
		return false, nil
	}
	other, err := refer(ctx, ref, keyText(got))
	if err != nil || other == nil {
		return false, err
	}
	next, known := other.data[parts[0]]
	if !known || slices.Contains(other.hidden, parts[0]) {
		return false, idp.Invalid(c.field, "what it refers to has no field %q; expected one of %s", parts[0], strings.Join(fieldNames(other), ", "))
	}
	return c.through(ctx, other.refs[parts[0]], parts[1:], next, refer)
}

// compare goes on into a value and compares what is there.
func (c criterion) compare(parts []string, got, want any) (bool, error) {
	for i, part := range parts {
		compare := comparisons[part]
		last := i == len(parts)-1
		if inner, ok := got.(map[string]any); ok && !(last && compare != nil) {
			got = inner[part]
			continue
		}
		if !last || compare == nil {
			if got == nil && compare == nil {
				return false, nil // inside a key that this object does not have
			}
			return false, idp.Invalid(c.field, "cannot be looked up by %q; expected one of %s", part, strings.Join(slices.Sorted(maps.Keys(comparisons)), ", "))
		}
		if got == nil && part != "isnull" && part != "exact" {
			return false, nil
		}
		ok, err := compare(got, want)
		if err != nil {
			return false, idp.Invalid(c.field, "%v", err)
		}
		return ok, nil
	}
	if list, ok := got.([]any); ok {
		if _, all := want.([]any); !all {
			return slices.ContainsFunc(list, func(v any) bool { return same(v, want) }), nil
		}
	}
	return matches(got, want), nil
}

func fieldNames(t *thing) []string {
	return append([]string{"pk"}, slices.Sorted(maps.Keys(t.data))...)
}

// text is a value as JSON, for comparisons.
func text(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(raw)
}
