// Package policies lists the kinds of policies of the product. Adding one is a
// folder beside this file and a line in Kinds.
//
// It must not know anything but the kinds and what they ask for.
package policies

import (
	"github.com/portcullis-idp/portcullis/internal/policies/dummy"
	"github.com/portcullis-idp/portcullis/internal/policies/eventmatcher"
	"github.com/portcullis-idp/portcullis/internal/policies/expression"
	"github.com/portcullis-idp/portcullis/internal/policies/password"
	"github.com/portcullis-idp/portcullis/internal/policies/passwordexpiry"
	"github.com/portcullis-idp/portcullis/internal/policies/reputation"
	"github.com/portcullis-idp/portcullis/internal/policy"
)

// Deps are what kinds ask for when they evaluate. Checking settings needs none of
// it; a policy whose kind lacks what it asks for gives no answer.
type Deps struct {
	Reputations reputation.Scores
	Clock       passwordexpiry.Clock
	// BreachedPasswords is the path of a list, see password.Breached; "" = none.
	BreachedPasswords string
}

// Kinds returns every kind of policy, in the order pages show them.
func Kinds(d Deps) []policy.Kind {
	return []policy.Kind{
		expression.Kind(),
		eventmatcher.Kind(),
		password.Kind(d.BreachedPasswords),
		passwordexpiry.Kind(d.Clock),
		reputation.Kind(d.Reputations),
		dummy.Kind(),
	}
}
