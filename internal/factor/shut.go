package factor

import (
	"context"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// opened opens the secrets of the authenticator apps among factors; shut are the apps
// whose secret was sealed with another one than the server has.
func (s *Service) opened(has []idp.Factor) (keys map[idp.FactorID]string, shut []idp.Factor) {
	keys = map[idp.FactorID]string{}
	for _, f := range has {
		if f.Kind != idp.FactorTOTP {
			continue
		}
		plain, err := s.open(f.ID, f.Secret)
		if err != nil {
			shut = append(shut, f)
			continue
		}
		keys[f.ID] = plain
	}
	return keys, shut
}

// refuseShut is the error for whoever has an app that cannot be checked; nil where there
// is none. It says nothing of what was typed.
func refuseShut(shut []idp.Factor) error {
	if len(shut) == 0 {
		return nil
	}
	return idp.Invalid("code", "Codes of %s cannot be checked: this server has another secret than when it was set up. Use another second factor, or ask your administrator.",
		namesOf(shut))
}

// tellShut tells administrators that apps of an account are worthless, once for each try.
func (s *Service) tellShut(ctx context.Context, actor idp.Actor, p Proof, shut []idp.Factor) error {
	if len(shut) == 0 {
		return nil
	}
	actor.User = nil // whoever is signed in in this browser has no part in it
	devices := make([]any, len(shut))
	for i := range shut {
		devices[i] = Device(&shut[i])
	}
	event := idp.ConfigErrorEvent(app, actor, p.User, map[string]any{"action_id": ActionShut, "devices": devices,
		"message": "Codes of " + namesOf(shut) + " of " + p.User.Username + " cannot be checked: its secret was sealed under another secret_key than this server has. Set that one again, or remove the factor, so that its owner can set up a new one."})
	return s.store.InTx(ctx, func(tx idp.Repos) error { return tx.Events.Append(ctx, event) })
}

func namesOf(factors []idp.Factor) string {
	names := make([]string, len(factors))
	for i, f := range factors {
		names[i] = "“" + f.Name + "”"
	}
	return strings.Join(names, ", ")
}
