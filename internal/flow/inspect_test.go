package flow_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// watched is a world with a superuser in a browser that watches a flow of three
// stages; the policies of the second keep everybody out.
func watched(t *testing.T, slug string) (*world, *browser, *idp.User) {
	t.Helper()
	w := newWorld(t)
	u := w.user("root")
	repos := w.store.Repos()
	g := &idp.Group{Name: "admins", IsSuperuser: true}
	require.NoError(t, repos.Groups.Create(w.ctx, g))
	require.NoError(t, repos.Groups.AddUser(w.ctx, g.ID, u.ID))
	u, err := repos.Users.Get(w.ctx, u.ID)
	require.NoError(t, err)
	w.flow(slug, nil, ask("first"), ask("guarded").with(func(b *idp.FlowBinding) { b.ReEvaluatePolicies = true }), ask("last"))
	w.policies.set(w.bindings[1].ID.UUID(), func(idp.PolicyRequest) (idp.PolicyResult, error) {
		return idp.PolicyResult{Messages: []string{"Not you."}, Trace: []idp.PolicyTrace{{Kind: "policy", Name: "gate", Messages: []string{"Not you."}}}}, nil
	})
	b := w.browser(slug)
	b.actor.User = u
	b.query = map[string]string{"inspector": ""}
	return w, b, u
}

func (b *browser) watching(slug string) flow.Visit {
	v := b.visit(slug)
	v.Inspect = true
	return v
}

func TestInspector(t *testing.T) {
	t.Parallel()
	w, b, _ := watched(t, "watched")
	v := b.watching("watched")

	a, err := w.x.Get(w.ctx, v)
	require.NoError(t, err)
	at(t, a, "first")
	require.True(t, a.Stored, "the panel needs to know the run on the next request")
	i := a.Inspection
	require.NotNil(t, i)
	require.Equal(t, []flow.Standing{flow.StandingCurrent, flow.StandingPlanned, flow.StandingPlanned}, standings(i))
	require.False(t, i.Completed)
	require.True(t, i.Flow.Passing)
	require.Equal(t, w.bindings[0].ID, *i.Current.Current)
	require.Equal(t, w.bindings[1].ID, *i.Current.Next)

	_, err = w.x.Solve(w.ctx, v, flow.Input{"answer": "one"})
	require.NoError(t, err)
	a, err = w.x.Get(w.ctx, v)
	require.NoError(t, err)
	at(t, a, "last")
	i = a.Inspection
	require.Equal(t, []flow.Standing{flow.StandingPassed, flow.StandingLeftOut, flow.StandingCurrent}, standings(i))
	require.Equal(t, "gate", i.Stages[1].Verdict.Policies[0].Name)
	require.Equal(t, []string{"Not you."}, i.Stages[1].Verdict.Messages)
	require.Equal(t, "reaching the stage", i.Stages[1].Verdict.When)
	require.Len(t, i.Plans, 1)
	require.Equal(t, []any{"one"}, i.Context["answers"])

	same, err := w.x.Inspect(w.ctx, b.visit("watched"))
	require.NoError(t, err)
	require.Equal(t, standings(i), standings(same))
	require.Equal(t, i.Context, same.Context)

	a, err = w.x.Solve(w.ctx, v, flow.Input{"answer": "two"})
	require.NoError(t, err)
	require.True(t, a.Done)
	require.True(t, a.Inspection.Completed)
	require.Equal(t, "/", a.Inspection.Next)
	over, err := w.x.Inspect(w.ctx, b.visit("watched"))
	require.NoError(t, err)
	require.True(t, over.Completed)
	require.Nil(t, over.Current)
}

func standings(i *flow.Inspection) (out []flow.Standing) {
	for _, s := range i.Stages {
		out = append(out, s.Standing)
	}
	return out
}

