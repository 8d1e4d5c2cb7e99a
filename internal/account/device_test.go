package account_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
	"github.com/portcullis-idp/portcullis/internal/session"
)

// Who changes their password stays known in the browser they do it in, and
// nowhere else: somebody else may have known the old one. When an administrator
// sets it, or the account is switched off, no browser stays known.
func TestWhichBrowsersOutliveANewPassword(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		act  func(w *world, here idp.Actor) error
		here bool
	}{
		"own": {func(w *world, here idp.Actor) error {
			return w.accounts.SetPassword(w.ctx, here, here.User.ID, "correct horse battery")
		}, true},
		"by an administrator": {func(w *world, here idp.Actor) error {
			return w.accounts.SetPassword(w.ctx, w.admin, here.User.ID, "correct horse battery")
		}, false},
		"switched off": {func(w *world, here idp.Actor) error {
			off := false
			_, err := w.accounts.Update(w.ctx, w.admin, here.User.ID, account.Patch{IsActive: &off})
			return err
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			mia := w.user("mia")
			remember := func() (idp.Actor, session.Device) {
				d, err := w.sessions.Device(w.ctx, w.now(mia), "", time.Hour)
				require.NoError(t, err)
				s, _, err := w.sessions.Start(w.ctx, idp.Actor{}, session.Begin{User: mia.ID, Device: &d})
				require.NoError(t, err)
				return idp.Actor{User: w.now(mia), Session: s}, d
			}
			knows := func(d session.Device) bool {
				row, err := w.db.Repos().KnownDevices.Get(w.ctx, secret.DigestOf(d.Value).Bytes(), mia.ID)
				require.NoError(t, err)
				return row.Known
			}
			here, mine := remember()
			_, other := remember()
			require.True(t, knows(mine) && knows(other))
			require.NoError(t, c.act(w, here))
			require.Equal(t, c.here, knows(mine))
			require.False(t, knows(other))
		})
	}
}
