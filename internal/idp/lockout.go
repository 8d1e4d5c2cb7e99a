package idp

import (
	"context"
	"net/netip"
	"time"
)

// Guess is one attempt to prove a secret. It counts as failed from the moment it
// is claimed until a success gives it back.
type Guess struct {
	ID     int64     `json:"id,omitempty"`
	At     time.Time `json:"at"` // when it was claimed, by the database's clock
	Failed bool      `json:"failed,omitempty"`
	// Print is a keyed digest of what was typed, of failed ones: the same wrong
	// secret again is no new guess.
	Print []byte     `json:"print,omitempty"`
	IP    netip.Addr `json:"ip,omitzero"`
	// About is the subject that was tried, in the standing of an address.
	About UUID `json:"about,omitzero"`
}

// Standing is how attempts went for one subject: an account among all strangers,
// an account in one known device or session, a name that nobody has, or an address
// among all accounts.
type Standing struct {
	Subject     UUID
	UserID      *UserID // nil = nobody's
	Guesses     []Guess // of the present window, in the order they were claimed
	LockedUntil *time.Time
	Lockouts    int        // in a row, without a success between
	LockedAt    *time.Time // when the last of them began
	Fresh       bool       // not stored yet
}

// Lockout is a block on a subject after too many failed attempts. It ends by
// itself, by an operator's unlock, or with the password that was guessed at.
type Lockout struct {
	ID          LockoutID
	Subject     UUID
	Identifier  string  // the username in lower case, or "unknown-…" for names that nobody has
	UserID      *UserID // nil = nobody's, or deleted since
	UserUUID    *UUID   // derived
	DeviceID    *KnownDeviceID
	LockedAt    time.Time
	LockedUntil time.Time
	Reason      string
	TriggerIP   netip.Addr // not valid = unknown
	Attempts    int        // how many failed ones led to it
	Refused     int        // attempts that it has refused
	EndedAt     *time.Time // nil = not noticed yet, or in force
	EndReason   LockoutEnd // "" = not ended
	EndedBy     string     // who unlocked
	Active      bool       // in force by the database's clock
}

// LockoutBruteForce is the reason of every lockout made by counting.
const LockoutBruteForce = "brute_force"

// LockoutEnd says how a lockout ended.
type LockoutEnd string

// The ends of lockouts.
const (
	LockoutExpired  LockoutEnd = "expired"
	LockoutUnlocked LockoutEnd = "unlocked" // by an operator
	LockoutPassword LockoutEnd = "password" // the account has a new password
	LockoutDeleted  LockoutEnd = "deleted"  // the account is gone
)

// LockoutFilter selects lockouts.
type LockoutFilter struct {
	// Search matches the beginning of the identifier, in its one spelling, and the
	// whole of the address.
	Paging
	SearchUser *UserID // or whoever the text of the search is another name of
	Active     *bool
	UserID     *UserID
	Subjects   []UUID      // nil = all
	IDs        []LockoutID // nil = all
	// EndedWith selects that one and those that ended in the same act.
	EndedWith *LockoutID
	// Accounts selects those of accounts, or those of names that nobody has.
	Accounts  *bool
	TriggerIP *netip.Addr
	// Before continues a list in the usual order, newest first, behind that one:
	// its LockedAt and ID count.
	Before    *Lockout
	Uncounted bool // leave Page.Total at 0
}

// Unlocking selects the lockouts in force that are to end.
type Unlocking struct {
	UserID   *UserID
	UserIDs  []UserID
	Subjects []UUID
	Reason   LockoutEnd
	By       string // who does it
	// Passwords leaves those of second factors as they are; see SecondFactorSubject.
	Passwords bool
}

// SecondFactorSubject makes a subject of second factors of 16 bytes: UUIDs of version 8
// (RFC 9562), which no account, known device or session has.
func SecondFactorSubject(b [16]byte) UUID {
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	return UUID(b)
}

