package policies_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

func denial(t *testing.T, a *flow.Answer) string {
	t.Helper()
	c, ok := a.Challenge.(flow.AccessDenied)
	require.True(t, ok, "%#v, redirect %q", a.Challenge, a.Redirect)
	return c.ErrorMessage
}

// A stage that is bound to a reputation stays out of the way of everybody until
// somebody has failed too often, and then meets the address and the account.
func TestReputationBindingTriggersAfterFailures(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("ada")
	w.user("bob")
	f := w.flow("sign-in", idp.DesignationAuthentication)
	w.stage(f, 0, "identification", `{"user_fields": ["username"]}`)
	guard := w.stage(f, 10, "deny", `{"deny_message": "Not now."}`)
	w.stage(f, 20, "password", `{"failed_attempts_before_cancel": 100}`)
	w.stage(f, 30, "user_login", `{}`)
	w.bind(w.policy("reputation", `{}`), guard.ID.UUID())

	bad, good := w.at("192.0.2.66"), w.at("192.0.2.1")
	require.Equal(t, "identification", bad.begin("sign-in").Stage)
	require.Equal(t, "password", bad.post("sign-in", flow.Input{"uid_field": "ada"}).Stage)
	for range 4 {
		require.Equal(t, "password", bad.post("sign-in", flow.Input{"password": "wrong"}).Stage)
	}
	bad.begin("sign-in")
	require.Equal(t, "password", bad.post("sign-in", flow.Input{"uid_field": "ada"}).Stage, "four failures are not five")
	require.Equal(t, "password", bad.post("sign-in", flow.Input{"password": "wrong"}).Stage)

	for _, c := range []struct {
		from browser
		name string
		want string
	}{
		{bad, "ada", "Not now."},
		{bad, "bob", "Not now."},    // the address
		{bad, "nobody", "Not now."}, // and whether somebody exists does not show
		{good, "ada", "Not now."},   // the account
		{good, "bob", ""},
		{good, "nobody", ""},
	} {
		c.from.begin("sign-in")
		a := c.from.post("sign-in", flow.Input{"uid_field": c.name})
		if c.want == "" {
			require.Equal(t, "password", a.Stage, "%s from %s", c.name, c.from.ip)
			continue
		}
		require.Equal(t, c.want, denial(t, a), "%s from %s", c.name, c.from.ip)
	}
}

// score is the reputation of an address or an account.
func (w *world) score(ip netip.Addr, identifier string) int {
	w.Helper()
	n, err := w.db.Repos().Reputations.Score(w.Context(), ip, identifier)
	require.NoError(w, err)
	return n
}

func TestWhatChangesAReputation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada := w.user("ada")
	b := w.at("192.0.2.7")
	try := func(u *idp.User, password string) bool {
		ok, err := w.accounts.Authenticate(t.Context(), b.actor(), idp.Attempt{User: u, Secret: password})
		require.NoError(t, err)
		return ok
	}
	require.False(t, try(ada, "wrong"))
	require.Equal(t, []int{-1, -1}, []int{w.score(b.ip, ""), w.score(netip.Addr{}, "ada")})
	require.False(t, try(nil, "wrong"))
	require.Equal(t, []int{-2, -1}, []int{w.score(b.ip, ""), w.score(netip.Addr{}, "ada")}, "nobody is no account")
	require.True(t, try(ada, goodPassword))
	require.Equal(t, -2, w.score(b.ip, ""), "a password alone is no sign-in")

	f := w.flow("sign-in", idp.DesignationAuthentication)
	w.stage(f, 0, "identification", `{"user_fields": ["username"]}`)
	w.stage(f, 10, "password", `{}`)
	w.stage(f, 20, "user_login", `{}`)
	b.begin("sign-in")
	b.post("sign-in", flow.Input{"uid_field": "ada"})
	require.True(t, b.post("sign-in", flow.Input{"password": goodPassword}).Done)
	require.Equal(t, []int{-1, 0}, []int{w.score(b.ip, ""), w.score(netip.Addr{}, "ada")})

	// The reputation goes with the event or not at all.
	events, err := w.db.Repos().Events.Find(t.Context(), idp.EventFilter{Actions: []idp.Action{idp.ActionLoginFailed}})
	require.NoError(t, err)
	require.Equal(t, 2, events.Total)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = w.accounts.Authenticate(ctx, b.actor(), idp.Attempt{Secret: "wrong"})
	require.Error(t, err)
	require.Equal(t, -1, w.score(b.ip, ""))
}

// Only failures that were written down count.
func TestFailuresRolledBackCountForNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	target := w.flow("guarded", idp.DesignationAuthentication).ID.UUID()
	w.bind(w.policy("reputation", `{}`), target)
	evaluate := func() (idp.PolicyResult, error) {
		return w.bound.Evaluate(t.Context(), target, idp.PolicyAny, idp.PolicyRequest{ClientIP: netip.MustParseAddr("192.0.2.1")})
	}
	boom := errors.New("boom")
	for _, c := range []struct {
		end  error
		want bool
	}{{boom, false}, {nil, true}} {
		require.ErrorIs(t, w.db.InTx(t.Context(), func(tx idp.Repos) error {
			for range 5 {
				require.NoError(t, tx.Reputations.Adjust(t.Context(), "", netip.MustParseAddr("192.0.2.1"), idp.ReputationFailed))
			}
			return c.end
		}), c.end)
		r, err := evaluate()
		require.NoError(t, err)
		require.Equal(t, c.want, r.Passing)
	}
}
