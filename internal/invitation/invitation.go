package invitation

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

const app = "invitation"

// Held is an invitation that was let in, as a run keeps it.
type Held struct {
	ID   idp.InvitationID `json:"id"`
	Name string           `json:"name"`
}

// Key is the invitation that let somebody into a run, until it is taken.
const Key flow.Key[Held] = "invitation"

// Deps are what a Service needs.
type Deps struct {
	Store  idp.Store
	Access idp.Access
}

// Service keeps invitations.
type Service struct {
	store  idp.Store
	access idp.Access
}

// New returns a Service.
func New(d Deps) *Service { return &Service{store: d.Store, access: d.Access} }

// administer is the right to see and keep invitations: they let strangers in.
var administer = idp.Object{Resource: idp.ResourceInvitation}

// Get returns an invitation. Errors: CodeForbidden, CodeNotFound.
func (s *Service) Get(ctx context.Context, actor idp.Actor, id idp.InvitationID) (*idp.Invitation, error) {
	if err := s.access.Check(actor, idp.VerbRead, administer); err != nil {
		return nil, err
	}
	return s.store.Repos().Invitations.Get(ctx, id)
}

// Find lists invitations. Errors: CodeForbidden.
func (s *Service) Find(ctx context.Context, actor idp.Actor, filter idp.InvitationFilter) (idp.Page[idp.Invitation], error) {
	if err := s.access.Check(actor, idp.VerbList, administer); err != nil {
		return idp.Page[idp.Invitation]{}, err
	}
	return s.store.Repos().Invitations.Find(ctx, filter)
}

// Open returns the invitation of a link's token, if it may be used in the flow.
// It does not use it up. The error is CodeRefused, with one message for every
// reason, for every other token.
func (s *Service) Open(ctx context.Context, token string, in idp.FlowID) (*idp.Invitation, error) {
	id, err := idp.ParseID[idp.Invitation](token)
	if err != nil {
		return nil, idp.Refuse(idp.DoorInvitation, idp.RefusedUnknown)
	}
	repos := s.store.Repos()
	found, err := repos.Invitations.Get(ctx, id)
	if idp.Is(err, idp.CodeNotFound) {
		return nil, idp.Refuse(idp.DoorInvitation, idp.RefusedUnknown)
	}
	if err != nil {
		return nil, err
	}
	creator, err := repos.Users.Get(ctx, found.CreatedBy)
	if err != nil && !idp.Is(err, idp.CodeNotFound) {
		return nil, err
	}
	if err := found.Admit(ctx, s.access, creator, in); err != nil {
		return nil, err
	}
	return found, nil
}

// Draft is an invitation to be made.
type Draft struct {
	Name      string
	Flow      *idp.FlowID
	FixedData idp.Attributes
	SingleUse bool
	ExpiresAt *time.Time // nil = never
}

// Patch is a change of an invitation; nil means unchanged.
type Patch struct {
	Name      *string
	Flow      **idp.FlowID
	FixedData *idp.Attributes
	SingleUse *bool
	ExpiresAt **time.Time
}

// Create makes an invitation of the actor's. The actor's row is shared and
// everything judged again inside the transaction: no invitation passes a
// lockdown of who makes it. Errors: CodeForbidden; CodeRefused; CodeInvalid on
// name, flow, fixed_data or expires.
func (s *Service) Create(ctx context.Context, actor idp.Actor, d Draft) (*idp.Invitation, error) {
	if err := s.access.Check(actor, idp.VerbCreate, administer); err != nil {
		return nil, err
	}
	if actor.User == nil {
		return nil, idp.Invalid("created_by", "An invitation is somebody's: expected a user who makes it.")
	}
	// Not an ordered identifier: it is a secret.
	draft := idp.Invitation{ID: idp.InvitationID(uuid.New()), Name: strings.TrimSpace(d.Name), FlowID: d.Flow, FixedData: d.FixedData,
		SingleUse: d.SingleUse, ExpiresAt: d.ExpiresAt, CreatedBy: actor.User.ID}
	var made *idp.Invitation
	err := s.store.InTx(ctx, func(tx idp.Repos) error {
		creator, err := tx.Users.Share(ctx, actor.User.ID)
		if idp.Is(err, idp.CodeNotFound) {
			return idp.Refuse(idp.DoorInvitation, idp.RefusedUnknown)
		}
		if err != nil {
			return err
		}
		now, err := s.permitted(ctx, tx, actor, idp.VerbCreate)
		if err != nil {
			return err
		}
		if err := s.access.Admit(ctx, idp.DoorInvitation, creator, idp.Credential{}); err != nil {
			return err
		}
		row := draft
		row.Generation = creator.TokenGeneration
		if err := s.judge(ctx, tx, &row, true); err != nil {
			return err
		}
		if err := tx.Invitations.Create(ctx, &row); err != nil {
			return err
		}
		made = &row
		return tell(ctx, tx, now, idp.ActionModelCreated, &row)
	})
	if err != nil {
		return nil, fmt.Errorf("making an invitation: %w", err)
	}
	return made, nil
}

