package identification

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/portcullis-idp/portcullis/internal/factor"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// keyCeremony is the question that passkeys were asked last.
const keyCeremony flow.Key[factor.Ceremony] = "goauthentik.io/identification/passkey"

// Passkeys proves who somebody is whom nobody has named.
type Passkeys interface {
	BeginPasskey(ctx context.Context, actor idp.Actor) (map[string]any, factor.Ceremony, error)
	ProvePasskey(ctx context.Context, actor idp.Actor, device, field string, c factor.Ceremony, response any) (*idp.User, *idp.Factor, error)
}

// countsPasskeys reports whether the stage whose settings count asks for passkeys.
func countsPasskeys(settings json.RawMessage) bool {
	classes := struct {
		Classes []string `json:"device_classes"`
	}{[]string{string(idp.FactorWebAuthn)}}
	return json.Unmarshal(settings, &classes) == nil && slices.Contains(classes.Classes, string(idp.FactorWebAuthn))
}

// offer asks for whichever passkey somebody has, beside the name; nil where passkeys are
// not wanted here or cannot be used.
func (s stage) offer(ctx context.Context, run *flow.Run) (map[string]any, error) {
	keyCeremony.Drop(run.Vars)
	if s.settings.WebauthnStage == nil || s.passkeys == nil {
		return nil, nil
	}
	found, err := s.store.Repos().Stages.Get(ctx, *s.settings.WebauthnStage)
	if idp.Is(err, idp.CodeNotFound) || err == nil && !countsPasskeys(found.Settings) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	asked, c, err := s.passkeys.BeginPasskey(ctx, run.Actor)
	if err == nil && asked != nil {
		keyCeremony.Put(run.Vars, c)
	}
	return asked, err
}

// passkey goes on with whoever answered with a passkey: nothing else is asked of them.
func (s stage) passkey(ctx context.Context, run *flow.Run, answer any) (flow.Step, error) {
	c, _ := keyCeremony.In(run.Vars)
	keyCeremony.Drop(run.Vars) // whatever comes of it, it was answered
	if s.settings.WebauthnStage == nil || s.passkeys == nil {
		return nil, idp.Invalid("passkey", "Passkeys are not asked for here.")
	}
	u, f, err := s.passkeys.ProvePasskey(ctx, run.Actor, run.Device.Value, "passkey", c, answer)
	if err != nil {
		return nil, err
	}
	if f == nil {
		return nil, idp.Invalid("passkey", message)
	}
	run.Passkeyed(u, f.ID, factor.Device(f))
	run.Forget()
	return flow.Next{}, nil
}
