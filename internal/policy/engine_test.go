package policy

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// answer is a policy that does what its settings say.
type answer struct {
	Pass    bool   `json:"pass"`
	Message string `json:"message"`
	Fault   string `json:"fault"` // error, panic, hang, late
}

func (a answer) Evaluate(ctx context.Context, _ idp.PolicyRequest) (idp.PolicyResult, error) {
	result := idp.PolicyResult{Passing: a.Pass}
	if a.Message != "" {
		result.Messages = []string{a.Message}
	}
	switch a.Fault {
	case "error":
		return idp.PolicyResult{Passing: true, Messages: []string{"never shown"}}, errors.New("broken")
	case "panic":
		panic("broken")
	case "hang":
		<-ctx.Done()
		return idp.PolicyResult{Passing: true}, ctx.Err()
	case "late":
		<-ctx.Done()
	}
	return result, nil
}

func answerKind() Kind {
	return Kind{Name: "answer", Model: "test.answer", New: func(settings json.RawMessage) (Policy, error) {
		var a answer
		if err := DecodeSettings(settings, &a); err != nil {
			return nil, err
		}
		return a, nil
	}}
}

func asks(settings string, change ...func(*idp.PolicyBinding)) idp.PolicyBinding {
	p := &idp.Policy{ID: idp.NewID[idp.Policy](), Name: "test", Kind: "answer", Settings: json.RawMessage(settings)}
	b := idp.PolicyBinding{ID: idp.NewID[idp.PolicyBinding](), PolicyID: &p.ID, Policy: p, Enabled: true, Timeout: time.Minute}
	for _, c := range change {
		c(&b)
	}
	return b
}

func negated(b *idp.PolicyBinding)  { b.Negate = true }
func disabled(b *idp.PolicyBinding) { b.Enabled = false }
func forgives(b *idp.PolicyBinding) { b.FailureResult = true }
func brief(b *idp.PolicyBinding)    { b.Timeout = time.Millisecond }
func unloaded(b *idp.PolicyBinding) { b.Policy = nil }
func unknown(b *idp.PolicyBinding)  { b.Policy.Kind = "nonsense" }
func order(n int) func(*idp.PolicyBinding) {
	return func(b *idp.PolicyBinding) { b.Order = n }
}

func toUser(id idp.UserID, change ...func(*idp.PolicyBinding)) idp.PolicyBinding {
	b := idp.PolicyBinding{UserID: &id, Enabled: true}
	for _, c := range change {
		c(&b)
	}
	return b
}

func toGroup(id idp.GroupID, change ...func(*idp.PolicyBinding)) idp.PolicyBinding {
	b := idp.PolicyBinding{GroupID: &id, Enabled: true}
	for _, c := range change {
		c(&b)
	}
	return b
}

var (
	direct, ancestor, stranger = idp.NewID[idp.Group](), idp.NewID[idp.Group](), idp.NewID[idp.Group]()
	member                     = &idp.User{ID: 5, Groups: []idp.GroupID{direct}, AllGroups: []idp.GroupID{direct, ancestor}}
)

const (
	yes   = `{"pass": true, "message": "yes"}`
	no    = `{"pass": false, "message": "no"}`
	fault = `{"fault": "error"}`
)

