package postgres

import (
	"errors"
	"net/netip"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

var (
	home  = netip.MustParseAddr("192.0.2.1")
	work  = netip.MustParseAddr("2001:db8::1")
	noone netip.Addr
)

func adjust(t *testing.T, db *DB, identifier string, ip netip.Addr, deltas ...int) {
	t.Helper()
	for _, d := range deltas {
		require.NoError(t, db.Repos().Reputations.Adjust(t.Context(), identifier, ip, d))
	}
}

func score(t *testing.T, db *DB, ip netip.Addr, identifier string) int {
	t.Helper()
	return must(db.Repos().Reputations.Score(t.Context(), ip, identifier))
}

func TestReputationIsTheSumOfAddressOrIdentifier(t *testing.T) {
	t.Parallel()
	db := open(t)
	adjust(t, db, "ada", home, -1, -1)
	adjust(t, db, "ada", work, -1)
	adjust(t, db, "bob", home, 1)
	adjust(t, db, "", home, -1)
	adjust(t, db, "eve", noone, -1, -1)
	adjust(t, db, "", noone, -1)
	for _, c := range []struct {
		ip         netip.Addr
		identifier string
		want       int
	}{
		{home, "", -2},
		{netip.MustParseAddr("::ffff:192.0.2.1"), "", -2},
		{work, "", -1},
		{noone, "ada", -3},
		{home, "ada", -3}, // a row that is of both counts once
		{work, "bob", 0},
		{noone, "eve", -2}, // one row, though the address is unknown
		{noone, "", 0},     // unknown is nobody, not everybody
		{netip.MustParseAddr("192.0.2.2"), "nobody", 0},
		{netip.MustParseAddr("fe80::1%eth0"), "", 0},
	} {
		require.Equal(t, c.want, score(t, db, c.ip, c.identifier), "%s %s", c.ip, c.identifier)
	}
	require.Equal(t, 5, scalar[int](t, db, `SELECT count(*) FROM reputations`))
}

func TestReputationIsClamped(t *testing.T) {
	t.Parallel()
	db := open(t)
	adjust(t, db, "ada", home, -1, -1, -1, -1, -1, -1, -1)
	require.Equal(t, idp.ReputationLowest, score(t, db, home, ""))
	adjust(t, db, "ada", home, 1)
	require.Equal(t, idp.ReputationLowest+1, score(t, db, home, ""), "what went below the limit is not kept")
	adjust(t, db, "ada", home, 100)
	require.Equal(t, idp.ReputationHighest, score(t, db, home, ""))
	adjust(t, db, "bob", work, -100)
	require.Equal(t, idp.ReputationLowest, score(t, db, work, ""), "the first one too")
}

func TestReputationGoesAsFarAsTheInstallationSays(t *testing.T) {
	t.Parallel()
	db, err := Open(t.Context(), testkit.Database(t), Options{MaxConns: 2, Reputation: idp.ReputationLimits{Lowest: -20, Highest: 0}})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	adjust(t, db, "ada", home, -12, -12)
	require.Equal(t, -20, score(t, db, home, ""))
	adjust(t, db, "ada", home, 30)
	require.Equal(t, 0, score(t, db, home, ""))
	require.NoError(t, db.InTx(t.Context(), func(tx idp.Repos) error { return tx.Reputations.Adjust(t.Context(), "ada", home, -100) }))
	require.Equal(t, -20, score(t, db, home, ""), "in transactions too")
}

func TestReputationExpires(t *testing.T) {
	t.Parallel()
	db := open(t)
	adjust(t, db, "ada", home, -1, -1, -1)
	adjust(t, db, "bob", work, -1)
	require.True(t, scalar[bool](t, db, `SELECT bool_and(expires_at > clock_timestamp() + interval '23 hours') FROM reputations`))
	sql(t, db, `UPDATE reputations SET expires_at = clock_timestamp() - interval '1 second' WHERE identifier = 'ada'`)
	require.Zero(t, score(t, db, home, "ada"))
	adjust(t, db, "ada", home, -1)
	require.Equal(t, -1, score(t, db, home, "ada"), "an expired score does not come back")
	sql(t, db, `UPDATE reputations SET expires_at = clock_timestamp() - interval '1 second' WHERE identifier = 'ada'`)
	require.NoError(t, db.purge(t.Context()))
	require.Equal(t, "bob", scalar[string](t, db, `SELECT string_agg(identifier, ',') FROM reputations`))
}

// Many failures at once are all counted, and those of transactions that never
// were are not.
func TestReputationIsCountedAtomically(t *testing.T) {
	t.Parallel()
	db := open(t)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			if err := db.Repos().Reputations.Adjust(t.Context(), "ada", home, -1); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	require.Equal(t, -4, score(t, db, home, ""))
	boom := errors.New("boom")
	require.ErrorIs(t, db.InTx(t.Context(), func(tx idp.Repos) error {
		return errors.Join(tx.Reputations.Adjust(t.Context(), "ada", home, -1), boom)
	}), boom)
	require.Equal(t, -4, score(t, db, home, ""))
}
