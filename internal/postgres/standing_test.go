package postgres

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestStandingsAreStoredOnceWhoeverIsFirst(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx := t.Context()
	subject := idp.Standing{Subject: uuid.New()}
	store := func(count int) error {
		return db.InTx(ctx, func(tx idp.Repos) error {
			held, _, err := tx.Lockouts.Hold(ctx, []idp.Standing{subject}, false)
			if err != nil {
				return err
			}
			s := held[subject.Subject]
			s.Lockouts += count
			return tx.Lockouts.Save(ctx, []*idp.Standing{s})
		})
	}
	tries := 0
	require.NoError(t, db.InTx(ctx, func(tx idp.Repos) error {
		tries++
		held, now, err := tx.Lockouts.Hold(ctx, []idp.Standing{subject}, true)
		require.NoError(t, err)
		require.WithinDuration(t, time.Now(), now, time.Minute)
		s := held[subject.Subject]
		require.Equal(t, tries == 1, s.Fresh)
		if tries == 1 {
			require.NoError(t, store(10)) // somebody else is first
		}
		s.Lockouts++
		return tx.Lockouts.Save(ctx, []*idp.Standing{s})
	}))
	require.Equal(t, 2, tries, "who was not first begins anew")
	require.Equal(t, 11, scalar[int](t, db, `SELECT lockouts FROM standings`), "and counts from there")
	require.NoError(t, store(5))
	require.Equal(t, 16, scalar[int](t, db, `SELECT lockouts FROM standings`))
}

func TestStandingsThatSomebodyHoldsAreNotTakenForAbsent(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx := t.Context()
	there, absent := idp.Standing{Subject: uuid.New()}, idp.Standing{Subject: uuid.New()}
	both := []idp.Standing{there, absent}
	sql(t, db, `INSERT INTO standings (subject) VALUES ($1)`, there.Subject)
	require.NoError(t, db.InTx(ctx, func(tx idp.Repos) error {
		held, _, err := tx.Lockouts.Hold(ctx, []idp.Standing{there}, true)
		require.NoError(t, err)
		require.Len(t, held, 1)
		return db.InTx(ctx, func(other idp.Repos) error {
			held, _, err := other.Lockouts.Hold(ctx, both, false)
			require.NoError(t, err)
			require.NotContains(t, held, there.Subject)
			require.True(t, held[absent.Subject].Fresh)
			return nil
		})
	}))
	require.NoError(t, db.InTx(ctx, func(tx idp.Repos) error {
		held, _, err := tx.Lockouts.Hold(ctx, both, false)
		require.NoError(t, err)
		require.False(t, held[there.Subject].Fresh)
		require.True(t, held[absent.Subject].Fresh)
		return nil
	}))
	require.Equal(t, 1, scalar[int](t, db, `SELECT count(*)::integer FROM standings`), "looking stores nothing")
}
