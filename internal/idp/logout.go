package idp

import (
	"context"
	"time"
)

// NoticeState is how far a logout notice has come.
type NoticeState string

// The states. A notice that failed was given up; one that cannot be sent belongs to an
// application that has no address for it.
const (
	NoticePending   NoticeState = "pending"
	NoticeDelivered NoticeState = "delivered"
	NoticeFailed    NoticeState = "failed"
	NoticeNoAddress NoticeState = "no_address"
)

// LogoutNotice tells one application that somebody's session, or all of them, is over
// (OpenID Connect Back-Channel Logout 1.0). It is written by the database in the
// transaction that ends the session, whichever way that is, with all that is needed to
// send it: neither the user nor the session need be there any more.
type LogoutNotice struct {
	ID              LogoutNoticeID
	ProviderID      *OAuthProviderID // nil = deleted since
	ApplicationID   *ApplicationID   // nil = deleted since
	ApplicationName string
	ClientID        string
	URI             string // "" = the application cannot be told
	UserID          *UserID
	Username        string
	Issuer          string
	Subject         string
	SessionID       *SessionID // nil = all of the account's
	Cause           string     // why, as EndedBy… of sessions
	LockdownID      *LockdownID
	State           NoticeState
	Tries           int
	Answer          string // the last one, or what went wrong
	CreatedAt       time.Time
	NextAt          time.Time
	EndedAt         *time.Time
	// ExposedUntil is when the application's own session, or a signed token it may
	// hold, is over at the latest, as far as is known; nil = not known.
	ExposedUntil *time.Time
	// TokensUntil is when the last signed access token expires that was issued to it;
	// nil = there is none.
	TokensUntil *time.Time
}

// Exposure is what an application may still let in with of what was ended here.
type Exposure struct {
	// Until is when the last of what is known of is over; nil = it is.
	Until *time.Time
	// Tokens says that signed access tokens are among it: they cannot be taken back from
	// whoever judges them without asking.
	Tokens bool
	// Unknown says that nobody knows how long the application keeps people signed in by
	// itself, and it was not told.
	Unknown bool
}

// Over reports that nothing is left, as far as anybody can know.
func (e Exposure) Over() bool { return e.Until == nil && !e.Unknown }

// Exposure says what is left at a moment: the application's own session unless it was
// told, and signed access tokens whether it was or not.
func (n *LogoutNotice) Exposure(now time.Time) (e Exposure) {
	if n.State != NoticeDelivered {
		e.Unknown = n.ExposedUntil == nil
		if n.ExposedUntil != nil && n.ExposedUntil.After(now) {
			e.Until = n.ExposedUntil
		}
	}
	if n.TokensUntil != nil && n.TokensUntil.After(now) {
		e.Tokens = true
		if e.Until == nil || n.TokensUntil.After(*e.Until) {
			e.Until = n.TokensUntil
		}
	}
	return e
}

// HeldApplication is one that somebody is signed in to, or that was granted something of
// theirs that still counts: what a lockdown tells.
type HeldApplication struct {
	ID     ApplicationID
	Name   string
	Slug   string
	Grants int
	// SignedIn says that a session is signed in to it: it is told when that ends.
	SignedIn bool
	// Told says that it has an address at which it is told.
	Told           bool
	CookieLifetime time.Duration // see Application; 0 = not known
	TokensUntil    *time.Time    // as of LogoutNotice
}

// Notice is what would be written if everything ended at a moment.
func (h *HeldApplication) Notice(now time.Time) *LogoutNotice {
	id := h.ID
	n := &LogoutNotice{ApplicationID: &id, ApplicationName: h.Name, State: NoticeNoAddress, TokensUntil: h.TokensUntil}
	if h.Told {
		n.State = NoticePending
	}
	if h.CookieLifetime > 0 {
		until := now.Add(h.CookieLifetime)
		n.ExposedUntil = &until
	}
	return n
}

// LogoutNoticeFilter selects notices, newest first. Unset fields select all.
type LogoutNoticeFilter struct {
	Paging
	UserID        *UserID
	SessionID     *SessionID
	SessionIDs    []SessionID // nil = all
	ApplicationID *ApplicationID
	LockdownID    *LockdownID
	State         *NoticeState
}

// NoticeOutcome is what came of a try.
type NoticeOutcome struct {
	State  NoticeState
	Answer string
	Pause  time.Duration // before the next try, while pending
}

// LogoutNotices is the queue of what applications are told.
type LogoutNotices interface {
	Get(ctx context.Context, id LogoutNoticeID) (*LogoutNotice, error)
	Find(ctx context.Context, filter LogoutNoticeFilter) (Page[LogoutNotice], error)
	// Take takes one that is due and is not taken, for so long, of none of the busy
	// clients; nil = there is none.
	Take(ctx context.Context, lease time.Duration, busy []string) (*LogoutNotice, error)
	// End writes down what came of a try; false = it was taken by somebody else
	// meanwhile, or is over.
	End(ctx context.Context, id LogoutNoticeID, tries int, out NoticeOutcome) (bool, error)
	// Again makes one that is over pending.
	Again(ctx context.Context, id LogoutNoticeID) (bool, error)
	// Due is how long until something is due, no longer than most; 0 = now.
	Due(ctx context.Context, most time.Duration) (time.Duration, error)
	// Count counts by state, those of the last day and all that are pending.
	Count(ctx context.Context) (map[NoticeState]int, error)
	// Purge deletes at most limit that ended so long ago, and returns how many.
	Purge(ctx context.Context, ended time.Duration, limit int) (int, error)
}
