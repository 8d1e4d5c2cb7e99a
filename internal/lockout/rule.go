package lockout

import (
	"bytes"
	"slices"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

const (
	// claimLife is how long an attempt may be under way. One that was claimed
	// earlier is taken for failed: whoever claimed it is gone.
	claimLife = time.Minute
	// remembered is how many wrong secrets are known again.
	remembered = 3
	// forgiven is how long lockouts count as being in a row.
	forgiven = 24 * time.Hour
)

// outcome is what came of a claim.
type outcome int

const (
	granted  outcome = iota
	repeated         // a wrong secret that was tried already
	full             // as many as allowed are under way
	locked
	crowded // the address tries too many accounts
)

// claim judges an attempt at that time and notes it when it is granted. began is
// set when it found that attempts which nobody finished have led to a lockout.
func claim(s *idp.Standing, g idp.Guess, l Limits, now time.Time) (o outcome, began bool) {
	if inForce(s, now) {
		return locked, false
	}
	s.LockedUntil = nil
	s.Guesses = slices.DeleteFunc(s.Guesses, func(old idp.Guess) bool { return !old.At.After(now.Add(-l.Window)) })
	if known(s.Guesses, g.Print) {
		return repeated, false
	}
	if len(s.Guesses) >= l.MaxAttempts {
		for i, old := range s.Guesses {
			s.Guesses[i].Failed = old.Failed || now.Sub(old.At) > claimLife
		}
		if enough(s, l) {
			begin(s, l, now)
			return locked, true
		}
		return full, false
	}
	s.Guesses = append(s.Guesses, idp.Guess{ID: g.ID, At: now, IP: g.IP}) // that it is wrong is known once it was compared
	return granted, false
}

// fail notes that a claimed attempt has failed, and reports whether a lockout
// began. An attempt that was forgotten meanwhile, by an unlock, counts no more.
func fail(s *idp.Standing, id int64, print []byte, l Limits, now time.Time) (began bool) {
	at := slices.IndexFunc(s.Guesses, func(g idp.Guess) bool { return g.ID == id })
	if at < 0 || inForce(s, now) {
		return false
	}
	s.Guesses[at].Failed, s.Guesses[at].Print = true, print
	if !enough(s, l) {
		return false
	}
	begin(s, l, now)
	return true
}

// succeed gives a claimed attempt back, and with it every failed one.
func succeed(s *idp.Standing, id int64) {
	s.Guesses = slices.DeleteFunc(s.Guesses, func(g idp.Guess) bool { return g.Failed || g.ID == id })
	s.Lockouts, s.LockedAt = 0, nil
}

// withdraw gives back an attempt of which nothing was compared.
func withdraw(s *idp.Standing, id int64) {
	s.Guesses = slices.DeleteFunc(s.Guesses, func(g idp.Guess) bool { return g.ID == id })
}

// enough reports whether failed attempts within one window are as many as lead to
// a lockout. The window ends with the last of them.
func enough(s *idp.Standing, l Limits) bool {
	var last time.Time
	for _, g := range s.Guesses {
		if g.Failed && g.At.After(last) {
			last = g.At
		}
	}
	n := 0
	for _, g := range s.Guesses {
		if g.Failed && g.At.After(last.Add(-l.Window)) {
			n++
		}
	}
	return n >= l.MaxAttempts
}

// begin locks the subject out. The attempts that led there are used up: when it is
// over, the full number is back.
func begin(s *idp.Standing, l Limits, now time.Time) {
	if s.LockedAt == nil || now.Sub(*s.LockedAt) > forgiven {
		s.Lockouts = 0
	}
	until := now.Add(l.lasts(s.Lockouts))
	s.LockedUntil, s.LockedAt, s.Guesses = &until, &now, nil
	s.Lockouts++
}

func inForce(s *idp.Standing, now time.Time) bool {
	return s.LockedUntil != nil && s.LockedUntil.After(now)
}

// known reports whether one of the last wrong secrets had the print.
func known(guesses []idp.Guess, print []byte) bool {
	if len(print) == 0 {
		return false
	}
	seen := 0
	for _, g := range slices.Backward(guesses) {
		if len(g.Print) == 0 {
			continue
		}
		if bytes.Equal(g.Print, print) {
			return true
		}
		if seen++; seen == remembered {
			return false
		}
	}
	return false
}
