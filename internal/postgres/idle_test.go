package postgres

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// idle ages the last use of a session that may be idle for a minute.
func idle(t testing.TB, db *DB, s *idp.Session, since time.Duration) {
	t.Helper()
	sql(t, db, `UPDATE sessions SET idle_timeout = 60, last_seen_at = clock_timestamp() - make_interval(secs => $2) WHERE id = $1`,
		s.ID, since.Seconds())
}

// Every statement that tells a live session from another one knows idleness.
func TestIdleSessionsDoNotLive(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, sessions := t.Context(), db.Repos().Sessions
	u := addUser(t, db, "u")
	plain, active, asleep := addSession(t, db, u, time.Hour), addSession(t, db, u, time.Hour), addSession(t, db, u, time.Hour)
	sql(t, db, `UPDATE sessions SET last_seen_at = clock_timestamp() - interval '30 days' WHERE id = $1`, plain.ID)
	idle(t, db, active, 58*time.Second)
	idle(t, db, asleep, 60*time.Second)
	store := db.NewSessionStore(func(time.Time, map[string]any) ([]byte, error) { return []byte("new"), nil })
	for _, c := range []struct {
		s    *idp.Session
		live bool
	}{{plain, true}, {active, true}, {asleep, false}} {
		got, owner, err := sessions.Visit(ctx, c.s.Digest)
		require.NoError(t, err)
		require.Equal(t, []bool{c.live, !c.live}, []bool{got.Live, got.Expired})
		require.Equal(t, c.live, idp.MayAct(idp.DoorSession, owner, got.Credential()) == nil)
		require.Equal(t, c.live, sessions.Save(ctx, c.s.Digest, []byte("x")) == nil)
		var data []byte
		data, found, err := store.FindCtx(ctx, base64.RawURLEncoding.EncodeToString(c.s.Digest))
		require.NoError(t, err)
		require.Equal(t, c.live, found, string(data))
	}
	held, err := db.Repos().Holder.Holdings(ctx, u.ID)
	require.NoError(t, err)
	require.Equal(t, 2, held.Sessions)
	page, err := sessions.Find(ctx, idp.SessionFilter{UserID: &u.ID, Live: ptr(false)})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	require.Equal(t, asleep.ID, page.Items[0].ID)
	require.Equal(t, time.Minute, page.Items[0].IdleTimeout)

	raise(t, db, u.ID)
	for _, s := range []*idp.Session{plain, active, asleep} {
		carried, err := sessions.Carry(ctx, s.ID, 0)
		require.NoError(t, err)
		require.Equal(t, s != asleep, carried)
	}
}

func TestIdleSessionsArePurged(t *testing.T) {
	t.Parallel()
	db := open(t)
	u := addUser(t, db, "u")
	kept, gone := addSession(t, db, u, time.Hour), addSession(t, db, u, time.Hour)
	idle(t, db, kept, 24*time.Hour)
	idle(t, db, gone, 24*time.Hour+2*time.Minute)
	require.NoError(t, db.purge(t.Context()))
	require.Equal(t, []bool{true, false}, []bool{
		scalar[bool](t, db, `SELECT EXISTS (SELECT FROM sessions WHERE id = $1)`, kept.ID),
		scalar[bool](t, db, `SELECT EXISTS (SELECT FROM sessions WHERE id = $1)`, gone.ID)})
}

func TestSessionKeepsItsBinding(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, sessions, u := t.Context(), db.Repos().Sessions, addUser(t, db, "u")
	d := addDevice(t, db, u, digest(), time.Hour)
	for _, network := range idp.NetworkBindings() {
		for _, geo := range idp.GeoIPBindings() {
			s := &idp.Session{UserID: u.ID, Digest: digest(), ExpiresAt: time.Now().Add(time.Hour), IdleTimeout: 90 * time.Minute, DeviceID: &d.ID,
				Binding: idp.SessionBinding{Network: network, GeoIP: geo, LogOnly: geo == idp.BindContinent, Private: network == idp.BindASN}}
			require.NoError(t, sessions.Create(ctx, s))
			got, err := sessions.Get(ctx, s.ID)
			require.NoError(t, err)
			require.Equal(t, s.Binding, got.Binding)
			require.Equal(t, 90*time.Minute, got.IdleTimeout)
			require.Equal(t, d.ID, *got.DeviceID)
			require.Equal(t, network != idp.NetworkUnbound || geo != idp.GeoUnbound, got.Binding.Bound())
		}
	}
	bad := func(change func(*idp.Session)) error {
		s := &idp.Session{UserID: u.ID, Digest: digest(), ExpiresAt: time.Now()}
		change(s)
		return sessions.Create(ctx, s)
	}
	requireField(t, bad(func(s *idp.Session) { s.Binding.Network = "bind_moon" }), "network_binding", "not a valid choice")
	requireField(t, bad(func(s *idp.Session) { s.Binding.GeoIP = "bind_moon" }), "geoip_binding", "not a valid choice")
	requireField(t, bad(func(s *idp.Session) { s.IdleTimeout = -time.Second }), "idle_timeout", "greater than or equal to 0")
}
