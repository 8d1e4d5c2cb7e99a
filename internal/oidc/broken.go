package oidc

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// MappingError is a scope mapping that could not be evaluated.
type MappingError struct {
	Mapping idp.ScopeMapping
	Err     error
}

// Error implements error.
func (e *MappingError) Error() string {
	return fmt.Sprintf("scope mapping “%s”: %v", e.Mapping.Name, e.Err)
}

// Unwrap returns the cause.
func (e *MappingError) Unwrap() error { return e.Err }

// ActionMappingFailed is context.action_id of the event of a mapping that fails.
const ActionMappingFailed = "scope_mapping_failed"

// toldEvery is how often events tell of one mapping: every sign-in runs into it.
const toldEvery = time.Minute

// told remembers when events told of a mapping. It may be used by many at once.
type told struct {
	mu sync.Mutex
	at map[idp.ScopeMappingID]time.Time
}

// again reports whether it is time to tell of a mapping.
func (t *told) again(id idp.ScopeMappingID, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if last, known := t.at[id]; known && now.Sub(last) < toldEvery {
		return false
	}
	if t.at == nil {
		t.at = map[idp.ScopeMappingID]time.Time{}
	}
	t.at[id] = now
	return true
}

// broken is the error of claims that could not be made. The application learns that the
// fault is here; whoever administers this, which mapping it is.
func (s *Service) broken(ctx context.Context, c *Client, u *idp.User, err error) error {
	err = fmt.Errorf("making the claims of user %d for application %s: %w", u.ID, c.Application.Slug, err)
	var at *MappingError
	if !errors.As(err, &at) {
		return err
	}
	if s.told.again(at.Mapping.ID, time.Now()) {
		event := idp.ConfigErrorEvent(app, idp.SystemActor(), u, map[string]any{"action_id": ActionMappingFailed,
			"message": at.Error(), "application": c.facts(),
			"model": map[string]any{"app": "authentik_providers_oauth2", "model_name": "scopemapping", "pk": at.Mapping.ID.String(), "name": at.Mapping.Name}})
		err = errors.Join(err, s.Store.InTx(ctx, func(tx idp.Repos) error { return tx.Events.Append(ctx, event) }))
	}
	return &Error{Code: ErrServerError, Description: "What this application is told could not be made: its configuration here is at fault.", Err: err}
}
