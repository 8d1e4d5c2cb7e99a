package flow_test

import (
	"go/ast"
	"go/parser"
	places "go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// sets is a policy that answers so and sets that.
func sets(passing bool, values map[string]any) rule {
	return func(idp.PolicyRequest) (idp.PolicyResult, error) {
		return idp.PolicyResult{Passing: passing, Context: values}, nil
	}
}

// What policies set is there for those that follow, for stages and in later
// requests, also where the policy leaves its stage out.
func TestPoliciesSetTheContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.flow("f", nil, ask("a"), ask("left").with(func(b *idp.FlowBinding) { b.ReEvaluatePolicies = true }), ask("b"))
	var got map[string]any
	w.policies.set(w.last.ID.UUID(), func(req idp.PolicyRequest) (idp.PolicyResult, error) {
		got = req.Context
		return idp.PolicyResult{Passing: true}, nil
	})
	w.policies.set(w.bindings[1].ID.UUID(), sets(false, map[string]any{"company": "Blue", "prompt_data.word": "x", "redirect": "/done/"}))
	b := w.browser("one")
	b.say("f", "1")
	at(t, b.get("f"), "b")
	require.Equal(t, "Blue", got["company"])
	require.Equal(t, map[string]any{"word": "x"}, got["prompt_data"])
	w.policies.set(w.bindings[1].ID.UUID(), sets(false, map[string]any{"company": nil, "prompt_data.word": nil}))
	b.get("f")
	b.get("f")
	require.NotContains(t, got, "company")
	require.Empty(t, got["prompt_data"])
	require.Equal(t, "/done/", b.say("f", "2").Redirect)
}

// Looking ahead sets nothing: the policies are asked again when it is their turn.
func TestLookingAheadSetsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.flow("f", nil, ask("a"), step{kind: "silent", settings: probe{Enter: "peek"}}, ask("b").with(func(b *idp.FlowBinding) { b.ReEvaluatePolicies = true }))
	asked, got := 0, map[string]any{}
	w.policies.set(w.bindings[2].ID.UUID(), func(req idp.PolicyRequest) (idp.PolicyResult, error) {
		asked++
		got = req.Context
		return idp.PolicyResult{Passing: true, Context: map[string]any{"nth": asked}}, nil
	})
	b := w.browser("one")
	b.say("f", "1")
	require.Equal(t, 1, w.log.count("asks next true"))
	require.Equal(t, 2, asked)
	require.NotContains(t, got, "nth")
	b.get("f")
	require.EqualValues(t, 2, got["nth"])
}

// What cannot be set ends the flow, like a policy that breaks.
func TestWhatPoliciesCannotSet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.flow("f", nil, ask("a"))
	for _, values := range []map[string]any{
		{"auth_method": "password"}, {"company": 1, "enrolled_user": 1}, {"pending_user": "ada"}, {"prompt_data": map[string]any{}},
		{"pending_user": map[string]any{"pk": 987654, "username": "nobody"}}, {"link": "x"}, {"email": "no address"},
	} {
		w.policies.set(w.last.ID.UUID(), sets(true, values))
		a := w.browser("one").get("f")
		denied(t, a, "Flow does not apply to current user.")
		require.Error(t, a.Err, "%v", values)
	}
}

// Whoever is named by a policy has proven nothing, and what was proven is not
// theirs; whoever is pending already stays as dead as they are.
func TestAPolicyNamesThePendingUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada, bob := w.user("ada"), w.user("bob")
	w.flow("f", nil, ask("a"), ask("b"))
	b := w.browser("one")
	var run *flow.Run
	begin := func() {
		_, err := w.x.Begin(w.ctx, b.visit("f"), func(r *flow.Run) {
			run = r
			r.SetPending(ada)
			flow.KeyAuthMethod.Put(r.Vars, "password")
			flow.KeyPendingIdentifier.Put(r.Vars, "ada")
			flow.KeyLink.Put(r.Vars, idp.NewID[idp.Token]())
			flow.KeyEnrolled.Put(r.Vars, ada.ID)
		})
		require.NoError(t, err)
	}
	begin()
	require.True(t, run.Proven(ada))
	w.policies.set(w.last.ID.UUID(), sets(true, map[string]any{"pending_user": ada.Facts()}))
	begin()
	require.True(t, run.Proven(ada), "nobody else was named")

	w.policies.set(w.last.ID.UUID(), sets(true, map[string]any{"pending_user": bob.Facts()}))
	begin()
	require.False(t, run.Proven(bob))
	require.False(t, run.Proven(ada))
	for _, key := range []string{"auth_method", "pending_user_identifier", "link", "enrolled_user"} {
		require.NotContains(t, run.Vars, key)
	}
	pending, err := run.Pending(w.ctx)
	require.NoError(t, err)
	require.Equal(t, bob.ID, pending.ID)

	require.Error(t, run.Put(w.ctx, map[string]any{"company": "Blue", "link": "x"}))
	require.NotContains(t, run.Vars, "company", "all or nothing")
	before, _ := flow.KeyPending.In(run.Vars)
	bob.SessionGeneration += 7
	require.NoError(t, run.Put(w.ctx, map[string]any{"pending_user": bob.Facts()}))
	after, _ := flow.KeyPending.In(run.Vars)
	require.Equal(t, before, after, "what was ended meanwhile stays ended")

	w.policies.set(w.last.ID.UUID(), sets(true, map[string]any{"pending_user": nil}))
	begin()
	require.NotContains(t, run.Vars, "pending_user")
	require.NotContains(t, run.Vars, "auth_method")
}

// Every key that code keeps in the context is judged one way or the other: a new
// one must not be free for policies to set without anybody having thought of it.
func TestEveryKeyOfTheCodeIsJudged(t *testing.T) {
	t.Parallel()
	settable := []string{"email", "redirect", "redirect_stage_target", "deny_message", "user_path", "user_type", "groups", "pending_user",
		"consent_header", "consent_title", "consent_permissions", "consent_additional_permissions"}
	found := 0
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(places.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			typed, ok := spec.Type.(*ast.IndexExpr)
			literal, isText := spec.Values[0].(*ast.BasicLit)
			if !ok || !isText || !isKey(typed.X) {
				return true
			}
			name, err := strconv.Unquote(literal.Value)
			require.NoError(t, err)
			found++
			if name == string(flow.KeyPromptData) {
				require.Error(t, idp.JudgeContext(name, nil))
				return true
			}
			require.Equal(t, slices.Contains(settable, name), idp.JudgeContext(name, nil) == nil, "%s: %s", path, name)
			return true
		})
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, found, 25)
}

func isKey(of ast.Expr) bool {
	switch x := of.(type) {
	case *ast.Ident:
		return x.Name == "Key"
	case *ast.SelectorExpr:
		return x.Sel.Name == "Key"
	}
	return false
}
