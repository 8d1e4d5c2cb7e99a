package flow_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// TestPoliciesOfAStage runs every combination of when policies are asked with
// every answer they can give.
func TestPoliciesOfAStage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	turning := func() rule { // passes when planned, fails later
		asked := 0
		return func(idp.PolicyRequest) (idp.PolicyResult, error) {
			asked++
			return idp.PolicyResult{Passing: asked == 1}, nil
		}
	}
	const shown, left, refused = "shown", "left out", "refused"
	for _, c := range []struct {
		plan, again bool
		rule        func() rule
		name, want  string
	}{
		{false, false, func() rule { return passes }, "passes", shown},
		{false, false, func() rule { return fails }, "fails", shown},
		{false, false, func() rule { return breaks }, "breaks", shown},
		{true, false, func() rule { return passes }, "passes", shown},
		{true, false, func() rule { return fails }, "fails", left},
		{true, false, func() rule { return breaks }, "breaks", refused},
		{true, false, turning, "turns", shown},
		{false, true, func() rule { return passes }, "passes", shown},
		{false, true, func() rule { return fails }, "fails", left},
		{false, true, func() rule { return breaks }, "breaks", refused},
		{true, true, func() rule { return passes }, "passes", shown},
		{true, true, func() rule { return fails }, "fails", left},
		{true, true, func() rule { return breaks }, "breaks", refused},
		{true, true, turning, "turns", left},
	} {
		name := fmt.Sprintf("plan %t, again %t, policy %s", c.plan, c.again, c.name)
		slug := fmt.Sprintf("f%t%t%s", c.plan, c.again, c.name)
		w.flow(slug, nil, ask("first"), ask("guarded").with(func(b *idp.FlowBinding) {
			b.EvaluateOnPlan, b.ReEvaluatePolicies = c.plan, c.again
		}), ask("last"))
		b := w.browser(slug)
		w.policies.set(w.bindings[1].ID.UUID(), c.rule())
		if c.want == refused && c.plan {
			denied(t, b.get(slug), "Flow does not apply to current user.")
			continue
		}
		// Begun, the flow is planned once and not again by the first answer.
		_, err := w.x.Begin(w.ctx, b.visit(slug), nil)
		require.NoError(t, err, name)
		a := b.say(slug, "1")
		if c.want == refused {
			denied(t, a, "Flow does not apply to current user.")
			require.ErrorContains(t, a.Err, "the policy broke", name)
			require.False(t, b.stored(slug), name)
			continue
		}
		at(t, b.get(slug), map[string]string{shown: "guarded", left: "last"}[c.want])
	}
}

func TestAStageLeftOutIsAskedAboutAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.flow("f", nil, ask("a"), ask("b").with(func(b *idp.FlowBinding) { b.ReEvaluatePolicies = true }), ask("c"))
	b := w.browser("one")
	w.policies.set(w.bindings[1].ID.UUID(), fails)
	b.say("f", "1")
	at(t, b.get("f"), "c")
	w.policies.set(w.bindings[1].ID.UUID(), passes)
	at(t, b.get("f"), "b")
	w.policies.set(w.bindings[1].ID.UUID(), fails)
	require.True(t, b.say("f", "3").Done)
}

func TestPoliciesOfTheFlow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.flow("f", nil, ask("a"), ask("b"))
	target := w.last.ID.UUID()
	b := w.browser("one")
	w.policies.set(target, fails)
	denied(t, b.get("f"), "Not you.")
	w.policies.set(target, breaks)
	a := b.get("f")
	denied(t, a, "Flow does not apply to current user.")
	require.ErrorContains(t, a.Err, "the policy broke")

	// They are asked again while the run is open.
	w.policies.set(target, func(idp.PolicyRequest) (idp.PolicyResult, error) {
		return idp.PolicyResult{Passing: true, Messages: []string{"Hello."}}, nil
	})
	a = b.say("f", "1")
	require.Equal(t, []string{"Hello."}, a.Effects.Messages)
	w.policies.set(target, fails)
	denied(t, b.say("f", "2"), "Not you.")
	require.False(t, b.stored("f"))
	require.Zero(t, w.log.count("submit b"))
	w.policies.set(target, passes)
	at(t, b.get("f"), "a")
}

func TestWhatPoliciesSee(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.flow("f", nil, ask("a"))
	ada, root := w.user("ada"), w.user("root")
	b := w.browser("one")
	b.actor.User = root
	b.actor.Request.Path, b.actor.Request.Method = "/if/flow/f/", "POST"
	b.query = map[string]string{"next": "/x"}
	var got []idp.PolicyRequest
	w.policies.set(w.last.ID.UUID(), func(req idp.PolicyRequest) (idp.PolicyResult, error) {
		got = append(got, req)
		return idp.PolicyResult{Passing: true}, nil
	})
	b.get("f")
	require.Equal(t, root.ID, got[0].User.ID)
	require.Equal(t, root.ID, got[0].SignedIn.ID)
	require.Equal(t, "/if/flow/f/", got[0].Path)
	require.Equal(t, "POST", got[0].Method)
	require.Equal(t, map[string]string{"next": "/x"}, got[0].Query)
	require.Equal(t, map[string]any{"pending_user": map[string]any(nil), "prompt_data": map[string]any{}, "is_restored": false,
		"is_redirected": false, "is_sso": false, "flow_slug": "f", "flow_designation": "stage_configuration"}, normal(got[0].Context))

	_, err := w.x.Begin(w.ctx, b.visit("f"), func(r *flow.Run) {
		r.SetPending(ada)
		flow.KeyPromptData.Put(r.Vars, map[string]any{"lockdown_reason": "lost"})
		flow.KeyRedirected.Put(r.Vars, true)
	})
	require.NoError(t, err)
	last := got[len(got)-1]
	require.Equal(t, ada.ID, last.User.ID)
	require.Equal(t, root.ID, last.SignedIn.ID)
	require.Equal(t, "ada", last.Context["pending_user"].(map[string]any)["username"])
	require.Equal(t, map[string]any{"lockdown_reason": "lost"}, last.Context["prompt_data"])
	require.Equal(t, true, last.Context["is_redirected"])
}

