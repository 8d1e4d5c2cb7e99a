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

// LogoutNoticeFilter selects notices, newest first. Unset fields select all.
type LogoutNoticeFilter struct {
	Paging
	UserID        *UserID
	SessionID     *SessionID
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
