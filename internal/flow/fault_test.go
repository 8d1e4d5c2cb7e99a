package flow_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// A stage that panics, when it is entered or answered, ends the run as one that
// fails does. The log has the stack; of the visitors, who may see into flows.
func TestPanicsOfStagesAreFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.flow("entered", nil, ask("a"), silent("b", "panic"))
	w.flow("answered", nil, ask("a"))
	for slug, answer := range map[string]string{"entered": "x", "answered": "panic"} {
		b := w.browser(slug)
		a := b.say(slug, answer)
		require.Equal(t, flow.FlowError{RequestID: "req-1"}, a.Challenge, slug)
		require.ErrorContains(t, a.Err, "panic: ", slug)
		require.ErrorContains(t, a.Err, "probeStage", slug)
		require.False(t, b.stored(slug))

		b.actor.User = w.user("root of " + slug)
		b.actor.User.IsSuperuser = true
		told := b.say(slug, answer).Challenge.(flow.FlowError)
		require.Contains(t, told.Error, "panic: ", slug)
		require.Contains(t, told.Traceback, "*flow.crash: panic: ", slug)
		require.Contains(t, told.Traceback, "probeStage", "the stack at that moment")
	}
	events, err := w.store.Repos().Events.Find(w.ctx, idp.EventFilter{Actions: []idp.Action{idp.ActionSystemException}})
	require.NoError(t, err)
	require.Equal(t, 4, events.Total)
}

// The attribute of the contract lets somebody see why; what the account says
// wins over its groups.
func TestWhoSeesWhyAFlowFailed(t *testing.T) {
	t.Parallel()
	const attribute = "goauthentik.io/user/debug"
	w := newWorld(t)
	w.flow("f", nil, silent("a", "boom"))
	repos := w.store.Repos()
	group := &idp.Group{Name: "those who debug", Attributes: idp.Attributes{attribute: true}}
	other := &idp.Group{Name: "others", Attributes: idp.Attributes{attribute: "true"}}
	require.NoError(t, repos.Groups.Create(w.ctx, group))
	require.NoError(t, repos.Groups.Create(w.ctx, other))
	for name, c := range map[string]struct {
		own    idp.Attributes
		groups []idp.GroupID
		sees   bool
	}{
		"nothing":                {},
		"true":                   {own: idp.Attributes{attribute: true}, sees: true},
		"something else":         {own: idp.Attributes{attribute: map[string]any{}}},
		"group":                  {groups: []idp.GroupID{other.ID, group.ID}, sees: true},
		"another group":          {groups: []idp.GroupID{other.ID}},
		"group, but not oneself": {own: idp.Attributes{attribute: false}, groups: []idp.GroupID{group.ID}},
	} {
		b := w.browser(name)
		u := w.user(name)
		u.Attributes, u.AllGroups = c.own, c.groups
		b.actor.User = u
		got := b.get("f").Challenge.(flow.FlowError)
		require.Equal(t, c.sees, got.Error != "" && got.Traceback != "", name)
		if c.sees {
			require.Contains(t, got.Traceback, "*errors.errorString: stage a exploded\n", "the whole chain, without a stack that says nothing")
			require.NotContains(t, got.Traceback, "goroutine")
		}
	}
}