func normal(context map[string]any) map[string]any {
	if context["pending_user"] == nil {
		context["pending_user"] = map[string]any(nil)
	}
	return context
}

func TestAuthenticationRequirements(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.user("ada")
	root := *ada
	root.IsSuperuser = true
	who := map[string]*idp.User{"nobody": nil, "ada": ada, "root": &root}
	for _, c := range []struct {
		requirement idp.Authentication
		allowed     string
	}{
		{idp.AuthenticationNone, "nobody ada root"},
		{idp.AuthenticationAuthenticated, "ada root"},
		{idp.AuthenticationUnauthenticated, "nobody"},
		{idp.AuthenticationSuperuser, "root"},
		{idp.AuthenticationRedirect, ""},
		{idp.AuthenticationOutpost, ""},
	} {
		slug := string(c.requirement)
		w.flow(slug, func(f *idp.Flow) { f.Authentication = c.requirement }, ask("a"))
		for name, u := range who {
			b := w.browser(slug + name)
			b.actor.User = u
			a := b.get(slug)
			if contains(c.allowed, name) {
				at(t, a, "a")
				continue
			}
			d, ok := a.Challenge.(flow.AccessDenied)
			require.True(t, ok, "%s for %s", slug, name)
			signIn := u == nil && (c.requirement == idp.AuthenticationAuthenticated || c.requirement == idp.AuthenticationSuperuser)
			require.Equal(t, signIn, d.SignIn, "%s for %s", slug, name)
			_, err := w.x.Solve(w.ctx, b.visit(slug), flow.Input{"answer": "x"})
			require.NoError(t, err)
			require.Zero(t, w.log.count("submit a"), "%s for %s", slug, name)
		}
		b := w.browser(slug + " redirected")
		_, err := w.x.Begin(w.ctx, b.visit(slug), func(r *flow.Run) { flow.KeyRedirected.Put(r.Vars, true) })
		require.Equal(t, c.requirement == idp.AuthenticationNone || c.requirement == idp.AuthenticationUnauthenticated ||
			c.requirement == idp.AuthenticationRedirect, err == nil, slug)
	}
}

func contains(list, name string) bool {
	for _, n := range []string{"nobody", "ada", "root"} {
		if n == name {
			for i := 0; i+len(n) <= len(list); i++ {
				if list[i:i+len(n)] == n {
					return true
				}
			}
		}
	}
	return false
}

func TestDeniedActions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct {
		action idp.DeniedAction
		next   string
		to     string // "" = the message
	}{
		{idp.DeniedMessage, "", ""}, {idp.DeniedMessage, "/x", ""},
		{idp.DeniedMessageContinue, "", ""}, {idp.DeniedMessageContinue, "/x", "/x"},
		{idp.DeniedContinue, "", "/"}, {idp.DeniedContinue, "/x", "/x"},
	} {
		slug := string(c.action) + map[bool]string{true: "-next"}[c.next != ""]
		w.flow(slug, func(f *idp.Flow) { f.DeniedAction = c.action }, ask("a"))
		w.policies.set(w.last.ID.UUID(), fails)
		b := w.browser(slug)
		b.query = map[string]string{"next": c.next}
		a := b.get(slug)
		if c.to == "" {
			denied(t, a, "Not you.")
			continue
		}
		require.Equal(t, c.to, a.Redirect, slug)
		require.True(t, a.Done)
	}
}

func TestSignedInPeopleHaveNothingToDoInASignInFlow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.flow("login", func(f *idp.Flow) {
		f.Designation, f.Authentication = idp.DesignationAuthentication, idp.AuthenticationUnauthenticated
	}, ask("a"))
	b := w.browser("one")
	b.actor.User = w.user("ada")
	b.query = map[string]string{"next": "/if/user/"}
	a := b.get("login")
	require.True(t, a.Done)
	require.Equal(t, "/if/user/", a.Redirect)
	w.policies.set(w.last.ID.UUID(), breaks)
	b.actor.User = nil
	denied(t, b.get("login"), "Flow does not apply to current user.")
}

func TestAnEmptyPlanIsDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.flow("f", nil, ask("a").with(func(b *idp.FlowBinding) { b.EvaluateOnPlan = true }))
	w.policies.set(w.bindings[0].ID.UUID(), fails)
	a := w.browser("one").get("f")
	require.True(t, a.Done)
	require.Equal(t, "/", a.Redirect)
}
