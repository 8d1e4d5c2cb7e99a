package access

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/portcullis-idp/portcullis/internal/feed"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Where judges the condition of a rule over what is acted on. It fails closed
// for allowing, and for denying: an error allows nothing and denies everything.
type Where func(condition string, verb idp.Verb, on idp.Object) (bool, error)

// Roles holds every role in memory, in step with the change feed.
type Roles struct {
	store  idp.Store
	where  Where
	byName atomic.Pointer[map[string]*idp.Role]
	byID   map[idp.RoleID]*idp.Role // only for the feed, which calls one at a time
}

var _ feed.Subscriber = (*Roles)(nil)

// NewRoles returns Roles that know of none until they are Reset. where = nil
// makes rules with conditions allow nothing and deny everything.
func NewRoles(store idp.Store, where Where) *Roles { return &Roles{store: store, where: where} }

// Reset implements feed.Subscriber.
func (r *Roles) Reset(ctx context.Context) error {
	all := map[idp.RoleID]*idp.Role{}
	for offset := 0; ; {
		page, err := r.store.Repos().Roles.Find(ctx, idp.RoleFilter{Paging: idp.Paging{Limit: 1000, Offset: offset}})
		if err != nil {
			return fmt.Errorf("loading the roles: %w", err)
		}
		for i := range page.Items {
			all[page.Items[i].ID] = &page.Items[i]
		}
		if offset += len(page.Items); len(page.Items) == 0 || offset >= page.Total {
			break
		}
	}
	r.byID = all
	r.publish()
	return nil
}

// Apply implements feed.Subscriber.
func (r *Roles) Apply(changes []idp.Change) {
	moved := false
	for _, c := range changes {
		if c.Kind != idp.ChangeRole {
			continue
		}
		id, err := idp.ParseID[idp.Role](c.Subject)
		if err != nil {
			continue
		}
		if r.byID == nil {
			r.byID = map[idp.RoleID]*idp.Role{}
		}
		if moved = true; c.Role == nil {
			delete(r.byID, id)
		} else {
			r.byID[id] = c.Role
		}
	}
	if moved {
		r.publish()
	}
}

func (r *Roles) publish() {
	names := make(map[string]*idp.Role, len(r.byID))
	for _, role := range r.byID {
		names[role.Name] = role
	}
	r.byName.Store(&names)
}

// Get returns the role of a name, nil when there is none.
func (r *Roles) Get(name string) *idp.Role {
	if r == nil {
		return nil
	}
	if names := r.byName.Load(); names != nil {
		return (*names)[name]
	}
	return nil
}

// Strict reports whether one of the roles wants locks judged strictly.
func (r *Roles) Strict(names []string) bool {
	for _, name := range names {
		if role := r.Get(name); role != nil && role.Spec.Options.Lock == idp.Strict {
			return true
		}
	}
	return false
}

// judge asks the rules of several roles: what one denies, nothing else allows.
func (r *Roles) judge(names []string, verb idp.Verb, on idp.Object) (allowed, denied bool) {
	for _, name := range names {
		role := r.Get(name)
		if role == nil {
			continue
		}
		for i := range role.Spec.Deny.Rules {
			if r.covers(&role.Spec.Deny.Rules[i], verb, on, true) {
				return false, true
			}
		}
		for i := range role.Spec.Allow.Rules {
			allowed = allowed || r.covers(&role.Spec.Allow.Rules[i], verb, on, false)
		}
	}
	return allowed, false
}

func (r *Roles) covers(rule *idp.RoleRule, verb idp.Verb, on idp.Object, otherwise bool) bool {
	if !rule.Covers(verb, on.Resource) {
		return false
	}
	if rule.Where == "" {
		return true
	}
	if on.Some {
		return !otherwise // where it does not hold there is something allowed, or not denied
	}
	if r.where == nil {
		return otherwise
	}
	holds, err := r.where(rule.Where, verb, on)
	if err != nil {
		return otherwise
	}
	return holds
}
