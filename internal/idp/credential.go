package idp

import (
	"net/netip"
	"time"
)

// Session is one browser signed in as one user. The cookie's value is kept as
// a digest only.
type Session struct {
	ID         SessionID
	UserID     UserID
	Username   string    // derived
	Digest     []byte    // SHA-256 of the cookie's value
	Generation int64     // User.SessionGeneration when it began
	AuthMethod string    // password, token, …
	FactorID   *FactorID // the second factor it began with
	// ProvedAt is when whoever is in it last proved to be who they are; ProvedAgo how
	// long that was ago when it was read, by the database's clock.
	ProvedAt   time.Time
	ProvedAgo  time.Duration
	CreatedAt  time.Time
	LastSeenAt time.Time
	ExpiresAt  time.Time
	IP         netip.Addr // where it was last used from
	UserAgent  string
	Data       []byte // what the session manager keeps (flash messages)

	// IdleTimeout ends it when it was not used for that long, in whole seconds;
	// 0 = never. Expired and Live take it into account.
	IdleTimeout time.Duration
	Binding     SessionBinding
	DeviceID    *KnownDeviceID // the browser it is in, if that is remembered
	// UntilClosed says that the cookie goes when the browser closes; ExpiresAt is
	// then the latest it lasts. It is for people to read and decides nothing.
	UntilClosed bool

	// Elevations are the groups it has for a while.
	Elevations []Elevation

	// EndedAt makes the row a tombstone: nothing may write to it again.
	EndedAt   *time.Time
	EndReason string
	// Expired is decided by the database's clock when the row is read.
	Expired bool
	// Live is whether the row is neither ended, expired nor of an old
	// generation, as the database sees it.
	Live bool
}

// TokenIntent says what a token is good for.
type TokenIntent string

// The intents, by their names on the wire.
const (
	IntentAPI          TokenIntent = "api"
	IntentAppPassword  TokenIntent = "app_password"
	IntentRecovery     TokenIntent = "recovery"
	IntentVerification TokenIntent = "verification"
)

// TokenIntents lists every intent.
func TokenIntents() []TokenIntent {
	return []TokenIntent{IntentAPI, IntentAppPassword, IntentRecovery, IntentVerification}
}

// Token is a bearer secret of a user, kept as a digest only.
type Token struct {
	ID           TokenID
	Identifier   string // unique, slug, ≤ 255 characters
	Intent       TokenIntent
	UserID       UserID
	Username     string // derived
	Digest       []byte // SHA-256 of the key
	Generation   int64  // User.TokenGeneration when it was made
	Description  string
	Expiring     bool
	ExpiresAt    *time.Time
	CreatedAt    time.Time
	LastUsedAt   *time.Time
	Managed      *string // set by blueprints and by the system, never by people
	FlowSlug     string  // for links that open a flow: which one
	Reusable     bool    // for links that open a flow: what it is used for does not use it up
	RevokedAt    *time.Time
	StepUpExempt bool // may do what asks people to prove once more who they are
	Expired      bool // by the database's clock, when read
	Live         bool // neither revoked, expired nor of an old generation
}

// Holdings counts what an account holds and a lockdown would end.
type Holdings struct {
	Sessions     int                 `json:"sessions"`
	Tokens       map[TokenIntent]int `json:"tokens"`
	Consents     int                 `json:"consents"`    // given to applications
	Invitations  int                 `json:"invitations"` // made for others
	Grants       int                 `json:"grants"`
	Applications int                 `json:"applications"`
	// SessionGrants are those of Grants that hang on a session and end with it, and
	// SessionApplications whose they are.
	SessionGrants       int `json:"-"`
	SessionApplications int `json:"-"`
	// AtLeast is true while numbers above CountLimit stand for that many or more.
	AtLeast bool `json:"at_least,omitempty"`
}

// CountLimit is how far acts that end what an account holds count its sessions, and
// its tokens of each intent: an act must not take the longer the more it ends. They
// count one more at most, which says that there were more than this. The sweep that
// follows counts the rest and writes down the exact numbers.
const CountLimit = 1000

// Over reports whether a number of sessions, tokens or grants is above CountLimit.
func (h Holdings) Over() bool {
	for _, n := range h.Tokens {
		if n > CountLimit {
			return true
		}
	}
	return h.Sessions > CountLimit || h.Grants > CountLimit
}

// TokenTotal sums the tokens of all intents.
func (h Holdings) TokenTotal() int {
	n := 0
	for _, c := range h.Tokens {
		n += c
	}
	return n
}
