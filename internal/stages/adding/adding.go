// Package adding is what the stages share that set up second factors: who gets one, and
// by what right. It must not know any kind of factor.
package adding

import (
	"context"

	"github.com/portcullis-idp/portcullis/internal/factor"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Factors judges who may set up second factors.
type Factors interface {
	MayAdd(ctx context.Context, actor idp.Actor, a factor.Adding) error
}

// nobody is what somebody is told whom the flow knows nothing of.
const nobody = "Sign in to set up a second factor."

// In says who gets a factor in a run: the pending user, else whoever is signed in. The
// error is CodeForbidden where there is neither.
func In(ctx context.Context, run *flow.Run) (factor.Adding, error) {
	u, err := run.Pending(ctx)
	if err != nil {
		return factor.Adding{}, err
	}
	if _, typed := flow.KeyPendingIdentifier.In(run.Vars); u == nil && !typed && run.Actor.User != nil {
		u = run.Actor.User
		run.SetPending(u)
	}
	if u == nil {
		return factor.Adding{}, idp.Forbidden(nobody)
	}
	pending, _ := flow.KeyPending.In(run.Vars)
	a := factor.Adding{User: u, Generation: pending.Generation, Proved: proved(run, u)}
	if id, ok := run.FactorProved(); ok {
		a.Factor = &id
	}
	return a, nil
}

// proved reports whether the run itself has just established who it is: that somebody
// is signed in in the browser says nothing of who sits there.
func proved(run *flow.Run, u *idp.User) bool {
	method, _ := flow.KeyAuthMethod.In(run.Vars)
	made, _ := flow.KeyEnrolled.In(run.Vars)
	return method != "" || run.OpenedFor(u) || made == u.ID
}
