package idp

import (
	"context"
	"time"
)

// RestoreStep is a step of bringing an account back after a lockdown.
type RestoreStep string

// The steps, in the order they are offered in.
const (
	RestoreActivate RestoreStep = "activate" // the account is switched on
	RestorePassword RestoreStep = "password" // it has a new password, or its owner a link to set one
	RestoreFactors  RestoreStep = "factors"  // somebody has looked at its second factors
	RestoreChanges  RestoreStep = "changes"  // and at what was changed since the suspected moment
	RestoreRenew    RestoreStep = "renew"    // what its owner has to renew when they sign in
	RestoreTell     RestoreStep = "tell"     // its owner was told
)

// RestoreSteps lists every step.
func RestoreSteps() []RestoreStep {
	return []RestoreStep{RestoreActivate, RestorePassword, RestoreFactors, RestoreChanges, RestoreRenew, RestoreTell}
}

// RestoreDeed is what somebody did in a step.
type RestoreDeed string

// The deeds.
const (
	DeedActivated     RestoreDeed = "activated"
	DeedPasswordSet   RestoreDeed = "password_set"
	DeedLinkMade      RestoreDeed = "recovery_link"
	DeedLinkMailed    RestoreDeed = "recovery_mail"
	DeedFactorRemoved RestoreDeed = "factor_removed"
	DeedReverted      RestoreDeed = "reverted"
	DeedReviewed      RestoreDeed = "reviewed"
	DeedRequired      RestoreDeed = "required"
	DeedTold          RestoreDeed = "told"
	DeedSkipped       RestoreDeed = "skipped"
)

// RestoreAct is one line of the record of a restore. It is never changed.
type RestoreAct struct {
	ID         RestoreActID
	LockdownID LockdownID
	Step       RestoreStep
	Deed       RestoreDeed
	Note       string         // why a step was left out; what was reverted or removed
	Facts      map[string]any // what identifies it, without secrets
	ActorID    *UserID
	ActorName  string // SystemName for the product itself
	CreatedAt  time.Time
}

// RestoreActID identifies a RestoreAct.
type RestoreActID = ID[RestoreAct]

// ActionIDRestoreStep is context.action_id of the event of a step.
const ActionIDRestoreStep = "restore_step"

// Restores keeps how far restores have come, on the records of lockdowns.
type Restores interface {
	// Hold returns a record for whoever is about to take a step. Hold its user first.
	Hold(ctx context.Context, id LockdownID) (*Lockdown, error)
	// Last returns the newest record of a user; CodeNotFound when there is none.
	Last(ctx context.Context, user UserID) (*Lockdown, error)
	// Append assigns ID and CreatedAt.
	Append(ctx context.Context, act *RestoreAct) error
	// Acts lists those of a record, oldest first.
	Acts(ctx context.Context, id LockdownID) ([]RestoreAct, error)
	// Suspect writes since when somebody else may have acted as the account.
	Suspect(ctx context.Context, id LockdownID, since time.Time) error
	// Close notes that no step is left; closed is false when that was so before.
	Close(ctx context.Context, id LockdownID, by string) (closed bool, err error)
}
