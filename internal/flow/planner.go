package flow

import (
	"context"
	"fmt"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// NotApplicable says that a flow is not for whoever asks.
type NotApplicable struct {
	Flow     *idp.Flow
	Messages []string // of the policies that said no; safe to show
	Cause    error    // a policy that could not be evaluated, for the log
	SignIn   bool     // signing in would help
}

// Error implements error.
func (n *NotApplicable) Error() string {
	s := n.Message()
	if n.Cause != nil {
		s += ": " + n.Cause.Error()
	}
	return s
}

// Unwrap returns the cause.
func (n *NotApplicable) Unwrap() error { return n.Cause }

// Message is the text for the visitor.
func (n *NotApplicable) Message() string {
	switch {
	case len(n.Messages) > 0:
		return strings.Join(n.Messages, "\n")
	case n.SignIn:
		return "Sign in to continue."
	}
	return "Flow does not apply to current user."
}

// plan decides which stages apply, in the order of the contract: what the flow
// asks of the visitor, the flow's own policies, the policies of the bindings
// that are evaluated on planning. The error is a *NotApplicable, or a fault.
func (p *passage) plan(ctx context.Context) error {
	p.rest, p.left, p.planned = nil, nil, map[idp.FlowBindingID]bool{}
	if !p.meets() {
		return &NotApplicable{Flow: p.run.Flow, SignIn: p.wantsSignIn()}
	}
	if err := p.applicable(ctx); err != nil {
		return err
	}
	for _, b := range p.bindings {
		if b.row.EvaluateOnPlan {
			result, err := p.evaluate(ctx, b.row.ID.UUID(), b.row.PolicyMode, whenPlanned)
			if momentary(ctx, err) {
				return err
			}
			if err != nil {
				return &NotApplicable{Flow: p.run.Flow, Cause: fmt.Errorf("policies of stage %s: %w", b.row.StageID, err)}
			}
			if !result.Passing {
				continue
			}
			p.planned[b.row.ID] = true
		}
		p.rest = append(p.rest, b)
	}
	return nil
}

// applicable asks the flow's own policies.
func (p *passage) applicable(ctx context.Context) error {
	result, err := p.evaluate(ctx, p.run.Flow.ID.UUID(), p.run.Flow.PolicyMode, whenPlanned)
	if momentary(ctx, err) {
		return err
	}
	if err != nil {
		return &NotApplicable{Flow: p.run.Flow, Cause: fmt.Errorf("policies of flow %s: %w", p.run.Flow.Slug, err)}
	}
	if !result.Passing {
		return &NotApplicable{Flow: p.run.Flow, Messages: result.Messages}
	}
	return nil
}

// meets reports whether the visitor is what the flow asks for. It fails closed
// on a requirement it does not know.
func (p *passage) meets() bool {
	u := p.run.Actor.User
	switch p.run.Flow.Authentication {
	case idp.AuthenticationNone:
		return true
	case idp.AuthenticationAuthenticated:
		return u != nil
	case idp.AuthenticationUnauthenticated:
		again, _ := KeyAgain.In(p.run.Vars)
		return u == nil || again
	case idp.AuthenticationSuperuser:
		return u != nil && u.IsSuperuser
	case idp.AuthenticationRedirect:
		redirected, _ := KeyRedirected.In(p.run.Vars)
		return redirected
	}
	return false
}

func (p *passage) wantsSignIn() bool {
	a := p.run.Flow.Authentication
	return p.run.Actor.User == nil && (a == idp.AuthenticationAuthenticated || a == idp.AuthenticationSuperuser)
}

// momentary reports whether an error is the moment's, not the flow's: it is for
// whoever called, and the run stays as it is. Whoever has to prove first who they are
// comes back to it.
func momentary(ctx context.Context, err error) bool {
	switch idp.CodeOf(err) {
	case idp.CodeBusy, idp.CodeRateLimited, idp.CodeUnavailable, idp.CodeStepUp:
		return true
	}
	return err != nil && ctx.Err() != nil
}

// When policies were asked, for whoever inspects the run.
const (
	whenPlanned = "planning"
	whenReached = "reaching the stage"
)

// evaluate asks the policies of a target and keeps what passing ones say.
func (p *passage) evaluate(ctx context.Context, target idp.UUID, mode idp.PolicyMode, when string) (idp.PolicyResult, error) {
	req, err := p.run.PolicyRequest(ctx)
	if err != nil {
		return idp.PolicyResult{}, err
	}
	req.Object = p.object(target)
	result, err := p.policies.Evaluate(ctx, target, mode, req)
	if err == nil {
		err = p.run.Put(ctx, result.Context)
	}
	p.inspect.judged(target, when, result, err)
	if err == nil && result.Passing {
		p.run.Effects.Messages = append(p.run.Effects.Messages, result.Messages...)
	}
	return result, err
}
