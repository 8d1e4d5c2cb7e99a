package lockout

import (
	"net/netip"
	"slices"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// slowest is how long an address has to wait for an answer before it is refused.
const slowest = 5 * time.Second

// network is what attempts from an address are counted by: IPv6 hosts choose among
// the addresses of a /64.
func network(ip netip.Addr) netip.Prefix {
	ip = ip.Unmap().WithZone("")
	if !ip.IsValid() {
		return netip.Prefix{}
	}
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	p, _ := ip.Prefix(bits) // bits fit
	return p
}

// crowd says how an attempt from an address is to be treated: how long it has to
// wait, or that it is refused, and for how long the address is then.
func crowd(s *idp.Standing, about idp.UUID, l Limits, now time.Time) (wait, refused time.Duration) {
	if s == nil || l.AddressAccounts <= 0 {
		return 0, 0
	}
	s.Guesses = slices.DeleteFunc(s.Guesses, func(g idp.Guess) bool { return !g.At.After(now.Add(-l.Window)) })
	n := len(s.Guesses)
	if slices.ContainsFunc(s.Guesses, func(g idp.Guess) bool { return g.About == about }) {
		n-- // trying it again makes it no more
	}
	half := (l.AddressAccounts + 1) / 2
	switch {
	case n >= l.AddressAccounts:
		oldest := s.Guesses[n-l.AddressAccounts].At
		return 0, max(time.Second, oldest.Add(l.Window).Sub(now))
	case n >= half:
		return slowest * time.Duration(n-half+1) / time.Duration(l.AddressAccounts-half+1), 0
	}
	return 0, 0
}

// failedThere notes that an account was not proved from an address, once each, and
// reports whether the address is refused from now on.
func failedThere(s *idp.Standing, about idp.UUID, l Limits, now time.Time) (refused bool) {
	if s == nil || l.AddressAccounts <= 0 {
		return false
	}
	s.Guesses = slices.DeleteFunc(s.Guesses, func(g idp.Guess) bool { return g.About == about || !g.At.After(now.Add(-l.Window)) })
	if len(s.Guesses) >= l.AddressAccounts {
		s.Guesses = s.Guesses[len(s.Guesses)-l.AddressAccounts+1:]
		s.Guesses = append(s.Guesses, idp.Guess{At: now, Failed: true, About: about})
		return false // it was already
	}
	s.Guesses = append(s.Guesses, idp.Guess{At: now, Failed: true, About: about})
	return len(s.Guesses) == l.AddressAccounts
}

// provedThere takes an account off what an address failed at: it was a typing error.
func provedThere(s *idp.Standing, about idp.UUID) {
	if s != nil {
		s.Guesses = slices.DeleteFunc(s.Guesses, func(g idp.Guess) bool { return g.About == about })
	}
}
