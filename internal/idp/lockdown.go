package idp

import "time"

// Switches are the four independent parts of a lockdown.
type Switches struct {
	DeactivateUser      bool `json:"deactivate_user"`
	SetUnusablePassword bool `json:"set_unusable_password"`
	DeleteSessions      bool `json:"delete_sessions"`
	RevokeTokens        bool `json:"revoke_tokens"`
}

// AllSwitches is the default: everything ends.
func AllSwitches() Switches { return Switches{true, true, true, true} }

// Lockdown is the record of one account contained. Deleting the user never
// deletes it.
type Lockdown struct {
	ID             LockdownID
	BatchID        UUID // the same for all users of one act
	UserID         *UserID
	Username       string
	ActorID        *UserID
	ActorName      string // "system" for the product itself
	Reason         string
	Switches       Switches
	Ended          Holdings // what it ended
	SelfService    bool
	WasActive      bool
	HadPassword    bool
	StartedAt      time.Time
	FinishedAt     time.Time
	RestoredAt     *time.Time
	RestoredByID   *UserID
	RestoredByName string

	// SuspectedAt is since when somebody else may have acted as the account; nil =
	// nobody said. ClosedAt is when the last step of its restore was done or left out.
	SuspectedAt  *time.Time
	ClosedAt     *time.Time
	ClosedByName string

	// IdempotencyKey and RequestDigest tell a repeated API call from a new
	// one; empty for lockdowns made in a flow.
	IdempotencyKey string
	RequestDigest  []byte
}

// JobKind names a background job.
type JobKind string

// The jobs.
const (
	// JobSweep ends the rows of an account whose generation was raised, in
	// small batches. Args: SweepArgs.
	JobSweep JobKind = "sweep"
	// JobPurge removes expired sessions, runs and tokens, in small batches.
	JobPurge JobKind = "purge"
	// JobMail sends the mail of a link.
	JobMail JobKind = "mail"
	// JobMessage sends a mail to one address. The same one is sent once in five
	// minutes, and to one address 20 of them in an hour: beyond that Enqueue is
	// CodeRateLimited.
	JobMessage JobKind = "message"
)

// Job is work to be done after the transaction that enqueues it.
type Job struct {
	Kind    JobKind
	User    UserID   // for JobSweep
	Link    LinkID   // for JobMail
	Message *Message // for JobMessage
}
