package lockout

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Category is the category of these settings, and prefix how the keys of most begin.
const (
	Category = "security"
	prefix   = "security.brute_force."
)

// StepUpKey is the setting that says how old a proof may be; see Limits.ProofAge.
const StepUpKey = "security.step_up.max_age_seconds"

// LapseKey is the setting that says how long requests for access wait; see
// Limits.RequestLapse.
const LapseKey = "security.access_requests.lapse_days"

// ActionSetting is what context.action_id of events about settings says.
const ActionSetting = "setting.updated"

// Setting is one of the category: what bounds attempts, how long a proof counts, and how
// long requests for access wait.
// Values are texts on the wire.
type Setting struct {
	Key     string
	Title   string
	Help    string
	Unit    string // "seconds", "days"; "" = a number, or "true" and "false"
	Bool    bool
	Default string
	Min     int // of numbers
	Max     int
	Zero    bool // 0 is good as well, whatever Min says
	apply   func(*Limits, int)
}

// Settings lists every setting, in the order of the page.
func Settings() []Setting {
	return []Setting{
		{Key: prefix + "max_attempts", Title: "Failed attempts", Default: "5", Min: 1, Max: 100, apply: func(l *Limits, n int) { l.MaxAttempts = n },
			Help: "How many failed attempts within the window lead to a lockout. Strangers share this number; each browser that somebody has signed in with before has its own."},
		{Key: prefix + "window_seconds", Title: "Window", Unit: "seconds", Default: "600", Min: 60, Max: 86400, apply: func(l *Limits, n int) { l.Window = seconds(n) },
			Help: "How long a failed attempt counts."},
		{Key: prefix + "lockout_duration_seconds", Title: "Lockout duration", Unit: "seconds", Default: "900", Min: 60, Max: 86400, apply: func(l *Limits, n int) { l.Duration = seconds(n) },
			Help: "How long a lockout lasts. Attempts during a lockout do not extend it."},
		{Key: prefix + "growing_durations", Title: "Growing durations", Bool: true, Default: "false", Max: 1, apply: func(l *Limits, n int) { l.Growing = n == 1 },
			Help: "Each further lockout in a row lasts twice as long as the one before, until somebody signs in or a day has passed."},
		{Key: prefix + "longest_lockout_seconds", Title: "Longest lockout", Unit: "seconds", Default: "86400", Min: 60, Max: 604800, apply: func(l *Limits, n int) { l.Longest = seconds(n) },
			Help: "How long a lockout lasts at most when durations grow."},
		{Key: prefix + "address_max_accounts", Title: "Accounts per address", Default: "50", Max: 500, apply: func(l *Limits, n int) { l.AddressAccounts = n },
			Help: "How many accounts may fail from one address (IPv6: one /64 network) within the window before it is refused. From half of them on its attempts are slowed down. Accounts that are proved in the end do not count. 0 means any number."},
		{Key: prefix + "mail_owner", Title: "Tell the owner", Bool: true, Default: "true", Max: 1, apply: func(l *Limits, n int) { l.MailOwner = n == 1 },
			Help: "Send the owner of an account that is locked out a mail with the waiting time and a way to recover the account."},
		{Key: StepUpKey, Title: "Proof before grave acts", Unit: "seconds", Default: "900", Min: 60, Max: 86400, Zero: true, apply: func(l *Limits, n int) { l.ProofAge = seconds(n) },
			Help: "Locking somebody down, locks, restoring, roles, groups with rights, tokens, passwords and recovery links of others ask for a password or second factor that was given within this time. 0 means never."},
		{Key: LapseKey, Title: "Undecided access requests", Unit: "days", Default: "7", Min: 1, Max: 90, apply: func(l *Limits, n int) { l.RequestLapse = days(n) },
			Help: "How long a request for access waits for somebody to decide it, counted from when it is made. Then it lapses."},
	}
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

// Find returns the setting of a key; nil = there is none.
func Find(key string) *Setting {
	for _, s := range Settings() {
		if s.Key == key {
			return &s
		}
	}
	return nil
}

// read judges a value; problem says what was expected, "" = it is one.
func (s *Setting) read(value string) (n int, problem string) {
	value = strings.TrimSpace(value)
	if s.Bool {
		switch strings.ToLower(value) {
		case "true":
			return 1, ""
		case "false":
			return 0, ""
		}
		return 0, "Must be true or false."
	}
	n, err := strconv.Atoi(value)
	if err != nil || (n < s.Min || n > s.Max) && (n != 0 || !s.Zero) {
		return 0, "Must be " + s.Expected() + "."
	}
	return n, ""
}

// Expected says what numbers are good: "a whole number from 1 to 100".
func (s *Setting) Expected() string {
	text := fmt.Sprintf("a whole number from %d to %d", s.Min, s.Max)
	if s.Zero {
		text += ", or 0"
	}
	return text
}

// limitsOf makes limits of stored values. What cannot be read counts as not set.
func limitsOf(stored map[string]json.RawMessage) Limits {
	l := DefaultLimits()
	for _, s := range Settings() {
		var text string
		if json.Unmarshal(stored[s.Key], &text) != nil {
			continue
		}
		if n, problem := s.read(text); problem == "" {
			s.apply(&l, n)
		}
	}
	return l
}

// Value is a setting with its value.
type Value struct {
	Setting
	Value string
	Set   bool // somebody has set it
}

// Values lists all settings with what is in force. Errors: CodeForbidden.
func (s *Service) Values(ctx context.Context, actor idp.Actor) ([]Value, error) {
	if err := s.access.Check(actor, idp.VerbRead, idp.Object{Resource: idp.ResourceSetting}); err != nil {
		return nil, err
	}
	var all []Value
	for _, k := range Settings() {
		v, err := valueOf(ctx, s.store.Repos(), k)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

func valueOf(ctx context.Context, repos idp.Repos, k Setting) (Value, error) {
	raw, err := repos.Settings.Get(ctx, k.Key)
	if err != nil {
		return Value{}, fmt.Errorf("reading the setting %s: %w", k.Key, err)
	}
	v := Value{Setting: k, Value: k.Default}
	var text string
	if raw != nil && json.Unmarshal(raw, &text) == nil {
		if _, problem := k.read(text); problem == "" {
			v.Value, v.Set = text, true
		}
	}
	return v, nil
}

// Set changes settings, all or none; a nil value takes what was set away. They are
// in force on every server before it returns. Errors: CodeForbidden; CodeInvalid,
// by key; CodeStepUp for how long a proof counts (idp.Access.Fresh).
func (s *Service) Set(ctx context.Context, actor idp.Actor, values map[string]*string) error {
	var faults idp.Faults
	for key, value := range values {
		k := Find(key)
		if k == nil {
			faults.Add(key, "There is no such setting.")
			continue
		}
		if value == nil {
			continue
		}
		if _, problem := k.read(*value); problem != "" {
			faults.Add(key, "%s", problem)
		}
	}
	if err := s.maySet(actor, values); err != nil {
		return err
	}
	if err := faults.Err(); err != nil {
		return err
	}
	err := s.store.InTx(ctx, func(tx idp.Repos) error {
		now, err := actor.Renew(ctx, tx, s.access)
		if err != nil {
			return err
		}
		if err := s.maySet(now, values); err != nil {
			return err
		}
		if err := tx.Settings.Hold(ctx, prefix); err != nil {
			return err
		}
		for _, k := range Settings() {
			value, named := values[k.Key]
			if !named {
				continue
			}
			if err := set(ctx, tx, now, k, value); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("changing what bounds attempts: %w", err)
	}
	return nil
}

// maySet asks for the permission; and for a fresh proof of whoever would not be asked
// for one any more.
func (s *Service) maySet(actor idp.Actor, values map[string]*string) error {
	if err := s.access.Check(actor, idp.VerbUpdate, idp.Object{Resource: idp.ResourceSetting}); err != nil {
		return err
	}
	if _, named := values[StepUpKey]; named {
		return s.access.Fresh(actor)
	}
	return nil
}

func set(ctx context.Context, tx idp.Repos, actor idp.Actor, k Setting, value *string) error {
	was, err := valueOf(ctx, tx, k)
	if err != nil {
		return err
	}
	is := k.Default
	if value != nil {
		is = strings.ToLower(strings.TrimSpace(*value))
	}
	if was.Value == is && was.Set == (value != nil) {
		return nil
	}
	if value == nil {
		err = tx.Settings.Delete(ctx, k.Key)
	} else {
		text, _ := json.Marshal(is) // a text
		err = tx.Settings.Set(ctx, k.Key, text)
	}
	if err != nil {
		return err
	}
	return tx.Events.Append(ctx, idp.ModelUpdatedEvent(app, actor, nil, map[string]any{"action_id": ActionSetting,
		"key": k.Key, "value": is, "was": was.Value,
		"model": map[string]any{"app": "portcullis_lockout", "model_name": "setting", "pk": k.Key, "name": k.Title}}))
}
