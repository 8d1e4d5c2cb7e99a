package flow_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestAFlowFromStartToEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.flow("f", nil, silent("s1", "next"), ask("a"), silent("s2", "next"), ask("b"), silent("s3", "next"))
	b := w.browser("one")
	a := b.get("f")
	at(t, a, "a")
	require.True(t, a.Stored, "a stage was executed")
	require.Equal(t, "probe", a.Stage)
	require.Equal(t, "Flow f", a.Info.Title)
	require.Equal(t, "/flows/-/cancel/", a.Info.CancelURL)
	require.Equal(t, []string{"enter s1", "enter a"}, w.log.take())

	a = b.say("f", "yes")
	require.Equal(t, "/if/flow/f/", a.Redirect)
	require.False(t, a.Done)
	require.Equal(t, []string{"submit a", "enter s2", "enter b"}, w.log.take())
	at(t, b.get("f"), "b")
	at(t, b.get("f"), "b")

	a = b.say("f", "done")
	require.True(t, a.Done)
	require.Equal(t, "/", a.Redirect)
	at(t, b.get("f"), "a")
}

func TestTheFirstPageStoresNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.flow("f", nil, ask("a"), ask("b"))
	b := w.browser("one")
	for range 3 {
		a := b.get("f")
		at(t, a, "a")
		require.False(t, a.Stored)
		require.Equal(t, "new", token(t, a))
	}
	require.False(t, b.stored("f"))
	a := b.say("f", "wrong")
	require.Equal(t, []flow.FieldError{{String: "Wrong.", Code: "invalid"}}, a.Errors["answer"])
	require.Equal(t, "wrong", a.View.(page).p.Submitted["answer"])
	a = b.say("f", "yes")
	require.True(t, a.Stored)
	require.True(t, b.stored("f"))
}

func TestAnAnswerWithoutABrowserCannotGoOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.flow("f", nil, ask("a"), ask("b"))
	v := flow.Visit{Slug: "f"}
	a, err := w.x.Get(w.ctx, v)
	require.NoError(t, err)
	at(t, a, "a")
	_, err = w.x.Solve(w.ctx, v, flow.Input{"answer": "x"})
	require.True(t, idp.Is(err, idp.CodeInvalid), "%v", err)
	_, err = w.x.Begin(w.ctx, v, nil)
	require.True(t, idp.Is(err, idp.CodeInvalid), "%v", err)
	require.NoError(t, w.x.Cancel(w.ctx, v))
}

func TestUnknownFlow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser("one")
	_, err := w.x.Get(w.ctx, b.visit("nope"))
	require.True(t, idp.Is(err, idp.CodeNotFound))
	_, err = w.x.Solve(w.ctx, b.visit("nope"), nil)
	require.True(t, idp.Is(err, idp.CodeNotFound))
}

func TestSeveralFlowsInOneBrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.flow("f", nil, ask("fa"), ask("fb"))
	w.flow("g", nil, ask("ga"), ask("gb"))
	one, two := w.browser("one"), w.browser("two")
	one.say("f", "1")
	one.say("g", "1")
	two.get("f")
	at(t, one.get("f"), "fb")
	at(t, one.get("g"), "gb")
	at(t, two.get("f"), "fa")

	require.NoError(t, w.x.Cancel(w.ctx, one.visit("f")))
	at(t, one.get("f"), "fa")
	at(t, one.get("g"), "gb")
	require.NoError(t, w.x.Cancel(w.ctx, one.visit("")))
	at(t, one.get("g"), "ga")
}

func TestTheBackButton(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.flow("f", nil, ask("a"), ask("b"), ask("c"))
	b := w.browser("one")
	first := token(t, b.get("f"))
	b.say("f", "1")
	second := token(t, b.get("f"))
	require.NotEqual(t, first, second)
	w.log.take()

	for name, in := range map[string]flow.Input{
		"the first page again":     {"answer": "again", "_step": first},
		"another component":        {"answer": "again", "component": "ak-stage-password"},
		"a component of no text":   {"answer": "again", "component": 7.0},
		"a step of another run":    {"answer": "again", "_step": "0123-1"},
		"a step that is no string": {"answer": "again", "_step": []any{}},
	} {
		a := b.send("f", in)
		require.Equal(t, "/if/flow/f/", a.Redirect, name)
		require.False(t, a.Done, name)
	}
	require.Empty(t, w.log.take(), "nothing was submitted")
	at(t, b.get("f"), "b")
	require.Equal(t, "/if/flow/f/", b.send("f", flow.Input{"answer": "2", "_step": second, "component": "ak-probe"}).Redirect)
	at(t, b.get("f"), "c")
}

func TestAFormSentTwiceFindsTheWayOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.flow("f", nil, ask("a"), ask("b"))
	b := w.browser("one")
	b.query = map[string]string{"next": "/if/user/"}
	b.say("f", "1")
	in := flow.Input{"answer": "2", "_step": token(t, b.get("f"))}
	for range 3 {
		a := b.send("f", in)
		require.True(t, a.Done)
		require.Equal(t, "/if/user/", a.Redirect)
		require.Equal(t, "stacked", a.Info.Layout)
	}
	require.Equal(t, 1, w.log.count("submit b"))
	at(t, b.get("f"), "a")
	require.Equal(t, "/if/flow/f/?next=%2Fif%2Fuser%2F", b.say("f", "1").Redirect, "a new run begins")
}

func TestDoubleSubmitsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.flow("f", nil, ask("a"), ask("b"), silent("act", "next"), ask("c"))
	other := flow.NewExecutor(flow.Deps{Store: w.store, Policies: w.policies, Kinds: w.x.Kinds()}) // another replica
	for i := range 100 {
		b := w.browser(fmt.Sprint("browser ", i))
		b.say("f", "1")
		in := flow.Input{"answer": "2", "_step": token(t, b.get("f"))}
		w.log.take()
		executors := []*flow.Executor{w.x, w.x, w.x}
		replicas := i%4 == 0
		if replicas {
			executors = append(executors, other)
		}
		var all sync.WaitGroup
		for _, x := range executors {
			all.Go(func() {
				a, err := x.Solve(w.ctx, b.visit("f"), in)
				if err != nil || a.Redirect != "/if/flow/f/" || a.Done {
					t.Errorf("try %d: %+v %v", i, a, err)
				}
			})
		}
		all.Wait()
		if !replicas {
			require.Equal(t, 1, w.log.count("submit b"))
			require.Equal(t, 1, w.log.count("enter act"))
		}
		at(t, b.get("f"), "c")
	}
}

func TestAnotherUserDoesNotInheritTheRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.flow("f", nil, ask("a"), ask("b"))
	ada, bob := w.user("ada"), w.user("bob")
	b := w.browser("one")
	b.actor.User = ada
	b.say("f", "secret")
	at(t, b.get("f"), "b")
	b.actor.User = bob
	at(t, b.get("f"), "a")
	b.actor.User = ada
	at(t, b.get("f"), "a")
}

func TestSigningInAndOutCarriesTheRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.flow("f", nil, ask("a"), ask("b"), ask("c"))
	ada := w.user("ada")
	b := w.browser("one")
	_, err := w.x.Begin(w.ctx, b.visit("f"), func(r *flow.Run) { r.SetPending(ada) })
	require.NoError(t, err)
	a := b.say("f", "sign in")
	require.NotNil(t, a.Effects.SignedIn)
	require.Equal(t, "cookie", a.Effects.SignedIn.Cookie)
	at(t, func() *flow.Answer { b.actor.User = ada; return b.get("f") }(), "b")
	a = b.say("f", "sign out")
	require.True(t, a.Effects.SignedOut)
	b.actor.User = nil
	at(t, b.get("f"), "c")
}

func TestBegin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.flow("f", nil, silent("s", "next"), ask("a"))
	ada := w.user("ada")
	b := w.browser("one")
	b.query = map[string]string{"secret": "x"}
	link, err := w.x.Begin(w.ctx, b.visit("f"), func(r *flow.Run) {
		require.Equal(t, f.ID, r.Flow.ID)
		r.SetPending(ada)
		keyAnswers.Put(r.Vars, []string{"before"})
	})
	require.NoError(t, err)
	require.Equal(t, "/if/flow/f/", link)
	require.Empty(t, w.log.take(), "nothing is executed")
	b.query = nil
	a := b.get("f")
	at(t, a, "a")
	require.Equal(t, "ada", a.Challenge.(asks).PendingUser)
	require.Equal(t, "ada", a.Frame.Person)
	require.Contains(t, a.Frame.Over, "/flows/-/cancel/?flow=f&next=")

	w.flow("empty", nil)
	_, err = w.x.Begin(w.ctx, b.visit("empty"), nil)
	var not *flow.NotApplicable
	require.ErrorAs(t, err, &not)
	w.flow("closed", func(f *idp.Flow) { f.Authentication = idp.AuthenticationSuperuser }, ask("a"))
	_, err = w.x.Begin(w.ctx, b.visit("closed"), nil)
	require.ErrorAs(t, err, &not)
	require.Equal(t, "closed", not.Flow.Slug)
}

func TestFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.flow("boom", nil, ask("a"), silent("b", "boom"))
	w.flow("unknown", nil, step{kind: "nothing"})
	w.flow("settings", nil, ask("a"))
	repos := w.store.Repos()
	stage, err := repos.Stages.Get(w.ctx, w.bindings[0].StageID)
	require.NoError(t, err)
	stage.Settings = json.RawMessage(`{"labl": 1}`)
	require.NoError(t, repos.Stages.Update(w.ctx, stage))
	w.flow("nowhere", nil, step{kind: "silent", settings: probe{Enter: "url", URL: "javascript:alert(1)"}})

	for slug, cause := range map[string]string{"boom": "exploded", "unknown": "unknown kind", "settings": "labl", "nowhere": "javascript"} {
		b := w.browser(slug)
		visit := func() *flow.Answer {
			if slug == "boom" {
				return b.say(slug, "x")
			}
			return b.get(slug)
		}
		a := visit()
		require.Equal(t, flow.FlowError{RequestID: "req-1"}, a.Challenge, slug)
		require.ErrorContains(t, a.Err, cause, slug)
		require.False(t, b.stored(slug))
		b.actor.User = w.user("root of " + slug)
		b.actor.User.IsSuperuser = true
		a = visit()
		require.Contains(t, a.Challenge.(flow.FlowError).Error, cause, slug)
	}
	events, err := repos.Events.Find(w.ctx, idp.EventFilter{Actions: []idp.Action{idp.ActionSystemException}})
	require.NoError(t, err)
	require.Equal(t, 8, events.Total)
}

func TestFaultsOfTheMomentLeaveTheRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.flow("f", nil, ask("a"), ask("b").with(func(b *idp.FlowBinding) { b.ReEvaluatePolicies = true }))
	b := w.browser("one")
	b.say("f", "1")
	for _, code := range []idp.Code{idp.CodeBusy, idp.CodeUnavailable, idp.CodeRateLimited} {
		fault := &idp.Error{Code: code, Message: "Later."}
		for _, target := range []idp.UUID{w.last.ID.UUID(), w.bindings[1].ID.UUID()} {
			w.policies.set(target, func(idp.PolicyRequest) (idp.PolicyResult, error) { return idp.PolicyResult{}, fault })
			_, err := w.x.Get(w.ctx, b.visit("f"))
			require.ErrorIs(t, err, fault)
			_, err = w.x.Solve(w.ctx, b.visit("f"), flow.Input{"answer": "2"})
			require.ErrorIs(t, err, fault)
			w.policies.set(target, passes)
		}
	}
	at(t, b.get("f"), "b")
	require.Zero(t, w.log.count("submit b"))
}

func TestALaterStageRejectsTheAnswerBesideItsField(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.flow("f", nil, ask("a"), silent("write", "invalid"), ask("b"))
	b := w.browser("one")
	a := b.say("f", "weak")
	at(t, a, "a")
	require.Equal(t, "Too weak.", a.Errors["answer"][0].String)
	require.False(t, b.stored("f"), "the answer was not kept")
	require.Equal(t, "/if/flow/f/", b.say("f", "strong").Redirect)
	at(t, b.get("f"), "b")
}

func TestDenyAndRefusal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.flow("deny", nil, silent("gate", "deny"))
	w.flow("refuse", nil, silent("gate", "refuse"))
	w.flow("answer", nil, ask("a"), ask("b"))
	b := w.browser("one")
	denied(t, b.get("deny"), "Denied by gate")
	denied(t, b.get("refuse"), "Failed to authenticate.")
	b.say("answer", "1")
	denied(t, b.say("answer", "deny"), "You said so.")
	require.False(t, b.stored("answer"))
	at(t, b.get("answer"), "a")
}
