package stages_test

import (
	"encoding/json"
	"testing"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/stages/accountlockdown"
)

// FuzzInput sends what strangers may send to every page that strangers reach,
// and to the lockdown flow: there is always an answer, it is never a fault of
// ours, and nobody gets in.
func FuzzInput(f *testing.F) {
	for _, seed := range []string{`{"uid_field": "ada", "password": "x"}`, `{"component": "ak-stage-password"}`, `{"uid_field": "\u0000"}`,
		`{"uid_field": ["a"], "_step": 5}`, `{"password": {"a": 1}}`, `{"lockdown_reason": "\ud800"}`, `{"_step": "new", "uid_field": "ada"}`,
		`{"lockdown_reason": 1e300, "lockdown_warning": [[]]}`, `{"": null}`, `{"uid_field": "%", "next": "//evil"}`} {
		f.Add([]byte(seed), "/next")
	}
	w := newWorld(f)
	root, ada := w.signedIn(w.administrator("root")), w.user("ada")
	f.Fuzz(func(t *testing.T, raw []byte, next string) {
		var in flow.Input
		if json.Unmarshal(raw, &in) != nil {
			return
		}
		stranger := w.browser("stranger")
		for _, slug := range []string{signIn, passwordChange, "default-recovery-flow", "default-account-lockdown-complete"} {
			v := stranger.visit(slug)
			v.Query = map[string]string{"next": next}
			for range 2 {
				judge(t, w, v, in)
			}
			if err := w.flows.Cancel(w.ctx, v); err != nil {
				t.Fatal(err)
			}
		}
		v := root.visit(lockdownFlow)
		if _, err := w.flows.Begin(w.ctx, v, accountlockdown.For(ada)); err != nil {
			t.Fatal(err)
		}
		judge(t, w, v, in)
	})
}

func judge(t *testing.T, w *world, v flow.Visit, in flow.Input) {
	t.Helper()
	for _, act := range []func() (*flow.Answer, error){
		func() (*flow.Answer, error) { return w.flows.Solve(w.ctx, v, in) },
		func() (*flow.Answer, error) { return w.flows.Get(w.ctx, v) },
	} {
		a, err := act()
		if err != nil && idp.CodeOf(err) != idp.CodeInvalid && idp.CodeOf(err) != idp.CodeTooLarge {
			t.Fatalf("%v", err)
		}
		if err != nil {
			continue
		}
		if a.Err != nil {
			t.Fatalf("%v", a.Err)
		}
		if a.Effects.SignedIn != nil {
			t.Fatalf("signed in by %v", in)
		}
		if a.Redirect != "" && !flow.Relative(a.Redirect) {
			t.Fatalf("leads to %q", a.Redirect)
		}
		if _, _, err := a.JSON(); err != nil {
			t.Fatal(err)
		}
	}
}