// Lockouts stores standings and lockouts.
type Lockouts interface {
	Get(ctx context.Context, id LockoutID) (*Lockout, error)
	// Find lists lockouts, newest first unless asked otherwise.
	Find(ctx context.Context, filter LockoutFilter) (Page[Lockout], error)
	// Count counts the lockouts in force, no further than most.
	Count(ctx context.Context, filter LockoutFilter, most int) (int, error)
	// Hold holds the standings of subjects until the transaction ends; those there
	// are none of are fresh, and stored by Save. It leaves out those that somebody
	// else holds, unless wait is set. now is read when they are held.
	Hold(ctx context.Context, subjects []Standing, wait bool) (held map[UUID]*Standing, now time.Time, err error)
	// Standings reads those of an account, without holding them.
	Standings(ctx context.Context, user UserID) ([]Standing, error)
	// Save stores standings that are held. When somebody else has stored a fresh one
	// meanwhile, the transaction is tried again.
	Save(ctx context.Context, standings []*Standing) error
	// Begin stores lockouts that begin at LockedAt, in place of ones of their
	// subjects whose time is over, and fills in the ID.
	Begin(ctx context.Context, lockouts []Lockout) error
	// Unlock ends the lockouts in force that match, with their counts, and returns
	// them as they were. Of several who do it at once one gets each.
	Unlock(ctx context.Context, u Unlocking) ([]Lockout, error)
	// Load calls each with the subject of every lockout in force and its end; most
	// is how many at most, those that last longest.
	Load(ctx context.Context, most int, each func(subject UUID, until time.Time)) error
	// Refused adds to the attempts that lockouts in force have refused, by subject.
	Refused(ctx context.Context, counts map[UUID]int) error
	// Close marks lockouts whose time is over as ended; Forget empties standings
	// that were not touched for so long, and deletes those that say nothing; Purge
	// deletes lockouts that ended so long ago. All do at most limit and return how
	// many.
	Close(ctx context.Context, limit int) (int, error)
	Forget(ctx context.Context, untouched time.Duration, limit int) (int, error)
	Purge(ctx context.Context, ended time.Duration, limit int) (int, error)
}

// Attempt is somebody's try to prove who they are.
type Attempt struct {
	User *User  // whose secret it would be; nil = nobody has the name
	Name string // as it was typed; counts where nobody has it
	// Device is the cookie's value that the browser may be known by; "" = none.
	Device string
	// Secret is what was typed, and Against what it is compared with: the same
	// wrong secret counts once, until it is compared with something else.
	Secret, Against string
	// AppPasswords says that those of the account are good as well, and NoPassword
	// that its own password is not.
	AppPasswords, NoPassword bool
	// SecondFactor says that it is one. Those are counted apart: who knows the password
	// must not get attempts at codes back by typing it once more.
	SecondFactor bool
	// Failed says what else to write when it has failed, in the same transaction;
	// nil = nothing.
	Failed func(reason Refusal) Failure
}

// Failure is what a failed attempt leaves behind.
type Failure struct {
	Event *Event
	// Identifier is what the reputation has it under, besides the event's address;
	// "" = no account was met.
	Identifier string
}

// Guard counts attempts to prove secrets. Whatever checks one asks it.
type Guard interface {
	// Try claims an attempt, calls verify if there is one left, and writes down how
	// it went, in the transaction that its event is in. verify says why the attempt
	// is refused, "" for a success; an error of it means that nothing was compared.
	//
	// passed is false for wrong secrets, for names nobody has and during lockouts,
	// after the same time. The error is CodeRefused with a text for the owner, when
	// their known browser may know how long to wait; CodeRateLimited for addresses
	// that try too many accounts; or what kept the answer from being known: callers
	// treat each as a refusal.
	Try(ctx context.Context, actor Actor, a Attempt, verify func(ctx context.Context) (Refusal, error)) (passed bool, err error)
	// Renewed ends the lockouts of an account that is getting a new password, in the
	// transaction that sets it and before that holds the account: what was guessed at
	// is worthless now. Those of second factors stay: their codes are what they were. It
	// returns how many ended, for the event.
	Renewed(ctx context.Context, tx Repos, user UserID) (int, error)
}

// Unguarded is a Guard that counts nothing.
type Unguarded struct{ Store Store }

// Try implements Guard.
func (g Unguarded) Try(ctx context.Context, _ Actor, a Attempt, verify func(ctx context.Context) (Refusal, error)) (bool, error) {
	reason, err := verify(ctx)
	if err != nil || reason == "" || a.Failed == nil {
		return err == nil && reason == "", err
	}
	f := a.Failed(reason)
	return false, g.Store.InTx(ctx, func(tx Repos) error {
		if err := tx.Events.Append(ctx, f.Event); err != nil {
			return err
		}
		return tx.Reputations.Adjust(ctx, f.Identifier, f.Event.ClientIP, ReputationFailed)
	})
}

// Renewed implements Guard.
func (Unguarded) Renewed(context.Context, Repos, UserID) (int, error) { return 0, nil }
