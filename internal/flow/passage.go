package flow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// passage is one request going through a flow.
type passage struct {
	x        *Executor
	policies Policies
	visit    Visit
	bindings []*bound                   // all of the flow, in order
	rest     []*bound                   // the plan: what is still to pass, the current one first
	left     []*bound                   // left out by their policies since the last stage was passed; asked again next time
	planned  map[idp.FlowBindingID]bool // policies asked in this request already, with the present context
	here     *bound                     // the current one, built
	run      *Run
	row      *idp.Run // the stored run; nil = none of use
	before   string   // row's state, to see whether something changed
	step     int      // stages passed so far
	done     string   // where the stored run is known to have ended already; "" = it has not
	moved    bool     // something happened that the next request must know
	stored   bool
	answered bool        // the request carries an answer to the current stage
	in       Input       // that answer
	undo     *mark       // as it was before the answer; nil once another stage was passed
	first    string      // token when the request came
	inspect  *inspection // nil = nobody watches who may
}

// state is what is stored of a run.
type state struct {
	Plan  []idp.FlowBindingID `json:"plan,omitempty"`
	Vars  Vars                `json:"vars,omitempty"`
	User  idp.UserID          `json:"user,omitempty"` // who is signed in; 0 = nobody
	Query map[string]string   `json:"query,omitempty"`
	Step  int                 `json:"step,omitempty"`
	Said  []string            `json:"said,omitempty"`

	Inspect *inspection `json:"inspect,omitempty"`

	// Done is where the run ended and Last the step that ended it: a form sent
	// twice finds its way by them.
	Done string `json:"done,omitempty"`
	Last string `json:"last,omitempty"`
}

// maxState is the largest state of a run, in bytes.
const maxState = 1 << 20

// load finds the flow and makes an empty passage.
func (x *Executor) load(ctx context.Context, v Visit) (*passage, error) {
	d, err := x.define(ctx, &v)
	if err != nil {
		return nil, err
	}
	if v.Dress != nil {
		v.Actor, v.Brand = v.Dress(v.Revision)
		v.Dress = nil
	}
	f := *d.flow // whoever gets the answer may do with it what they like
	p := &passage{x: x, visit: v, policies: d.policies, run: &Run{ID: idp.NewID[idp.Run](), Flow: &f, Actor: v.Actor, Brand: v.Brand, Device: v.Device,
		Query: bounded(v.Query), Vars: Vars{}, Effects: &Effects{}, kinds: x.list, gate: x.gate, repo: x.store.Repos().Users, kept: x.people}}
	p.run.at = p
	if p.policies == nil {
		p.policies = x.policies
	}
	if u := v.Actor.User; u != nil {
		p.run.keep(u)
	}
	p.bindings = make([]*bound, len(d.bindings))
	for i := range d.bindings {
		p.bindings[i] = &d.bindings[i]
	}
	return p, nil
}

// open finds the browser's run of the flow or plans one. in is the form sent,
// nil for none. An answer ends the request.
func (x *Executor) open(ctx context.Context, v Visit, in Input) (*passage, *Answer, error) {
	p, err := x.load(ctx, v)
	if err != nil {
		return nil, nil, err
	}
	if next, sent := p.run.Query["next"]; sent && next != "" && !Relative(next) {
		answer, err := p.refuse(ctx, "Invalid next URL", false)
		return nil, answer, err
	}
	if len(v.Browser) > 0 {
		answer, found, err := p.resume(ctx, in)
		if answer != nil || err != nil {
			return nil, answer, err
		}
		if found {
			answer, err := p.still(ctx)
			return p, answer, err
		}
	}
	if err := p.watch(ctx, nil); err != nil {
		return nil, nil, err
	}
	answer, err := p.begin(ctx)
	return p, answer, err
}

// begin plans the flow from its start.
func (p *passage) begin(ctx context.Context) (*Answer, error) {
	err := p.plan(ctx)
	var not *NotApplicable
	if errors.As(err, &not) {
		return p.denied(ctx, not)
	}
	return nil, err
}

// still asks the flow's policies again for a run under way.
func (p *passage) still(ctx context.Context) (*Answer, error) {
	err := p.applicable(ctx)
	var not *NotApplicable
	if !errors.As(err, &not) {
		return nil, err
	}
	if err := p.drop(ctx); err != nil {
		return nil, err
	}
	return p.denied(ctx, not)
}

