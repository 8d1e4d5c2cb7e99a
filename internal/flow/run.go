package flow

import (
	"context"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Run is a flow under way, as a stage sees it.
type Run struct {
	Flow    *idp.Flow
	Binding *idp.FlowBinding
	Actor   idp.Actor         // who is signed in in the browser
	Brand   *idp.Brand        // may be nil
	Query   map[string]string // the page's query string
	Vars    Vars
	Effects *Effects

	users idp.Users
	user  *idp.User
}

// Pending loads the run's pending user afresh (once a request), or returns nil
// when there is none or they were deleted.
func (r *Run) Pending(ctx context.Context) (*idp.User, error) {
	p, ok := KeyPending.In(r.Vars)
	if !ok {
		return nil, nil
	}
	if r.user != nil && r.user.ID == p.User {
		return r.user, nil
	}
	u, err := r.users.Get(ctx, p.User)
	if idp.Is(err, idp.CodeNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r.user = u
	return u, nil
}

// SetPending makes u the run's pending user.
func (r *Run) SetPending(u *idp.User) {
	KeyPending.Put(r.Vars, Pending{User: u.ID, Generation: u.SessionGeneration})
	r.user = u
}

// Forget drops the cached pending user, so that the next Pending reads what a
// stage has just changed.
func (r *Run) Forget() { r.user = nil }
