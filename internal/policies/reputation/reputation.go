// Package reputation is the policy that passes when an address or an account has
// failed to sign in too often. It is meant for stage bindings: bound to a stage
// that makes it harder, it lets that stage in only for those who look bad.
//
// Scores fall with each failed sign-in and rise with each that succeeds; see
// idp.Reputations. The package must not know where they are kept.
package reputation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
)

// Scores tells a score; idp.Reputations does.
type Scores interface {
	Score(ctx context.Context, ip netip.Addr, identifier string) (int, error)
}

// Settings are the settings of a reputation policy.
type Settings struct {
	CheckIP       bool `json:"check_ip" label:"Count the address" help:"Count attempts from the client's address, whomever they named."`
	CheckUsername bool `json:"check_username" label:"Count the user" help:"Count attempts that named the user, wherever they came from. Names without an account have no score of their own: alone, this setting lets strangers tell the two apart."`
	Threshold     int  `json:"threshold" help:"The policy passes when the sum of the scores is this or less. A failed sign-in counts -1, a successful one 1; each pair of address and user keeps a score from -5 to 5, unless the options reputation_lower_limit and reputation_upper_limit say otherwise."`
}

// Defaults returns the settings of a policy that says nothing else.
func Defaults() *Settings {
	return &Settings{CheckIP: true, CheckUsername: true, Threshold: idp.ReputationLowest}
}

// Kind returns the kind for the list of kinds.
func Kind(scores Scores) policy.Kind {
	return policy.Kind{
		Name:          "reputation",
		Model:         "authentik_policies_reputation.reputationpolicy",
		Component:     "ak-policy-reputation-form",
		Verbose:       "Reputation Policy",
		VerbosePlural: "Reputation Policies",
		Summary:       "Passes when the address or the user has failed to sign in too often: bind it to what such people should meet.",
		Settings:      Defaults(),
		New: func(settings json.RawMessage) (policy.Policy, error) {
			s := Defaults()
			if err := policy.DecodeSettings(settings, s); err != nil {
				return nil, err
			}
			if !s.CheckIP && !s.CheckUsername {
				return nil, idp.Invalid("", "At least one of check_ip and check_username must be set.")
			}
			return rule{*s, scores}, nil
		},
	}
}

type rule struct {
	settings Settings
	scores   Scores
}

// Evaluate implements policy.Policy.
func (r rule) Evaluate(ctx context.Context, req idp.PolicyRequest) (idp.PolicyResult, error) {
	if r.scores == nil {
		return idp.PolicyResult{}, errors.New("no scores are kept here")
	}
	var ip netip.Addr
	if r.settings.CheckIP {
		ip = req.ClientIP
	}
	identifier := ""
	if r.settings.CheckUsername && req.User != nil {
		identifier = req.User.Username
	}
	score, err := r.scores.Score(ctx, ip, identifier)
	if err != nil {
		return idp.PolicyResult{}, fmt.Errorf("reading the reputation: %w", err)
	}
	return idp.PolicyResult{Passing: score <= r.settings.Threshold}, nil
}