// resume takes up the stored run. It is of no use when it is over, when it
// belongs to another user, or when the flow lost one of its stages.
func (p *passage) resume(ctx context.Context, in Input) (answer *Answer, found bool, err error) {
	row, err := p.find(ctx)
	if err != nil || row == nil {
		return nil, false, err
	}
	var s state
	if json.Unmarshal(row.State, &s) != nil {
		return nil, false, p.x.store.Repos().Runs.Delete(ctx, row.ID)
	}
	if s.Done != "" {
		if sent, _ := in[fieldStep].(string); sent != "" && sent == s.Last {
			answer, err := p.show(ctx, nil)
			if err != nil {
				return nil, false, err
			}
			answer.Redirect, answer.Done = s.Done, true
			return answer, false, nil
		}
		return nil, false, nil
	}
	rest, whole := p.pick(s.Plan)
	if !whole || s.User != p.actor() {
		return nil, false, p.x.store.Repos().Runs.Delete(ctx, row.ID)
	}
	p.row, p.rest, p.step, p.stored = row, rest, s.Step, true
	p.run.ID, p.run.said = row.ID, s.Said
	if s.Vars != nil {
		p.run.Vars = s.Vars
	}
	if len(p.run.Query) == 0 && s.Query != nil {
		p.run.Query = s.Query
	}
	raw, err := p.encode()
	p.before, p.first = string(raw), p.token()
	if err == nil {
		err = p.watch(ctx, s.Inspect)
	}
	return nil, true, err
}

// find returns the stored run, nil for none.
func (p *passage) find(ctx context.Context) (*idp.Run, error) {
	if found := p.visit.found; found != nil {
		p.visit.found = nil // good once
		if found.run == nil || found.run.FlowID == p.run.Flow.ID {
			return found.run, nil
		}
	}
	return p.x.store.Repos().Runs.Find(ctx, p.visit.Browser, p.run.Flow.ID)
}

// pick returns the bindings of a stored plan; whole is false when one of them
// is gone.
func (p *passage) pick(ids []idp.FlowBindingID) (rest []*bound, whole bool) {
	for _, id := range ids {
		found := false
		for _, b := range p.bindings {
			if b.row.ID == id {
				rest, found = append(rest, b), true
			}
		}
		if !found {
			return nil, false
		}
	}
	return rest, true
}

func (p *passage) actor() idp.UserID {
	if p.run.Actor.User == nil {
		return 0
	}
	return p.run.Actor.User.ID
}

func (p *passage) encode() ([]byte, error) {
	s := state{Vars: p.run.Vars, User: p.actor(), Query: p.run.Query, Step: p.step, Said: p.run.said, Inspect: p.inspect}
	for _, b := range append(p.left[:len(p.left):len(p.left)], p.rest...) {
		s.Plan = append(s.Plan, b.row.ID)
	}
	return json.Marshal(s)
}

// store keeps the run for the next request: not at all while nothing happened,
// and only if no other request went first. The error is CodeConflict then.
func (p *passage) store(ctx context.Context) error {
	if p.row == nil && !p.moved && len(p.run.Vars) == 0 && p.inspect == nil {
		return nil
	}
	raw, err := p.encode()
	if err != nil {
		return fmt.Errorf("writing run of flow %s: %w", p.run.Flow.Slug, err)
	}
	if len(raw) > maxState {
		return &idp.Error{Code: idp.CodeTooLarge, Message: "What was sent is too large for this flow."}
	}
	runs := p.x.store.Repos().Runs
	if p.row == nil {
		if len(p.visit.Browser) == 0 {
			return idp.Invalid("", "This flow runs in a browser, and the request did not come from one.")
		}
		row := &idp.Run{ID: p.run.ID, Browser: p.visit.Browser, FlowID: p.run.Flow.ID, State: raw}
		if err := runs.Create(ctx, row, p.x.lifetime); err != nil {
			return err
		}
		p.row, p.stored, p.before, p.run.ID = row, true, string(raw), row.ID
		p.hear(TurnBegun)
		return nil
	}
	if p.before == string(raw) {
		return nil
	}
	p.row.State = raw
	if err := runs.Save(ctx, p.row); err != nil {
		return err
	}
	p.before = string(raw)
	return nil
}

// drop ends the stored run.
func (p *passage) drop(ctx context.Context) error {
	if p.row == nil {
		return nil
	}
	id := p.row.ID
	p.row, p.stored = nil, false
	if err := p.x.store.Repos().Runs.Delete(ctx, id); err != nil && !idp.Is(err, idp.CodeNotFound) {
		return err
	}
	return nil
}

// token names the present step of the present run, for forms.
func (p *passage) token() string {
	if p.row == nil {
		return "new"
	}
	return p.run.ID.Hex() + "-" + strconv.Itoa(p.step)
}

// meant reports whether the input answers the current stage.
func (p *passage) meant(in Input) bool {
	if step, sent := in[fieldStep]; sent && step != p.token() {
		return false
	}
	component, sent := in[fieldComponent]
	if !sent || component == "" || component == componentAny || len(p.here.kind.Examples) == 0 {
		return true
	}
	for _, c := range p.here.kind.Examples {
		if component == c.Component() {
			return true
		}
	}
	return false
}

// sound reports whether a text can be stored.
func sound(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// bounded copies what of a query string is worth keeping.
func bounded(query map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range query {
		if len(out) < 32 && len(k) <= 64 && len(v) <= maxURL && k != "flow_token" && sound(k) && sound(v) {
			out[k] = v
		}
	}
	return out
}
