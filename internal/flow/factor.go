package flow

import (
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// KeyFactor is the second factor that the run goes by: proved in it, or lately in its
// browser. Every door on the way asks for locks on it, and the session begins with it.
const KeyFactor Key[idp.FactorID] = "goauthentik.io/factor"

// Values of KeyAuthMethod.
const (
	MethodMFA     = "auth_mfa"          // a second factor after another proof
	MethodPasskey = "auth_webauthn_pwl" // a passkey instead of name and password
)

// internal reports whether a key never reaches policies as it is.
func internal(key string) bool { return internalKeys[key] || strings.HasPrefix(key, "goauthentik.io/") }

// Factored notes that the pending user has just proved a second factor; device shows it
// to policies.
func (r *Run) Factored(user idp.UserID, id idp.FactorID, device map[string]any) {
	former, _ := KeyAuthMethod.In(r.Vars)
	args, _ := KeyAuthMethodArgs.In(r.Vars)
	if args == nil {
		args = map[string]any{}
	}
	if former != MethodMFA && former != MethodPasskey {
		args["method"] = former
	}
	devices, _ := args["mfa_devices"].([]any)
	args["mfa_devices"] = append(slices.Clone(devices), device)
	KeyAuthMethod.Put(r.Vars, MethodMFA)
	KeyAuthMethodArgs.Put(r.Vars, args)
	KeyFactor.Put(r.Vars, id)
	r.ProvedFactor(user, id)
}

// Passkeyed makes whoever has proved to be it by a passkey alone the pending user.
func (r *Run) Passkeyed(u *idp.User, id idp.FactorID, device map[string]any) {
	KeyPendingIdentifier.Drop(r.Vars)
	r.SetPending(u)
	KeyAuthMethod.Put(r.Vars, MethodPasskey)
	KeyAuthMethodArgs.Put(r.Vars, map[string]any{"device": device, "mfa_devices": []any{device}})
	KeyFactor.Put(r.Vars, id)
	r.ProvedFactor(u.ID, id)
}

// FactorProved returns the second factor that was proved in this run; ok is false for
// one that is only remembered.
func (r *Run) FactorProved() (id idp.FactorID, ok bool) {
	method, _ := KeyAuthMethod.In(r.Vars)
	id, ok = KeyFactor.In(r.Vars)
	return id, ok && (method == MethodMFA || method == MethodPasskey)
}

// FirstMethod is how the pending user had proved to be it before any second factor.
func (r *Run) FirstMethod() string {
	method, _ := KeyAuthMethod.In(r.Vars)
	if method == MethodMFA {
		args, _ := KeyAuthMethodArgs.In(r.Vars)
		method, _ = args["method"].(string)
	}
	return method
}
