// Package policies lists the kinds of policies of the product. Adding one is a
// folder beside this file and a line in Kinds.
//
// It must not know anything but the kinds.
package policies

import (
	"github.com/portcullis-idp/portcullis/internal/policies/expression"
	"github.com/portcullis-idp/portcullis/internal/policy"
)

// Kinds returns every kind of policy, in the order pages show them.
func Kinds() []policy.Kind {
	return []policy.Kind{
		expression.Kind(),
	}
}
