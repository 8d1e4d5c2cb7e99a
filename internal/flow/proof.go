package flow

import (
	"slices"
	"time"

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
	keyProof.Drop(r.Vars)
	KeyFactor.Drop(r.Vars)
	if pending, ok := KeyPending.In(r.Vars); ok && with == nil {
		keyProof.Put(r.Vars, Proof{User: pending.User, Method: method, At: time.Now()})
	}
}

// ProvedFactor notes that a stage has just had this account prove a second factor. A
// stage that asks nothing because of an earlier proof does not call it.
func (r *Run) ProvedFactor(user idp.UserID, factor idp.FactorID) {
	keyProof.Put(r.Vars, Proof{User: user, Method: "factor", Factor: &factor, At: time.Now()})
}

// StepUpSlug is the flow that such runs go through.
const StepUpSlug = "default-step-up-flow"

// PurposeStepUp is the KeyPurpose of runs in which whoever is signed in proves once
// more who they are.
const PurposeStepUp = "step_up"

// StepUp sets a run up that begins: whoever is signed in in its browser proves once more
// who they are, and the proof is their session's.
func StepUp(run *Run) {
	run.SetPending(run.Actor.User)
	KeyPurpose.Put(run.Vars, PurposeStepUp)
}

// Proof is what somebody proved in this very run: neither a link, nor an app password,
// nor what was proved in another run counts.
type Proof struct {
	User   idp.UserID    `json:"user"`
	Method string        `json:"method"` // password, factor
	Factor *idp.FactorID `json:"factor,omitempty"`
	At     time.Time     `json:"at"`
}

// keyProof holds it. No policy can set a key of such a name, no link carries it, and
// another flow that the run leads to does not get it.
const keyProof Key[Proof] = "goauthentik.io/proof"

// ProofLasts is how long a proof counts for the end of its run.
const ProofLasts = 10 * time.Minute

// Proof returns the last one of the run; ok is false when there is none, or the run
// took too long since.
func (r *Run) Proof() (p Proof, ok bool) {
	p, ok = keyProof.In(r.Vars)
	return p, ok && time.Since(p.At) < ProofLasts
}
