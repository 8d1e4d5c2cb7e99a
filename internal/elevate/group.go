package elevate

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// The attributes of a group that let it be asked for.
const (
	// AttributeRequestable is true for a group that people may ask for. Whatever else it
	// is, they may not.
	AttributeRequestable = "requestable"
	// AttributeMaximum is for how many seconds at most; DefaultMaximum without it.
	AttributeMaximum = "requestable_max_seconds"
)

// How long something may be asked for.
const (
	Shortest       = time.Minute
	DefaultMaximum = 8 * time.Hour
	Longest        = 30 * 24 * time.Hour // whatever a group says
)

// Requestable is a group that people may ask for.
type Requestable struct {
	ID      idp.GroupID
	Name    string
	Maximum time.Duration
	Member  bool // whoever asks is in it anyway
}

// Maximum is for how long at most a group may be asked for; ok is false for one that
// may not. A maximum that makes no sense lets nobody ask.
func Maximum(of idp.Attributes) (most time.Duration, ok bool) {
	if yes, _ := of[AttributeRequestable].(bool); !yes {
		return 0, false
	}
	raw, said := of[AttributeMaximum]
	if !said || raw == nil {
		return DefaultMaximum, true
	}
	var seconds float64
	switch n := raw.(type) {
	case float64:
		seconds = n
	case int:
		seconds = float64(n)
	case int64:
		seconds = float64(n)
	case json.Number:
		var err error
		if seconds, err = n.Float64(); err != nil {
			return 0, false
		}
	default:
		return 0, false
	}
	if math.IsNaN(seconds) || seconds < Shortest.Seconds() {
		return 0, false
	}
	return time.Duration(min(seconds, Longest.Seconds())) * time.Second, true
}

// groupsAtMost bounds how many groups can be asked for.
const groupsAtMost = 1000

// Groups lists what the actor may ask for, by name. Errors: CodeUnsigned,
// CodeForbidden.
func (s *Service) Groups(ctx context.Context, actor idp.Actor) ([]Requestable, error) {
	if actor.User == nil {
		return nil, &idp.Error{Code: idp.CodeUnsigned, Message: "Authentication credentials were not provided."}
	}
	if err := s.access.Check(actor, idp.VerbCreate, idp.Of(idp.ResourceAccessRequest, actor.User.ID)); err != nil {
		return nil, err
	}
	u, err := s.store.Repos().Users.Get(ctx, actor.User.ID) // without what the session has for a while
	if err != nil {
		return nil, err
	}
	found, err := s.store.Repos().Groups.Find(ctx, idp.GroupFilter{Attributes: idp.Attributes{AttributeRequestable: true},
		Paging: idp.Paging{Limit: groupsAtMost, Order: []string{"name"}}})
	if err != nil {
		return nil, fmt.Errorf("listing the groups that can be asked for: %w", err)
	}
	var out []Requestable
	for i := range found.Items {
		if most, ok := Maximum(found.Items[i].Attributes); ok {
			out = append(out, Requestable{ID: found.Items[i].ID, Name: found.Items[i].Name, Maximum: most,
				Member: slices.Contains(u.AllGroups, found.Items[i].ID)})
		}
	}
	return out, nil
}

// Named returns the group of that name, if it may be asked for; CodeInvalid on group
// otherwise. Only the system asks so: people choose of Groups.
func (s *Service) Named(ctx context.Context, actor idp.Actor, name string) (idp.GroupID, error) {
	if err := s.access.Check(actor, idp.VerbList, idp.Object{Resource: idp.ResourceGroup}); err != nil {
		return idp.GroupID{}, err
	}
	found, err := s.store.Repos().Groups.Find(ctx, idp.GroupFilter{Name: &name, Paging: idp.Paging{Limit: 1}})
	if err != nil {
		return idp.GroupID{}, err
	}
	for _, g := range found.Items {
		if _, ok := Maximum(g.Attributes); ok {
			return g.ID, nil
		}
	}
	return idp.GroupID{}, idp.Invalid("group", "There is no group %q that can be asked for.", name)
}
