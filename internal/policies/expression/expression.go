// Package expression is the policy that is written as an expression.
//
// It owns the settings of that kind. It must not know how expressions are compiled
// and bounded, which is internal/policy's, nor any other kind.
package expression

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
)

// Settings are the settings of an expression policy.
type Settings struct {
	Expression string `json:"expression" format:"expression" help:"An expression that gives true or false. See the list of names it may use."`
}

// Kind returns the kind for the list of kinds.
func Kind() policy.Kind {
	return policy.Kind{
		Name:          "expression",
		Model:         "authentik_policies_expression.expressionpolicy",
		Component:     "ak-policy-expression-form",
		Verbose:       "Expression Policy",
		VerbosePlural: "Expression Policies",
		Summary:       "Passes when an expression over the user, the request and the flow's context is true.",
		Settings:      &Settings{},
		New:           build,
	}
}

type rule struct{ expression *policy.Expression }

func build(settings json.RawMessage) (policy.Policy, error) {
	var s Settings
	if err := policy.DecodeSettings(settings, &s); err != nil {
		return nil, err
	}
	if s.Expression == "" {
		return nil, idp.Invalid("expression", "This field is required.")
	}
	e, err := policy.CompileCondition(s.Expression)
	if err != nil {
		var fault *policy.Error
		if errors.As(err, &fault) {
			return nil, fault.Invalid("expression")
		}
		return nil, err
	}
	return rule{e}, nil
}

// Evaluate implements policy.Policy.
func (r rule) Evaluate(ctx context.Context, req idp.PolicyRequest) (idp.PolicyResult, error) {
	value, err := r.expression.Run(ctx, req)
	if err != nil {
		return idp.PolicyResult{}, err
	}
	passing, err := value.Truth()
	if err != nil {
		return idp.PolicyResult{}, err
	}
	return idp.PolicyResult{Passing: passing, Messages: value.Messages, Context: value.Context}, nil
}
