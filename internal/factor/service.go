package factor

import (
	"context"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

const app = "factor"

// What context.action_id of events about second factors says.
const (
	ActionAdded   = "mfa_device_added"
	ActionRenamed = "mfa_device_renamed"
	ActionRemoved = "mfa_device_removed"
	ActionShut    = "mfa_device_shut"    // an app's secret cannot be opened
	ActionCloned  = "mfa_device_counter" // a passkey's counter went back: there may be a copy of it
)

// Sealer seals small texts for a purpose; secret.Sealer is one.
type Sealer interface {
	SealText(purpose, plain string) string
	OpenText(purpose, sealed string) (string, error)
}

// Hasher takes as long as comparing a password; secret.Hasher is one.
type Hasher interface {
	VerifyAbsent(ctx context.Context, password string) error
}

// Deps are what a Service needs.
type Deps struct {
	Store  idp.Store
	Access idp.Access
	// Guard counts attempts; nil = nobody counts.
	Guard idp.Guard
	// Hasher makes what is refused take as long as a wrong password; nil = it does not.
	Hasher Hasher
	Sealer Sealer
	// Lasts says that what Sealer seals can be opened by every server, and after a
	// restart. Without it no authenticator app can be set up.
	Lasts bool
	// PublicURL is the address that people use; "" = that of each request.
	PublicURL string
}

// Service keeps and proves second factors.
type Service struct {
	store  idp.Store
	access idp.Access
	guard  idp.Guard
	hasher Hasher
	sealer Sealer
	lasts  bool
	public string
}

// New returns a Service.
func New(d Deps) *Service {
	if d.Guard == nil {
		d.Guard = idp.Unguarded{Store: d.Store}
	}
	return &Service{store: d.Store, access: d.Access, guard: d.Guard, hasher: d.Hasher, sealer: d.Sealer, lasts: d.Lasts, public: d.PublicURL}
}

// models are what the contract calls the kinds.
var models = map[idp.FactorKind][2]string{
	idp.FactorTOTP:     {"authentik_stages_authenticator_totp", "totpdevice"},
	idp.FactorStatic:   {"authentik_stages_authenticator_static", "staticdevice"},
	idp.FactorWebAuthn: {"authentik_stages_authenticator_webauthn", "webauthndevice"},
}

// Device shows a factor inside events, contexts of flows and sessions' facts.
func Device(f *idp.Factor) map[string]any {
	return map[string]any{"pk": f.ID.String(), "name": f.Name, "type": string(f.Kind)}
}

// facts are what events about a factor say.
func facts(actionID string, f *idp.Factor, of *idp.User) map[string]any {
	model := models[f.Kind]
	return map[string]any{"action_id": actionID, "device": Device(f), "affected_user": of.Username,
		"model": map[string]any{"app": model[0], "model_name": model[1], "pk": int(f.Num), "name": f.Name}}
}
