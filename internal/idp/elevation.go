package idp

import (
	"context"
	"slices"
	"time"
)

// AccessRequestState is how far a request for access has come.
type AccessRequestState string

// The states. Pending and granted ones can change; the others are the past.
const (
	AccessPending   AccessRequestState = "pending"
	AccessGranted   AccessRequestState = "granted"
	AccessDenied    AccessRequestState = "denied"
	AccessWithdrawn AccessRequestState = "withdrawn" // by who asked
	AccessEnded     AccessRequestState = "ended"     // granted, and ended by somebody before its time
	AccessExpired   AccessRequestState = "expired"   // its time is over, or nobody decided in time
)

// AccessRequest is somebody's wish to be in a group for a while. What is granted is
// carried by sessions (Elevation), never by the account: its memberships stay as they are.
type AccessRequest struct {
	ID        AccessRequestID
	UserID    UserID
	Username  string  // derived
	GroupID   GroupID // zero = the group is gone
	GroupName string  // derived; of one that is gone, as it was called
	Reason    string
	Duration  time.Duration // how long it is wanted, in whole seconds, counted from when it is granted
	// State is what is true by the database's clock when the row is read: a granted one
	// is in force. What ends it is so before anybody has written it down.
	State AccessRequestState
	// SessionID is the session it was asked in, which gets it at once.
	SessionID  *SessionID
	Generation int64 // User.SessionGeneration when it was asked: what ends all sessions ends it
	CreatedAt  time.Time
	DecidedAt  *time.Time
	DecidedBy  string // username
	DecidedID  *UserID
	Note       string // what who decided said
	// ExpiresAt is when a pending one lapses, or a granted one is over.
	ExpiresAt time.Time
	// Carried are the sessions that have what was granted; derived.
	Carried []SessionID
}

// Open reports whether somebody can still decide it, or has it.
func (r *AccessRequest) Open() bool { return r.State == AccessPending || r.State == AccessGranted }

// In reports whether a session has what was granted.
func (r *AccessRequest) In(session SessionID) bool {
	return r.State == AccessGranted && slices.Contains(r.Carried, session)
}

// AccessRequestStates lists every state.
func AccessRequestStates() []AccessRequestState {
	return []AccessRequestState{AccessPending, AccessGranted, AccessDenied, AccessWithdrawn, AccessEnded, AccessExpired}
}

// Elevation is a group that one session has for a while, with what comes of it.
type Elevation struct {
	Request     AccessRequestID
	GroupNames  []string // the group and its ancestors
	Groups      []GroupID
	RoleNames   []string // the roles of those
	IsSuperuser bool
	ExpiresAt   time.Time
}

// AccessRequestFilter selects requests.
type AccessRequestFilter struct {
	Paging
	UserID  *UserID
	GroupID *GroupID
	State   *AccessRequestState
}

// AccessRequests stores requests for access and which sessions carry what was granted.
type AccessRequests interface {
	Get(ctx context.Context, id AccessRequestID) (*AccessRequest, error)
	// Hold is Get for whoever is about to change it.
	Hold(ctx context.Context, id AccessRequestID) (*AccessRequest, error)
	Find(ctx context.Context, filter AccessRequestFilter) (Page[AccessRequest], error)
	// Create assigns ID and CreatedAt. lapse is how long it may wait for a decision.
	Create(ctx context.Context, r *AccessRequest, lapse time.Duration) error
	// Decide writes State, DecidedAt, DecidedBy, DecidedID, Note and ExpiresAt, all
	// times by the database's clock: what is granted is over Duration from now on, the
	// rest is over. What is ended keeps who granted it.
	Decide(ctx context.Context, r *AccessRequest) error
	// Carry lets a session of the request's user carry it. CodeConflict unless it is
	// granted and not over.
	Carry(ctx context.Context, id AccessRequestID, session SessionID) error
	// Drop takes it from a session.
	Drop(ctx context.Context, id AccessRequestID, session SessionID) error
	// Expire writes down which are over: as AccessExpired those whose time is, as
	// AccessEnded those whose account or group ended them. It returns them: at most limit.
	Expire(ctx context.Context, limit int) ([]AccessRequest, error)
}
