package flow

import (
	"context"
	"fmt"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Policies answers whether the policies bound to a target pass. An error means
// that they could not be evaluated; the engine then refuses.
type Policies interface {
	Evaluate(ctx context.Context, target idp.UUID, mode idp.PolicyMode, req idp.PolicyRequest) (idp.PolicyResult, error)
}

// Preparer is implemented by Policies that can read the bindings of several
// targets at once; what Prepare returns serves one request.
type Preparer interface {
	Prepare(ctx context.Context, targets []idp.UUID) (Policies, error)
}

// DefaultLifetime is how long a run stays open, by the database's clock.
const DefaultLifetime = time.Hour

// Deps are what an Executor needs.
type Deps struct {
	Store    idp.Store
	Policies Policies
	Kinds    []Kind
	Gate     idp.Gate      // nil = nothing is ever locked
	Lifetime time.Duration // of a run; 0 = DefaultLifetime
	People   People        // nil = the Store
	// Fulfil carries out what a run with KeyPurpose was begun for, once all its stages
	// are passed; nil = there is no such run.
	Fulfil func(ctx context.Context, run *Run, purpose string) error
	// Heard hears what becomes of runs, by the slug of their flow; nil = nobody.
	Heard func(slug string, what Turn)
}

// Turn is what became of a run.
type Turn string

// The turns. Runs that nobody comes back to end without one.
const (
	TurnBegun     Turn = "begun"     // the first thing of it was kept
	TurnCompleted Turn = "completed" // all stages are passed, or one led elsewhere
	TurnDenied    Turn = "denied"    // a stage, a policy or the flow itself said no; also without a run
	TurnFailed    Turn = "failed"    // something broke that is no fault of the visitor's
)

// hear passes on what became of a run of the flow.
func (p *passage) hear(what Turn) {
	if p.x.heard != nil {
		p.x.heard(p.run.Flow.Slug, what)
	}
}

// People reads accounts as the database has them now, from memory or not. Nobody may
// change what it returns. The error is CodeNotFound when there is none.
type People interface {
	User(ctx context.Context, id idp.UserID) (*idp.User, error)
}

// Executor takes browsers through flows.
type Executor struct {
	store    idp.Store
	policies Policies
	gate     idp.Gate
	list     []Kind
	kinds    map[string]Kind
	lifetime time.Duration
	people   People
	turns    turns
	heard    func(slug string, what Turn)
	fulfil   func(ctx context.Context, run *Run, purpose string) error

	definitions idp.Kept[string, *definition]
}

// NewExecutor returns an Executor. It panics when two kinds share a name: the
// list of kinds is part of the code.
func NewExecutor(d Deps) *Executor {
	x := &Executor{store: d.Store, policies: d.Policies, list: d.Kinds, lifetime: d.Lifetime, people: d.People, heard: d.Heard, fulfil: d.Fulfil, kinds: map[string]Kind{}}
	if x.gate = d.Gate; x.gate == nil {
		x.gate = idp.Unlocked{}
	}
	if x.lifetime <= 0 {
		x.lifetime = DefaultLifetime
	}
	for _, k := range d.Kinds {
		if _, twice := x.kinds[k.Name]; twice {
			panic("flow: two stage kinds are named " + k.Name)
		}
		x.kinds[k.Name] = k
	}
	return x
}

// Kinds lists the kinds of stages.
func (x *Executor) Kinds() []Kind { return x.list }

// Kind returns the kind of that name.
func (x *Executor) Kind(name string) (Kind, bool) {
	k, ok := x.kinds[name]
	return k, ok
}

// Get shows where the browser stands in the flow, and begins the flow when it
// is not under way. The error is CodeNotFound when there is no such flow.
func (x *Executor) Get(ctx context.Context, v Visit) (*Answer, error) {
	release, err := x.turns.take(ctx, v.key())
	if err != nil {
		return nil, err
	}
	defer release()
	if err := x.look(ctx, &v); err != nil {
		return nil, err
	}
	p, answer, err := x.open(ctx, v, nil)
	if answer != nil || err != nil {
		return answer, err
	}
	ask, answer, err := p.enter(ctx)
	if answer != nil || err != nil {
		return answer, err
	}
	if err := p.store(ctx); err != nil {
		return p.lost(err)
	}
	return p.challenge(ctx, ask, nil, nil)
}

// Solve answers the challenge that the browser was shown. An answer to another
// step than the present one changes nothing: the browser is sent to where it
// stands.
func (x *Executor) Solve(ctx context.Context, v Visit, in Input) (answer *Answer, err error) {
	ctx = idp.WithRides(ctx)
	defer func() {
		if missed := x.store.Arrive(ctx); err == nil && missed != nil {
			answer, err = nil, missed
		}
	}()
	return x.solve(ctx, v, in)
}

func (x *Executor) solve(ctx context.Context, v Visit, in Input) (*Answer, error) {
	release, err := x.turns.take(ctx, v.key())
	if err != nil {
		return nil, err
	}
	defer release()
	if err := x.look(ctx, &v); err != nil {
		return nil, err
	}
	p, answer, err := x.open(ctx, v, in)
	if answer != nil || err != nil {
		return answer, err
	}
	answer, err = p.current(ctx)
	if answer != nil || err != nil {
		return answer, err
	}
	if p.here == nil {
		return p.finish(ctx)
	}
	if p.here.kind.Headless || !p.meant(in) {
		return p.again(), nil
	}
	p.answered, p.in, p.run.said = true, in, nil
	before := p.mark()
	step, err := p.submitted(ctx, in)
	if idp.Is(err, idp.CodeInvalid) {
		return p.invalid(ctx, err)
	}
	ask, answer, err := p.settle(ctx, step, err)
	p.undo = before
	if answer == nil && err == nil && ask == nil {
		_, answer, err = p.enter(ctx)
	}
	if answer != nil || err != nil {
		return answer, err
	}
	p.run.said = p.run.Effects.Messages
	if err := p.store(ctx); err != nil {
		return p.lost(err)
	}
	return p.again(), nil
}

// Cancel ends the browser's run of the flow; without a slug, all its runs.
func (x *Executor) Cancel(ctx context.Context, v Visit) error {
	if len(v.Browser) == 0 {
		return nil
	}
	release, err := x.turns.take(ctx, v.key())
	if err != nil {
		return err
	}
	defer release()
	repos := x.store.Repos()
	if v.Slug == "" {
		return repos.Runs.DeleteBrowser(ctx, v.Browser)
	}
	f, err := repos.Flows.GetBySlug(ctx, v.Slug)
	if err != nil {
		return err
	}
	run, err := repos.Runs.Find(ctx, v.Browser, f.ID)
	if err != nil || run == nil {
		return err
	}
	return repos.Runs.Delete(ctx, run.ID)
}

// Begin plans a flow in the browser with a context of the caller's, replacing
// the flow's run there if it has one, and returns the page to send the browser
// to. No stage is executed. The error is a *NotApplicable when the flow is not
// for whoever asks.
func (x *Executor) Begin(ctx context.Context, v Visit, set func(*Run)) (link string, err error) {
	if len(v.Browser) == 0 {
		return "", idp.Invalid("", "This flow runs in a browser, and the request did not come from one.")
	}
	release, err := x.turns.take(ctx, v.key())
	if err != nil {
		return "", err
	}
	defer release()
	return x.begin(ctx, v, set)
}

// begin is Begin without waiting for the turn.
func (x *Executor) begin(ctx context.Context, v Visit, set func(*Run)) (link string, err error) {
	p, err := x.load(ctx, v)
	if err != nil {
		return "", err
	}
	if set != nil {
		set(p.run)
	}
	if err := p.plan(ctx); err != nil {
		return "", err
	}
	if len(p.rest) == 0 {
		return "", &NotApplicable{Flow: p.run.Flow}
	}
	p.moved = true
	if err := p.store(ctx); err != nil {
		return "", fmt.Errorf("beginning flow %s: %w", v.Slug, err)
	}
	return Path(p.run.Flow.Slug), nil
}

// Pass begins a flow in the browser with a context of the caller's, as Begin does, and
// goes on at once until a stage asks something: then the answer sends the browser to the
// flow's page, or is nil where nobody may be asked (silent), and nothing is left of the
// run. The error is a *NotApplicable when the flow is not for whoever asks.
func (x *Executor) Pass(ctx context.Context, v Visit, set func(*Run), silent bool) (*Answer, error) {
	if len(v.Browser) == 0 {
		return nil, idp.Invalid("", "This flow runs in a browser, and the request did not come from one.")
	}
	release, err := x.turns.take(ctx, v.key())
	if err != nil {
		return nil, err
	}
	defer release()
	p, err := x.load(ctx, v)
	if err != nil {
		return nil, err
	}
	set(p.run)
	if err := p.plan(ctx); err != nil {
		return nil, err
	}
	ask, answer, err := p.enter(ctx)
	if answer != nil || err != nil || ask == nil {
		return answer, err
	}
	if silent {
		return nil, p.drop(ctx)
	}
	p.moved = true
	if err := p.store(ctx); err != nil {
		return nil, fmt.Errorf("beginning flow %s: %w", v.Slug, err)
	}
	return p.again(), nil
}

func (v Visit) key() string { return string(v.Browser) + "/" + v.Slug }
