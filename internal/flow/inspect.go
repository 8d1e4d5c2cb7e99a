package flow

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Inspection shows somebody who may inspect flows where a run stands and why.
type Inspection struct {
	Completed bool
	Next      string // where the browser goes when the run is over; "" = it is not
	Flow      *Verdict
	Stages    []InspectedStage // all of the flow, in order
	Context   map[string]any   // as policies see it, without secrets
	Plans     []InspectedPlan  // one for each stage that was passed
	Current   *InspectedPlan   // nil when the run is over
	Session   string           // names the browser, and says nothing else of it
}

// InspectedStage is one stage of the flow and what became of it.
type InspectedStage struct {
	Binding  idp.FlowBinding
	Name     string // of the stage; "" = it does not exist
	Kind     string
	Standing Standing
	Verdict  *Verdict // of its policies, the last time they were asked; nil = never
}

// Standing is what became of a stage.
type Standing string

// The standings.
const (
	StandingPassed  Standing = "passed"
	StandingCurrent Standing = "current"
	StandingPlanned Standing = "planned"
	StandingLeftOut Standing = "left out"
	StandingEnded   Standing = "not reached"
)

// Verdict is what the policies of a flow or of a stage said.
type Verdict struct {
	When     string            `json:"when"` // planning, or reaching the stage
	Passing  bool              `json:"passing"`
	Messages []string          `json:"messages,omitempty"`
	Fault    string            `json:"fault,omitempty"` // why there was no answer
	Policies []idp.PolicyTrace `json:"policies,omitempty"`
}

// InspectedPlan is how the run stood at one stage.
type InspectedPlan struct {
	Current *idp.FlowBindingID `json:"current"`
	Next    *idp.FlowBindingID `json:"next"`
	Context map[string]any     `json:"context"`
}

// Bounds of what an inspection adds to a stored run.
const (
	maxInspectedPlans   = 20
	maxInspectedContext = 16 << 10 // bytes of JSON each
)

// inspection is what a run keeps while somebody watches it.
type inspection struct {
	By         idp.UserID           `json:"by"`
	Generation int64                `json:"generation"` // of By's sessions when they began to watch
	Verdicts   map[idp.UUID]Verdict `json:"verdicts,omitempty"`
	Passed     []idp.FlowBindingID  `json:"passed,omitempty"`
	Plans      []InspectedPlan      `json:"plans,omitempty"`
}

// watch finds out whether this request's visitor may see into the run: they are
// a superuser, or were one when they began to watch in this browser (a sign-in
// flow changes who is signed in) and still are. What the run had kept of a
// watch that is over is dropped.
func (p *passage) watch(ctx context.Context, kept *inspection) error {
	p.inspect = nil
	if !p.visit.Inspect || len(p.visit.Browser) == 0 {
		return nil
	}
	if may, err := p.mayInspect(ctx, kept); err != nil || may {
		p.inspect = kept
		return err
	}
	if u := p.run.Actor.User; u != nil && p.inspects(p.run.Actor) && p.run.Actor.Token == nil && p.run.Actor.Grant == nil {
		p.inspect = &inspection{By: u.ID, Generation: u.SessionGeneration}
	}
	return nil
}

