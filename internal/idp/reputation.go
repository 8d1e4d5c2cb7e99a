package idp

import (
	"context"
	"net/netip"
	"time"
)

// How a sign-in changes a score, how far a score goes unless the installation says
// otherwise (ReputationLimits), and how long one counts after its last change.
const (
	ReputationSignedIn = 1
	ReputationFailed   = -1
	ReputationLowest   = -5
	ReputationHighest  = 5
	ReputationLifetime = 24 * time.Hour
)

// ReputationLimits are how far a score goes in this installation. The zero value
// is ReputationLowest to ReputationHighest.
type ReputationLimits struct{ Lowest, Highest int }

// Or returns the limits in force.
func (l ReputationLimits) Or() (lowest, highest int) {
	if l == (ReputationLimits{}) {
		return ReputationLowest, ReputationHighest
	}
	return l.Lowest, l.Highest
}

// Reputation is the score of one pair of account and address.
type Reputation struct {
	ID         ReputationID
	Identifier string     // the username; "" = no account was met
	IP         netip.Addr // not valid = unknown
	Score      int
	UpdatedAt  time.Time
	ExpiresAt  time.Time
}

// ReputationPair is what a score belongs to.
type ReputationPair struct {
	Identifier string
	IP         netip.Addr
}

// ReputationFilter selects scores. Those that have expired are never found.
type ReputationFilter struct {
	Paging
	Identifier  *string
	Identifiers []string // nil = all
	IP          *netip.Addr
	Score       *int
}

// Reputations keeps how attempts to sign in went: one score for each pair of the
// account that was named and the address it was named from.
type Reputations interface {
	// Adjust adds to the score of a pair, within the limits of the installation,
	// and renews its lifetime; it is one statement. An
	// identifier of "" stands for attempts that met no account, an address that
	// is not valid for an unknown one; of a pair of both nothing is kept.
	Adjust(ctx context.Context, identifier string, ip netip.Addr, delta int) error
	// AdjustAll is Adjust of many pairs, in one round trip and in the order of the
	// pairs, so that two who do it never wait for each other in a circle.
	AdjustAll(ctx context.Context, deltas map[ReputationPair]int) error
	// Score is the sum over all pairs with the address or the identifier. One
	// that is not valid, or "", selects nothing.
	Score(ctx context.Context, ip netip.Addr, identifier string) (int, error)
	// Get returns one score; CodeNotFound when there is none or it has expired.
	Get(ctx context.Context, id ReputationID) (*Reputation, error)
	Find(ctx context.Context, filter ReputationFilter) (Page[Reputation], error)
	// Delete forgets one score.
	Delete(ctx context.Context, id ReputationID) error
}
