package policy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// defaultTimeout holds for a binding that has none.
const defaultTimeout = 30 * time.Second

// Engine evaluates bindings. Make one per process and share it: it keeps built
// policies until they change.
type Engine struct {
	kinds     *Kinds
	built     *cache[builtKey, Policy]
	directory Directory       // nil = expressions can ask for nothing
	effects   Effects         // nil = and do nothing
	lookups   *lookups        // nil = and look up nothing
	atlas     idp.Whereabouts // nil = and nobody is anywhere
}

type builtKey struct {
	id        idp.PolicyID
	updatedAt time.Time
	kind      string
	settings  string
}

// NewEngine returns an engine for policies of these kinds, whose expressions can
// ask for nothing beside their request.
func NewEngine(kinds *Kinds) *Engine {
	return &Engine{kinds: kinds, built: newCache[builtKey, Policy](256)}
}

// With returns an engine whose expressions may also ask for policies and users.
func (e *Engine) With(d Directory) *Engine {
	with := *e
	with.directory = d
	return &with
}

// Kinds returns the kinds of policies the engine knows.
func (e *Engine) Kinds() *Kinds { return e.kinds }

// Built says how many policies are kept built in this process.
func (e *Engine) Built() int { return e.built.len() }

// Forget drops what was kept built: each policy is built anew when it is next
// asked.
func (e *Engine) Forget() { e.built.clear() }

// Result is the answer of all bindings of a target.
type Result struct {
	idp.PolicyResult
	// Empty is whether no binding was enabled; such a target applies to everybody.
	Empty bool
	// Trace says what each enabled binding answered, by order.
	Trace []Trace
}

// Faults returns the bindings that could not be evaluated, for events.
func (r Result) Faults() []Trace {
	var out []Trace
	for _, t := range r.Trace {
		if t.Err != nil {
			out = append(out, t)
		}
	}
	return out
}

// Trace is what one binding answered.
type Trace struct {
	Binding  idp.PolicyBindingID
	Kind     string // policy, group, user; "" for a binding of nothing
	Policy   *idp.Policy
	Order    int
	Passing  bool // what counts, after Negate or FailureResult
	Negated  bool
	Messages []string
	Set      map[string]any // of the flow's context
	Err      error          // why there was no answer; never shown to the person
	Took     time.Duration
	Log      bool // the policy asks for an event on each evaluation
}

// Evaluate combines the enabled bindings of a target by their order: with mode any
// one of them has to pass, with mode all each of them. Every one is evaluated, so
// that every message is shown. No enabled binding passes.
//
// A policy that gives no answer (an error, a panic, its timeout) counts as the
// binding's FailureResult and is not negated; a binding of nothing, or of a policy
// that was not loaded or is of no known kind, does not pass. Group bindings pass
// for members, ancestors included, user bindings for that user; nobody is neither.
//
// The error is that of a context that ended or of an unknown mode; the result then
// does not pass.
func (e *Engine) Evaluate(ctx context.Context, bindings []idp.PolicyBinding, mode idp.PolicyMode, req idp.PolicyRequest) (Result, error) {
	if mode != idp.PolicyAny && mode != idp.PolicyAll {
		return Result{}, fmt.Errorf("evaluating policies: unknown mode %q", mode)
	}
	enabled := make([]*idp.PolicyBinding, 0, len(bindings))
	for i := range bindings {
		if bindings[i].Enabled {
			enabled = append(enabled, &bindings[i])
		}
	}
	slices.SortStableFunc(enabled, func(a, b *idp.PolicyBinding) int { return cmp.Compare(a.Order, b.Order) })
	if len(enabled) == 0 {
		return Result{PolicyResult: idp.PolicyResult{Passing: true}, Empty: true}, nil
	}
	var r Result
	passed := 0
	for _, b := range enabled {
		t := e.trace(ctx, b, req)
		if err := ctx.Err(); err != nil {
			return Result{Trace: append(r.Trace, t)}, fmt.Errorf("evaluating policies: %w", err)
		}
		r.Trace = append(r.Trace, t)
		r.Messages = append(r.Messages, t.Messages...)
		if len(t.Set) > 0 { // the bindings that follow see it
			r.Context = joined(r.Context, t.Set)
			req.Context = seen(req.Context, t.Set)
		}
		if t.Passing {
			passed++
		}
	}
	r.Passing = passed == len(enabled) || mode == idp.PolicyAny && passed > 0
	return r, nil
}

