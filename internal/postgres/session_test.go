package postgres

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// compareAddr lets cmp look at addresses.
var compareAddr = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

func TestSessionKeepsEveryField(t *testing.T) {
	t.Parallel()
	db := open(t)
	u := addUser(t, db, "mira")
	s := &idp.Session{UserID: u.ID, Digest: digest(), Generation: 0, AuthMethod: "password",
		ExpiresAt: time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond), IP: netip.MustParseAddr("2001:db8::1"),
		UserAgent: "curl", Data: []byte{1, 2}, UntilClosed: true}
	require.NoError(t, db.Repos().Sessions.Create(t.Context(), s))
	require.WithinDuration(t, time.Now(), s.CreatedAt, time.Minute)
	got, err := db.Repos().Sessions.Get(t.Context(), s.ID)
	require.NoError(t, err)
	require.Positive(t, got.ProvedAgo)
	require.Less(t, got.ProvedAgo, time.Minute)
	want := *s
	want.Username, want.Live, want.ProvedAgo = "mira", true, got.ProvedAgo
	require.Empty(t, cmp.Diff(&want, got, compareAddr))

	visited, user, err := db.Repos().Sessions.Visit(t.Context(), s.Digest)
	require.NoError(t, err)
	got.ProvedAgo = visited.ProvedAgo
	require.Empty(t, cmp.Diff(got, visited, compareAddr))
	require.Empty(t, cmp.Diff(u, user, cmpopts.EquateEmpty()))
	many, err := db.Repos().Visits.Find(t.Context(), [][]byte{digest(), s.Digest})
	require.NoError(t, err)
	visited.ProvedAgo = many[0].Session.ProvedAgo
	require.Equal(t, []idp.Visit{{Session: *visited, User: *user}}, many)
	_, _, err = db.Repos().Sessions.Visit(t.Context(), digest())
	requireCode(t, idp.CodeNotFound, err)
	_, err = db.Repos().Sessions.Get(t.Context(), idp.NewID[idp.Session]())
	requireCode(t, idp.CodeNotFound, err)
}

func TestSessionRefusals(t *testing.T) {
	t.Parallel()
	db := open(t)
	s := addSession(t, db, addUser(t, db, "u"), time.Hour)
	again := *s
	again.ID = idp.SessionID{}
	requireCode(t, idp.CodeConflict, db.Repos().Sessions.Create(t.Context(), &again))
	again.Digest, again.UserID = digest(), 4711
	requireField(t, db.Repos().Sessions.Create(t.Context(), &again), "user", "4711")
	again.Digest = []byte("short")
	requireCode(t, idp.CodeInternal, db.Repos().Sessions.Create(t.Context(), &again))
}

// What the database says of a session in each state; doors judge by it.
func TestSessionStates(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, sessions := t.Context(), db.Repos().Sessions
	u := addUser(t, db, "u")
	expired, ended, old := addSession(t, db, u, -time.Second), addSession(t, db, u, time.Hour), addSession(t, db, u, time.Hour)
	did, err := sessions.End(ctx, ended.ID, "signed_out")
	require.NoError(t, err)
	require.True(t, did)
	did, err = sessions.End(ctx, ended.ID, "again")
	require.NoError(t, err)
	require.False(t, did)
	_, err = sessions.End(ctx, idp.NewID[idp.Session](), "x")
	requireCode(t, idp.CodeNotFound, err)
	raise(t, db, u.ID)
	u.SessionGeneration++
	live := addSession(t, db, u, time.Hour)

	for name, c := range map[string]struct {
		s                    *idp.Session
		expired, ended, live bool
	}{
		"live":           {live, false, false, true},
		"expired":        {expired, true, false, false},
		"ended":          {ended, false, true, false},
		"old generation": {old, false, false, false},
	} {
		got, user, err := sessions.Visit(ctx, c.s.Digest)
		require.NoError(t, err, name)
		require.Equal(t, []bool{c.expired, c.ended, c.live}, []bool{got.Expired, got.EndedAt != nil, got.Live}, name)
		require.Equal(t, c.live, idp.MayAct(idp.DoorSession, activated(user), got.Credential()) == nil, name)
	}
	got, err := sessions.Get(ctx, ended.ID)
	require.NoError(t, err)
	require.Equal(t, "signed_out", got.EndReason)

	page, err := sessions.Find(ctx, idp.SessionFilter{UserID: &u.ID, Live: ptr(true)})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	require.Equal(t, live.ID, page.Items[0].ID)
	page, err = sessions.Find(ctx, idp.SessionFilter{UserID: &u.ID, Live: ptr(false)})
	require.NoError(t, err)
	require.Equal(t, 3, page.Total)
}

