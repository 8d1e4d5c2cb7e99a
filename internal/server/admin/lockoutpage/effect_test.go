package lockoutpage

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/lockout"
)

func TestSpan(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0 seconds", time.Second: "1 second", 90 * time.Second: "1 minute 30 seconds", 10 * time.Minute: "10 minutes", 90 * time.Minute: "1 hour 30 minutes",
		24 * time.Hour: "1 day", 36 * time.Hour: "36 hours", 60 * time.Hour: "2 days 12 hours", 7 * 24 * time.Hour: "7 days",
	} {
		require.Equal(t, want, span(d))
	}
}

// How many guesses a day has room for, whichever way gets further.
func TestPerDay(t *testing.T) {
	t.Parallel()
	l := lockout.DefaultLimits()
	require.Equal(t, 576, perDay(l), "four every ten minutes are more than five every quarter of an hour")
	l.MaxAttempts = 1
	require.Equal(t, 96, perDay(l), "one every quarter of an hour")
	l.Growing = true
	require.Equal(t, 7, perDay(l), "15, 30, 60, 120, 240, 480 minutes, and the next one lasts to the end")
	l.Longest = time.Minute
	require.Equal(t, 96, perDay(l), "never shorter than the first")
}

func TestSentences(t *testing.T) {
	t.Parallel()
	says := func(change func(*lockout.Limits), want string) {
		t.Helper()
		l := lockout.DefaultLimits()
		change(&l)
		require.Contains(t, strings.Join(sentences(l), " "), want)
	}
	says(func(*lockout.Limits) {}, "5 wrong passwords within 10 minutes lock the account out for 15 minutes.")
	says(func(*lockout.Limits) {}, "An address that 25 accounts have failed from within 10 minutes is slowed down, and refused from 50 on.")
	says(func(l *lockout.Limits) { l.AddressAccounts = 0 }, "Any number of accounts may fail from one address.")
	says(func(l *lockout.Limits) { l.AddressAccounts = 1 }, "An address that 1 account has failed from")
	says(func(l *lockout.Limits) { l.Growing = true }, "the second one 30 minutes, the third one 1 hour, none longer than 1 day.")
	says(func(l *lockout.Limits) { l.Growing, l.Longest = true, 20*time.Minute }, "the second one 20 minutes, the third one 20 minutes.")
	says(func(l *lockout.Limits) { l.MailOwner = false }, "Owners are not told by mail.")
}
