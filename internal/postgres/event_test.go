package postgres

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestEventKeepsEveryField(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, events := t.Context(), db.Repos().Events
	later := time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond)
	e := &idp.Event{Action: idp.ActionLogin, App: "session", User: map[string]any{"pk": 3.0, "username": "x"},
		Context: map[string]any{"deep": map[string]any{"a": []any{1.0}}}, ClientIP: netip.MustParseAddr("::ffff:192.0.2.1"),
		Brand: map[string]any{"name": "b"}, ExpiresAt: &later}
	require.NoError(t, events.Append(ctx, e))
	require.WithinDuration(t, time.Now(), e.CreatedAt, time.Minute, "the database's clock decides")
	require.Equal(t, "192.0.2.1", e.ClientIP.String())
	got, err := events.Get(ctx, e.ID)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(e, got, compareAddr))
	_, err = events.Get(ctx, idp.NewID[idp.Event]())
	requireCode(t, idp.CodeNotFound, err)

	imported := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	stale := &idp.Event{Action: idp.ActionLogout, CreatedAt: imported}
	require.NoError(t, events.Append(ctx, stale))
	require.WithinDuration(t, time.Now(), stale.CreatedAt, time.Minute, "what a retried transaction left there does not count")
	bare := &idp.Event{Action: idp.ActionLogout, CreatedAt: imported, Imported: true}
	require.NoError(t, events.Append(ctx, bare))
	require.Equal(t, imported, bare.CreatedAt)
	got, err = events.Get(ctx, bare.ID)
	require.NoError(t, err)
	require.NotNil(t, got.User)
	require.NotNil(t, got.Context)
	require.NotNil(t, got.Brand)
	require.False(t, got.ClientIP.IsValid())
}

// What a stranger typed into the sign-in form must not keep the failed
// attempt out of the log.
func TestEventKeepsWhatTextCannotHold(t *testing.T) {
	t.Parallel()
	db := open(t)
	e := &idp.Event{Action: idp.ActionLoginFailed, User: map[string]any{"username": "a\x00\xff"}, Context: map[string]any{
		"k\x00": []any{"\x00", map[string]any{"x": "\x00"}}, "s": []string{"\x00"}, "m": map[string]string{"\x00": "\xff"}, "n": map[string]any(nil)}}
	require.NoError(t, db.Repos().Events.Append(t.Context(), e))
	got, err := db.Repos().Events.Get(t.Context(), e.ID)
	require.NoError(t, err)
	require.Equal(t, "a\uFFFD\uFFFD", got.User["username"])
	require.Equal(t, []any{"\uFFFD", map[string]any{"x": "\uFFFD"}}, got.Context["k\uFFFD"])
	require.Equal(t, "a\x00\xff", e.User["username"], "the caller's own event is left alone")
}