// mayInspect reports whether whoever began to watch may go on.
func (p *passage) mayInspect(ctx context.Context, kept *inspection) (bool, error) {
	if kept == nil {
		return false, nil
	}
	u, err := p.run.User(ctx, kept.By)
	if idp.Is(err, idp.CodeNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	c := idp.Credential{Family: idp.FamilySession, Generation: kept.Generation}
	return p.inspects(idp.Actor{User: u}) && p.run.gate.Admit(ctx, idp.DoorSession, u, c) == nil, nil
}

// inspects reports whether somebody may see how flows come to what they do: who
// may change flows, for it shows what their policies say.
func (p *passage) inspects(who idp.Actor) bool {
	if access, ok := p.run.gate.(idp.Access); ok {
		return access.Check(who, idp.VerbUpdate, idp.Object{Resource: idp.ResourceFlow}) == nil
	}
	return who.User != nil && who.User.IsSuperuser
}

// judged notes what policies said.
func (i *inspection) judged(target idp.UUID, when string, result idp.PolicyResult, err error) {
	if i == nil {
		return
	}
	v := Verdict{When: when, Passing: err == nil && result.Passing, Messages: result.Messages, Policies: result.Trace}
	if err != nil {
		v.Fault = err.Error()
	}
	if i.Verdicts == nil {
		i.Verdicts = map[idp.UUID]Verdict{}
	}
	i.Verdicts[target] = v
}

// noted keeps how the run stood at the stage that is about to be passed.
func (p *passage) noted(ctx context.Context) error {
	if p.inspect == nil || p.here == nil {
		return nil
	}
	plan, err := p.present(ctx)
	if err != nil {
		return err
	}
	p.inspect.Passed = append(p.inspect.Passed, p.here.row.ID)
	p.inspect.Plans = append(p.inspect.Plans, *plan)
	if surplus := len(p.inspect.Plans) - maxInspectedPlans; surplus > 0 {
		p.inspect.Plans = slices.Delete(p.inspect.Plans, 0, surplus)
	}
	return nil
}

// present is how the run stands now.
func (p *passage) present(ctx context.Context) (*InspectedPlan, error) {
	facts, err := p.run.Facts(ctx)
	if err != nil {
		return nil, err
	}
	plan := &InspectedPlan{Context: bare(facts, p.run.Vars)}
	if raw, err := json.Marshal(plan.Context); err != nil || len(raw) > maxInspectedContext {
		plan.Context = map[string]any{"…": "The context is too large to be shown."}
	}
	if len(p.rest) > 0 {
		plan.Current = &p.rest[0].row.ID
	}
	if len(p.rest) > 1 {
		plan.Next = &p.rest[1].row.ID
	}
	return plan, nil
}

// inspected tells how the run stands, nil when nobody who may is watching. next
// is where the browser goes from a run that is over.
func (p *passage) inspected(ctx context.Context, over bool, next string) (*Inspection, error) {
	if p.inspect == nil {
		return nil, nil
	}
	plan, err := p.present(ctx)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(p.visit.Browser)
	out := &Inspection{Completed: over, Next: next, Context: plan.Context, Plans: p.inspect.Plans, Session: hex.EncodeToString(sum[:])}
	if v, ok := p.inspect.Verdicts[p.run.Flow.ID.UUID()]; ok {
		out.Flow = &v
	}
	if !over && len(p.rest) > 0 {
		out.Current = plan
	}
	for _, b := range p.bindings {
		s := InspectedStage{Binding: b.row, Standing: p.standing(b, over)}
		if b.def != nil {
			s.Name, s.Kind = b.def.Name, b.def.Kind
		}
		if v, ok := p.inspect.Verdicts[b.row.ID.UUID()]; ok {
			s.Verdict = &v
		}
		out.Stages = append(out.Stages, s)
	}
	return out, nil
}

func (p *passage) standing(b *bound, over bool) Standing {
	switch {
	case slices.Contains(p.inspect.Passed, b.row.ID):
		return StandingPassed
	case !over && len(p.rest) > 0 && p.rest[0] == b:
		return StandingCurrent
	case !over && slices.Contains(p.rest, b):
		return StandingPlanned
	}
	if v, asked := p.inspect.Verdicts[b.row.ID.UUID()]; asked && !v.Passing {
		return StandingLeftOut
	}
	return StandingEnded
}

// Inspect tells somebody who may inspect flows how the browser's run of a flow
// stands; nothing of it changes. Errors: CodeNotFound when there is no such flow
// or the visitor may not inspect; CodeInvalid when no run is under way.
func (x *Executor) Inspect(ctx context.Context, v Visit) (*Inspection, error) {
	v.Inspect = true
	p, err := x.load(ctx, v)
	if err != nil {
		return nil, err
	}
	row, err := x.store.Repos().Runs.Find(ctx, v.Browser, p.run.Flow.ID)
	if err != nil {
		return nil, err
	}
	var s state
	if row != nil && json.Unmarshal(row.State, &s) != nil {
		row = nil
	}
	if err := p.watch(ctx, s.Inspect); err != nil {
		return nil, err
	}
	if p.inspect == nil {
		return nil, idp.NotFound("flow")
	}
	if row == nil {
		return nil, idp.Invalid("", "No run of this flow is under way in this browser.")
	}
	if s.Done != "" {
		return p.inspected(ctx, true, s.Done)
	}
	p.rest, _ = p.pick(s.Plan)
	for len(p.rest) > 0 { // what was left out last time is stored with the plan, to be asked about again
		if v, asked := p.inspect.Verdicts[p.rest[0].row.ID.UUID()]; !asked || v.Passing {
			break
		}
		p.rest = p.rest[1:]
	}
	if s.Vars != nil {
		p.run.Vars = s.Vars
	}
	return p.inspected(ctx, false, "")
}

// hidden stands for a secret that is not shown.
const hidden = "********************"

// secretNames are parts of names whose values are never shown.
var secretNames = []string{"password", "passwd", "secret", "token", "signature", "api_key", "cookie", "authorization", "otp"}

// bare is the context without secrets: values under telling names, and answers
// to prompts that hide what is typed.
func bare(facts map[string]any, vars Vars) map[string]any {
	asked, _ := KeySecrets.In(vars)
	out, _ := withoutSecrets(facts, asked).(map[string]any)
	return out
}

func withoutSecrets(v any, asked []string) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, value := range v {
			lower := strings.ToLower(name)
			secret := slices.Contains(asked, name) || lower == "key" || lower == "code" ||
				slices.ContainsFunc(secretNames, func(part string) bool { return strings.Contains(lower, part) })
			if _, text := value.(string); secret && text {
				out[name] = hidden
			} else {
				out[name] = withoutSecrets(value, asked)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = withoutSecrets(v[i], asked)
		}
		return out
	}
	return v
}
