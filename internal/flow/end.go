package flow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// challenge answers with a stage's challenge.
func (p *passage) challenge(ctx context.Context, c Challenge, faults map[string][]FieldError, in Input) (*Answer, error) {
	a, err := p.show(ctx, c)
	if err != nil {
		return nil, err
	}
	a.Stage, a.Errors = p.here.kind.Name, faults
	if p.here.kind.View != nil {
		slug := p.run.Flow.Slug
		a.View = p.here.kind.View(c, Page{Info: a.Info, Action: address(slug, p.run.Query), Errors: faults, Submitted: in.shown(),
			Hidden: []Hidden{{fieldComponent, c.Component()}, {fieldStep, p.token()}}})
	}
	if framed, ok := c.(Framed); ok {
		if a.Frame = framed.Frame(); a.Frame.Person != "" {
			a.Frame.Over = over(p.run.Flow.Slug, p.run.Query)
		}
	}
	return a, nil
}

func (p *passage) show(ctx context.Context, c Challenge) (*Answer, error) {
	info, err := p.run.info(ctx)
	if err != nil {
		return nil, err
	}
	over := c == nil
	switch c.(type) {
	case AccessDenied, FlowError:
		over = true
	}
	inspection, err := p.inspected(ctx, over, "")
	if err != nil {
		return nil, err
	}
	effects := *p.run.Effects
	effects.Messages = heard(p.run.said, effects.Messages)
	return &Answer{Flow: p.run.Flow, Challenge: c, Info: info, Effects: effects, Stored: p.stored, Inspection: inspection,
		Err: errors.Join(p.run.notes...)}, nil
}

