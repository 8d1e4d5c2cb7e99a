// Package passwordexpiry is the policy that refuses passwords that are too old.
//
// It owns the settings of that kind. It must not change an account: asking a
// policy has no effect, also when somebody only tries it out.
package passwordexpiry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
)

// Clock tells the time; idp.Store does, by the database's clock.
type Clock interface {
	Now(ctx context.Context) (time.Time, error)
}

// Settings are the settings of a password expiry policy.
type Settings struct {
	Days     *int `json:"days" min:"0" help:"A password this many days old, or older, has expired."`
	DenyOnly bool `json:"deny_only" unoffered:"true" help:"Accepted for configurations that come from elsewhere. An expired password is refused either way and never made unusable: a policy changes no account."`
}

// Kind returns the kind for the list of kinds.
func Kind(clock Clock) policy.Kind {
	return policy.Kind{
		Name:          "password_expiry",
		Model:         "authentik_policies_expiry.passwordexpirypolicy",
		Component:     "ak-policy-password-expiry-form",
		Verbose:       "Password Expiry Policy",
		VerbosePlural: "Password Expiry Policies",
		Summary:       "Passes while the user's password was changed less than a number of days ago.",
		Settings:      &Settings{},
		New: func(settings json.RawMessage) (policy.Policy, error) {
			var s Settings
			if err := policy.DecodeSettings(settings, &s); err != nil {
				return nil, err
			}
			switch {
			case s.Days == nil:
				return nil, idp.Invalid("days", "This field is required.")
			case *s.Days < 0:
				return nil, idp.Invalid("days", "Ensure this value is greater than or equal to 0.")
			}
			return rule{*s.Days, clock}, nil
		},
	}
}

type rule struct {
	days  int
	clock Clock
}

// expired is what the person is told.
const expired = "Password expired"

// Evaluate implements policy.Policy. An account without a usable password has
// none that could expire. A password whose last change is not known, as after an
// import, is as old as the account.
func (r rule) Evaluate(ctx context.Context, req idp.PolicyRequest) (idp.PolicyResult, error) {
	u := req.User
	switch {
	case r.clock == nil:
		return idp.PolicyResult{}, errors.New("there is no clock here")
	case u == nil:
		return idp.PolicyResult{}, errors.New("there is no user whose password could have expired")
	case !u.HasUsablePassword():
		return idp.PolicyResult{Passing: true}, nil
	}
	changed := u.JoinedAt
	if u.PasswordChangedAt != nil {
		changed = *u.PasswordChangedAt
	}
	now, err := r.clock.Now(ctx)
	if err != nil {
		return idp.PolicyResult{}, fmt.Errorf("asking for the time: %w", err)
	}
	if int(now.Sub(changed)/(24*time.Hour)) >= r.days {
		return idp.PolicyResult{Messages: []string{expired}}, nil
	}
	return idp.PolicyResult{Passing: true}, nil
}