func TestWhoMayInspect(t *testing.T) {
	t.Parallel()
	w, b, u := watched(t, "secret")
	for name, c := range map[string]struct {
		actor idp.Actor
		may   bool
	}{
		"a superuser": {b.actor, true}, "nobody": {w.browser("x").actor, false},
		"somebody else":       {idp.Actor{User: w.user("plain")}, false},
		"a superuser's token": {idp.Actor{User: u, Token: &idp.Token{}}, false}, // a program has no browser to watch
	} {
		other := w.browser(name)
		other.actor = c.actor
		a, err := w.x.Get(w.ctx, other.watching("secret"))
		require.NoError(t, err)
		require.Equal(t, c.may, a.Inspection != nil, name)
		_, err = w.x.Inspect(w.ctx, other.visit("secret"))
		if c.may {
			require.NoError(t, err, name)
		} else {
			require.True(t, idp.Is(err, idp.CodeNotFound), "%s: %v", name, err)
		}
	}
	_, err := w.x.Inspect(w.ctx, b.visit("secret"))
	require.True(t, idp.Is(err, idp.CodeInvalid), "no run is under way: %v", err)
}

// TestTheWatchGoesOnThroughASignIn has another person sign in in the flow that a
// superuser watches, and then takes the superuser's rights away.
func TestTheWatchGoesOnThroughASignIn(t *testing.T) {
	t.Parallel()
	w, b, u := watched(t, "signin")
	v := b.watching("signin")
	_, err := w.x.Begin(w.ctx, v, func(r *flow.Run) { r.SetPending(u) })
	require.NoError(t, err)
	_, err = w.x.Get(w.ctx, v)
	require.NoError(t, err)
	a, err := w.x.Solve(w.ctx, v, flow.Input{"answer": "sign out"})
	require.NoError(t, err)
	require.True(t, a.Effects.SignedOut)
	v.Actor.User = nil
	a, err = w.x.Get(w.ctx, v)
	require.NoError(t, err)
	require.NotNil(t, a.Inspection, "who began to watch watches on")

	require.NoError(t, w.store.InTx(w.ctx, func(tx idp.Repos) error {
		held, err := tx.Users.Hold(w.ctx, u.ID)
		if err != nil {
			return err
		}
		held.IsActive = false
		return tx.Users.Update(w.ctx, held)
	}))
	a, err = w.x.Get(w.ctx, v)
	require.NoError(t, err)
	require.Nil(t, a.Inspection, "an account that may not act sees nothing")
	_, err = w.x.Inspect(w.ctx, v)
	require.True(t, idp.Is(err, idp.CodeNotFound))
}

func TestTheInspectorShowsNoSecrets(t *testing.T) {
	t.Parallel()
	w, b, _ := watched(t, "hidden")
	v := b.watching("hidden")
	_, err := w.x.Begin(w.ctx, v, func(r *flow.Run) {
		flow.KeyPromptData.Put(r.Vars, map[string]any{"password": "p4ss", "pin": "p4ss", "name": "Alice", "api_token": "p4ss",
			"nested": map[string]any{"Client-Secret": "p4ss", "colour": "red"}})
		flow.KeySecrets.Put(r.Vars, []string{"pin"})
	})
	require.NoError(t, err)
	a, err := w.x.Get(w.ctx, v)
	require.NoError(t, err)
	raw, err := json.Marshal(a.Inspection)
	require.NoError(t, err)
	require.NotContains(t, string(raw), "p4ss")
	require.Contains(t, string(raw), "Alice")
	require.Contains(t, string(raw), "red")
	_, err = w.x.Solve(w.ctx, v, flow.Input{"answer": "x"})
	require.NoError(t, err)
	f, err := w.store.Repos().Flows.GetBySlug(w.ctx, "hidden")
	require.NoError(t, err)
	run, err := w.store.Repos().Runs.Find(w.ctx, v.Browser, f.ID)
	require.NoError(t, err)
	var kept struct {
		Inspect json.RawMessage `json:"inspect"`
	}
	require.NoError(t, json.Unmarshal(run.State, &kept))
	require.NotContains(t, string(kept.Inspect), "p4ss", "what is kept for the panel holds none either")
}
