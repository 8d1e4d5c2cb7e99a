package postgres

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestWhatATryDidIsUndoneAlone(t *testing.T) {
	t.Parallel()
	db := open(t)
	group := func(tx idp.Repos, name string) error { return tx.Groups.Create(t.Context(), &idp.Group{Name: name}) }
	regretted := errors.New("regretted")
	err := db.InTx(t.Context(), func(tx idp.Repos) error {
		require.NoError(t, group(tx, "before"))
		require.ErrorIs(t, tx.Attempts.Try(t.Context(), func(part idp.Repos) error {
			require.NoError(t, group(part, "regretted"))
			return regretted
		}), regretted)
		// A statement that the database refused does not spoil the rest either.
		err := tx.Attempts.Try(t.Context(), func(part idp.Repos) error { return group(part, "before") })
		require.True(t, idp.Is(err, idp.CodeInvalid), "%v", err)
		require.NoError(t, tx.Attempts.Try(t.Context(), func(part idp.Repos) error { return group(part, "kept") }))
		return group(tx, "after")
	})
	require.NoError(t, err)
	page, err := db.Repos().Groups.Find(t.Context(), idp.GroupFilter{})
	require.NoError(t, err)
	var names []string
	for _, g := range page.Items {
		names = append(names, g.Name)
	}
	require.Equal(t, []string{"after", "before", "kept"}, names)
}