func TestEventFilters(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, events := t.Context(), db.Repos().Events
	ana, ben := &idp.User{ID: 1, Username: "ana", Email: "a@example.com"}, &idp.User{ID: 2, Username: "ben"}
	add := func(name string, actor *idp.User, about *idp.User, action idp.Action, context map[string]any, ip string) {
		a := idp.Actor{User: actor, Request: &idp.RequestInfo{Path: "/" + name}}
		if ip != "" {
			a.Request.ClientIP = netip.MustParseAddr(ip)
		}
		e := action.Event(name, a, about, context)
		require.NoError(t, events.Append(ctx, e))
	}
	add("first", ana, nil, idp.ActionLogin, nil, "192.0.2.1")
	add("second", ana, ben, idp.ActionUserWrite, map[string]any{"action_id": idp.ActionIDLockdown, "reason": "Stolen laptop"}, "")
	add("third", nil, nil, idp.ActionLoginFailed, nil, "2001:db8::1")
	mid := scalar[time.Time](t, db, `SELECT created_at FROM events WHERE app = 'second'`)
	for name, c := range map[string]struct {
		f    idp.EventFilter
		want []string
	}{
		"newest first":        {idp.EventFilter{}, []string{"third", "second", "first"}},
		"actions":             {idp.EventFilter{Actions: []idp.Action{idp.ActionLogin, idp.ActionLoginFailed}}, []string{"third", "first"}},
		"user, also as actor": {idp.EventFilter{UserID: ptr(idp.UserID(1))}, []string{"second", "first"}},
		"user":                {idp.EventFilter{UserID: ptr(idp.UserID(2))}, []string{"second"}},
		"username":            {idp.EventFilter{Username: ptr("ana")}, []string{"first"}},
		"ip":                  {idp.EventFilter{ClientIP: ptr("2001:DB8::1")}, []string{"third"}},
		"action id":           {idp.EventFilter{ActionID: ptr(idp.ActionIDLockdown)}, []string{"second"}},
		"after":               {idp.EventFilter{After: &mid}, []string{"third"}},
		"before":              {idp.EventFilter{Before: &mid}, []string{"first"}},
		"search":              {idp.EventFilter{Paging: idp.Paging{Search: "stolen LAPTOP"}}, []string{"second"}},
		"oldest first":        {idp.EventFilter{Paging: idp.Paging{Order: []string{"created"}, Limit: 2}}, []string{"first", "second"}},
	} {
		got, err := events.Find(ctx, c.f)
		require.NoError(t, err, name)
		var apps []string
		for _, e := range got.Items {
			apps = append(apps, e.App)
		}
		require.Equal(t, c.want, apps, name)
	}
	_, err := events.Find(ctx, idp.EventFilter{ClientIP: ptr("x")})
	requireField(t, err, "client_ip", "not an IP address")
}

func TestDaily(t *testing.T) {
	t.Parallel()
	db := open(t)
	for _, e := range []struct{ ago, action string }{{"0", "login"}, {"0", "login"}, {"1 day", "login"}, {"1 day", "logout"}, {"2 days", "login"}} {
		sql(t, db, `INSERT INTO events (id, action, created_at) VALUES (gen_random_uuid(), $2, clock_timestamp() - $1::interval)`, e.ago, e.action)
	}
	got, err := db.Repos().Events.Daily(t.Context(), 2)
	require.NoError(t, err)
	today := scalar[time.Time](t, db, `SELECT date_trunc('day', clock_timestamp(), 'UTC')`)
	yesterday := today.AddDate(0, 0, -1)
	require.Equal(t, []idp.EventCount{
		{Day: yesterday, Action: "login", Count: 1}, {Day: yesterday, Action: "logout", Count: 1}, {Day: today, Action: "login", Count: 2},
	}, got)
}

// The role the server runs as can neither change nor remove what was logged,
// and where no such role could be made the table itself refuses.
func TestEventsAreAppendOnly(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx := t.Context()
	require.Equal(t, "portcullis_app", scalar[string](t, db, `SELECT current_user::text`))
	require.NoError(t, db.Repos().Events.Append(ctx, &idp.Event{Action: idp.ActionLogin}))
	owner, err := db.pool.Acquire(ctx)
	require.NoError(t, err)
	_, err = owner.Exec(ctx, `RESET ROLE`)
	require.NoError(t, err)
	defer func() { require.NoError(t, owner.Conn().Close(ctx)); owner.Release() }()
	for _, statement := range []string{`UPDATE events SET action = 'x'`, `DELETE FROM events`, `TRUNCATE events`, `DELETE FROM events WHERE false`} {
		_, err := db.pool.Exec(ctx, statement)
		require.Equal(t, insufficientRights, sqlState(err), "%s as the server: %v", statement, err)
		require.ErrorContains(t, err, "permission denied", statement)
		_, err = owner.Exec(ctx, statement)
		require.Equal(t, insufficientRights, sqlState(err), "%s as the owner: %v", statement, err)
		require.ErrorContains(t, err, "append-only", statement)
	}
	require.Equal(t, 1, scalar[int](t, db, `SELECT count(*) FROM events`))

	_, err = db.pool.Exec(ctx, `UPDATE schema_migrations SET version = 0`)
	require.Equal(t, insufficientRights, sqlState(err))
	_, err = db.pool.Exec(ctx, `CREATE TABLE mine ()`)
	require.Equal(t, insufficientRights, sqlState(err))
}

