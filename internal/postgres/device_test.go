package postgres

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func addDevice(t testing.TB, db *DB, u *idp.User, value []byte, lifetime time.Duration) *idp.KnownDevice {
	t.Helper()
	d := &idp.KnownDevice{UserID: u.ID, Digest: value, Generation: u.SessionGeneration, IP: netip.MustParseAddr("192.0.2.1"), UserAgent: "Firefox"}
	require.NoError(t, db.Repos().KnownDevices.Remember(t.Context(), d, lifetime))
	return d
}

func knows(t testing.TB, db *DB, value []byte, u *idp.User) bool {
	t.Helper()
	d, err := db.Repos().KnownDevices.Get(t.Context(), value, u.ID)
	require.NoError(t, err)
	return d.Known
}

func TestDeviceKeepsEveryField(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, devices := t.Context(), db.Repos().KnownDevices
	u := addUser(t, db, "mira")
	d := addDevice(t, db, u, digest(), time.Hour)
	now, err := db.Now(ctx)
	require.NoError(t, err)
	require.WithinDuration(t, now.Add(time.Hour), d.ExpiresAt, time.Second)
	got, err := devices.Get(ctx, d.Digest, u.ID)
	require.NoError(t, err)
	want := *d
	want.Username, want.Known = "mira", true
	require.Empty(t, cmp.Diff(&want, got, compareAddr))

	// Again: the row is renewed, not added to.
	again := &idp.KnownDevice{UserID: u.ID, Digest: d.Digest, UserAgent: "Firefox 2"}
	require.NoError(t, devices.Remember(ctx, again, 2*time.Hour))
	got, err = devices.Get(ctx, d.Digest, u.ID)
	require.NoError(t, err)
	require.Equal(t, d.ID, got.ID)
	require.Equal(t, d.CreatedAt, got.CreatedAt)
	require.WithinDuration(t, now.Add(2*time.Hour), got.ExpiresAt, time.Second)
	require.Equal(t, "Firefox 2 192.0.2.1", got.UserAgent+" "+got.IP.String(), "an unknown address is no news")

	_, err = devices.Get(ctx, digest(), u.ID)
	requireCode(t, idp.CodeNotFound, err)
	requireField(t, devices.Remember(ctx, &idp.KnownDevice{UserID: 4711, Digest: digest()}, time.Hour), "user", "4711")
	requireCode(t, idp.CodeInternal, devices.Remember(ctx, &idp.KnownDevice{UserID: u.ID, Digest: []byte("short")}, time.Hour))
}

// What makes a device unknown, and what it takes to be known again.
func TestDeviceStates(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, devices := t.Context(), db.Repos().KnownDevices
	u := addUser(t, db, "u")
	fine, expired, forgotten := addDevice(t, db, u, digest(), time.Hour), addDevice(t, db, u, digest(), -time.Second), addDevice(t, db, u, digest(), time.Hour)
	did, err := devices.Forget(ctx, forgotten.ID)
	require.NoError(t, err)
	require.True(t, did)
	did, err = devices.Forget(ctx, forgotten.ID)
	require.NoError(t, err)
	require.False(t, did)
	_, err = devices.Forget(ctx, idp.NewID[idp.KnownDevice]())
	requireCode(t, idp.CodeNotFound, err)
	require.True(t, knows(t, db, fine.Digest, u))
	require.False(t, knows(t, db, expired.Digest, u))
	require.False(t, knows(t, db, forgotten.Digest, u))

	page, err := devices.Find(ctx, idp.KnownDeviceFilter{UserID: &u.ID})
	require.NoError(t, err)
	require.Equal(t, 3, page.Total)
	page, err = devices.Find(ctx, idp.KnownDeviceFilter{UserID: &u.ID, Known: ptr(true), Paging: idp.Paging{Search: "fire"}})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	require.Equal(t, fine.ID, page.Items[0].ID)

	renew := func(d *idp.KnownDevice) error {
		return devices.Remember(ctx, &idp.KnownDevice{UserID: u.ID, Digest: d.Digest, Generation: u.SessionGeneration}, time.Hour)
	}
	require.NoError(t, renew(expired), "time alone costs nobody the value")
	require.True(t, knows(t, db, expired.Digest, u))
	requireCode(t, idp.CodeConflict, renew(forgotten))

	raise(t, db, u.ID)
	u.SessionGeneration++
	require.False(t, knows(t, db, fine.Digest, u), "everything was ended")
	requireCode(t, idp.CodeConflict, renew(fine))
	require.NoError(t, devices.Carry(ctx, u.ID, u.SessionGeneration-1))
	require.True(t, knows(t, db, fine.Digest, u))
	require.False(t, knows(t, db, forgotten.Digest, u), "what was forgotten stays so")
	raise(t, db, u.ID)
	raise(t, db, u.ID)
	require.NoError(t, devices.Carry(ctx, u.ID, u.SessionGeneration+1))
	require.False(t, knows(t, db, fine.Digest, u), "what an earlier rise ended stays so")

	other := addUser(t, db, "other")
	theirs := addDevice(t, db, other, digest(), time.Hour)
	n, err := devices.ForgetAll(ctx, u.ID)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	require.True(t, knows(t, db, theirs.Digest, other))
}