func TestEngine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		user     *idp.User
		bindings []idp.PolicyBinding
		any, all bool
		messages []string
		faults   int
	}{
		{name: "nothing bound", any: true, all: true},
		{name: "only disabled", bindings: []idp.PolicyBinding{asks(no, disabled)}, any: true, all: true},
		{name: "pass", bindings: []idp.PolicyBinding{asks(yes)}, any: true, all: true, messages: []string{"yes"}},
		{name: "refuse", bindings: []idp.PolicyBinding{asks(no)}, messages: []string{"no"}},
		{name: "some pass", bindings: []idp.PolicyBinding{asks(no), asks(yes)}, any: true, messages: []string{"no", "yes"}},
		{name: "all pass", bindings: []idp.PolicyBinding{asks(yes), asks(yes)}, any: true, all: true, messages: []string{"yes", "yes"}},
		{name: "all refuse", bindings: []idp.PolicyBinding{asks(no), asks(no)}, messages: []string{"no", "no"}},
		{name: "by order", bindings: []idp.PolicyBinding{asks(yes, order(2)), asks(no, order(-1))}, any: true, messages: []string{"no", "yes"}},
		{name: "negated pass", bindings: []idp.PolicyBinding{asks(yes, negated)}, messages: []string{"yes"}},
		{name: "negated refusal", bindings: []idp.PolicyBinding{asks(no, negated)}, any: true, all: true, messages: []string{"no"}},
		{name: "fault", bindings: []idp.PolicyBinding{asks(fault)}, faults: 1},
		{name: "fault is not negated", bindings: []idp.PolicyBinding{asks(fault, negated)}, faults: 1},
		{name: "fault forgiven", bindings: []idp.PolicyBinding{asks(fault, forgives)}, any: true, all: true, faults: 1},
		{name: "forgiveness is not negated", bindings: []idp.PolicyBinding{asks(fault, forgives, negated)}, any: true, all: true, faults: 1},
		{name: "panic", bindings: []idp.PolicyBinding{asks(`{"fault": "panic"}`)}, faults: 1},
		{name: "timeout", bindings: []idp.PolicyBinding{asks(`{"fault": "hang"}`, brief)}, faults: 1},
		{name: "timeout forgiven", bindings: []idp.PolicyBinding{asks(`{"fault": "hang"}`, brief, forgives)}, any: true, all: true, faults: 1},
		{name: "an answer after the timeout is none", bindings: []idp.PolicyBinding{asks(`{"pass": true, "fault": "late"}`, brief)}, faults: 1},
		{name: "settings that cannot be read", bindings: []idp.PolicyBinding{asks(`{"passes": true}`)}, faults: 1},
		{name: "not loaded", bindings: []idp.PolicyBinding{asks(yes, unloaded, forgives, negated)}, faults: 1},
		{name: "unknown kind", bindings: []idp.PolicyBinding{asks(yes, unknown, forgives, negated)}, faults: 1},
		{name: "binding of nothing", bindings: []idp.PolicyBinding{{Enabled: true, FailureResult: true, Negate: true}}, faults: 1},
		{name: "the user", user: member, bindings: []idp.PolicyBinding{toUser(5)}, any: true, all: true},
		{name: "another user", user: member, bindings: []idp.PolicyBinding{toUser(6)}},
		{name: "not the user", user: member, bindings: []idp.PolicyBinding{toUser(5, negated)}},
		{name: "nobody is not the user", bindings: []idp.PolicyBinding{toUser(5)}},
		{name: "nobody is not zero", bindings: []idp.PolicyBinding{toUser(0)}},
		{name: "nobody, negated", bindings: []idp.PolicyBinding{toUser(5, negated)}, any: true, all: true},
		{name: "member", user: member, bindings: []idp.PolicyBinding{toGroup(direct)}, any: true, all: true},
		{name: "member through another group", user: member, bindings: []idp.PolicyBinding{toGroup(ancestor)}, any: true, all: true},
		{name: "not a member", user: member, bindings: []idp.PolicyBinding{toGroup(stranger)}},
		{name: "nobody is no member", bindings: []idp.PolicyBinding{toGroup(direct)}},
		{name: "no timeout given", bindings: []idp.PolicyBinding{asks(yes, func(b *idp.PolicyBinding) { b.Timeout = 0 })}, any: true, all: true, messages: []string{"yes"}},
		{name: "mixed", user: member, bindings: []idp.PolicyBinding{toGroup(stranger), asks(fault), asks(yes)}, any: true, messages: []string{"yes"}, faults: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			engine := NewEngine(NewKinds([]Kind{answerKind()}))
			for mode, want := range map[idp.PolicyMode]bool{idp.PolicyAny: c.any, idp.PolicyAll: c.all} {
				r, err := engine.Evaluate(t.Context(), c.bindings, mode, idp.PolicyRequest{User: c.user})
				require.NoError(t, err)
				require.Equal(t, want, r.Passing, "mode %s", mode)
				require.Empty(t, cmp.Diff(c.messages, r.Messages))
				require.Len(t, r.Faults(), c.faults)
				require.Equal(t, len(r.Trace) == 0, r.Empty)
			}
		})
	}
}

// stubborn does not mind its context.
type stubborn struct{ until chan struct{} }

func (s stubborn) Evaluate(ctx context.Context, _ idp.PolicyRequest) (idp.PolicyResult, error) {
	<-s.until
	if a, ok := ctx.Value(askingKey{}).(*asking); ok {
		a.journal.note(LevelInfo, "too late", nil)
	}
	return idp.PolicyResult{Passing: true}, nil
}

