package flow

import (
	"slices"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// KeyEnrolled is the account that the run itself has made.
const KeyEnrolled Key[idp.UserID] = "enrolled_user"

// Proven reports whether the run has established that the browser speaks for u:
// u is signed in in it, proved in this run to be u, came by a link made for u,
// or was made by the run. Naming somebody proves nothing. Whatever changes or
// removes an account asks first.
func (r *Run) Proven(u *idp.User) bool {
	if u == nil {
		return false
	}
	if r.Actor.Is(u.ID) {
		return true
	}
	pending, ok := KeyPending.In(r.Vars)
	if !ok || pending.User != u.ID {
		return false
	}
	if made, _ := KeyEnrolled.In(r.Vars); made == u.ID {
		return true
	}
	method, _ := KeyAuthMethod.In(r.Vars)
	return method != "" || r.OpenedFor(u)
}

// What passwords are compared with, by the names that the API has for it.
const (
	BackendPassword    = "authentik.core.auth.InbuiltBackend" // the account's own password
	BackendAppPassword = "authentik.core.auth.TokenBackend"   // its app passwords
)

// Compare sets what an attempt is compared with; backends of other names compare
// with nothing.
func Compare(by *idp.Attempt, backends []string) {
	by.AppPasswords, by.NoPassword = slices.Contains(backends, BackendAppPassword), !slices.Contains(backends, BackendPassword)
}

// Proved notes how the pending user has proved to be it: with an app password, nil =
// with their own.
func (r *Run) Proved(with *idp.Token) {
	method, args := "password", map[string]any{}
	if with != nil {
		method, args["identifier"] = "token", with.Identifier
	}
	KeyAuthMethod.Put(r.Vars, method)
	KeyAuthMethodArgs.Put(r.Vars, args)
}
