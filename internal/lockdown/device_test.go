package lockdown_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// Whoever took an account over has signed in, so their browser is known; after a
// lockdown it is a stranger's, also once the account is active again.
func TestNoBrowserStaysKnown(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		switches idp.Switches
		known    bool
	}{
		"all":         {idp.AllSwitches(), false},
		"sessions":    {idp.Switches{DeleteSessions: true}, false},
		"deactivated": {idp.Switches{DeactivateUser: true}, false},
		"password":    {idp.Switches{SetUnusablePassword: true}, false},
		"tokens":      {idp.Switches{RevokeTokens: true}, false},
		"nothing":     {idp.Switches{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			mia, tom := w.user("mia"), w.user("tom")
			value := secret.DigestOf(secret.Token()).Bytes()
			knows := func(u *idp.User) bool {
				d, err := w.db.Repos().KnownDevices.Get(w.ctx, value, u.ID)
				require.NoError(t, err)
				return d.Known
			}
			for _, u := range []*idp.User{mia, tom} {
				require.NoError(t, w.db.Repos().KnownDevices.Remember(w.ctx, &idp.KnownDevice{UserID: u.ID, Digest: value}, time.Hour))
				require.True(t, knows(u))
			}
			_, err := w.lockdowns.Contain(w.ctx, w.admin, lockdown.Request{Users: ids(mia), Switches: c.switches})
			require.NoError(t, err)
			require.Equal(t, c.known, knows(mia))
			require.True(t, knows(tom), "the one who shares the browser was not locked down")

			u := w.now(mia)
			u.IsActive = true
			require.NoError(t, w.db.Repos().Users.Update(w.ctx, u))
			require.Equal(t, c.known, knows(mia), "activating revives nothing")
		})
	}
}
