package cli

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockout"
)

// Where a server answers what is in other places below /api than everything else.
const (
	lockedPath   = "/security/locked-accounts"
	lockoutsPath = "/security/lockouts"
	settingsPath = "/settings"
	lockedPage   = 500 // as much as it lists at once
)

// sentLockout is a lockout as it comes.
type sentLockout struct {
	Identifier  string      `json:"identifier"`
	Device      *string     `json:"device"`
	Active      bool        `json:"active"`
	LockedAt    time.Time   `json:"locked_at"`
	LockedUntil time.Time   `json:"locked_until"`
	Reason      *string     `json:"lock_reason"`
	TriggerIP   *netip.Addr `json:"trigger_ip"`
	Attempts    *int        `json:"auto_threshold_at"`
	Refused     int         `json:"refused"`
	EndedAt     *time.Time  `json:"ended_at"`
	EndReason   string      `json:"end_reason"`
	EndedBy     string      `json:"ended_by"`
}

func (s *sentLockout) lockout() *idp.Lockout {
	l := &idp.Lockout{Identifier: s.Identifier, Active: s.Active, LockedAt: s.LockedAt, LockedUntil: s.LockedUntil, Refused: s.Refused,
		EndedAt: s.EndedAt, EndReason: idp.LockoutEnd(s.EndReason), EndedBy: s.EndedBy}
	if s.Reason != nil {
		l.Reason = *s.Reason
	}
	if s.TriggerIP != nil {
		l.TriggerIP = *s.TriggerIP
	}
	if s.Attempts != nil {
		l.Attempts = *s.Attempts
	}
	if s.Device != nil {
		if id, err := idp.ParseID[idp.KnownDevice](*s.Device); err == nil {
			l.DeviceID = &id
		}
	}
	return l
}

// EachLockout implements Lockouts.
func (r *remote) EachLockout(ctx context.Context, q LockoutQuery, each func(*idp.Lockout)) error {
	path, query := lockedPath, url.Values{"limit": {strconv.Itoa(lockedPage)}}
	if q.All {
		path = lockoutsPath
	}
	if q.Search != "" {
		query.Set("search", q.Search)
	}
	if q.Of != "" {
		query.Set("identifier", q.Of)
	}
	if q.Most > 0 {
		query.Set("limit", strconv.Itoa(min(q.Most, lockedPage)))
	}
	for n := 0; ; {
		var answer struct {
			Data       []sentLockout
			NextCursor string `json:"next_cursor"`
		}
		if err := r.below(ctx, "/api", http.MethodGet, path, query, nil, &answer); err != nil {
			return err
		}
		for i := range answer.Data {
			each(answer.Data[i].lockout())
		}
		if n += len(answer.Data); answer.NextCursor == "" || n == q.Most {
			return nil
		}
		query.Set("cursor", answer.NextCursor)
	}
}

// Unlock implements Lockouts.
func (r *remote) Unlock(ctx context.Context, identifier string) error {
	return r.below(ctx, "/api", http.MethodPost, lockedPath+"/unlock", nil, map[string]string{"identifier": identifier}, nil)
}

// Settings implements Lockouts.
func (r *remote) Settings(ctx context.Context) ([]lockout.Value, error) {
	var answer struct {
		Settings []shownSetting
	}
	if err := r.below(ctx, "/api", http.MethodGet, settingsPath, nil, nil, &answer); err != nil {
		return nil, err
	}
	out := make([]lockout.Value, len(answer.Settings))
	for i, s := range answer.Settings {
		out[i] = lockout.Value{Setting: lockout.Setting{Key: s.Key, Default: s.Default}, Value: s.Value, Set: s.Set}
		if known := findSetting(s.Key); known != nil {
			out[i].Unit, out[i].Title = known.Unit, known.Title
		}
	}
	return out, nil
}

// SetSettings implements Lockouts. The server sets values all or none; defaults come
// after them, one by one.
func (r *remote) SetSettings(ctx context.Context, values map[string]*string) error {
	var list []map[string]string
	for key, value := range values {
		if value != nil {
			list = append(list, map[string]string{"key": key, "value": *value, "category": categoryOf(key)})
		}
	}
	if len(list) > 0 {
		if err := r.below(ctx, "/api", http.MethodPost, settingsPath+"/batch", nil, map[string]any{"settings": list}, nil); err != nil {
			return err
		}
	}
	for key, value := range values {
		if value == nil {
			if err := r.below(ctx, "/api", http.MethodDelete, settingsPath+"/"+key, nil, nil, nil); err != nil {
				return err
			}
		}
	}
	return nil
}
