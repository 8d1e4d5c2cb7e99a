package policy

import (
	"errors"
	"testing"
	"time"
)

// FuzzExpression holds that no source panics, hangs, or fails without an *Error.
// A source that grows without bound ends the fuzzing process by itself.
func FuzzExpression(f *testing.F) {
	for _, source := range greedy {
		f.Add(source)
	}
	for _, source := range deceptive {
		f.Add(source)
	}
	for _, source := range []string{
		`let t = context.pending_user; t != nil and t.pk == http_request.user?.pk`,
		`"<ul>" + join(map(context.lockdown_target_users, "<li>" + escape(.username) + "</li>")) + "</ul>"`,
		`if client_ip matches "^10\\." { message("x") } else { deny("y") }`,
		`cidr_contains(["10.0.0.0/8"], client_ip) ? sort(user.groups) : groupBy(1..3, # % 2)`,
		`sum(map(split("1,2", ","), int(#))) ?? max(1, 2) in [1] | len()`,
		`slugify(regex_replace(user.email, "(.)@", "$1")) startsWith toJSON({"a": [now() - date("2024-01-01")]})[1:-1]`,
		`keys({"a": 1}) == concat(uniq([1]), flatten([[2]]), reverse([3])) or "x" not in values(context.custom)`,
	} {
		f.Add(source)
	}
	f.Fuzz(func(t *testing.T, source string) {
		began := time.Now()
		data, err := evaluate(t, source, request())
		if took := time.Since(began); took > 4*time.Second {
			t.Fatalf("took %v", took)
		}
		var e *Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("%T: %v", err, err)
		}
		if err == nil {
			_, err = Value{Data: data}.HTML()
		}
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("%T: %v", err, err)
		}
		if e != nil && e.Line > 0 && e.Column < 1 {
			t.Fatalf("line %d has no column", e.Line)
		}
	})
}