// heard are the messages for a page: those of the answer before it, and what
// policies say now, each once. Nil when there are none.
func heard(before, now []string) (out []string) {
	for _, m := range slices.Concat(before, now) {
		if !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	return out
}

// again sends the browser to where it stands in the flow.
func (p *passage) again() *Answer {
	a := &Answer{Flow: p.run.Flow, Redirect: address(p.run.Flow.Slug, p.run.Query), Effects: *p.run.Effects, Stored: p.stored,
		Err: errors.Join(p.run.notes...)}
	if p.here != nil {
		a.Stage = p.here.kind.Name
	}
	return a
}

// finish ends a run whose stages are all passed.
func (p *passage) finish(ctx context.Context) (*Answer, error) {
	if purpose, ok := KeyPurpose.In(p.run.Vars); ok {
		if answer, err := p.fulfil(ctx, purpose); answer != nil || err != nil {
			return answer, err
		}
	}
	to, ok := p.end()
	if !ok {
		return p.close(ctx, &NotApplicable{Flow: p.run.Flow, Messages: []string{"Invalid next URL"}})
	}
	return p.out(ctx, to)
}

// fulfil carries out what the run was begun for. Nobody gets to where it leads who may
// not have it.
func (p *passage) fulfil(ctx context.Context, purpose string) (*Answer, error) {
	err := errors.New("nothing carries out what the run was begun for")
	if p.x.fulfil != nil {
		err = p.x.fulfil(ctx, p.run, purpose)
	}
	var e *idp.Error
	switch {
	case err == nil, momentary(ctx, err):
		return nil, err
	case errors.As(err, &e) && (e.Code == idp.CodeRefused || e.Code == idp.CodeForbidden || e.Code == idp.CodeInvalid ||
		e.Code == idp.CodeNotFound || e.Code == idp.CodeUnsigned):
		answer, err := p.close(ctx, &NotApplicable{Flow: p.run.Flow, Messages: []string{reason(e)}})
		return locked(answer, e), err
	}
	return p.fault(ctx, nil, err)
}

// end is where the browser goes when all stages are passed; ok is false when it
// must not.
func (p *passage) end() (to string, ok bool) {
	to, set := KeyRedirect.In(p.run.Vars)
	if !set {
		to = p.run.Query["next"]
	}
	if to == "" {
		to = "/"
	}
	return to, Relative(to) || set && External(to)
}

// out ends the run and sends the browser elsewhere.
func (p *passage) out(ctx context.Context, to string) (*Answer, error) {
	a, err := p.show(ctx, nil)
	if err != nil {
		return nil, err
	}
	if err := p.seal(ctx, to); err != nil {
		return nil, err
	}
	a.Redirect, a.Done, a.Stored = to, true, false
	p.hear(TurnCompleted)
	if a.Inspection != nil {
		a.Inspection.Next = to
	}
	return a, nil
}

// seal keeps of a stored run only where it ended and by which step.
func (p *passage) seal(ctx context.Context, to string) error {
	if p.row == nil || p.done == to {
		return nil
	}
	raw, err := json.Marshal(state{Done: to, Last: p.first, Inspect: p.inspect})
	if err != nil {
		return err
	}
	p.row.State = raw
	err = p.x.store.Repos().Runs.Save(ctx, p.row)
	if idp.Is(err, idp.CodeConflict) || idp.Is(err, idp.CodeNotFound) {
		return nil // another request ended it, or began anew
	}
	return err
}

// leave ends the run where a stage sends the browser elsewhere.
func (p *passage) leave(ctx context.Context, r Redirect) (*Answer, error) {
	to := r.URL
	if r.Flow != nil || r.Slug != "" {
		link, answer, err := p.lead(ctx, r)
		if answer != nil || err != nil {
			return answer, err
		}
		to = link
	}
	if !Relative(to) && !External(to) {
		return p.fault(ctx, p.here, fmt.Errorf("stage %q redirects to %q", p.here.def.Name, to))
	}
	a, err := p.out(ctx, to)
	if a != nil && (r.Flow != nil || r.Slug != "") {
		a.Stored = true // the other flow is under way in this browser
	}
	return a, err
}

// lead opens another flow in the same browser.
func (p *passage) lead(ctx context.Context, r Redirect) (string, *Answer, error) {
	var target *idp.Flow
	var err error
	if r.Slug != "" {
		target, err = p.x.store.Repos().Flows.GetBySlug(ctx, r.Slug)
	} else {
		target, err = p.x.store.Repos().Flows.Get(ctx, *r.Flow)
	}
	if err != nil {
		answer, err := p.fault(ctx, p.here, fmt.Errorf("flow that stage %q leads to: %w", p.here.def.Name, err))
		return "", answer, err
	}
	if target.ID == p.run.Flow.ID {
		answer, err := p.fault(ctx, p.here, fmt.Errorf("stage %q leads to its own flow", p.here.def.Name))
		return "", answer, err
	}
	v := p.visit
	v.Slug, v.Actor, v.Query = target.Slug, p.run.Actor, nil
	link, err := p.x.begin(ctx, v, func(other *Run) {
		if r.KeepContext {
			other.Vars = p.run.Vars.Clone()
			KeyRedirect.Drop(other.Vars)
			KeyPurpose.Drop(other.Vars)
			KeyAgain.Drop(other.Vars)
			keyProof.Drop(other.Vars)
		}
		KeyRedirected.Put(other.Vars, true)
		if next := p.run.Query["next"]; next != "" {
			other.Query["next"] = next
		}
	})
	var not *NotApplicable
	if errors.As(err, &not) {
		answer, err := p.close(ctx, not)
		return "", answer, err
	}
	return link, nil, err
}

// deny ends the run because its stage said no, or begins it again where the
// binding says so. Only an answer of the visitor's begins it again: a stage
// that always says no would turn in circles.
func (p *passage) deny(ctx context.Context, reason string) (*Answer, error) {
	if p.restarts() && p.answered {
		return p.restart(ctx)
	}
	if err := p.drop(ctx); err != nil {
		return nil, err
	}
	return p.refuse(ctx, reason, false)
}

func (p *passage) restarts() bool {
	a := p.here.row.InvalidResponseAction
	return a == idp.InvalidRestart || a == idp.InvalidRestartWithContext
}

// restart plans the flow again and sends the browser to its first stage.
func (p *passage) restart(ctx context.Context) (*Answer, error) {
	if p.here.row.InvalidResponseAction == idp.InvalidRestart {
		p.run.Vars = Vars{}
	}
	if p.inspect != nil { // what was before is of a plan that is no more
		p.inspect.Passed, p.inspect.Plans, p.inspect.Verdicts = nil, nil, nil
	}
	p.here, p.moved = nil, len(p.run.Vars) > 0
	p.step++ // forms of before the restart are out of date
	if answer, err := p.begin(ctx); answer != nil || err != nil {
		return answer, err
	}
	if !p.moved {
		if err := p.drop(ctx); err != nil {
			return nil, err
		}
		return p.again(), nil
	}
	if err := p.store(ctx); err != nil {
		return p.lost(err)
	}
	return p.again(), nil
}

// close ends the run and answers as to somebody the flow does not apply to,
// but never lets them go on.
func (p *passage) close(ctx context.Context, not *NotApplicable) (*Answer, error) {
	if err := p.drop(ctx); err != nil {
		return nil, err
	}
	a, err := p.refuse(ctx, not.Message(), not.SignIn)
	if a != nil {
		a.Err = errors.Join(a.Err, not.Cause)
	}
	return a, err
}

// denied answers somebody the flow does not apply to, as the flow's denied
// action says. Whoever is signed in already has nothing to do in a sign-in
// flow.
func (p *passage) denied(ctx context.Context, not *NotApplicable) (*Answer, error) {
	f := p.run.Flow
	if not.Cause != nil {
		return p.close(ctx, not) // a broken policy is no answer
	}
	if f.Designation == idp.DesignationAuthentication && p.run.Actor.User != nil {
		return p.finish(ctx)
	}
	next := p.run.Query["next"]
	if f.DeniedAction == idp.DeniedContinue || f.DeniedAction == idp.DeniedMessageContinue {
		if next != "" {
			return p.out(ctx, next)
		}
		if f.DeniedAction == idp.DeniedContinue {
			return p.out(ctx, "/")
		}
	}
	return p.close(ctx, not)
}

func (p *passage) refuse(ctx context.Context, reason string, signIn bool) (*Answer, error) {
	who, err := p.run.Who(ctx)
	if err != nil {
		return nil, err
	}
	p.hear(TurnDenied)
	return p.show(ctx, AccessDenied{UserInfo: who, ErrorMessage: reason, SignIn: signIn})
}

// fault ends the run because of something that is no fault of the visitor's,
// and records it.
func (p *passage) fault(ctx context.Context, at *bound, cause error) (*Answer, error) {
	if err := p.drop(ctx); err != nil {
		return nil, err
	}
	p.hear(TurnFailed)
	c := FlowError{}
	if r := p.run.Actor.Request; r != nil {
		c.RequestID = r.ID
	}
	debugs, err := p.debugs(ctx, p.run.Actor)
	if err != nil {
		return nil, err
	}
	if debugs {
		c.Error, c.Traceback = cause.Error(), traceback(cause)
	}
	a, err := p.show(ctx, c)
	if err != nil {
		return nil, err
	}
	a.Err = errors.Join(a.Err, fmt.Errorf("flow %s: %w", p.run.Flow.Slug, cause))
	if s := stack(cause); s != "" {
		a.Err = fmt.Errorf("%w\n%s", a.Err, s)
	}
	details := map[string]any{"message": "A stage of a flow failed.", "flow": p.run.Flow.Slug, "exception": cause.Error()}
	if at != nil && at.def != nil {
		a.Stage, details["stage"] = at.def.Kind, at.def.Name
	}
	event := idp.SystemExceptionEvent("authentik.flows", p.run.Actor, nil, details)
	if err := p.x.store.Repos().Events.Append(ctx, event); err != nil {
		a.Err = fmt.Errorf("%w (and recording it: %w)", a.Err, err)
	}
	return a, nil
}
