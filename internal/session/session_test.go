package session_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/secret"
	"github.com/portcullis-idp/portcullis/internal/session"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

type world struct {
	*testing.T
	ctx      context.Context
	db       *postgres.DB
	sessions *session.Service
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db, err := postgres.Open(t.Context(), testkit.Database(t), postgres.Options{})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	return &world{T: t, ctx: t.Context(), db: db, sessions: session.New(session.Deps{Store: db, Access: access.New()})}
}

func (w *world) user(name string) *idp.User {
	w.Helper()
	u := &idp.User{Username: name, IsActive: true, Password: "$argon2id$" + name}
	require.NoError(w, w.db.Repos().Users.Create(w.ctx, u))
	return w.now(u)
}

func (w *world) now(u *idp.User) *idp.User {
	w.Helper()
	fresh, err := w.db.Repos().Users.Get(w.ctx, u.ID)
	require.NoError(w, err)
	return fresh
}

// start begins a session and returns the actor behind it and the cookie.
func (w *world) start(u *idp.User, change ...func(*session.Begin)) (idp.Actor, string) {
	w.Helper()
	begin := session.Begin{User: u.ID, Generation: w.now(u).SessionGeneration, AuthMethod: "password"}
	for _, c := range change {
		c(&begin)
	}
	s, cookie, err := w.sessions.Start(w.ctx, idp.Actor{}, begin)
	require.NoError(w, err)
	return idp.Actor{User: w.now(u), Session: s}, cookie
}

func replace(id idp.SessionID) func(*session.Begin) {
	return func(b *session.Begin) { b.Replace = &id }
}

func (w *world) works(cookie string) bool {
	w.Helper()
	_, _, err := w.sessions.Visit(w.ctx, cookie)
	if err != nil {
		require.Equal(w, idp.CodeRefused, idp.CodeOf(err), "%v", err)
	}
	return err == nil
}

func (w *world) live(u *idp.User) int {
	w.Helper()
	held, err := w.db.Repos().Holder.Holdings(w.ctx, u.ID)
	require.NoError(w, err)
	return held.Sessions
}

func (w *world) events(action idp.Action) []idp.Event {
	w.Helper()
	page, err := w.db.Repos().Events.Find(w.ctx, idp.EventFilter{Actions: []idp.Action{action}, Paging: idp.Paging{Order: []string{"created"}}})
	require.NoError(w, err)
	return page.Items
}

func TestAValidSignInStartsASession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	actor, cookie := w.start(mia, func(b *session.Begin) {
		b.IP, b.UserAgent = netip.MustParseAddr("192.0.2.7"), "Firefox\x00"+strings.Repeat("x", 5000)
	})
	found, u, err := w.sessions.Visit(w.ctx, cookie)
	require.NoError(t, err)
	require.Equal(t, "mia", u.Username)
	require.Equal(t, actor.Session.ID, found.ID)
	require.Equal(t, "192.0.2.7", found.IP.String())
	require.LessOrEqual(t, len(found.UserAgent), 1000)
	require.NotContains(t, found.UserAgent, "\x00")
	require.NotContains(t, string(found.Digest), cookie, "the cookie is kept as a digest only")
	require.True(t, secret.DigestOf(cookie).Equal(found.Digest))
	require.NotNil(t, w.now(mia).LastLoginAt)

	events := w.events(idp.ActionLogin)
	require.Len(t, events, 1)
	require.Equal(t, "mia", events[0].User["username"])
	require.NotContains(t, events[0].User, "authenticated_as")
	require.Equal(t, "password", events[0].Context["auth_method"])
}

func TestExpiryIsTheDurationByTheDatabasesClock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	for lifetime, want := range map[time.Duration]time.Duration{
		time.Hour: time.Hour, 0: session.BrowserLifetime, 30 * 24 * time.Hour: 30 * 24 * time.Hour,
	} {
		actor, _ := w.start(mia, func(b *session.Begin) { b.Lifetime = lifetime })
		now, err := w.db.Now(w.ctx)
		require.NoError(t, err)
		require.WithinDuration(t, now.Add(want), actor.Session.ExpiresAt, time.Second)
	}
	_, cookie := w.start(mia, func(b *session.Begin) { b.Lifetime = time.Microsecond })
	require.False(t, w.works(cookie), "past its time")
	_, _, err := w.sessions.Start(w.ctx, idp.Actor{}, session.Begin{User: mia.ID, Lifetime: -1})
	require.Equal(t, idp.CodeInvalid, idp.CodeOf(err))
}

func TestASignInThatMayNotActIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia, off, nobody := w.user("mia"), w.user("off"), w.user(idp.AnonymousUsername)
	off.IsActive = false
	require.NoError(t, w.db.Repos().Users.Update(w.ctx, off))
	for name, c := range map[string]struct {
		begin session.Begin
		why   idp.Refusal
	}{
		"unknown":        {session.Begin{User: 4711}, idp.RefusedUnknown},
		"inactive":       {session.Begin{User: off.ID}, idp.RefusedInactive},
		"anonymous":      {session.Begin{User: nobody.ID}, idp.RefusedAnonymous},
		"old generation": {session.Begin{User: mia.ID, Generation: -1}, idp.RefusedGeneration},
		"future":         {session.Begin{User: mia.ID, Generation: 1}, idp.RefusedGeneration},
	} {
		s, cookie, err := w.sessions.Start(w.ctx, idp.Actor{}, c.begin)
		require.Equal(t, idp.Refuse(idp.DoorSignIn, c.why), refused(t, err), name)
		require.Nil(t, s, name)
		require.Empty(t, cookie, name)
	}
	require.Empty(t, w.events(idp.ActionLogin))
	require.Nil(t, w.now(mia).LastLoginAt)
}

func TestStrangeCookiesAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, cookie := w.start(w.user("mia"))
	for name, forged := range map[string]string{"none": "", "truncated": cookie[:len(cookie)-1], "longer": cookie + "x",
		"NUL": "\x00", "not UTF-8": "\xff\xfe", "huge": strings.Repeat("a", 1<<20)} {
		_, _, err := w.sessions.Visit(w.ctx, forged)
		require.Equal(t, idp.RefusedUnknown, refused(t, err).Reason, name)
	}
}

func TestASecondUserReplacesTheFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, firstCookie := w.start(w.user("mia"))
	tom := w.user("tom")
	_, secondCookie, err := w.sessions.Start(w.ctx, first, session.Begin{User: tom.ID, Replace: &first.Session.ID})
	require.NoError(t, err)
	require.False(t, w.works(firstCookie))
	require.True(t, w.works(secondCookie))
	events := w.events(idp.ActionLogout)
	require.Len(t, events, 1)
	require.Equal(t, "mia", events[0].User["username"])
	require.Equal(t, session.ReasonReplaced, events[0].Context["logout_reason"])
	logins := w.events(idp.ActionLogin)
	require.Equal(t, "tom", logins[1].User["username"])
	require.NotContains(t, logins[1].User, "authenticated_as", "who was signed in before has no part in it")
}

func TestTheSameUserDoesNotAccumulateAndTheKeyRotates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	actor, cookie := w.start(mia)
	for range 3 {
		former := cookie
		actor, cookie = w.start(mia, replace(actor.Session.ID))
		require.NotEqual(t, former, cookie)
		require.False(t, w.works(former), "the old key must not work")
	}
	require.Equal(t, 1, w.live(mia))
	_, _ = w.start(mia, replace(idp.NewID[idp.Session]())) // a session nobody knows is no obstacle
}

func TestManySignInsAtOnceAllSucceed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	var g errgroup.Group
	for range 16 {
		g.Go(func() error {
			_, _, err := w.sessions.Start(w.ctx, idp.Actor{}, session.Begin{User: mia.ID})
			return err
		})
	}
	require.NoError(t, g.Wait())
	require.Equal(t, 16, w.live(mia))
}

func TestEndingWritesALogoutEventWithItsReason(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	actor, cookie := w.start(mia)
	other, otherCookie := w.start(mia)
	require.NoError(t, w.sessions.End(w.ctx, actor, other.Session.ID, ""))
	require.NoError(t, w.sessions.End(w.ctx, actor, other.Session.ID, ""), "twice is once")
	require.False(t, w.works(otherCookie))
	require.NoError(t, w.sessions.End(w.ctx, actor, actor.Session.ID, ""))
	require.False(t, w.works(cookie))
	var reasons []any
	for _, e := range w.events(idp.ActionLogout) {
		require.Equal(t, "mia", e.User["username"])
		reasons = append(reasons, e.Context["logout_reason"])
	}
	require.Equal(t, []any{session.ReasonByOwner, session.ReasonSignedOut}, reasons)

	for name, reason := range map[string]string{"NUL": "\x00", "not UTF-8": "\xff", "long": strings.Repeat("r", 256)} {
		require.Equal(t, idp.CodeInvalid, idp.CodeOf(w.sessions.End(w.ctx, idp.SystemActor(), other.Session.ID, reason)), name)
	}
}

func TestPeopleSeeAndEndOnlyTheirOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia, _ := w.start(w.user("mia"))
	tom, tomCookie := w.start(w.user("tom"))

	require.Equal(t, idp.CodeNotFound, idp.CodeOf(w.sessions.End(w.ctx, mia, tom.Session.ID, "")))
	_, err := w.sessions.Get(w.ctx, mia, tom.Session.ID)
	require.Equal(t, idp.CodeNotFound, idp.CodeOf(err))
	_, err = w.sessions.EndAll(w.ctx, mia, tom.User.ID)
	require.Equal(t, idp.CodeForbidden, idp.CodeOf(err))
	_, err = w.sessions.EndOthers(w.ctx, mia, tom.User.ID)
	require.Equal(t, idp.CodeForbidden, idp.CodeOf(err))
	require.True(t, w.works(tomCookie))

	page, err := w.sessions.Find(w.ctx, mia, idp.SessionFilter{})
	require.NoError(t, err)
	require.Equal(t, 1, page.Total)
	require.Equal(t, mia.Session.ID, page.Items[0].ID)
	_, err = w.sessions.Find(w.ctx, mia, idp.SessionFilter{UserID: &tom.User.ID})
	require.Equal(t, idp.CodeForbidden, idp.CodeOf(err))
	page, err = w.sessions.Find(w.ctx, idp.SystemActor(), idp.SessionFilter{})
	require.NoError(t, err)
	require.Equal(t, 2, page.Total)

	for name, err := range map[string]error{
		"end": w.sessions.End(w.ctx, idp.Actor{}, tom.Session.ID, ""),
		"find": func() error {
			_, err := w.sessions.Find(w.ctx, idp.Actor{}, idp.SessionFilter{})
			return err
		}(),
		"unknown": w.sessions.End(w.ctx, idp.Actor{}, idp.NewID[idp.Session](), ""),
	} {
		require.Equal(t, idp.CodeUnsigned, idp.CodeOf(err), name)
	}
}

func TestEndOthersKeepsTheSessionInUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	inFlight := w.now(mia).SessionGeneration // a sign-in that has proved who it is
	actor, cookie := w.start(mia)
	var others []string
	for range 3 {
		_, c := w.start(mia)
		others = append(others, c)
	}
	ended, err := w.sessions.EndOthers(w.ctx, actor, mia.ID)
	require.NoError(t, err)
	require.Equal(t, 3, ended)
	require.True(t, w.works(cookie), "the session in use survives")
	for _, c := range others {
		require.False(t, w.works(c))
	}
	_, _, err = w.sessions.Start(w.ctx, idp.Actor{}, session.Begin{User: mia.ID, Generation: inFlight})
	require.Equal(t, idp.RefusedGeneration, refused(t, err).Reason, "a sign-in under way does not survive")

	events := w.events(idp.ActionLogout)
	require.Len(t, events, 1)
	require.Equal(t, session.ReasonOthersEnded, events[0].Context["logout_reason"])
	require.Equal(t, 3.0, events[0].Context["sessions"])

	// The request that comes next in the kept session may do it again.
	kept, u, err := w.sessions.Visit(w.ctx, cookie)
	require.NoError(t, err)
	ended, err = w.sessions.EndOthers(w.ctx, idp.Actor{User: u, Session: kept}, mia.ID)
	require.NoError(t, err)
	require.Zero(t, ended)
	require.Len(t, w.events(idp.ActionLogout), 1, "nothing ended, nothing to tell")
}

func TestEndAllSparesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	actor, cookie := w.start(mia)
	_, other := w.start(mia)
	ended, err := w.sessions.EndAll(w.ctx, actor, mia.ID)
	require.NoError(t, err)
	require.Equal(t, 2, ended)
	require.False(t, w.works(cookie))
	require.False(t, w.works(other))
	_, err = w.sessions.EndAll(w.ctx, actor, mia.ID)
	require.Equal(t, idp.CodeRefused, idp.CodeOf(err), "the actor's own session is gone")
	_, err = w.sessions.EndAll(w.ctx, idp.SystemActor(), 4711)
	require.Equal(t, idp.CodeNotFound, idp.CodeOf(err))
}

// Two sessions of one account end all others at the same time: one is left.
func TestOfTwoThatEndAllOthersOneIsLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 10 {
		mia := w.user(fmt.Sprintf("mia%d", i))
		a, aCookie := w.start(mia)
		b, bCookie := w.start(mia)
		var g errgroup.Group
		for _, actor := range []idp.Actor{a, b} {
			g.Go(func() error {
				if _, err := w.sessions.EndOthers(w.ctx, actor, mia.ID); err != nil && !idp.Is(err, idp.CodeRefused) {
					return err
				}
				return nil
			})
		}
		require.NoError(t, g.Wait())
		require.True(t, w.works(aCookie) != w.works(bCookie))
	}
}

func TestSeenNotesTheAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	actor, _ := w.start(w.user("mia"))
	require.NoError(t, w.sessions.Seen(w.ctx, actor.Session, netip.MustParseAddr("2001:db8::1"), "x\xff"))
	require.NoError(t, w.sessions.Seen(w.ctx, actor.Session, netip.Addr{}, ""))
	got, err := w.sessions.Get(w.ctx, actor, actor.Session.ID)
	require.NoError(t, err)
	require.Equal(t, actor.Session.LastSeenAt.UTC().Truncate(time.Millisecond), got.LastSeenAt.Truncate(time.Millisecond), "at most once a minute")
}