// Nobody waits longer than a binding's timeout, whatever the policy does.
func TestTimeoutsAreKept(t *testing.T) {
	t.Parallel()
	until := make(chan struct{})
	engine := NewEngine(NewKinds([]Kind{{Name: "answer", Model: "test.answer", New: func(json.RawMessage) (Policy, error) { return stubborn{until}, nil }}}))
	for _, c := range []struct {
		change []func(*idp.PolicyBinding)
		want   bool
	}{{nil, false}, {[]func(*idp.PolicyBinding){negated}, false}, {[]func(*idp.PolicyBinding){forgives}, true}} {
		r, err := engine.Evaluate(t.Context(), []idp.PolicyBinding{asks(yes, append(c.change, brief)...)}, idp.PolicyAll, idp.PolicyRequest{})
		require.NoError(t, err)
		require.Equal(t, c.want, r.Passing)
		require.ErrorIs(t, r.Faults()[0].Err, context.DeadlineExceeded)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	tried := engine.Try(ctx, asks(yes).Policy, idp.PolicyRequest{})
	require.False(t, tried.Passing)
	require.Equal(t, []string{"The policy took too long."}, tried.Messages)
	close(until)
	require.Len(t, tried.Notes, 2, "it began, and it gave no answer")
}

func TestTrace(t *testing.T) {
	t.Parallel()
	engine := NewEngine(NewKinds([]Kind{answerKind()}))
	bindings := []idp.PolicyBinding{asks(no, order(2), negated), toGroup(stranger, order(1)), asks(fault, order(3), forgives)}
	bindings[0].Policy.ExecutionLogging = true
	r, err := engine.Evaluate(t.Context(), bindings, idp.PolicyAll, idp.PolicyRequest{User: member})
	require.NoError(t, err)
	require.Len(t, r.Trace, 3)
	require.Equal(t, "group", r.Trace[0].Kind)
	require.False(t, r.Trace[0].Passing)
	require.Equal(t, bindings[0].ID, r.Trace[1].Binding)
	require.True(t, r.Trace[1].Passing && r.Trace[1].Negated && r.Trace[1].Log)
	require.Equal(t, []string{"no"}, r.Trace[1].Messages)
	require.Equal(t, bindings[2].Policy, r.Trace[2].Policy)
	require.ErrorContains(t, r.Trace[2].Err, "broken")
	require.True(t, r.Trace[2].Passing && !r.Trace[2].Negated)
}

func TestEngineRefusesToGuess(t *testing.T) {
	t.Parallel()
	engine := NewEngine(NewKinds([]Kind{answerKind()}))
	r, err := engine.Evaluate(t.Context(), nil, "some", idp.PolicyRequest{})
	require.Error(t, err)
	require.False(t, r.Passing)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, err = engine.Evaluate(ctx, []idp.PolicyBinding{asks(yes, forgives), toUser(5)}, idp.PolicyAny, idp.PolicyRequest{User: member})
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, r.Passing)
}

func TestAChangedPolicyIsBuiltAnew(t *testing.T) {
	t.Parallel()
	engine := NewEngine(NewKinds([]Kind{answerKind()}))
	b := asks(yes)
	for _, want := range []bool{true, false} {
		r, err := engine.EvaluatePolicy(t.Context(), b.Policy, idp.PolicyRequest{})
		require.NoError(t, err)
		require.Equal(t, want, r.Passing)
		b.Policy.Settings = json.RawMessage(no)
	}
	b.Policy.Settings = json.RawMessage(fault)
	r, err := engine.EvaluatePolicy(t.Context(), b.Policy, idp.PolicyRequest{})
	require.ErrorContains(t, err, "broken")
	require.False(t, r.Passing)
}

func TestBind(t *testing.T) {
	t.Parallel()
	engine := NewEngine(NewKinds([]Kind{answerKind()}))
	r, err := engine.Evaluate(t.Context(), Bind([]idp.Policy{*asks(yes).Policy, *asks(no).Policy}), idp.PolicyAll, idp.PolicyRequest{})
	require.NoError(t, err)
	require.False(t, r.Passing)
	require.Equal(t, []string{"yes", "no"}, r.Messages)
}
