package stages_test

import (
	"fmt"
	"testing"

	"github.com/portcullis-idp/portcullis/internal/flow"
)

// BenchmarkFirstPage plans the shipped sign-in flow and shows its first page,
// as every stranger's request does.
func BenchmarkFirstPage(b *testing.B) {
	w := newWorld(b)
	one := w.browser("one")
	b.ResetTimer()
	for range b.N {
		one.get(signIn)
	}
}

// BenchmarkIdentification answers the first page: one commit.
func BenchmarkIdentification(b *testing.B) {
	w := newWorld(b)
	w.user("ada")
	before := w.store.commits.Load()
	b.ResetTimer()
	for i := range b.N {
		one := w.browser(fmt.Sprint(i))
		one.keep(w.flows.Solve(w.ctx, one.visit(signIn), flow.Input{"uid_field": "ada"}))
	}
	b.ReportMetric(float64(w.store.commits.Load()-before)/float64(b.N), "commits/op")
}
