package lock_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lock"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

// world is a database with locks.
type world struct {
	*testing.T
	db    *postgres.DB
	locks *lock.Service
}

func newWorld(t *testing.T) *world {
	t.Parallel()
	db, err := postgres.Open(t.Context(), testkit.Database(t), postgres.Options{})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	return &world{T: t, db: db, locks: lock.New(lock.Deps{Store: db, Access: access.New()})}
}

func (w *world) user(name string) *idp.User {
	w.Helper()
	u := &idp.User{Username: name, Type: idp.UserInternal, IsActive: true, Path: idp.DefaultUserPath}
	require.NoError(w, w.db.Repos().Users.Create(w.Context(), u))
	return u
}

// administrator is a superuser who can sign in.
func (w *world) administrator(name string) *idp.User {
	w.Helper()
	u := w.user(name)
	u.Password = "$argon2id$something"
	require.NoError(w, w.db.Repos().Users.Update(w.Context(), u))
	g := &idp.Group{Name: "admins of " + name, IsSuperuser: true}
	require.NoError(w, w.db.Repos().Groups.Create(w.Context(), g))
	require.NoError(w, w.db.Repos().Groups.AddUser(w.Context(), g.ID, u.ID))
	u, err := w.db.Repos().Users.Get(w.Context(), u.ID)
	require.NoError(w, err)
	return u
}

func (w *world) events(action string) []idp.Event {
	w.Helper()
	page, err := w.db.Repos().Events.Find(w.Context(), idp.EventFilter{ActionID: &action})
	require.NoError(w, err)
	return page.Items
}

func target(key, value string) map[string]string { return map[string]string{key: value} }

func TestALockIsMadeKeptAndLifted(t *testing.T) {
	w := newWorld(t)
	boss := idp.Actor{User: w.administrator("boss")}
	w.user("Alice")
	made, warnings, err := w.locks.Create(t.Context(), boss, lock.Draft{Target: map[string]string{"user": "alice", "node": "DC7CEE9D-FE5E-4534-A90D-DB770F0234A1"},
		Message: " Suspicious activity. ", TTL: 10 * time.Hour})
	require.NoError(t, err)
	require.Empty(t, warnings)
	require.Equal(t, `lock targeting User:"alice" ServerID:"dc7cee9d-fe5e-4534-a90d-db770f0234a1" is in force: Suspicious activity.`, made.Text())
	require.True(t, made.InForce)
	require.Equal(t, "boss", made.CreatedBy)
	clock, err := w.db.Now(t.Context())
	require.NoError(t, err)
	require.WithinDuration(t, clock.Add(10*time.Hour), *made.ExpiresAt, time.Minute)
	require.Len(t, w.events(lock.ActionCreated), 1)

	_, _, err = w.locks.Create(t.Context(), boss, lock.Draft{ID: made.ID, Target: target("login", "root")})
	require.True(t, idp.Is(err, idp.CodeConflict))
	require.ErrorContains(t, err, `lock "`+made.ID.String()+`" already exists`)
	replaced, _, err := w.locks.Create(t.Context(), boss, lock.Draft{ID: made.ID, Target: target("login", "root"), Force: true})
	require.NoError(t, err)
	require.Equal(t, `Login:"root"`, replaced.Target.String())
	require.Len(t, w.events(lock.ActionUpdated), 1)

	lifted, err := w.locks.Lift(t.Context(), boss, made.ID)
	require.NoError(t, err)
	require.Equal(t, made.ID, lifted.ID)
	_, err = w.locks.Lift(t.Context(), boss, made.ID)
	require.True(t, idp.Is(err, idp.CodeNotFound))
	found, err := w.locks.Get(t.Context(), boss, made.ID)
	require.NoError(t, err)
	require.Equal(t, "boss", found.LiftedBy)
	require.False(t, found.InForce)
	require.Len(t, w.events(lock.ActionDeleted), 1)

	again, _, err := w.locks.Create(t.Context(), boss, lock.Draft{ID: made.ID, Target: target("login", "root")})
	require.NoError(t, err, "a name of the past is free")
	require.Nil(t, again.LiftedAt)
}

