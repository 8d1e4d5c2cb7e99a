package invitation_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/invitation"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

type world struct {
	testing.TB
	ctx         context.Context
	db          *postgres.DB
	invitations *invitation.Service
	lockdowns   *lockdown.Service
	admins      idp.GroupID
}

func newWorld(t testing.TB) *world {
	t.Helper()
	db, err := postgres.Open(t.Context(), testkit.Database(t), postgres.Options{})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	may := access.New()
	w := &world{TB: t, ctx: t.Context(), db: db, invitations: invitation.New(invitation.Deps{Store: db, Access: may}),
		lockdowns: lockdown.New(lockdown.Deps{Store: db, Access: may})}
	g := &idp.Group{Name: "admins", IsSuperuser: true}
	require.NoError(t, db.Repos().Groups.Create(w.ctx, g))
	w.admins = g.ID
	return w
}

func (w *world) administrator(name string) *idp.User {
	w.Helper()
	u := &idp.User{Username: name, Path: "users", Type: idp.UserInternal, IsActive: true, Password: "x"}
	require.NoError(w, w.db.Repos().Users.Create(w.ctx, u))
	require.NoError(w, w.db.Repos().Groups.AddUser(w.ctx, w.admins, u.ID))
	fresh, err := w.db.Repos().Users.Get(w.ctx, u.ID)
	require.NoError(w, err)
	return fresh
}

// TestNoInvitationPassesALockdown: whoever is locked down while they make
// invitations has none afterwards that works, also not when they are active
// again.
func TestNoInvitationPassesALockdown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.administrator("spare")
	eve := w.administrator("eve")
	var made, refused int
	var g errgroup.Group
	started := make(chan struct{}, 1)
	g.Go(func() error {
		for refused == 0 {
			_, err := w.invitations.Create(w.ctx, idp.Actor{User: eve}, invitation.Draft{Name: "back-door"})
			switch {
			case err == nil:
				made++
			case idp.Is(err, idp.CodeRefused):
				refused++
			default:
				return err
			}
			select {
			case started <- struct{}{}:
			default:
			}
		}
		return nil
	})
	<-started
	_, err := w.lockdowns.Contain(w.ctx, idp.SystemActor(), lockdown.Request{Users: []idp.UserID{eve.ID}, Switches: idp.AllSwitches()})
	require.NoError(t, err)
	require.NoError(t, g.Wait())
	require.Positive(t, made)
	require.NoError(t, w.lockdowns.Activate(w.ctx, idp.SystemActor(), eve.ID))
	live := true
	page, err := w.db.Repos().Invitations.Find(w.ctx, idp.InvitationFilter{Live: &live})
	require.NoError(t, err)
	require.Zero(t, page.Total)
}

func TestAChangeKeepsLinkAndMaker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ada, bea := w.administrator("ada"), w.administrator("bea")
	made, err := w.invitations.Create(w.ctx, idp.Actor{User: ada}, invitation.Draft{Name: " party ", FixedData: idp.Attributes{"team": "a"}})
	require.NoError(t, err)
	require.Equal(t, "party", made.Name)
	require.EqualValues(t, 4, made.ID.UUID().Version(), "a secret is no ordered identifier")

	name, never, past := "gala", (*time.Time)(nil), time.Now().Add(-time.Hour)
	changed, err := w.invitations.Update(w.ctx, idp.Actor{User: bea}, made.ID, invitation.Patch{Name: &name, ExpiresAt: &never})
	require.NoError(t, err)
	require.Equal(t, made.ID, changed.ID)
	require.Equal(t, ada.ID, changed.CreatedBy)
	require.Equal(t, idp.Attributes{"team": "a"}, changed.FixedData)
	require.Equal(t, "gala", changed.Name)
	late := &past
	_, err = w.invitations.Update(w.ctx, idp.Actor{User: bea}, made.ID, invitation.Patch{ExpiresAt: &late})
	require.True(t, idp.Is(err, idp.CodeInvalid), "%v", err)

	_, err = w.invitations.Create(w.ctx, idp.SystemActor(), invitation.Draft{Name: "nobody-s"})
	require.True(t, idp.Is(err, idp.CodeInvalid), "an invitation is somebody's: %v", err)
	page, err := w.db.Repos().Events.Find(w.ctx, idp.EventFilter{})
	require.NoError(t, err)
	require.Equal(t, 2, page.Total, "one for each act that happened")
	for _, e := range page.Items {
		require.Equal(t, made.Fingerprint(), e.Context["model"].(map[string]any)["pk"])
	}
}
