// Package dummy is the policy that waits and gives the answer it was told to, for
// trying flows, timeouts and failure results.
//
// It owns the settings of that kind and knows nothing else.
package dummy

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
)

// maxWait bounds the seconds: no binding waits longer for an answer.
const maxWait = 3600

// Settings are the settings of a dummy policy.
type Settings struct {
	Result  bool `json:"result" help:"The answer: whether the policy passes."`
	WaitMin int  `json:"wait_min" min:"0" help:"Wait at least this many seconds before answering."`
	WaitMax int  `json:"wait_max" min:"0" help:"Wait at most this many seconds before answering. A binding whose timeout is shorter takes its failure result."`
}

// Defaults returns the settings of a policy that says nothing else.
func Defaults() *Settings { return &Settings{WaitMin: 5, WaitMax: 30} }

// Kind returns the kind for the list of kinds.
func Kind() policy.Kind {
	return policy.Kind{
		Name:          "dummy",
		Model:         "authentik_policies_dummy.dummypolicy",
		Component:     "ak-policy-dummy-form",
		Verbose:       "Dummy Policy",
		VerbosePlural: "Dummy Policies",
		Summary:       "Waits for a while and gives a fixed answer, for trying out flows.",
		Settings:      Defaults(),
		New:           build,
	}
}

type rule struct{ settings Settings }

func build(settings json.RawMessage) (policy.Policy, error) {
	s := Defaults()
	if err := policy.DecodeSettings(settings, s); err != nil {
		return nil, err
	}
	var faults idp.Faults
	for field, seconds := range map[string]int{"wait_min": s.WaitMin, "wait_max": s.WaitMax} {
		switch {
		case seconds < 0:
			faults.Add(field, "Ensure this value is greater than or equal to 0.")
		case seconds > maxWait:
			faults.Add(field, "Ensure this value is less than or equal to %d.", maxWait)
		}
	}
	if s.WaitMax < s.WaitMin {
		faults.Add("wait_max", "Ensure this value is greater than or equal to wait_min, %d.", s.WaitMin)
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return rule{*s}, nil
}

// Evaluate implements policy.Policy.
func (r rule) Evaluate(ctx context.Context, _ idp.PolicyRequest) (idp.PolicyResult, error) {
	least, most := time.Duration(r.settings.WaitMin)*time.Second, time.Duration(r.settings.WaitMax)*time.Second
	timer := time.NewTimer(least + rand.N(most-least+1))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return idp.PolicyResult{}, ctx.Err()
	case <-timer.C:
		return idp.PolicyResult{Passing: r.settings.Result, Messages: []string{"dummy"}}, nil
	}
}
