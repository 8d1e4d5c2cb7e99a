package policy

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Directory finds what expressions ask for by name. Both return idp.CodeNotFound
// when there is none.
type Directory interface {
	// PolicyNamed returns the policy of that name.
	PolicyNamed(ctx context.Context, name string) (*idp.Policy, error)
	// UserBy returns the user whose field (username, email, pk or uuid) has the
	// value. Another field is idp.CodeInvalid.
	UserBy(ctx context.Context, field, value string) (*idp.User, error)
	// FactorsOf returns the kinds of the second factors that a user has: totp, static or
	// webauthn.
	FactorsOf(ctx context.Context, user idp.UserID) ([]idp.FactorKind, error)
	// GroupsNamed returns the groups of these names.
	GroupsNamed(ctx context.Context, names []string) ([]idp.Group, error)
}

// What one evaluation may ask for beside its request.
const (
	maxAsks  = 20 // policies, users and groups
	maxCalls = 5  // policies that ask policies
)

// asking is what an evaluation may reach. It travels in the context, so that
// kinds of policies need not know of it.
type asking struct {
	engine  *Engine
	depth   int
	left    *allowance
	policy  string // name of the one that is evaluated
	journal *journal
}

type askingKey struct{}

// asks returns the asking of a context, with its depth; a new one outside of any.
func (e *Engine) asks(ctx context.Context) (context.Context, *asking) {
	a := asking{engine: e, left: newAllowance()}
	if outer, ok := ctx.Value(askingKey{}).(*asking); ok {
		a = *outer
		a.depth++
	}
	return context.WithValue(ctx, askingKey{}, &a), &a
}

// asker returns what the run may ask, having paid for one question.
func (m *meter) asker() (*asking, error) {
	a, ok := m.ctx.Value(askingKey{}).(*asking)
	if !ok || a.engine.directory == nil {
		return nil, fmt.Errorf("only a policy can ask for this, and only where policies are kept")
	}
	if a.left.asks.Add(-1) < 0 {
		return nil, tooMuch("an evaluation asks for at most %d policies, users and groups", maxAsks)
	}
	return a, m.spend(1000)
}

func askFunctions() []function {
	return []function{
		{name: "ak_call_policy", usage: "ak_call_policy(name[, map]) → map", run: callPolicy,
			signs: []any{new(func(string) any), new(func(string, any) any)},
			help:  "Asks another policy about the same request, with the entries of the map added to its context: passing and messages are in what it gives. A policy that gives no answer is an error."},
		{name: "ak_user_by", usage: "ak_user_by(field, value) or ak_user_by(map) → user or nil", run: userBy,
			signs: []any{new(func(string, any) any), new(func(map[string]any) any)},
			help: "The user whose field has the value, nil when there is none. The field is username, email, pk or uuid. " +
				"A map asks for all of its entries at once: one of these four, and any of name, path, type, is_active and is_superuser."},
		{name: "ak_user_has_authenticator", usage: "ak_user_has_authenticator(user[, type]) → true or false", run: hasFactor,
			signs: []any{new(func(any) bool), new(func(any, string) bool)},
			help: "Whether the user has a second factor, of the type where one is given: totp, static or webauthn; false for nil. " +
				"TOTPDevice, StaticDevice and WebAuthnDevice mean the same."},
	}
}

func callPolicy(m *meter, args []any) (any, error) {
	name, err := textArgument(args, 0)
	if err != nil {
		return nil, err
	}
	req := m.request
	if len(args) > 1 {
		more, ok := args[1].(map[string]any)
		if !ok {
			return nil, wrongType(2, "a map", args[1])
		}
		req.Context = maps.Clone(req.Context)
		if req.Context == nil {
			req.Context = map[string]any{}
		}
		maps.Copy(req.Context, more)
	}
	a, err := m.asker()
	if err != nil {
		return nil, err
	}
	if a.depth >= maxCalls {
		return nil, tooMuch("policies ask one another more than %d deep", maxCalls)
	}
	began := time.Now()
	p, err := a.engine.directory.PolicyNamed(m.ctx, name)
	m.waited(began)
	if idp.Is(err, idp.CodeNotFound) {
		return nil, fmt.Errorf("there is no policy %q", clip(name))
	}
	if err != nil {
		return nil, err
	}
	result, err := a.engine.ask(m.ctx, p, req)
	if err != nil {
		return nil, err
	}
	for name, value := range result.Context { // what it set is set
		m.put(name, value)
	}
	messages := make([]any, len(result.Messages))
	for i, text := range result.Messages {
		messages[i] = text
	}
	return map[string]any{"passing": result.Passing, "messages": messages}, nil
}

func logValue(m *meter, args []any) (any, error) {
	text, err := scalarText(m, args[0])
	if err != nil {
		return nil, err
	}
	if a, ok := m.ctx.Value(askingKey{}).(*asking); ok {
		a.journal.note(LevelInfo, clipTo(text, maxMessage), nil)
	}
	return true, nil
}
