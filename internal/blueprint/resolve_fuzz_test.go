package blueprint

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/fstest"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

var fuzzSeeds = []string{
	"version: 1\nentries: [&a [*a]]",
	"version: 1\ncontext: {a: &x {b: 1}, c: {<<: *x}}\nentries:\n  s:\n    - {model: m.n, id: i, identifiers: {a: !Context c.b}, attrs: {b: !KeyOf i}}\n",
	"version: 1\nentries: [{model: m.n, identifiers: {a: !Format ['%5.2f %s %-3d %r', 1.5, x, 3, [a]]}}]",
	"version: 1\nentries: [{model: m.n, identifiers: {a: !Enumerate [[1, 2], MAP, [!Index 0, !Value 0]]}}]",
	"version: 1\nentries: [{model: m.n, identifiers: {a: !Enumerate [abc, SEQ, !Enumerate [!Value 1, SEQ, !Value 1]]}}]",
	"version: 1\nentries: [{model: m.n, conditions: [!Condition [EQ, !Env A, !File x]], identifiers: {a: !If [!Find [m.n, [a__in, [1]]], 1, 2]}}]",
	"version: 1\nentries: [{model: m.n, identifiers: {a: !AtIndex [!ParseJSON '{\"a\": [1]}', a, z], b: !FindObject [m.n, [a, b], {default: !Context [q, 1]}]}}]",
	"version: 1\nentries: [{model: !Context m, state: !Env S, identifiers: !Context all, attrs: ~, permissions: [], conditions: ~}]",
	"version: 1\ncontext: {l: !Context l, t: !Format ['%s%s', !Context t2, !Context t2], t2: !Format ['%999s%999s', a, b]}\nentries: [{model: m.n, identifiers: {a: !Context t}}]",
}

// Whatever a file says, it is resolved or refused with its place, in bounded
// time and memory.
func FuzzResolve(f *testing.F) {
	for _, s := range fuzzSeeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		d, err := Parse("fuzz.yaml", content)
		if err != nil {
			if len(Problems(err)) == 0 || !idp.Is(err, idp.CodeInvalid) || d != nil {
				t.Fatalf("not a fault of the input: %v", err)
			}
			return
		}
		d.Files = fstest.MapFS{"x": {Data: []byte("text")}}
		s := &scope{d: d, env: func(string) string { return "set" }, context: map[string]any{"given": []any{1, "a"}},
			known: map[string]*outcome{"i": {pk: "pk"}, "left": {skipped: true}}}
		s.find = func(_ context.Context, model string, q query) (*thing, error) {
			if _, err := q.fits(context.Background(), about{}, &thing{data: map[string]any{"a": 1.0, "m": map[string]any{"k": "v"}}}, nil); err != nil {
				return nil, err
			}
			return &thing{pk: model, data: map[string]any{}}, nil
		}
		for i := range d.Entries {
			e := &d.Entries[i]
			for _, n := range []*yaml.Node{e.model, e.state, e.Identifiers, e.Attrs, e.conditions, e.permissions} {
				v, err := s.resolve(t.Context(), n)
				judge(t, v, err)
			}
		}
	})
}

func judge(t *testing.T, v any, err error) {
	var w *wrong
	var on *dependent
	if err != nil {
		if !errors.As(err, &w) && !errors.As(err, &on) {
			t.Fatalf("an error without a place: %v", err)
		}
		return
	}
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("a value that is no data: %v", err)
	}
	if len(raw) > 8*maxBytes {
		t.Fatalf("%d bytes", len(raw))
	}
}

func FuzzFormat(f *testing.F) {
	for _, s := range []string{"%s", "%05.1f|%-4d", "%%", "%(a)s", "%+x%#o", "%c%r%a", "%1000s", "% i", "%.3s"} {
		f.Add(s, "text", 42, 1.5)
	}
	f.Fuzz(func(t *testing.T, format, a string, b int, c float64) {
		for _, args := range [][]any{{}, {a}, {b}, {c}, {a, b}, {c, true, nil}, {[]any{a, b}}, {map[string]any{a: c}}} {
			out, err := percent(format, args)
			if err == nil && (len(out) > 4*maxText || utf8.ValidString(format) && utf8.ValidString(a) && !utf8.ValidString(out)) {
				t.Fatalf("%q %% %v = %d bytes", format, args, len(out))
			}
		}
	})
}
