package app_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/app"
	"github.com/portcullis-idp/portcullis/internal/audit"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestTheDemonstrationFillsAnEmptyInstallationOnce(t *testing.T) {
	t.Parallel()
	a := newSite(t, 1).replicas[0]
	require.NoError(t, a.Demo(t.Context()))
	repos := a.DB.Repos()
	count := func() (users, events, locked int) {
		u, err := repos.Users.Find(t.Context(), idp.UserFilter{})
		require.NoError(t, err)
		e, err := repos.Events.Find(t.Context(), idp.EventFilter{})
		require.NoError(t, err)
		yes := true
		l, err := repos.Lockdowns.Find(t.Context(), idp.LockdownFilter{Open: &yes})
		require.NoError(t, err)
		return u.Total, e.Total, l.Total
	}
	users, events, locked := count()
	require.Greater(t, users, 40)
	require.Greater(t, events, 600)
	require.Equal(t, 2, locked)

	// Its people can sign in, except those who were locked down.
	for name, want := range map[string]bool{"amara.osei": true, "jana.kowalska": false} {
		u, err := repos.Users.FindByLogin(t.Context(), name, []string{"username"})
		require.NoError(t, err)
		ok, err := a.Accounts.Authenticate(t.Context(), idp.Actor{}, idp.Attempt{User: u, Secret: app.DemoPassword})
		require.NoError(t, err)
		require.Equal(t, want, ok, name)
	}

	_, before, _ := count()
	require.NoError(t, a.Demo(t.Context()))
	again, after, _ := count()
	require.Equal(t, []int{users, before}, []int{again, after})
}

func TestTheDemonstrationLeavesOtherPeopleAlone(t *testing.T) {
	t.Parallel()
	a := newSite(t, 1).replicas[0]
	_, err := a.Accounts.Create(t.Context(), idp.SystemActor(), account.NewUser{Username: "somebody"})
	require.NoError(t, err)
	require.True(t, idp.Is(a.Demo(t.Context()), idp.CodeConflict))
}

// What the demonstration makes up is in the chain of the audit log, as what it is.
func TestTheDemonstrationIsSealed(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	a := s.replicas[0]
	sealed := func() bool {
		return s.one(`SELECT (EXISTS (SELECT FROM event_seals))::int`) == 1
	}
	require.Eventually(t, sealed, 10*time.Second, 10*time.Millisecond)
	require.NoError(t, a.Demo(t.Context()))
	var faults []audit.Fault
	r, err := a.Audit.Verify(t.Context(), idp.SystemActor(), audit.Query{}, func(f audit.Fault) error {
		faults = append(faults, f)
		return nil
	})
	require.NoError(t, err)
	require.Empty(t, faults)
	require.Positive(t, r.Late)
}
