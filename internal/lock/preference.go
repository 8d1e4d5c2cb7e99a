package lock

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// PreferenceName is the setting with the preferences of the installation, and the
// name of the resource.
const PreferenceName = "cluster_auth_preference"

// ActionPreference is what context.action_id of events about the preference says.
const ActionPreference = "cluster_auth_preference.updated"

// Preference is what counts for the whole installation: how locks are judged
// where no role says otherwise. One strict anywhere wins.
type Preference struct {
	LockingMode idp.LockingMode
	// Managed says that the operator has fixed it in the configuration; Origin is
	// where, such as "the flag --locking-mode".
	Managed bool
	Origin  string
}

// stored is the preference as the setting holds it.
type stored struct {
	LockingMode idp.LockingMode `json:"locking_mode"`
}

// modeOf reads a setting. What nobody can read is judged strictly; where nothing
// is set, best effort is the default of the seed.
func modeOf(value json.RawMessage) idp.LockingMode {
	var p stored
	switch {
	case len(value) == 0:
		return idp.BestEffort
	case json.Unmarshal(value, &p) != nil, p.LockingMode == idp.Strict:
		return idp.Strict
	}
	return idp.BestEffort
}

// Preference returns the preference in force. Errors: CodeForbidden.
func (s *Service) Preference(ctx context.Context, actor idp.Actor) (*Preference, error) {
	if err := s.access.Check(actor, idp.VerbRead, idp.Object{Resource: idp.ResourcePreference}); err != nil {
		return nil, err
	}
	if p := s.managed(); p != nil {
		return p, nil
	}
	value, err := s.store.Repos().Settings.Get(ctx, PreferenceName)
	if err != nil {
		return nil, fmt.Errorf("reading the locking mode: %w", err)
	}
	return &Preference{LockingMode: modeOf(value)}, nil
}

// managed returns the preference that the operator has fixed; nil = none.
func (s *Service) managed() *Preference {
	if s.view == nil || s.view.static == "" {
		return nil
	}
	return &Preference{LockingMode: s.view.static, Managed: true, Origin: s.view.origin}
}

// CheckMode judges a locking mode. The error is an *idp.Error with CodeInvalid on
// locking_mode.
func CheckMode(m idp.LockingMode) error {
	if m != idp.Strict && m != idp.BestEffort {
		return idp.Invalid("locking_mode", "locking mode %q not supported", string(m))
	}
	return nil
}

// SetPreference sets the locking mode, on every server before it returns. Errors:
// CodeForbidden; CodeInvalid for what is no mode, and where the configuration
// has fixed it.
func (s *Service) SetPreference(ctx context.Context, actor idp.Actor, mode idp.LockingMode) (*Preference, error) {
	err := s.store.InTx(ctx, func(tx idp.Repos) error {
		now, err := actor.Renew(ctx, tx, s.access)
		if err != nil {
			return err
		}
		if err := s.access.Check(now, idp.VerbUpdate, idp.Object{Resource: idp.ResourcePreference}); err != nil {
			return err
		}
		if err := CheckMode(mode); err != nil {
			return err
		}
		if p := s.managed(); p != nil {
			return idp.Invalid("locking_mode", "The locking mode is %s by %s in the server's configuration, and can only be changed there.",
				p.LockingMode, orConfiguration(p.Origin))
		}
		if err := tx.Settings.Hold(ctx, PreferenceName); err != nil {
			return err
		}
		value, err := tx.Settings.Get(ctx, PreferenceName)
		if err != nil {
			return err
		}
		was := modeOf(value)
		if was == mode && len(value) > 0 {
			return nil
		}
		text, err := json.Marshal(stored{mode})
		if err != nil {
			return err
		}
		if err := tx.Settings.Set(ctx, PreferenceName, text); err != nil {
			return err
		}
		return tx.Events.Append(ctx, idp.ModelUpdatedEvent(app, now, nil, map[string]any{"action_id": ActionPreference,
			"locking_mode": mode, "was": was,
			"model": map[string]any{"app": "portcullis_lock", "model_name": PreferenceName, "pk": "", "name": "cluster-auth-preference"}}))
	})
	if err != nil {
		return nil, fmt.Errorf("setting the locking mode: %w", err)
	}
	return &Preference{LockingMode: mode}, nil
}

func orConfiguration(origin string) string {
	if origin == "" {
		return "locking_mode"
	}
	return origin
}
