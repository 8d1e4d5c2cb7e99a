package configure

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// seal seals the secrets in the settings of a stage that is about to be written.
// was is nil when it is new; it then gets its ID here, for the seal is bound to
// it. Who writes the same secret again changes nothing.
func (s *Service) seal(kind flow.Kind, was, st *idp.Stage) error {
	if s.d.Sealer == nil || len(secretsOf(kind)) == 0 {
		return nil
	}
	if st.ID.IsZero() {
		st.ID = idp.NewID[idp.Stage]()
	}
	stored := map[string]any{}
	if was != nil {
		stored = settingsOf(was.Settings)
	}
	return s.reseal(kind, st, func(purpose, name, value string) string {
		old, _ := stored[name].(string)
		if !secret.IsSealed(old) {
			return s.d.Sealer.SealText(purpose, value)
		}
		// Only what this stage held already is believed to be sealed: anybody can
		// type a text that looks so.
		if value == old {
			return old
		}
		if plain, err := s.d.Sealer.OpenText(purpose, old); err == nil && secret.Equal(plain, value) {
			return old
		}
		return s.d.Sealer.SealText(purpose, value)
	})
}

// reseal passes every secret of a stage that is set through a function.
func (s *Service) reseal(kind flow.Kind, st *idp.Stage, sealed func(purpose, name, value string) string) error {
	values, changed := map[string]json.RawMessage{}, false
	if json.Unmarshal(st.Settings, &values) != nil {
		return nil // of another version, which seals them itself
	}
	for _, name := range secretsOf(kind) {
		var value string
		if json.Unmarshal(values[name], &value) != nil || value == "" {
			continue // not set
		}
		now := sealed(flow.SecretPurpose(st.ID, name), name, value)
		if now == value {
			continue
		}
		raw, err := json.Marshal(now)
		if err != nil {
			return err
		}
		values[name], changed = raw, true
	}
	if !changed {
		return nil
	}
	raw, err := json.Marshal(values)
	if err == nil {
		st.Settings = raw
	}
	return err
}

// secretsOf names the settings of a kind that are never shown.
func secretsOf(kind flow.Kind) []string {
	var names []string
	for _, setting := range kind.Describe() {
		if setting.Format == flow.FormatSecret {
			names = append(names, setting.Name)
		}
	}
	return names
}

// sealStored seals the secrets of one stage, if there is something to seal.
func (s *Service) sealStored(ctx context.Context, seen idp.Stage) error {
	kind, ok := s.d.Stages.Kind(seen.Kind)
	if !ok || len(secretsOf(kind)) == 0 {
		return nil
	}
	before := seen.Settings
	if err := s.reseal(kind, &seen, s.renewed); err != nil || bytes.Equal(before, seen.Settings) {
		return err
	}
	return s.d.Store.InTx(ctx, func(tx idp.Repos) error {
		st, err := tx.Stages.Hold(ctx, seen.ID)
		if idp.Is(err, idp.CodeNotFound) {
			return nil // deleted while this waited for it
		}
		if err != nil {
			return err
		}
		n := s.stages()
		fields := printed(n.fields(st))
		if err := s.reseal(kind, st, s.renewed); err != nil {
			return err
		}
		return keep(ctx, tx, n, idp.SystemActor(), fields, st)
	})
}

// renewed is a stored secret, sealed with the present secret of the server.
func (s *Service) renewed(purpose, _, value string) string {
	switch {
	case !secret.IsSealed(value):
		return s.d.Sealer.SealText(purpose, value)
	case s.d.Sealer.Current(value):
		return value
	}
	plain, err := s.d.Sealer.OpenText(purpose, value)
	if err != nil {
		return value // whoever needs it says so
	}
	return s.d.Sealer.SealText(purpose, plain)
}
