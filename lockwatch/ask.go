package lockwatch

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// maxVerdict bounds an answer, in bytes.
const maxVerdict = 1 << 20

// Verdict is the server's own word on an interaction.
type Verdict struct {
	Allowed bool       `json:"allowed"`
	Lock    *Lock      `json:"lock"`
	Mode    Mode       `json:"mode"` // with that of the user's roles
	AsOf    *time.Time `json:"as_of"`
	Detail  string     `json:"detail"` // what whoever is refused is told
	// Code is why not: "lock_in_force", "lock_view_stale", or "account_inactive" where
	// the account of the user may not act at all, as after a lockdown.
	Code string `json:"code"`
	// Targets is what was judged, by kind: also the roles and groups of a user,
	// which the server knows.
	Targets map[Kind][]string `json:"targets"`
}

// Keys are what was judged, to go on with: Check and Guard then know the roles and
// groups as well.
func (v *Verdict) Keys() []Key {
	var keys []Key
	for kind, values := range v.Targets {
		for _, value := range values {
			keys = append(keys, Key{kind, value})
		}
	}
	return keys
}

// Err is nil when the interaction is allowed, else the *Refusal.
func (v *Verdict) Err() error {
	if v.Allowed {
		return nil
	}
	return &Refusal{Lock: v.Lock, Detail: v.Detail}
}

// Ask has the server judge an interaction: it knows the roles and groups of the
// user as well. Run need not be running. The error says that the server could not
// be asked; nothing is allowed by it.
func (w *Watcher) Ask(ctx context.Context, mode Mode, keys ...Key) (*Verdict, error) {
	body := map[string]any{}
	for _, k := range carried(keys) {
		some, _ := body[string(k.Kind)].([]string)
		body[string(k.Kind)] = append(some, k.Value)
	}
	if mode != "" {
		body["mode"] = mode
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("lockwatch: %w", err)
	}
	r, err := w.request(ctx, http.MethodPost, "/api/v3/locks/check/", bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("lockwatch: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := w.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("lockwatch: asking %s: %w", w.base, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("lockwatch: asking %s: %w", w.base, refusal(answer))
	}
	v := &Verdict{}
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxVerdict)).Decode(v); err != nil {
		return nil, fmt.Errorf("lockwatch: the answer of %s is not understood: %w", w.base, err)
	}
	return v, nil
}
