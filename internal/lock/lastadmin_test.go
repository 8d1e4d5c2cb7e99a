package lock_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lock"
)

func TestWhatShutsTheLastAdministratorOut(t *testing.T) {
	w := newWorld(t)
	u := w.administrator("boss")
	role := &idp.Role{ID: idp.NewID[idp.Role](), Name: "staff"}
	require.NoError(t, w.db.Repos().Roles.Create(t.Context(), role))
	require.NoError(t, w.db.Repos().Roles.SetUserRoles(t.Context(), u.ID, []idp.RoleID{role.ID}))
	u, err := w.db.Repos().Users.Get(t.Context(), u.ID)
	require.NoError(t, err)
	boss := idp.Actor{User: u, Session: &idp.Session{ID: idp.NewID[idp.Session]()}, Request: &idp.RequestInfo{ClientIP: netip.MustParseAddr("192.0.2.7")}}
	w.user("mia")
	for name, c := range map[string]struct {
		target map[string]string
		actor  idp.Actor
		last   bool
	}{
		"their account":                     {target("user", "Boss"), idp.SystemActor(), true},
		"their role":                        {target("role", "staff"), idp.SystemActor(), true},
		"their group":                       {target("group", "admins of boss"), idp.SystemActor(), true},
		"all three":                         {map[string]string{"user": "boss", "role": "staff", "group": "admins of boss"}, idp.SystemActor(), true},
		"every IPv4 address":                {target("ip", "0.0.0.0/0"), idp.SystemActor(), true},
		"every IPv6 address":                {target("ip", "::/0"), idp.SystemActor(), true},
		"them, from every address":          {map[string]string{"user": "boss", "ip": "0.0.0.0/0"}, idp.SystemActor(), true},
		"somebody else, from every address": {map[string]string{"user": "mia", "ip": "0.0.0.0/0"}, idp.SystemActor(), false},
		"another role":                      {target("role", "crew"), idp.SystemActor(), false},
		"them in another group":             {map[string]string{"user": "boss", "group": "night"}, idp.SystemActor(), false},
		"a network":                         {target("ip", "192.0.2.0/24"), idp.SystemActor(), false},
		"the device they use":               {target("device", idp.NewID[idp.Lock]().String()), idp.SystemActor(), false},
	} {
		preview, err := w.locks.Preview(t.Context(), c.actor, c.target)
		require.NoError(t, err, name)
		require.Equal(t, c.last, preview.LastAdmin, name)
		made, _, err := w.locks.Create(t.Context(), c.actor, lock.Draft{Target: c.target})
		if !c.last {
			require.NoError(t, err, name)
			changed := target("user", "boss")
			_, _, err = w.locks.Change(t.Context(), c.actor, made.ID, lock.Patch{Target: &changed})
			require.ErrorContains(t, err, lock.LastAdministrator, name)
			_, err = w.locks.Lift(t.Context(), c.actor, made.ID)
			require.NoError(t, err, name)
			continue
		}
		require.ErrorContains(t, err, lock.LastAdministrator, name)
	}
	// Whoever makes it is where they are.
	_, _, err = w.locks.Create(t.Context(), idp.Actor{System: true, User: boss.User, Request: boss.Request}, lock.Draft{Target: target("ip", "192.0.2.0/24")})
	require.ErrorContains(t, err, lock.LastAdministrator)
	_, _, err = w.locks.Create(t.Context(), idp.Actor{System: true, User: boss.User, Request: boss.Request}, lock.Draft{Target: target("ip", "198.51.100.0/24")})
	require.NoError(t, err)
	w.administrator("other")
	_, _, err = w.locks.Create(t.Context(), idp.Actor{System: true, User: boss.User, Request: boss.Request}, lock.Draft{Target: target("ip", "192.0.2.0/24")})
	require.NoError(t, err, "another one may be elsewhere")
	page, err := w.locks.Find(t.Context(), idp.SystemActor(), idp.LockFilter{})
	require.NoError(t, err)
	require.Equal(t, 7, page.Total, "previews leave nothing behind")
}
