package lockoutpage

import (
	"strconv"
	"time"

	"github.com/portcullis-idp/portcullis/internal/lockout"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// sentences say what limits come to, for people who have not read how they work.
func sentences(l lockout.Limits) []string {
	out := []string{ui.Count(l.MaxAttempts, "wrong password") + " within " + span(l.Window) + " " + verb(l.MaxAttempts, "locks", "lock") + " the account out for " + span(l.Duration) + "."}
	if l.Growing {
		second, third := l.Lasts(1), l.Lasts(2)
		text := "Each further lockout in a row lasts twice as long: the second one " + span(second) + ", the third one " + span(third)
		if last := max(l.Longest, l.Duration); third < last {
			text += ", none longer than " + span(last)
		}
		out = append(out, text+".")
	} else {
		out = append(out, "Further lockouts last as long as the first one.")
	}
	out = append(out,
		"Strangers share these attempts. A browser that the account has signed in with before has its own, so strangers do not lock the owner out of it.",
		"Somebody who guesses day and night can try about "+ui.Count(perDay(l), "password")+" of one account a day.")
	switch n := l.AddressAccounts; {
	case n == 0:
		out = append(out, "Any number of accounts may fail from one address.")
	case n == 1:
		out = append(out, "An address that 1 account has failed from within "+span(l.Window)+" is refused.")
	default:
		out = append(out, "An address that "+strconv.Itoa((n+1)/2)+" accounts have failed from within "+span(l.Window)+" is slowed down, and refused from "+strconv.Itoa(n)+" on.")
	}
	if l.MailOwner {
		out = append(out, "The owner of an account that is locked out is told by mail how long to wait and how to recover it.")
	} else {
		out = append(out, "Owners are not told by mail.")
	}
	if l.ProofAge == 0 {
		out = append(out, "Nobody is asked again for a password or second factor: whoever has a session can do all that its account may.")
	} else {
		out = append(out, "Whoever gave no password or second factor for "+span(l.ProofAge)+" is asked for one before acts that decide over accounts, rights and locks.")
	}
	return append(out, "A request for access that nobody decides lapses after "+span(l.RequestLapse)+".")
}

func verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// perDay is how many guesses at one account a day has room for, by whichever way gets
// further: stopping one short of a lockout and waiting for the window to pass, or going
// on after each lockout.
func perDay(l lockout.Limits) int {
	const day = 24 * time.Hour
	careful := (l.MaxAttempts - 1) * int((day+l.Window-1)/l.Window)
	bold := 0
	for at, n := time.Duration(0), 0; at < day; n++ {
		bold += l.MaxAttempts
		at += l.Lasts(n)
	}
	return max(careful, bold)
}

// span is a duration in words, exactly: "10 minutes", "1 hour 30 minutes".
func span(d time.Duration) string {
	out := ""
	for _, u := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		n := int(d / u.size)
		if u.name == "day" && d%u.size != 0 && n < 2 {
			continue // "36 hours", not "1 day 12 hours"
		}
		if d -= time.Duration(n) * u.size; n > 0 {
			if out != "" {
				out += " "
			}
			out += ui.Count(n, u.name)
		}
	}
	if out == "" {
		return "0 seconds"
	}
	return out
}
