package flow

import (
	"encoding/json"
	"fmt"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Key names a value in a run's context and fixes its type. The package that
// owns the meaning declares it. Values are stored as JSON, so T must survive
// that.
type Key[T any] string

// The keys that belong to the engine and to every stage.
const (
	// KeyPromptData is what prompts collected.
	KeyPromptData Key[map[string]any] = "prompt_data"
	// KeyPending is the pending user, by ID and generation only: the user is
	// loaded afresh on every request, so that a lockdown bites mid-flow.
	KeyPending Key[Pending] = "pending_user"
	// KeyPendingIdentifier is what somebody typed who may not exist.
	KeyPendingIdentifier Key[string] = "pending_user_identifier"
	// KeyAuthMethod is how the pending user proved to be it; unset = not yet.
	KeyAuthMethod Key[string] = "auth_method"
	// KeyAuthMethodArgs says more about KeyAuthMethod.
	KeyAuthMethodArgs Key[map[string]any] = "auth_method_args"
	// KeyRedirect is where the flow ends; set by code only.
	KeyRedirect Key[string] = "redirect"
	// KeyRestored is set when the run came from a link.
	KeyRestored Key[bool] = "is_restored"
	// KeyLink is the link that the run came from, until it is used up.
	KeyLink Key[idp.TokenID] = "link"
	// KeyRedirected is set when another flow led here.
	KeyRedirected Key[bool] = "is_redirected"
	// KeyRecoveryURL is where somebody goes who forgot their password.
	KeyRecoveryURL Key[string] = "recovery_url"
	// KeySecrets names the answers to prompts that hide what is typed.
	KeySecrets Key[[]string] = "secret_fields"
	// KeyPurpose names what the run was begun for, by code alone: when all stages are
	// passed, Deps.Fulfil carries it out. It never goes over to another flow.
	KeyPurpose Key[string] = "goauthentik.io/purpose"
	// KeyAgain lets somebody who is signed in prove once more who they are, in a flow
	// that is for those who are not.
	KeyAgain Key[bool] = "goauthentik.io/again"
	// KeyDenyMessage overrides a deny stage's message.
	KeyDenyMessage Key[string] = "deny_message"
)

// Pending refers to the user a run is about.
type Pending struct {
	User idp.UserID `json:"user"`
	// Generation is the user's session generation when they became pending:
	// a sign-in that was under way when everything was ended stays dead, even
	// after the account is active again.
	Generation int64 `json:"generation"`
}

// internal keys never reach policies as they are.
var internalKeys = map[string]bool{string(KeyPending): true, string(KeyLink): true, string(KeySecrets): true, string(KeyOpened): true,
	string(KeyPurpose): true, string(KeyAgain): true, string(keyProof): true}

// Vars is a run's context: values by key, as JSON.
type Vars map[string]json.RawMessage

// In returns the value, and whether it is set. A value that does not fit the
// key's type counts as unset.
func (k Key[T]) In(v Vars) (T, bool) {
	var out T
	raw, ok := v[string(k)]
	if !ok || json.Unmarshal(raw, &out) != nil {
		var zero T
		return zero, false
	}
	return out, true
}

// Put sets the value. It panics on a value that JSON cannot hold: that is a
// fault of the code, not of the input.
func (k Key[T]) Put(v Vars, value T) {
	raw, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("flow: value of key %q: %v", string(k), err))
	}
	v[string(k)] = raw
}

// Clone returns a copy that can be changed on its own.
func (v Vars) Clone() Vars {
	out := make(Vars, len(v))
	for k, raw := range v {
		out[k] = raw
	}
	return out
}

// Drop removes the value.
func (k Key[T]) Drop(v Vars) { delete(v, string(k)) }
