package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/portcullis-idp/portcullis/internal/feed"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lock"
)

// A lock made over the API of one server refuses on the other one from the answer
// on, and what it refused is allowed from the answer on that lifts it.
func TestALockHoldsOnEveryServerOnceItIsAnswered(t *testing.T) {
	t.Parallel()
	const tries = 300
	s := newSite(t, 2)
	people := make([]*browser, 6)
	names := make([]string, len(people))
	for i := range people {
		u := s.user(unique("ada"))
		people[i], names[i] = s.with(u), u.Username
	}
	var g errgroup.Group
	var accepted atomic.Int64
	for p, b := range people {
		g.Go(func() error {
			for i := range tries / len(people) {
				here, there := s.replicas[i%2], s.replicas[1-i%2]
				admin := s.admin().at(here)
				a, err := admin.send(http.MethodPost, "/api/v3/locks/", map[string]any{"target": map[string]any{"user": names[p]}})
				if err != nil || a.status != http.StatusCreated {
					return fmt.Errorf("making: %v %w", a, err)
				}
				for _, r := range []*replica{there, here} {
					if b.at(r).checked() == http.StatusOK {
						accepted.Add(1)
					}
				}
				name := fmt.Sprint(a.json(http.StatusCreated)["name"])
				if a, err = admin.send(http.MethodDelete, "/api/v3/locks/"+name+"/", nil); err != nil || a.status/100 != 2 {
					return fmt.Errorf("lifting: %v %w", a, err)
				}
				for _, r := range []*replica{there, here} {
					if status := b.at(r).checked(); status != http.StatusOK {
						return fmt.Errorf("try %d: refused after the lock was lifted: %d", i, status)
					}
				}
			}
			return nil
		})
	}
	require.NoError(t, g.Wait())
	require.Zero(t, accepted.Load(), "of %d", 2*tries)
}

// Streams that a lock matches end with its text, wherever they are open, and
// others go on; the session is in the audit log once. Once the lock is gone, the
// session goes on.
func TestALockCutsStreams(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	here, there := s.replicas[0], s.replicas[1]
	ada, bob := s.administrator("ada"), s.administrator("bob")
	session, cookie := s.cookie(ada)
	b, other := s.holding(cookie), s.with(bob)
	const quiet = "?action=secret_view" // nothing is told that the door would be asked for
	open := []*line{b.at(there).listen(quiet), b.at(there).listen(quiet), b.at(here).listen(quiet)}
	unhurt := other.at(there).listen(quiet)
	began := time.Now()
	l := here.lockOn(s, map[string]string{"user": strings.ToUpper(ada.Username)})
	for _, stream := range open {
		require.Equal(t, "locked: "+l.Text(), stream.ended())
	}
	require.Less(t, time.Since(began), 2*time.Second)
	refused := b.at(there).tryToListen("")
	require.Equal(t, http.StatusForbidden, refused.response.StatusCode)
	cuts := func() int {
		action := lock.ActionCut
		page, err := s.repos().Events.Find(t.Context(), idp.EventFilter{ActionID: &action})
		require.NoError(t, err)
		for _, e := range page.Items {
			require.Equal(t, idp.ActionLogout, e.Action)
			require.Equal(t, l.Text(), e.Context["logout_reason"])
			require.Equal(t, session.ID.String(), e.Context["session"])
			require.Equal(t, ada.Username, e.User["username"])
		}
		return len(page.Items)
	}
	require.Equal(t, 1, cuts(), "once for the session and the lock")
	_, err := here.Locks.Lift(t.Context(), idp.SystemActor(), l.ID)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, b.at(there).checked())
	again := b.at(there).listen(quiet)
	l = here.lockOn(s, map[string]string{"group": ada.GroupNames[0], "session": session.ID.String()})
	require.Equal(t, "locked: "+l.Text(), again.ended(), "by the session and a group")
	unhurt.close()
	require.Equal(t, http.StatusOK, other.at(there).checked())
}