// Update changes an invitation; its link, its maker and what ends it stay.
// Errors: CodeForbidden; CodeNotFound; CodeInvalid on the field concerned.
func (s *Service) Update(ctx context.Context, actor idp.Actor, id idp.InvitationID, p Patch) (*idp.Invitation, error) {
	var changed *idp.Invitation
	err := s.held(ctx, actor, idp.VerbUpdate, id, func(tx idp.Repos, now idp.Actor, row *idp.Invitation) error {
		if p.Name != nil {
			row.Name = strings.TrimSpace(*p.Name)
		}
		if p.Flow != nil {
			row.FlowID = *p.Flow
		}
		if p.FixedData != nil {
			row.FixedData = *p.FixedData
		}
		if p.SingleUse != nil {
			row.SingleUse = *p.SingleUse
		}
		moved := p.ExpiresAt != nil && !sameTime(row.ExpiresAt, *p.ExpiresAt)
		if moved {
			row.ExpiresAt = *p.ExpiresAt
		}
		if err := s.judge(ctx, tx, row, moved); err != nil {
			return err
		}
		if err := tx.Invitations.Update(ctx, row); err != nil {
			return err
		}
		changed = row
		return tell(ctx, tx, now, idp.ActionModelUpdated, row)
	})
	if err != nil {
		return nil, fmt.Errorf("changing an invitation: %w", err)
	}
	return changed, nil
}

// Delete withdraws an invitation. Errors: CodeForbidden, CodeNotFound.
func (s *Service) Delete(ctx context.Context, actor idp.Actor, id idp.InvitationID) error {
	err := s.held(ctx, actor, idp.VerbDelete, id, func(tx idp.Repos, now idp.Actor, row *idp.Invitation) error {
		if err := tx.Invitations.Delete(ctx, id); err != nil {
			return err
		}
		return tell(ctx, tx, now, idp.ActionModelDeleted, row)
	})
	if err != nil {
		return fmt.Errorf("withdrawing an invitation: %w", err)
	}
	return nil
}

// held runs fn on a held invitation with a permitted actor.
func (s *Service) held(ctx context.Context, actor idp.Actor, verb idp.Verb, id idp.InvitationID,
	fn func(idp.Repos, idp.Actor, *idp.Invitation) error) error {
	if err := s.access.Check(actor, verb, administer); err != nil {
		return err
	}
	return s.store.InTx(ctx, func(tx idp.Repos) error {
		row, err := tx.Invitations.Hold(ctx, id)
		if err != nil {
			return err
		}
		now, err := s.permitted(ctx, tx, actor, verb)
		if err != nil {
			return err
		}
		return fn(tx, now, row)
	})
}

// permitted judges the actor with what is true now.
func (s *Service) permitted(ctx context.Context, tx idp.Repos, actor idp.Actor, verb idp.Verb) (idp.Actor, error) {
	now, err := actor.Renew(ctx, tx, s.access)
	if err != nil {
		return actor, err
	}
	return now, s.access.Check(now, verb, administer)
}

var slug = regexp.MustCompile(`^[-a-zA-Z0-9_]+$`)

// judge validates an invitation; due says that its expiry is new and so must be
// in the future, by the database's clock.
func (s *Service) judge(ctx context.Context, tx idp.Repos, row *idp.Invitation, due bool) error {
	var faults idp.Faults
	if faults.Line("name", row.Name, 255, false) && !slug.MatchString(row.Name) {
		faults.Add("name", "Enter a valid “slug” consisting of letters, numbers, underscores or hyphens.")
	}
	faults.Attributes("fixed_data", row.FixedData)
	for key := range row.FixedData {
		if strings.Contains(strings.ToLower(key), "password") {
			faults.Add("fixed_data", "A password does not belong into an invitation: it would be stored as it is, and everybody with the link may learn it.")
		}
	}
	if row.FlowID != nil {
		_, err := tx.Flows.Get(ctx, *row.FlowID)
		switch {
		case idp.Is(err, idp.CodeNotFound):
			faults.Add("flow", "Invalid pk \"%s\" - object does not exist.", row.FlowID)
		case err != nil:
			return err
		}
	}
	if due && row.ExpiresAt != nil {
		clock, err := s.store.Now(ctx)
		if err != nil {
			return fmt.Errorf("asking for the time: %w", err)
		}
		if !row.ExpiresAt.After(clock) {
			faults.Add("expires", "Ensure this value is in the future.")
		}
		if row.ExpiresAt.Year() > 9999 {
			faults.Add("expires", "Ensure this value is before the year 10000.")
		}
	}
	return faults.Err()
}

func sameTime(a, b *time.Time) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Equal(*b)
}

// tell writes the event of a change; the token of the link is not in it, not
// even as a part of the address that the request went to.
func tell(ctx context.Context, tx idp.Repos, actor idp.Actor, action idp.Action, row *idp.Invitation) error {
	if actor.Request != nil {
		request := *actor.Request
		segments := strings.Split(request.Path, "/")
		for i, s := range segments {
			if id, err := idp.ParseID[idp.Invitation](s); err == nil && id == row.ID {
				segments[i] = row.Fingerprint()
			}
		}
		request.Path = strings.Join(segments, "/")
		actor.Request = &request
	}
	facts := map[string]any{"model": row.Facts(), "single_use": row.SingleUse, "expires": nil, "flow": nil}
	if row.ExpiresAt != nil {
		facts["expires"] = row.ExpiresAt.UTC().Format(time.RFC3339)
	}
	if row.FlowID != nil {
		facts["flow"] = row.FlowID.String()
	}
	return tx.Events.Append(ctx, action.Event(app, actor, nil, facts))
}
