package cli

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lock"
)

// sentLock is a lock as it is sent.
type sentLock struct {
	Name           string            `json:"name,omitempty"`
	Target         map[string]string `json:"target"`
	Message        string            `json:"message,omitempty"`
	Expires        *time.Time        `json:"expires,omitempty"`
	TTL            string            `json:"ttl,omitempty"`
	Force          bool              `json:"force,omitempty"`
	ForceLastAdmin bool              `json:"force_last_admin,omitempty"`
}

// shownLock is a lock as it comes.
type shownLock struct {
	Name      idp.LockID        `json:"name"`
	Target    map[string]string `json:"target"`
	Message   string            `json:"message"`
	Expires   *time.Time        `json:"expires"`
	CreatedAt time.Time         `json:"created_at"`
	CreatedBy string            `json:"created_by"`
	InForce   bool              `json:"in_force"`
	LiftedAt  *time.Time        `json:"lifted_at"`
	LiftedBy  string            `json:"lifted_by"`
	Warnings  []string          `json:"warnings"`
}

func (s *shownLock) lock() *idp.Lock {
	l := &idp.Lock{ID: s.Name, Message: s.Message, ExpiresAt: s.Expires, CreatedAt: s.CreatedAt, CreatedBy: s.CreatedBy,
		InForce: s.InForce, LiftedAt: s.LiftedAt, LiftedBy: s.LiftedBy}
	for _, kind := range idp.LockKinds() {
		if v, ok := s.Target[kind.String()]; ok {
			l.Target = append(l.Target, idp.LockKey{Kind: kind, Value: v})
		}
	}
	return l
}

func sent(d lock.Draft) sentLock {
	s := sentLock{Target: d.Target, Message: d.Message, Expires: d.Expires, Force: d.Force, ForceLastAdmin: d.ForceLastAdmin}
	if !d.ID.IsZero() {
		s.Name = d.ID.String()
	}
	if d.TTL != 0 {
		s.TTL = d.TTL.String()
	}
	return s
}

const locksPath = "/locks/"

// CreateLocks implements Locks.
func (r *remote) CreateLocks(ctx context.Context, drafts []lock.Draft) ([]idp.Lock, []string, error) {
	if len(drafts) == 1 {
		var made shownLock
		if err := r.call(ctx, http.MethodPost, locksPath, nil, sent(drafts[0]), &made); err != nil {
			return nil, nil, err
		}
		return []idp.Lock{*made.lock()}, made.Warnings, nil
	}
	all := make([]sentLock, len(drafts))
	for i, d := range drafts {
		all[i] = sent(d)
	}
	var answer struct {
		Results  []shownLock
		Warnings []string
	}
	if err := r.call(ctx, http.MethodPost, locksPath+"bulk/", nil, map[string]any{"locks": all}, &answer); err != nil {
		return nil, nil, err
	}
	return locksOf(answer.Results), answer.Warnings, nil
}

func locksOf(shown []shownLock) []idp.Lock {
	out := make([]idp.Lock, len(shown))
	for i := range shown {
		out[i] = *shown[i].lock()
	}
	return out
}

// GetLock implements Locks.
func (r *remote) GetLock(ctx context.Context, id idp.LockID) (*idp.Lock, error) {
	var shown shownLock
	if err := r.call(ctx, http.MethodGet, locksPath+id.String()+"/", nil, nil, &shown); err != nil {
		return nil, err
	}
	return shown.lock(), nil
}

// EachLock implements Locks.
func (r *remote) EachLock(ctx context.Context, q LockQuery, each func(*idp.Lock)) error {
	query := targetQuery(q.Target)
	query.Set("page_size", strconv.Itoa(stretch))
	if q.All {
		query.Set("active", "all")
	}
	for cursor, more := "", true; more; more = cursor != "" {
		query.Set("cursor", cursor)
		var answer struct {
			Pagination struct {
				NextCursor string `json:"next_cursor"`
			}
			Results []shownLock
		}
		if err := r.call(ctx, http.MethodGet, locksPath, query, nil, &answer); err != nil {
			return err
		}
		for i := range answer.Results {
			each(answer.Results[i].lock())
		}
		cursor = answer.Pagination.NextCursor
	}
	return nil
}

func targetQuery(target map[string]string) url.Values {
	query := url.Values{}
	for name, value := range target {
		query.Set(name, value)
	}
	return query
}

// ChangeLock implements Locks.
func (r *remote) ChangeLock(ctx context.Context, id idp.LockID, p lock.Patch) ([]string, error) {
	body := map[string]any{"force_last_admin": p.ForceLastAdmin}
	if p.Target != nil {
		body["target"] = *p.Target
	}
	if p.Message != nil {
		body["message"] = *p.Message
	}
	if p.Expires != nil {
		body["expires"] = *p.Expires
	}
	var shown shownLock
	err := r.call(ctx, http.MethodPatch, locksPath+id.String()+"/", nil, body, &shown)
	return shown.Warnings, err
}

// LiftLock implements Locks.
func (r *remote) LiftLock(ctx context.Context, id idp.LockID) error {
	return r.call(ctx, http.MethodDelete, locksPath+id.String()+"/", nil, nil, nil)
}

// LiftLocks implements Locks.
func (r *remote) LiftLocks(ctx context.Context, target map[string]string) ([]idp.Lock, error) {
	var answer struct{ Results []shownLock }
	if err := r.call(ctx, http.MethodDelete, locksPath, targetQuery(target), nil, &answer); err != nil {
		return nil, err
	}
	return locksOf(answer.Results), nil
}
