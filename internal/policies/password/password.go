// Package password is the policy that judges a new password: by counting its
// characters, by looking it up in a list of breached ones, and by estimating how
// hard it is to guess.
//
// It owns the settings of that kind and the reading of such lists. It must not
// know hashes of accounts, and it asks nothing over the network.
package password

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policies/password/strength"
	"github.com/portcullis-idp/portcullis/internal/policy"
)

// Kind returns the kind for the list of kinds. breached is the path of the list of
// breached passwords, see Breached; "" = there is none.
func Kind(breached string) policy.Kind {
	return policy.Kind{
		Name:          "password",
		Model:         "authentik_policies_password.passwordpolicy",
		Component:     "ak-policy-password-form",
		Verbose:       "Password Policy",
		VerbosePlural: "Password Policies",
		Summary:       "Passes when a new password is long, unknown and hard enough.",
		Settings:      Defaults(),
		New: func(settings json.RawMessage) (policy.Policy, error) {
			s, err := decode(settings)
			if err != nil {
				return nil, err
			}
			return rule{s, Breached(breached)}, nil
		},
	}
}

type rule struct {
	*Settings
	breached Breached
}

// missing is the answer when nobody gave a password.
const missing = "Password not set in context"

// Evaluate implements policy.Policy. The first check that fails answers.
func (r rule) Evaluate(_ context.Context, req idp.PolicyRequest) (idp.PolicyResult, error) {
	password := r.password(req)
	if password == "" {
		return refuse(missing), nil
	}
	if r.CheckStaticRules && !r.static(password) {
		return refuse(r.staticMessage()), nil
	}
	if r.CheckHaveIBeenPwned {
		n, err := r.breached.Count(password)
		if err != nil {
			return idp.PolicyResult{}, fmt.Errorf("looking up breached passwords: %w", err)
		}
		if n > r.HIBPAllowedCount {
			return refuse(fmt.Sprintf("This password is on lists of breached passwords, %s. Choose another one.", times(n))), nil
		}
	}
	if r.CheckZxcvbn && strength.Score(password, known(req)...) <= r.ZxcvbnScoreThreshold {
		return refuse(weak), nil
	}
	return idp.PolicyResult{Passing: true}, nil
}

// weak is what people are told; the words are those of published servers.
const weak = "Password is too weak."

// known is what whoever guesses may know: of the account, of what the person has
// just typed into the same form, and of the site.
func known(req idp.PolicyRequest) []string {
	var out []string
	if u := req.User; u != nil {
		out = append(out, u.Username, u.Name, u.Email)
	}
	answers, _ := req.Context["prompt_data"].(map[string]any)
	for _, field := range []string{"username", "name", "email"} {
		if s, ok := answers[field].(string); ok {
			out = append(out, s)
		}
	}
	return append(out, req.Brand)
}

// password is the answer to the prompt, else the value of the context.
func (r rule) password(req idp.PolicyRequest) string {
	answers, _ := req.Context["prompt_data"].(map[string]any)
	given, ok := answers[r.PasswordField]
	if !ok {
		given = req.Context[r.PasswordField]
	}
	password, _ := given.(string)
	return password
}

func refuse(message string) idp.PolicyResult { return idp.PolicyResult{Messages: []string{message}} }

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}
