package lockdown

import (
	"github.com/portcullis-idp/portcullis/internal/herald"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Deps are what a Service needs.
type Deps struct {
	Store  idp.Store
	Access idp.Access
	// Heralds tells every server of a lockdown before it is committed; nil = nobody is.
	Heralds *herald.Board
}

// Service contains accounts and reopens them.
type Service struct {
	store   idp.Store
	access  idp.Access
	heralds *herald.Board
}

// New returns a Service.
func New(d Deps) *Service { return &Service{store: d.Store, access: d.Access, heralds: d.Heralds} }

// Status says what became of one user of a Request.
type Status string

// The statuses.
const (
	Success Status = "success"
	Failed  Status = "failed"  // nothing was changed for this user; Error says why
	Skipped Status = "skipped" // protected; Error says why
)

// MaxReason is the longest reason, in characters.
const MaxReason = 10_000

// MaxUsers is the largest number of users of one Request.
const MaxUsers = 1_000

// MaxKey is the longest idempotency key, in characters.
const MaxKey = 255

// MaxApplications is how many applications of one user a Preview names.
const MaxApplications = 200

// Request asks for the containment of one or several accounts.
type Request struct {
	Users    []idp.UserID // duplicates count once
	Reason   string       // at most MaxReason characters; may be empty
	Switches idp.Switches
	// IdempotencyKey makes a repeated call return what the first one did, and
	// finish what it left undone. It belongs to the actor.
	IdempotencyKey string
	// Batch, when set, names the act: a user already contained under it is not
	// contained again. Flows use it so that a repeated request changes nothing.
	Batch idp.UUID
}

// Result is what became of one user.
type Result struct {
	User        idp.UserID
	Username    string
	Status      Status
	Error       string // safe to show; empty with Success
	Lockdown    *idp.Lockdown
	SelfService bool  // the user is the actor
	Err         error // the cause behind Error, for the log; nil with Success and Skipped
}

// Target is one user of a Preview.
type Target struct {
	User     *idp.User
	Holdings idp.Holdings
	Refusal  string // why this user cannot be contained by the actor; "" = can
	// Applications are those that are told, at most MaxApplications.
	Applications []idp.HeldApplication
}
