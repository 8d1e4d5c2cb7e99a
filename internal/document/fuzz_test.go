package document_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portcullis-idp/portcullis/internal/document"
)

// FuzzDecode: whatever somebody writes, reading it ends with documents or with
// problems that say where, and what was read is written as something that reads
// the same.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"kind: lock\nversion: v2\nmetadata: {name: " + name + "}\nspec:\n  target: {user: alice}\n  expires: 2026-12-01T22:27:00Z\n",
		"kind: role\nname: a\nspec: {allow: {rules: [{resources: [lock], verbs: ['*'], where: 'true'}]}, options: {lock: strict}}\n---\nkind: lock\ntarget: {source_asn: 64496}\n",
		`[{"kind": "cluster_auth_preference", "locking_mode": "strict"}, {"kind": "lock", "spec": {"target": {"login": "r\"\\\ud83d\ude00"}}}]`,
		"a: &a [*a]\n", "{\"a\": [1, -2.5e3, true, null]}", "kind: lock\n? [a]\n: b\n", "!!binary aGVsbG8=", "%YAML 1.1\n---\nkind: lock", "kind: role\nname: \"\\x85\\u2028\"\nspec: {}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		got, err := document.Decode("f", content)
		if err != nil {
			var e *document.Error
			if !errors.As(err, &e) || len(e.Problems) == 0 || got != nil {
				t.Fatalf("%q: %v", content, err)
			}
			for _, p := range e.Problems {
				if p.Line > bytes.Count(content, []byte("\n"))+bytes.Count(content, []byte("\r"))+1+bytes.Count(content, []byte("\u0085"))+bytes.Count(content, []byte("\u2028"))+bytes.Count(content, []byte("\u2029")) {
					t.Fatalf("%q has no line %d: %v", content, p.Line, p)
				}
			}
			return
		}
		for what, encode := range map[string]func(*bytes.Buffer) error{
			"YAML": func(b *bytes.Buffer) error { return document.EncodeYAML(b, got...) },
			"JSON": func(b *bytes.Buffer) error { return document.EncodeJSON(b, got...) },
		} {
			var out bytes.Buffer
			if err := encode(&out); err != nil {
				t.Fatalf("%s of %q: %v", what, content, err)
			}
			again, err := document.Decode("f", out.Bytes())
			if err != nil {
				t.Fatalf("%s of %q is %q: %v", what, content, out.Bytes(), err)
			}
			for i := range again {
				again[i].Line = got[i].Line
			}
			if diff := cmp.Diff(got, again, sameEmpty); diff != "" {
				t.Fatalf("%s of %q is %q: %s", what, content, out.Bytes(), diff)
			}
		}
	})
}