func TestPeopleShareABrowser(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, devices := t.Context(), db.Repos().KnownDevices
	mira, ben, value := addUser(t, db, "mira"), addUser(t, db, "ben"), digest()
	until := func(besides idp.UserID) time.Time {
		at, err := devices.Until(ctx, value, besides)
		require.NoError(t, err)
		return at
	}
	require.Zero(t, until(0), "nobody")
	long, short := addDevice(t, db, mira, value, 9*time.Hour), addDevice(t, db, ben, value, time.Hour)
	require.NotEqual(t, long.ID, short.ID)
	require.Equal(t, long.ExpiresAt, until(0))
	require.Equal(t, long.ExpiresAt, until(ben.ID))
	require.Equal(t, short.ExpiresAt, until(mira.ID))
	_, err := devices.Forget(ctx, long.ID)
	require.NoError(t, err)
	require.Equal(t, short.ExpiresAt, until(0))
	require.True(t, knows(t, db, value, ben))
	require.False(t, knows(t, db, value, mira))
	raise(t, db, ben.ID)
	require.Zero(t, until(0))
}

func TestDevicesAreSeenAtMostOnceAMinute(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, devices := t.Context(), db.Repos().KnownDevices
	u := addUser(t, db, "u")
	d := addDevice(t, db, u, digest(), time.Hour)
	seen := func(agent string) string {
		require.NoError(t, devices.Seen(ctx, d.ID, netip.MustParseAddr("192.0.2.2"), agent))
		got, err := devices.Get(ctx, d.Digest, u.ID)
		require.NoError(t, err)
		return got.UserAgent + " " + got.IP.String()
	}
	require.Equal(t, "Firefox 192.0.2.1", seen("one"))
	sql(t, db, `UPDATE known_devices SET last_seen_at = last_seen_at - interval '61 seconds'`)
	require.Equal(t, "two 192.0.2.2", seen("two"))
	sql(t, db, `UPDATE known_devices SET last_seen_at = last_seen_at - interval '61 seconds', revoked_at = clock_timestamp()`)
	require.Equal(t, "two 192.0.2.2", seen("three"), "a forgotten one was written to")
}

// A session survives the end of its browser's row, and takes it along when all
// others end.
func TestSessionsAndTheirDevices(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, sessions := t.Context(), db.Repos().Sessions
	u := addUser(t, db, "u")
	in := func(d *idp.KnownDevice) *idp.Session {
		s := &idp.Session{UserID: u.ID, Digest: digest(), ExpiresAt: time.Now().Add(time.Hour), DeviceID: &d.ID}
		require.NoError(t, sessions.Create(ctx, s))
		return s
	}
	here, there := addDevice(t, db, u, digest(), time.Hour), addDevice(t, db, u, digest(), time.Hour)
	kept := in(here)
	in(there)
	raise(t, db, u.ID)
	carried, err := sessions.Carry(ctx, kept.ID, 0)
	require.NoError(t, err)
	require.True(t, carried)
	require.True(t, knows(t, db, here.Digest, u), "the browser of whoever ends all others")
	require.False(t, knows(t, db, there.Digest, u))

	sql(t, db, `UPDATE known_devices SET expires_at = clock_timestamp() - interval '1 second' WHERE id = $1`, here.ID)
	require.NoError(t, db.purge(context.Background()))
	got, err := sessions.Get(ctx, kept.ID)
	require.NoError(t, err)
	require.True(t, got.Live)
	require.Nil(t, got.DeviceID)
	require.Equal(t, 1, scalar[int](t, db, `SELECT count(*) FROM known_devices`))
	sql(t, db, `UPDATE known_devices SET revoked_at = clock_timestamp() - interval '31 days'`)
	require.NoError(t, db.purge(context.Background()))
	require.Zero(t, scalar[int](t, db, `SELECT count(*) FROM known_devices`))
	requireCode(t, idp.CodeNotFound, sessions.Create(ctx, &idp.Session{UserID: u.ID, Digest: digest(), ExpiresAt: time.Now(), DeviceID: &there.ID}))
}
