package consent_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/consent"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

var wiki = consent.Application{ID: "wiki", Name: "Wiki"}

// TestNoConsentPassesALockdown: whoever agrees while they are locked down has
// agreed to nothing afterwards.
func TestNoConsentPassesALockdown(t *testing.T) {
	t.Parallel()
	db, err := postgres.Open(t.Context(), testkit.Database(t), postgres.Options{})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	consents := consent.New(consent.Deps{Store: db, Access: access.New()})
	lockdowns := lockdown.New(lockdown.Deps{Store: db, Access: access.New()})
	ada := &idp.User{Username: "ada", Path: "users", Type: idp.UserInternal, IsActive: true, Password: "x"}
	require.NoError(t, db.Repos().Users.Create(t.Context(), ada))

	for round := range 5 {
		now, err := db.Repos().Users.Get(t.Context(), ada.ID)
		require.NoError(t, err)
		given := consent.Given{User: ada.ID, Application: wiki, Permissions: []string{"b", "a", "b"}, Lifetime: time.Hour, Generation: now.SessionGeneration}
		require.NoError(t, consents.Give(t.Context(), idp.Actor{}, given))
		kept, err := consents.Current(t.Context(), ada.ID, "wiki")
		require.NoError(t, err)
		require.True(t, kept.Covers([]string{"a", "b"}) && !kept.Covers([]string{"a"}))

		var g errgroup.Group
		for range 4 {
			g.Go(func() error {
				if err := consents.Give(t.Context(), idp.Actor{}, given); err != nil && !idp.Is(err, idp.CodeRefused) {
					return err
				}
				return nil
			})
		}
		g.Go(func() error {
			_, err := lockdowns.Contain(t.Context(), idp.SystemActor(), lockdown.Request{Users: []idp.UserID{ada.ID}, Switches: idp.AllSwitches()})
			return err
		})
		require.NoError(t, g.Wait(), round)
		require.NoError(t, lockdowns.Activate(t.Context(), idp.SystemActor(), ada.ID))
		kept, err = consents.Current(t.Context(), ada.ID, "wiki")
		require.NoError(t, err)
		require.Nil(t, kept, round)
	}
}
