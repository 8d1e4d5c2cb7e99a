package lockout

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Property 8: one address over many accounts is slowed and then refused; people
// behind one address who mistype are not.
func TestProperty8SprayingIsSlowedAndRefused(t *testing.T) {
	t.Parallel()
	l := DefaultLimits()
	s := &idp.Standing{}
	slowed, refusedFrom := 0, 0
	for n := 1; n <= 200; n++ {
		about := uuid.New()
		wait, refused := crowd(s, about, l, at(n))
		switch {
		case refused > 0 && refusedFrom == 0:
			refusedFrom = n
			require.LessOrEqual(t, refused, l.Window)
		case refused == 0:
			require.Zero(t, refusedFrom, "refused at %d and let through at %d", refusedFrom, n)
			require.LessOrEqual(t, wait, slowest)
			if wait > 0 {
				slowed++
			}
			failedThere(s, about, l, at(n))
		}
	}
	require.Equal(t, l.AddressAccounts+1, refusedFrom)
	require.Equal(t, l.AddressAccounts/2, slowed)
	_, refused := crowd(s, uuid.New(), l, at(200).Add(l.Window))
	require.Zero(t, refused, "it ends with the window")
}

func TestProperty8PeopleBehindOneAddressAreNot(t *testing.T) {
	t.Parallel()
	l := DefaultLimits()
	s := &idp.Standing{}
	for n := range 500 { // all in the same ten minutes, 3 % mistype twice and then do not
		about := uuid.New()
		if n%33 == 0 {
			for range 2 {
				wait, refused := crowd(s, about, l, at(n))
				require.Zero(t, wait+refused, "person %d", n)
				failedThere(s, about, l, at(n))
			}
		}
		wait, refused := crowd(s, about, l, at(n))
		require.Zero(t, wait+refused, "person %d", n)
		provedThere(s, about)
	}
	require.Empty(t, s.Guesses)
}

func TestOneAccountFromOneAddressCountsOnce(t *testing.T) {
	t.Parallel()
	l := Limits{AddressAccounts: 2, Window: time.Minute}
	s, about := &idp.Standing{}, uuid.New()
	for n := range 10 {
		require.False(t, failedThere(s, about, l, at(n)))
	}
	require.Len(t, s.Guesses, 1)
	require.True(t, failedThere(s, uuid.New(), l, at(11)), "from now on it is refused")
	_, refused := crowd(s, uuid.New(), l, at(12))
	require.NotZero(t, refused)
	_, refused = crowd(s, about, l, at(12))
	require.Zero(t, refused, "to try again what failed is no new account")
}

func TestAddressesOfOneHostAreOneNetwork(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ a, b string }{
		{"192.0.2.1", "::ffff:192.0.2.1"}, {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2:ffff::1"}, {"fe80::1%eth0", "fe80::2"},
	} {
		require.Equal(t, network(netip.MustParseAddr(c.a)), network(netip.MustParseAddr(c.b)))
	}
	require.NotEqual(t, network(netip.MustParseAddr("2001:db8:1:2::1")), network(netip.MustParseAddr("2001:db8:1:3::1")))
	require.NotEqual(t, network(netip.MustParseAddr("192.0.2.1")), network(netip.MustParseAddr("192.0.2.2")))
	require.False(t, network(netip.Addr{}).IsValid())
}
