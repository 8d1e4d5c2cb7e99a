package flow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// current makes the first stage of the rest that its policies let in the
// present one (here), nil when none is left. Policies that cannot be evaluated
// end the flow.
func (p *passage) current(ctx context.Context) (*Answer, error) {
	p.here = nil
	for len(p.rest) > 0 {
		b := p.rest[0]
		if b.row.ReEvaluatePolicies && !p.planned[b.row.ID] {
			result, err := p.evaluate(ctx, b.row.ID.UUID(), b.row.PolicyMode, whenReached)
			if momentary(ctx, err) {
				return nil, err
			}
			if err != nil {
				cause := fmt.Errorf("policies of stage %s: %w", b.row.StageID, err)
				return p.close(ctx, &NotApplicable{Flow: p.run.Flow, Cause: cause})
			}
			if !result.Passing {
				p.left, p.rest = append(p.left, b), p.rest[1:]
				continue
			}
		}
		if b.fault != nil {
			return p.fault(ctx, b, b.fault)
		}
		p.here, p.run.at, p.run.Binding = b, p, &b.row
		return nil, nil
	}
	return nil, nil
}

// enter goes on from stage to stage until one asks something or the run ends.
func (p *passage) enter(ctx context.Context) (ask Challenge, answer *Answer, err error) {
	for {
		answer, err = p.current(ctx)
		if answer != nil || err != nil {
			return nil, answer, err
		}
		if p.here == nil {
			answer, err = p.finish(ctx)
			return nil, answer, err
		}
		ride := p.sealing(ctx)
		step, err := p.entered(ctx)
		p.sealed(ctx, ride, step, err)
		ask, answer, err := p.settle(ctx, step, err)
		if ask != nil || answer != nil || err != nil {
			return ask, answer, err
		}
	}
}

// settle does what a stage wants. All results are nil when the stage was
// passed.
func (p *passage) settle(ctx context.Context, step Step, err error) (Challenge, *Answer, error) {
	if err != nil {
		answer, err := p.failed(ctx, err)
		return nil, answer, err
	}
	switch s := step.(type) {
	case Next:
		if err := p.noted(ctx); err != nil {
			return nil, nil, err
		}
		p.pass()
		return nil, nil, nil
	case Ask:
		if s.Challenge == nil {
			break
		}
		return s.Challenge, nil, nil
	case Deny:
		answer, err := p.deny(ctx, s.Reason)
		return nil, answer, err
	case Redirect:
		answer, err := p.leave(ctx, s)
		return nil, answer, err
	}
	answer, err := p.fault(ctx, p.here, fmt.Errorf("stage %q wants the impossible: %#v", p.here.def.Name, step))
	return nil, answer, err
}

// pass moves on to the next stage.
func (p *passage) pass() {
	p.rest, p.left = p.rest[1:], nil
	p.step++
	p.moved = true
	p.planned = nil // the context may have changed
	p.undo = nil
}

// mark is where a passage stood.
type mark struct {
	rest, left []*bound
	vars       Vars
	step       int
	moved      bool
}

func (p *passage) mark() *mark { return &mark{p.rest, p.left, p.run.Vars.Clone(), p.step, p.moved} }

// back undoes the answer that a stage further on does not accept.
func (p *passage) back(m *mark) {
	p.rest, p.left, p.run.Vars, p.step, p.moved = m.rest, m.left, m.vars, m.step, m.moved
	p.here, p.undo = m.rest[0], nil
	p.run.Binding = &p.here.row
}

// failed sorts the errors of a stage: what is wrong with the answer just given
// is shown beside it, what refuses the visitor ends the flow, what is the
// moment's fault goes to whoever called, the rest is our fault.
func (p *passage) failed(ctx context.Context, err error) (*Answer, error) {
	if momentary(ctx, err) {
		return nil, err
	}
	var e *idp.Error
	if !errors.As(err, &e) {
		return p.fault(ctx, p.here, err)
	}
	if e.Code == idp.CodeInvalid && p.undo != nil {
		p.back(p.undo)
		return p.invalid(ctx, err)
	}
	switch e.Code {
	case idp.CodeTooLarge:
		return nil, err
	case idp.CodeRefused, idp.CodeForbidden, idp.CodeUnsigned, idp.CodeInvalid, idp.CodeConflict:
		answer, err := p.deny(ctx, reason(e))
		return locked(answer, e), err
	}
	return p.fault(ctx, p.here, err)
}

// locked notes in an answer that denies access that it is a lock that does.
func locked(a *Answer, e *idp.Error) *Answer {
	if a == nil || !idp.Locked(e) {
		return a
	}
	if denied, ok := a.Challenge.(AccessDenied); ok {
		denied.Refusal = e
		a.Challenge = denied
	}
	return a
}

// reason is an error in one text, for where there are no fields to put the
// messages beside.
func reason(e *idp.Error) string {
	var all []string
	for _, messages := range e.Fields {
		all = append(all, messages...)
	}
	if len(all) == 0 {
		return e.Message
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), "\n")
}

// invalid shows the challenge again with what is wrong with the answer, or
// begins again where the binding says so.
func (p *passage) invalid(ctx context.Context, cause error) (*Answer, error) {
	var e *idp.Error
	if !errors.As(cause, &e) {
		return nil, cause
	}
	if p.restarts() {
		return p.restart(ctx)
	}
	step, err := p.entered(ctx)
	ask, answer, err := p.settle(ctx, step, err)
	if answer != nil || err != nil {
		return answer, err
	}
	if err := p.store(ctx); err != nil {
		return p.lost(err)
	}
	if ask == nil {
		return p.again(), nil
	}
	return p.challenge(ctx, ask, fieldErrors(e), p.in)
}

// lost answers a request that another one overtook.
func (p *passage) lost(err error) (*Answer, error) {
	if idp.Is(err, idp.CodeConflict) || idp.Is(err, idp.CodeNotFound) {
		return p.again(), nil
	}
	return nil, err
}