func TestBadLocksAreRefusedWithTheirReason(t *testing.T) {
	w := newWorld(t)
	past, year := time.Now().Add(-time.Hour), time.Now().AddDate(1, 0, 0)
	for name, c := range map[string]struct {
		draft lock.Draft
		field string
		want  string
	}{
		"no target":           {lock.Draft{}, "target", "at least one target field must be set"},
		"an unknown key":      {lock.Draft{Target: target("colour", "red")}, "colour", "colour"},
		"an empty value":      {lock.Draft{Target: target("user", " ")}, "user", "may not be blank"},
		"no UUID":             {lock.Draft{Target: target("server_id", "host")}, "server_id", "valid UUID"},
		"no address":          {lock.Draft{Target: target("ip", "300.1.1.1")}, "ip", "no IP address"},
		"no system":           {lock.Draft{Target: target("source_asn", "ASx")}, "source_asn", "autonomous"},
		"two names of one":    {lock.Draft{Target: map[string]string{"node": "dc7cee9d-fe5e-4534-a90d-db770f0234a1", "server_id": "dc7cee9d-fe5e-4534-a90d-db770f0234a2"}}, "", "old name"},
		"an end in the past":  {lock.Draft{Target: target("user", "x"), Expires: &past}, "expires", "has passed"},
		"both ends":           {lock.Draft{Target: target("user", "x"), Expires: &year, TTL: time.Hour}, "expires", "use only one of --expires and --ttl"},
		"a negative lifetime": {lock.Draft{Target: target("user", "x"), TTL: -time.Hour}, "ttl", "greater than 0"},
		"control characters":  {lock.Draft{Target: target("user", "x\x1b")}, "user", "cannot be shown"},
	} {
		_, _, err := w.locks.Create(t.Context(), idp.SystemActor(), c.draft)
		require.True(t, idp.Is(err, idp.CodeInvalid), "%s: %v", name, err)
		require.ErrorContains(t, err, c.want, name)
	}
	page, err := w.locks.Find(t.Context(), idp.SystemActor(), idp.LockFilter{})
	require.NoError(t, err)
	require.Empty(t, page.Items)
}

func TestWhoMayNotIsToldTheSeedsText(t *testing.T) {
	w := newWorld(t)
	mia := idp.Actor{User: w.user("mia")}
	_, _, err := w.locks.Create(t.Context(), mia, lock.Draft{Target: target("user", "x")})
	require.True(t, idp.Is(err, idp.CodeForbidden))
	require.ErrorContains(t, err, `access denied to perform action "create" on "lock"`)
	_, err = w.locks.Lift(t.Context(), mia, idp.NewID[idp.Lock]())
	require.True(t, idp.Is(err, idp.CodeForbidden), "not even whether there is one: %v", err)
}

func TestTheLastAdministratorIsNotLockedOutByAccident(t *testing.T) {
	w := newWorld(t)
	boss := idp.Actor{User: w.administrator("boss")}
	other := w.administrator("other")
	for i, named := range []map[string]string{target("user", "BOSS"), target("group", "admins of boss"), {"user": "boss", "group": "admins of boss"}} {
		made, _, err := w.locks.Create(t.Context(), boss, lock.Draft{Target: named})
		require.NoError(t, err, "another administrator is left: %d", i)
		second := lock.Draft{Target: target("user", "other")}
		_, _, err = w.locks.Create(t.Context(), boss, second)
		require.ErrorContains(t, err, lock.LastAdministrator)
		preview, err := w.locks.Preview(t.Context(), idp.SystemActor(), second.Target)
		require.NoError(t, err)
		require.True(t, preview.LastAdmin)
		second.ForceLastAdmin = true
		forced, _, err := w.locks.Create(t.Context(), boss, second)
		require.NoError(t, err)
		for _, id := range []idp.LockID{made.ID, forced.ID} {
			_, err = w.locks.Lift(t.Context(), boss, id)
			require.NoError(t, err)
		}
	}
	_, _, err := w.locks.Create(t.Context(), boss, lock.Draft{Target: map[string]string{"user": "boss", "login": "root"}})
	require.NoError(t, err, "it refuses only some of what they do")
	preview, err := w.locks.Preview(t.Context(), boss, target("user", "other"))
	require.NoError(t, err)
	require.Equal(t, 1, preview.UserTotal)
	require.Equal(t, other.ID, preview.Users[0].ID)
	require.False(t, preview.You)
	require.False(t, preview.LastAdmin)
}

func TestManyLocksAreMadeAndLiftedAtOnce(t *testing.T) {
	w := newWorld(t)
	drafts := make([]lock.Draft, 300)
	for i := range drafts {
		drafts[i] = lock.Draft{Target: map[string]string{"role": "contractor", "login": "login-" + string(rune('a'+i%26))}}
	}
	made, warnings, err := w.locks.CreateAll(t.Context(), idp.SystemActor(), drafts)
	require.NoError(t, err)
	require.Len(t, made, 300)
	require.Len(t, warnings, 1, "each missing name is told once: %v", warnings)
	bad := append(drafts[:3:3], lock.Draft{})
	_, _, err = w.locks.CreateAll(t.Context(), idp.SystemActor(), bad)
	require.ErrorContains(t, err, "lock 4 of 4")
	lifted, err := w.locks.LiftAll(t.Context(), idp.SystemActor(), target("login", "login-a"))
	require.NoError(t, err)
	require.Len(t, lifted, 12)
	active := true
	page, err := w.locks.Find(t.Context(), idp.SystemActor(), idp.LockFilter{InForce: &active})
	require.NoError(t, err)
	require.Equal(t, 288, page.Total)
	_, err = w.locks.LiftAll(t.Context(), idp.SystemActor(), target("login", "login-a"))
	require.True(t, idp.Is(err, idp.CodeNotFound))
}
