package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/feed"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// RetentionKey is the setting that says how long events are kept, and RetentionCategory
// its category.
const (
	RetentionKey      = "events.retention"
	RetentionCategory = "events"
	RetentionTitle    = "Event retention"
	RetentionHelp     = "How long events are kept, in days: days=365. The oldest go first; 7 days is the least, days=0 keeps them for ever. What went is on record, and the chain goes on to be verified behind it."
)

// ActionSetting is what context.action_id of events about settings says.
const ActionSetting = "setting.updated"

// How long events may be kept. Storage has the floor of its own (migrations/0043).
const (
	minRetention = 7
	maxRetention = 36500 // a hundred years
	// DefaultRetention is that of an installation that says nothing.
	DefaultRetention Retention = 365
)

// Retention is how many days events are kept; 0 = for ever.
type Retention int

// String is the wire form.
func (r Retention) String() string { return "days=" + strconv.Itoa(int(r)) }

// Ends is when retention may remove an event; false = never.
func (r Retention) Ends(e *idp.Event) (time.Time, bool) {
	switch {
	case e.ExpiresAt != nil:
		return *e.ExpiresAt, true
	case r <= 0:
		return time.Time{}, false
	}
	return e.CreatedAt.AddDate(0, 0, int(r)), true
}

// ParseRetention reads the wire form; problem says what was expected, "" = it is one.
func ParseRetention(text string) (r Retention, problem string) {
	name, number, _ := strings.Cut(strings.ToLower(strings.TrimSpace(text)), "=")
	days, err := strconv.ParseUint(strings.TrimSpace(number), 10, 16)
	if strings.TrimSpace(name) != "days" || err != nil || days != 0 && (days < minRetention || days > maxRetention) {
		return 0, fmt.Sprintf("Must be days= and a whole number from %d to %d, such as days=365, or days=0 to keep events for ever.", minRetention, maxRetention)
	}
	return Retention(days), ""
}

// stored reads what is stored. What cannot be read is no retention: set is false, and
// storage refuses to purge by it.
func stored(raw json.RawMessage) (r Retention, set bool) {
	var text string
	if raw == nil || json.Unmarshal(raw, &text) != nil {
		return DefaultRetention, false
	}
	r, problem := ParseRetention(text)
	if problem != "" {
		return DefaultRetention, false
	}
	return r, true
}

var _ feed.Subscriber = (*Service)(nil)

// Kept is how long events are kept, as this server knows it.
func (s *Service) Kept() Retention { return Retention(s.kept.Load()) }

// Reset implements feed.Subscriber.
func (s *Service) Reset(ctx context.Context) error {
	raw, err := s.Store.Repos().Settings.Get(ctx, RetentionKey)
	if err != nil {
		return fmt.Errorf("reading how long events are kept: %w", err)
	}
	r, _ := stored(raw)
	s.kept.Store(int64(r))
	return nil
}

// Apply implements feed.Subscriber.
func (s *Service) Apply(changes []idp.Change) {
	for _, c := range changes {
		if c.Kind == idp.ChangeSetting && c.Subject == RetentionKey {
			r, _ := stored(c.Value)
			s.kept.Store(int64(r))
		}
	}
}

// RetentionValue is the setting as it is.
type RetentionValue struct {
	Retention Retention
	Set       bool // somebody has set it
}

// Retention returns the setting. Errors: CodeForbidden.
func (s *Service) Retention(ctx context.Context, actor idp.Actor) (RetentionValue, error) {
	if err := s.Access.Check(actor, idp.VerbRead, idp.Object{Resource: idp.ResourceSetting}); err != nil {
		return RetentionValue{}, err
	}
	return retention(ctx, s.Store.Repos())
}

func retention(ctx context.Context, repos idp.Repos) (v RetentionValue, err error) {
	raw, err := repos.Settings.Get(ctx, RetentionKey)
	if err != nil {
		return v, fmt.Errorf("reading how long events are kept: %w", err)
	}
	v.Retention, v.Set = stored(raw)
	return v, nil
}

// SetRetention changes the setting; nil takes what was set away. It is in force on
// every server before it returns; what is older goes with the next rounds of Purge.
// Errors: CodeForbidden; CodeInvalid, by key.
func (s *Service) SetRetention(ctx context.Context, actor idp.Actor, value *string) error {
	object := idp.Object{Resource: idp.ResourceSetting}
	if err := s.Access.Check(actor, idp.VerbUpdate, object); err != nil {
		return err
	}
	is := DefaultRetention
	if value != nil {
		var problem string
		if is, problem = ParseRetention(*value); problem != "" {
			return idp.Invalid(RetentionKey, "%s", problem)
		}
	}
	err := s.Store.InTx(ctx, func(tx idp.Repos) error {
		now, err := actor.Renew(ctx, tx, s.Access)
		if err != nil {
			return err
		}
		if err := s.Access.Check(now, idp.VerbUpdate, object); err != nil {
			return err
		}
		if err := tx.Settings.Hold(ctx, RetentionKey); err != nil {
			return err
		}
		was, err := retention(ctx, tx)
		if err != nil || was.Retention == is && was.Set == (value != nil) {
			return err
		}
		if value == nil {
			err = tx.Settings.Delete(ctx, RetentionKey)
		} else {
			text, _ := json.Marshal(is.String()) // a text
			err = tx.Settings.Set(ctx, RetentionKey, text)
		}
		if err != nil {
			return err
		}
		return tx.Events.Append(ctx, idp.ModelUpdatedEvent(app, now, nil, map[string]any{"action_id": ActionSetting,
			"key": RetentionKey, "value": is.String(), "was": was.Retention.String(),
			"model": map[string]any{"app": "portcullis_audit", "model_name": "setting", "pk": RetentionKey, "name": RetentionTitle}}))
	})
	if err != nil {
		return fmt.Errorf("changing how long events are kept: %w", err)
	}
	return nil
}
