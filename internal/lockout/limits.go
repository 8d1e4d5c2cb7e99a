package lockout

import (
	"time"
)

// Limits bound attempts. The zero value is not of use; see DefaultLimits.
type Limits struct {
	// MaxAttempts failed attempts within Window lead to a lockout that lasts
	// Duration.
	MaxAttempts int
	Window      time.Duration
	Duration    time.Duration
	// Growing doubles the duration with each lockout in a row, up to Longest.
	Growing bool
	Longest time.Duration
	// AddressAccounts is how many accounts may fail from one address within Window
	// before it is refused; from half of them on it is slowed down. 0 = any number.
	AddressAccounts int
	// MailOwner has the owner told by mail.
	MailOwner bool
	// ProofAge is how long a proof of who somebody is counts for what
	// idp.Access.Fresh guards; 0 = for ever.
	ProofAge time.Duration
	// RequestLapse is how long a request for access waits for a decision.
	RequestLapse time.Duration
}

// DefaultLimits are in force where nothing is set.
func DefaultLimits() Limits {
	return Limits{MaxAttempts: 5, Window: 10 * time.Minute, Duration: 15 * time.Minute, Longest: 24 * time.Hour, AddressAccounts: 50, MailOwner: true,
		ProofAge: 15 * time.Minute, RequestLapse: 7 * 24 * time.Hour}
}

// lasts is how long a lockout lasts that follows so many in a row.
func (l Limits) lasts(before int) time.Duration {
	d := l.Duration
	if !l.Growing {
		return d
	}
	for range before {
		if d *= 2; d >= l.Longest {
			return max(l.Longest, l.Duration)
		}
	}
	return d
}