// EvaluatePolicy evaluates one policy without a binding. Unlike Evaluate it
// returns the policy's error; Try also tells what happened.
func (e *Engine) EvaluatePolicy(ctx context.Context, p *idp.Policy, req idp.PolicyRequest) (idp.PolicyResult, error) {
	ctx, cancel := context.WithTimeout(ctx, defaultTimeout)
	defer cancel()
	return e.ask(ctx, p, req)
}

// Bind returns a binding for each policy, for callers who hold policies only, such
// as a prompt stage with its validation policies.
func Bind(policies []idp.Policy) []idp.PolicyBinding {
	out := make([]idp.PolicyBinding, len(policies))
	for i := range policies {
		out[i] = idp.PolicyBinding{PolicyID: &policies[i].ID, Policy: &policies[i], Enabled: true, Order: i, Timeout: defaultTimeout}
	}
	return out
}

func (e *Engine) trace(ctx context.Context, b *idp.PolicyBinding, req idp.PolicyRequest) Trace {
	t := Trace{Binding: b.ID, Order: b.Order}
	began := time.Now()
	switch {
	case b.PolicyID != nil:
		t.Kind, t.Policy = "policy", b.Policy
		e.tracePolicy(ctx, b, req, &t)
	case b.GroupID != nil:
		t.Kind = "group"
		t.Passing = req.User != nil && slices.Contains(req.User.AllGroups, *b.GroupID)
	case b.UserID != nil:
		t.Kind = "user"
		t.Passing = req.User != nil && req.User.ID == *b.UserID
	default:
		t.Err = errors.New("the binding has no policy, group or user")
	}
	if t.Err == nil && b.Negate {
		t.Passing, t.Negated = !t.Passing, true
	}
	t.Took = time.Since(began)
	return t
}

func (e *Engine) tracePolicy(ctx context.Context, b *idp.PolicyBinding, req idp.PolicyRequest, t *Trace) {
	if b.Policy == nil {
		t.Err = errors.New("the policy of the binding was not loaded")
		return
	}
	if _, known := e.kinds.Get(b.Policy.Kind); !known {
		t.Err = fmt.Errorf("policy %q is of the unknown kind %q", b.Policy.Name, b.Policy.Kind)
		return
	}
	timeout := b.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	t.Log = b.Policy.ExecutionLogging
	result, err := e.ask(ctx, b.Policy, req)
	if err != nil {
		t.Passing, t.Err = b.FailureResult, err
		return
	}
	t.Passing, t.Messages, t.Set = result.Passing, result.Messages, result.Context
}

// ask evaluates a policy and waits no longer than the context lasts, also for one
// that does not mind it: its answer then goes nowhere.
func (e *Engine) ask(ctx context.Context, p *idp.Policy, req idp.PolicyRequest) (result idp.PolicyResult, err error) {
	ctx, a := e.asks(ctx)
	a.policy = p.Name
	began := time.Now()
	a.journal.began(p, a.depth)
	type answer struct {
		result idp.PolicyResult
		err    error
	}
	answered := make(chan answer, 1)
	go func() {
		result, err := e.evaluate(ctx, p, req)
		answered <- answer{result, err}
	}()
	select {
	case got := <-answered:
		result, err = got.result, got.err
	case <-ctx.Done():
	}
	if err == nil {
		err = ctx.Err() // an answer after the timeout is none
	}
	if err != nil {
		result, err = idp.PolicyResult{}, fmt.Errorf("evaluating policy %q: %w", p.Name, err)
	}
	a.journal.ended(p, a.depth, result, err, time.Since(began))
	return result, err
}

func (e *Engine) evaluate(ctx context.Context, p *idp.Policy, req idp.PolicyRequest) (result idp.PolicyResult, err error) {
	defer func() {
		if r := recover(); r != nil {
			result, err = idp.PolicyResult{}, fmt.Errorf("panic: %v", r)
		}
	}()
	key := builtKey{p.ID, p.UpdatedAt, p.Kind, string(p.Settings)}
	rule, err := e.built.get(key, func() (Policy, error) { return e.kinds.build(p.Kind, p.Settings) })
	if err != nil {
		return idp.PolicyResult{}, err
	}
	return rule.Evaluate(ctx, req)
}