func TestDeletingAUserKeepsTheAudit(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, r := t.Context(), db.Repos()
	u, admin := addUser(t, db, "u"), addUser(t, db, "admin")
	addSession(t, db, u, time.Hour)
	addToken(t, db, u, idp.IntentAPI)
	require.NoError(t, r.Events.Append(ctx, idp.LoginEvent("x", idp.Actor{User: admin}, u, nil)))
	l := &idp.Lockdown{UserID: &u.ID, Username: "u", ActorID: &admin.ID, ActorName: "admin", IdempotencyKey: "k"}
	require.NoError(t, r.Lockdowns.Create(ctx, l))
	_, err := r.Lockdowns.MarkRestored(ctx, u.ID, admin)
	require.NoError(t, err)
	for _, id := range []idp.UserID{u.ID, admin.ID} {
		require.NoError(t, r.Users.Delete(ctx, id))
	}
	require.Zero(t, scalar[int](t, db, `SELECT (SELECT count(*) FROM sessions) + (SELECT count(*) FROM tokens)`))
	page, err := r.Events.Find(ctx, idp.EventFilter{UserID: &u.ID})
	require.NoError(t, err)
	require.Equal(t, 1, page.Total)
	got, err := r.Lockdowns.Get(ctx, l.ID)
	require.NoError(t, err)
	require.Nil(t, got.UserID)
	require.Nil(t, got.ActorID)
	require.Nil(t, got.RestoredByID)
	require.Equal(t, []string{"u", "admin", "admin"}, []string{got.Username, got.ActorName, got.RestoredByName})
}

func TestManyEventsAreWrittenAsOneIs(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx := t.Context()
	ends := time.Now().Add(time.Hour).Truncate(time.Microsecond).UTC()
	long := time.Date(2020, 1, 2, 3, 4, 5, 6000, time.UTC)
	made := func() []*idp.Event {
		return []*idp.Event{
			{Action: idp.ActionLoginFailed, App: "a\x00b", User: map[string]any{"pk": 7, "username": "ada"}, ClientIP: netip.MustParseAddr("::ffff:192.0.2.7"),
				Context: map[string]any{"text": "nul \x00, quote \" and \xff", "list": []any{1, "zwei", nil}}, Brand: map[string]any{"name": "b"}, ExpiresAt: &ends},
			{Action: idp.ActionLogin, App: "x", ClientIP: netip.MustParseAddr("fe80::1%eth0"), Imported: true, CreatedAt: long},
			{Action: idp.ActionLogout, App: "y"},
		}
	}
	together, single := made(), made()
	require.NoError(t, db.InTx(ctx, func(tx idp.Repos) error { return tx.Events.AppendAll(ctx, together) }))
	for _, e := range single {
		require.NoError(t, db.Repos().Events.Append(ctx, e))
	}
	for i := range together {
		a, err := db.Repos().Events.Get(ctx, together[i].ID)
		require.NoError(t, err)
		b, err := db.Repos().Events.Get(ctx, single[i].ID)
		require.NoError(t, err)
		require.True(t, a.CreatedAt.Equal(together[i].CreatedAt), "each is told its own time")
		if !together[i].Imported {
			require.WithinDuration(t, b.CreatedAt, a.CreatedAt, time.Minute)
			a.CreatedAt = b.CreatedAt
		}
		a.ID = b.ID
		require.Equal(t, b, a)
	}
}