// What is refused again and again is one event, with how often.
func TestRefusalsAreOneEvent(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	ada := s.user("ada")
	b := s.with(ada)
	l := s.replicas[0].lockOn(s, map[string]string{"user": "ada"})
	for range 50 {
		require.NotEqual(t, http.StatusOK, b.checked())
	}
	action := lock.ActionRefused
	events := func() []idp.Event {
		page, err := s.repos().Events.Find(t.Context(), idp.EventFilter{ActionID: &action})
		require.NoError(t, err)
		return page.Items
	}
	require.Eventually(t, func() bool { return len(events()) > 0 }, time.Minute, 10*time.Millisecond)
	for range 50 {
		require.NotEqual(t, http.StatusOK, b.checked())
	}
	found := events()
	require.Len(t, found, 1, "at most one a minute")
	require.Equal(t, l.Text(), found[0].Context["message"])
	require.LessOrEqual(t, found[0].Context["refused"], float64(100))
}

// A server that is cut off from its database: strict refuses when its view is too
// old, best effort goes on. Both know within a second of the cable's mending what
// they missed.
func TestLocksWithoutTheFeed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mode string
		role idp.LockingMode
		want bool // it refuses for want of knowing
	}{
		"best effort":                     {mode: "best_effort"},
		"strict":                          {mode: "strict", want: true},
		"a strict role under best effort": {mode: "best_effort", role: idp.Strict, want: true},
		"a lax role under strict":         {mode: "strict", role: idp.BestEffort, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, 1)
			s.tolerant = true
			ada := s.user("ada")
			if c.role != "" {
				role := &idp.Role{ID: idp.NewID[idp.Role](), Name: "watched", Spec: idp.RoleSpec{Options: idp.RoleOptions{Lock: c.role}}}
				require.NoError(t, s.repos().Roles.Create(t.Context(), role))
				require.NoError(t, s.repos().Roles.SetUserRoles(t.Context(), ada.ID, []idp.RoleID{role.ID}))
			}
			b := s.with(ada)
			direct, cable := s.url, lay(t, s.url)
			s.url = cable.url
			alone := s.open("locking_mode", c.mode, "locking_max_staleness", "3s")
			s.url = direct
			b = b.at(alone)
			require.Equal(t, http.StatusOK, b.checked())

			cable.sever(true)
			s.replicas[0].lockOn(s, map[string]string{"user": "ada"})
			if c.mode == "best_effort" {
				require.Equal(t, http.StatusOK, b.checked(), "nobody could tell it, and it is not too old yet")
			} else { // sessions are asked for in the database after two seconds already
				require.NotEqual(t, http.StatusOK, b.checked())
			}
			require.Eventually(t, alone.Locked.Stale, time.Minute, time.Millisecond)
			require.Equal(t, feed.Stale, alone.Feed.State())
			if c.want {
				require.NotEqual(t, http.StatusOK, b.checked())
			} else {
				require.Equal(t, http.StatusOK, b.checked())
			}
			if c.want {
				require.Contains(t, string(b.get("/-/session/").body), "preventive lock-out due to local lock view becoming unreliable")
			}
			mended := time.Now()
			cable.sever(false)
			require.Eventually(t, func() bool {
				return b.checked() != http.StatusOK && strings.Contains(string(b.get("/-/session/").body), "lock targeting")
			}, time.Minute, time.Millisecond)
			t.Logf("what was missed bites %s after the cable was mended", time.Since(mended))
			require.Less(t, time.Since(mended), 4*time.Second, "a second, on a machine that does nothing else")
			l, err := s.repos().Locks.Find(t.Context(), idp.LockFilter{})
			require.NoError(t, err)
			_, err = s.replicas[0].Locks.Lift(t.Context(), idp.SystemActor(), l.Items[0].ID)
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, b.checked())
		})
	}
}
