package idp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"
)

// Invitation lets whoever has its link through an invitation stage. Its ID is
// the secret of the link, as the API has it: it is made at random and belongs
// in no log and no event.
type Invitation struct {
	ID        InvitationID
	Name      string     // a slug, ≤ 255 characters; not unique
	FlowID    *FlowID    // the one flow it opens; nil = every flow
	FixedData Attributes // put into prompt_data
	SingleUse bool       // used up by the first account made with it
	ExpiresAt *time.Time // nil = never

	CreatedBy   UserID
	CreatorName string // derived
	// Generation is the creator's TokenGeneration when it was made: what ends
	// the creator's tokens ends their invitations.
	Generation int64
	CreatedAt  time.Time
	Expired    bool // by the database's clock, when read
	Live       bool // it would be let through now
}

// Fingerprint names the invitation where its ID must not be seen.
func (i *Invitation) Fingerprint() string {
	sum := sha256.Sum256(i.ID[:])
	return hex.EncodeToString(sum[:8])
}

// Facts shows the invitation inside an event.
func (i *Invitation) Facts() map[string]any {
	return map[string]any{"app": "authentik_stages_invitation", "model_name": "invitation", "pk": i.Fingerprint(), "name": i.Name}
}

// Admit asks the door rule about an invitation to a flow; creator is who made
// it, nil when nobody is. The error is an *Error with CodeRefused whose message
// is the same for every reason.
func (i *Invitation) Admit(ctx context.Context, gate Gate, creator *User, flow FlowID) error {
	err := gate.Admit(ctx, DoorInvitation, creator, Credential{Family: FamilyToken, Generation: i.Generation,
		Expired: i.Expired, WrongIntent: i.FlowID != nil && *i.FlowID != flow})
	var e *Error
	if errors.As(err, &e) && Locked(err) {
		return Refuse(DoorInvitation, e.Reason) // what is said of its maker is not for whoever it was sent to
	}
	return err
}

// InvitationFilter selects invitations.
type InvitationFilter struct {
	Paging
	Name        *string
	FlowSlug    *string
	CreatorName *string // regardless of case
	ExpiresAt   *time.Time
	Live        *bool
}

// Invitations stores invitations.
type Invitations interface {
	HeldTable[Invitation, InvitationID, InvitationFilter]
}

// RedeemInvitation takes an invitation for an account that is made inside the
// transaction, and uses it up when it is for one account only: of two acts for
// such an invitation exactly one succeeds. The error is an *Error with
// CodeRefused when it may not be used, or not any more.
func RedeemInvitation(ctx context.Context, tx Repos, gate Gate, id InvitationID, flow FlowID) (*Invitation, error) {
	seen, err := tx.Invitations.Get(ctx, id)
	if err != nil {
		return nil, refusedIfAbsent(err)
	}
	// The account first, as everything that a lockdown must not pass.
	creator, err := tx.Users.Share(ctx, seen.CreatedBy)
	if err != nil {
		return nil, refusedIfAbsent(err)
	}
	held, err := tx.Invitations.Hold(ctx, id)
	if err != nil {
		return nil, refusedIfAbsent(err)
	}
	if err := held.Admit(ctx, gate, creator, flow); err != nil {
		return nil, err
	}
	if held.SingleUse {
		return held, tx.Invitations.Delete(ctx, id)
	}
	return held, nil
}

func refusedIfAbsent(err error) error {
	if Is(err, CodeNotFound) {
		return Refuse(DoorInvitation, RefusedUnknown)
	}
	return err
}
