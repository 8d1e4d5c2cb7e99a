package flow_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestRestart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		action idp.InvalidAction
		said   string
		want   string // message, or the page after the restart
		keeps  bool
	}{
		{idp.InvalidRetry, "wrong", "b", true},
		{idp.InvalidRetry, "deny", "You said so.", false},
		{idp.InvalidRestart, "wrong", "a", false},
		{idp.InvalidRestart, "deny", "a", false},
		{idp.InvalidRestartWithContext, "wrong", "a", true},
		{idp.InvalidRestartWithContext, "deny", "a", true},
	} {
		t.Run(string(c.action)+" "+c.said, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.flow("f", nil, ask("a"), ask("b").with(func(b *idp.FlowBinding) { b.InvalidResponseAction = c.action }))
			b := w.browser("one")
			b.query = map[string]string{"next": "/x"}
			b.say("f", "kept")
			old := token(t, b.get("f"))
			seen := ""
			w.policies.set(w.last.ID.UUID(), func(req idp.PolicyRequest) (idp.PolicyResult, error) {
				seen = ""
				if told, ok := req.Context["answers"].([]any); ok && len(told) > 0 {
					seen, _ = told[0].(string)
				}
				return idp.PolicyResult{Passing: true}, nil
			})
			a := b.send("f", flow.Input{"answer": c.said, "_step": old})
			switch {
			case c.want == "You said so.":
				denied(t, a, c.want)
				return
			case c.want == "b":
				at(t, a, "b")
			default:
				require.Equal(t, "/if/flow/f/?next=%2Fx", a.Redirect)
				require.False(t, a.Done)
				w.log.take()
				b.send("f", flow.Input{"answer": "x", "_step": old})
				require.Empty(t, w.log.take(), "a form of before the restart is out of date")
			}
			at(t, b.get("f"), c.want)
			require.Equal(t, map[bool]string{true: "kept"}[c.keeps], seen)
		})
	}
}

func TestARestartDoesNotTurnInCircles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.flow("f", nil, silent("gate", "deny").with(func(b *idp.FlowBinding) { b.InvalidResponseAction = idp.InvalidRestart }))
	denied(t, w.browser("one").get("f"), "Denied by gate")
}

func TestNextShapes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.flow("f", nil, ask("a"))
	for next, good := range map[string]bool{
		"/": true, "/if/user/": true, "/a?b=c&d=/e#f": true, "/a//b": true, "/é": true, "/%2Fevil.example": false,
		"/a:b": true, "/?to=https://evil.example/": true, "/.//evil.example": true, "": true,
		"//evil.example": false, "///evil.example": false, "/\\evil.example": false, "\\\\evil.example": false, "/%5Cevil.example": false,
		"/\t/evil.example": false, "/\n/evil.example": false, "\t//evil.example": false, " //evil.example": false, "/ /evil": false,
		"https://evil.example": false, "http:evil": false, "HTTPS://evil.example": false, "javascript:alert(1)": false,
		"data:text/html,x": false, "if/user/": false, "?x": false, "#x": false, ".": false, "/a\\b": false,
		"/\x00": false, "/\x7f": false, "/\u00a0/x": false, "/\u2028": false, "/\xff": false, "/%zz": false,
		"/" + strings.Repeat("a", 3000): false,
	} {
		b := w.browser("one")
		b.query = map[string]string{"next": next}
		if len(next) > 2048 || next == "/\xff" || next == "/\x00" {
			require.False(t, flow.Relative(next), "%q", next) // dropped before anything looks at it
			at(t, b.get("f"), "a")
			continue
		}
		if !good {
			denied(t, b.get("f"), "Invalid next URL")
			denied(t, b.say("f", "x"), "Invalid next URL")
			continue
		}
		at(t, b.get("f"), "a")
		a := b.say("f", "x")
		require.True(t, a.Done, "%q", next)
		if next == "" {
			next = "/"
		}
		require.Equal(t, next, a.Redirect)
	}
}

func FuzzRelative(f *testing.F) {
	for _, s := range []string{"/", "//x", "/\\x", "/%2F/x", "/a?b#c", "http://x", "/\u2028"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !flow.Relative(s) {
			return
		}
		if s[0] != '/' || len(s) > 1 && (s[1] == '/' || s[1] == '\\') || strings.ContainsAny(s, "\\\t\r\n\x00 ") {
			t.Fatalf("%q counts as relative", s)
		}
		if flow.External(s) {
			t.Fatalf("%q is relative and external", s)
		}
	})
}

func TestRedirectStages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	target := w.flow("target", func(f *idp.Flow) { f.Authentication = idp.AuthenticationRedirect }, ask("t"))
	w.flow("static", nil, ask("a"), step{kind: "silent", settings: probe{Enter: "url", URL: "https://example.org/x"}}, ask("never"))
	w.flow("keeps", nil, ask("a"), step{kind: "silent", settings: probe{Enter: "flow", Flow: &target.ID, Keep: true}})
	w.flow("drops", nil, ask("a"), step{kind: "silent", settings: probe{Enter: "flow", Flow: &target.ID}})
	own := w.flow("own", nil, ask("a"))
	w.flow("circle", nil, step{kind: "silent", settings: probe{Enter: "flow", Flow: &own.ID}})

	b := w.browser("one")
	a := b.say("static", "1")
	require.True(t, a.Done)
	require.Equal(t, "https://example.org/x", a.Redirect)

	var kept any
	w.policies.set(target.ID.UUID(), func(req idp.PolicyRequest) (idp.PolicyResult, error) {
		kept = req.Context["answers"]
		return idp.PolicyResult{Passing: true}, nil
	})
	b.query = map[string]string{"next": "/after"}
	for slug, want := range map[string]any{"keeps": []any{"word"}, "drops": nil} {
		denied(t, w.browser("stranger").get("target"), "Flow does not apply to current user.")
		a = b.say(slug, "word")
		require.True(t, a.Done)
		require.Equal(t, "/if/flow/target/", a.Redirect)
		require.Equal(t, want, kept)
		query := b.query
		b.query = nil
		at(t, b.get("target"), "t")
		require.Equal(t, "/after", b.say("target", "x").Redirect, "next goes along")
		b.query = query
	}
	w.policies.set(target.ID.UUID(), fails)
	denied(t, b.say("keeps", "word"), "Not you.")
	require.Equal(t, "/if/flow/own/", b.get("circle").Redirect)
}

func TestTheOperatorsRedirectWins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.flow("f", nil, ask("a"))
	for url, want := range map[string]string{"/if/x/": "/if/x/", "https://app.example/": "https://app.example/", "javascript:x": ""} {
		b := w.browser("one")
		b.query = map[string]string{"next": "/next"}
		_, err := w.x.Begin(w.ctx, b.visit("f"), func(r *flow.Run) { flow.KeyRedirect.Put(r.Vars, url) })
		require.NoError(t, err)
		a := b.say("f", "x")
		if want == "" {
			denied(t, a, "Invalid next URL")
			continue
		}
		require.Equal(t, want, a.Redirect)
	}
}

func TestAFlowThatLosesAStageBeginsAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.flow("f", nil, ask("a"), ask("b"), ask("c"))
	b := w.browser("one")
	b.say("f", "1")
	require.NoError(t, w.store.Repos().FlowBindings.Delete(w.ctx, w.bindings[2].ID))
	at(t, b.get("f"), "a")
}
