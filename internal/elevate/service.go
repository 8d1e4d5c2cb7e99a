package elevate

import (
	"context"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

const app = "elevate"

// What events of requests say in context.action_id.
const (
	ActionMade      = "access_request_made"
	ActionGranted   = "access_request_granted"
	ActionDenied    = "access_request_denied"
	ActionWithdrawn = "access_request_withdrawn"
	ActionEnded     = "access_request_ended"
	ActionExpired   = "access_request_expired"
	ActionUsed      = "access_request_used" // in one more session
)

// Deps are what a Service needs.
type Deps struct {
	Store  idp.Store
	Access idp.Access
	// Lapse is how long a request waits for a decision, from when it is made; nil = a week.
	Lapse func() time.Duration
}

// Service keeps requests for access.
type Service struct {
	store  idp.Store
	access idp.Access
	lapse  func() time.Duration
}

// New returns a Service.
func New(d Deps) *Service {
	if d.Lapse == nil {
		d.Lapse = func() time.Duration { return 7 * 24 * time.Hour }
	}
	return &Service{store: d.Store, access: d.Access, lapse: d.Lapse}
}

// Get returns a request. One that the actor may not see is CodeNotFound.
func (s *Service) Get(ctx context.Context, actor idp.Actor, id idp.AccessRequestID) (*idp.AccessRequest, error) {
	found, err := s.store.Repos().AccessRequests.Get(ctx, id)
	if err != nil {
		if unsigned := s.access.Check(actor, idp.VerbRead, idp.Object{Resource: idp.ResourceAccessRequest}); idp.Is(unsigned, idp.CodeUnsigned) {
			return nil, unsigned
		}
		return nil, err
	}
	return found, s.visible(actor, idp.VerbRead, found)
}

// visible reports somebody else's request as one there is none of.
func (s *Service) visible(actor idp.Actor, verb idp.Verb, r *idp.AccessRequest) error {
	err := s.access.Check(actor, verb, idp.Of(idp.ResourceAccessRequest, r.UserID))
	if idp.Is(err, idp.CodeForbidden) && s.access.Check(actor, idp.VerbRead, idp.Of(idp.ResourceAccessRequest, r.UserID)) != nil {
		return idp.NotFound("access request")
	}
	return err
}

// Find lists requests. Who may not see everybody's sees their own: asking for another
// user's is CodeForbidden.
func (s *Service) Find(ctx context.Context, actor idp.Actor, f idp.AccessRequestFilter) (idp.Page[idp.AccessRequest], error) {
	err := s.access.Check(actor, idp.VerbList, idp.Object{Resource: idp.ResourceAccessRequest})
	if idp.Is(err, idp.CodeForbidden) {
		if f.UserID == nil {
			own := actor.User.ID
			f.UserID = &own
		}
		err = s.access.Check(actor, idp.VerbList, idp.Of(idp.ResourceAccessRequest, *f.UserID))
	}
	if err != nil {
		return idp.Page[idp.AccessRequest]{}, err
	}
	return s.store.Repos().AccessRequests.Find(ctx, f)
}

// tell writes the event of an act about a request of u.
func tell(ctx context.Context, tx idp.Repos, actor idp.Actor, action string, r *idp.AccessRequest, u *idp.User) error {
	kind := idp.ActionModelUpdated
	if action == ActionMade {
		kind = idp.ActionModelCreated
	}
	facts := map[string]any{"action_id": action, "reason": r.Reason, "seconds": int(r.Duration / time.Second), "state": string(r.State),
		"group":          map[string]any{"pk": r.GroupID.String(), "name": r.GroupName},
		"affected_user":  map[string]any{"pk": int(r.UserID), "username": r.Username},
		"access_request": r.ID.String(), "expires": r.ExpiresAt.UTC().Format(time.RFC3339),
		"model": map[string]any{"app": app, "model_name": "accessrequest", "pk": r.ID.String(), "name": r.GroupName + " for " + r.Username}}
	if r.Note != "" {
		facts["note"] = r.Note
	}
	if r.SessionID != nil {
		facts["session"] = r.SessionID.String()
	}
	return tx.Events.Append(ctx, kind.Event(app, actor, u, facts))
}