func TestSessionFilters(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, sessions := t.Context(), db.Repos().Sessions
	mira, ben := addUser(t, db, "Mira"), addUser(t, db, "ben")
	first := addSession(t, db, mira, time.Hour)
	second := &idp.Session{UserID: ben.ID, Digest: digest(), ExpiresAt: time.Now().Add(time.Hour),
		IP: netip.MustParseAddr("::ffff:192.0.2.7"), UserAgent: "Firefox"}
	require.NoError(t, sessions.Create(ctx, second))
	for name, c := range map[string]struct {
		f    idp.SessionFilter
		want []idp.SessionID
	}{
		"newest first": {idp.SessionFilter{}, []idp.SessionID{second.ID, first.ID}},
		"user":         {idp.SessionFilter{UserID: &mira.ID}, []idp.SessionID{first.ID}},
		"ip":           {idp.SessionFilter{IP: ptr("192.0.2.7")}, []idp.SessionID{second.ID}},
		"search user":  {idp.SessionFilter{Paging: idp.Paging{Search: "mIRA"}}, []idp.SessionID{first.ID}},
		"search agent": {idp.SessionFilter{Paging: idp.Paging{Search: "fire"}}, []idp.SessionID{second.ID}},
		"search ip":    {idp.SessionFilter{Paging: idp.Paging{Search: "192.0"}}, []idp.SessionID{second.ID}},
		"by user":      {idp.SessionFilter{Paging: idp.Paging{Order: []string{"user__username"}}}, []idp.SessionID{second.ID, first.ID}},
	} {
		got, err := sessions.Find(ctx, c.f)
		require.NoError(t, err, name)
		ids := []idp.SessionID{}
		for _, s := range got.Items {
			ids = append(ids, s.ID)
		}
		require.Equal(t, c.want, ids, name)
		require.Equal(t, len(ids), got.Total, name)
	}
	_, err := sessions.Find(ctx, idp.SessionFilter{IP: ptr("not an address")})
	requireField(t, err, "last_ip", "not an IP address")
}

func TestUsesAreNoted(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, sessions, u := t.Context(), db.Repos().Sessions, addUser(t, db, "u")
	plain, bound, idle, ended := addSession(t, db, u, time.Hour), addSession(t, db, u, time.Hour), addSession(t, db, u, time.Hour), addSession(t, db, u, time.Hour)
	sql(t, db, `UPDATE sessions SET last_seen_at = last_seen_at - interval '2 minutes', user_agent = 'before', ip = '192.0.2.1'`)
	sql(t, db, `UPDATE sessions SET network_binding = 'bind_asn' WHERE id = $1`, bound.ID)
	sql(t, db, `UPDATE sessions SET idle_timeout = 60 WHERE id = $1`, idle.ID)
	sql(t, db, `UPDATE sessions SET ended_at = now() WHERE id = $1`, ended.ID)
	ip := netip.MustParseAddr("::ffff:192.0.2.9")
	var uses []idp.SessionUse
	for _, s := range []*idp.Session{plain, bound, idle, ended} {
		uses = append(uses, idp.SessionUse{ID: s.ID, IP: ip, UserAgent: "after"})
	}
	require.NoError(t, sessions.Used(ctx, append(uses, idp.SessionUse{ID: idp.NewID[idp.Session]()})))
	state := func(s *idp.Session) string {
		got, err := sessions.Get(ctx, s.ID)
		require.NoError(t, err)
		return fmt.Sprint(got.UserAgent, got.IP, time.Since(got.LastSeenAt) < time.Minute)
	}
	require.Equal(t, "after192.0.2.9 true", state(plain))
	require.Equal(t, "after192.0.2.1 true", state(bound), "the address of a bound session moves by a check only")
	require.Equal(t, "before192.0.2.1 false", state(idle), "a session that lay idle came back to life")
	require.Equal(t, "before192.0.2.1 false", state(ended), "a tombstone was written to")
	require.NoError(t, sessions.Used(ctx, []idp.SessionUse{{ID: plain.ID, UserAgent: "nowhere"}}))
	require.Equal(t, "nowhere192.0.2.9 true", state(plain))
}

func TestCarry(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, sessions := t.Context(), db.Repos().Sessions
	u := addUser(t, db, "u")
	kept, ended, expired, older := addSession(t, db, u, time.Hour), addSession(t, db, u, time.Hour), addSession(t, db, u, -time.Hour), addSession(t, db, u, time.Hour)
	_, err := sessions.End(ctx, ended.ID, "x")
	require.NoError(t, err)
	raise(t, db, u.ID)
	kept2 := *kept
	for s, want := range map[*idp.Session]bool{&kept2: true, ended: false, expired: false} {
		carried, err := sessions.Carry(ctx, s.ID, 0)
		require.NoError(t, err)
		require.Equal(t, want, carried)
	}
	got, err := sessions.Get(ctx, kept.ID)
	require.NoError(t, err)
	require.True(t, got.Live)
	raise(t, db, u.ID)
	carried, err := sessions.Carry(ctx, older.ID, 1)
	require.NoError(t, err)
	require.False(t, carried, "a session that an earlier rise had ended came back")
}

// activated sets aside that the account may be switched off.
func activated(u *idp.User) *idp.User {
	u.IsActive = true
	return u
}
