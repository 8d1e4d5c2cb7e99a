package app_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/testkit"
	"github.com/portcullis-idp/portcullis/lockwatch"
)

// follow is a program that follows the locks with a key, at a replica.
func (s *site) follow(r *replica, key string, change ...func(*lockwatch.Config)) *lockwatch.Watcher {
	s.Helper()
	c := lockwatch.Config{URL: r.base, Token: key, MaxStaleness: time.Minute, MaxBackoff: 50 * time.Millisecond}
	for _, f := range change {
		f(&c)
	}
	w, err := lockwatch.New(c)
	require.NoError(s, err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { _ = w.Run(ctx); close(done) }()
	s.Cleanup(func() { stop(); <-done })
	return w
}

// heard waits for the next event.
func heard(t *testing.T, s *lockwatch.Subscription) lockwatch.Event {
	t.Helper()
	select {
	case e := <-s.Events():
		return e
	case <-time.After(time.Minute):
		require.Fail(t, "no event")
		return lockwatch.Event{}
	}
}

// A lock that is made at one replica bites in a program that follows another, and
// ends there when it is lifted or its time is over.
func TestProgramsFollowTheLocks(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	before := s.lock(anyMap{"login": "root"}, "message", "Maintenance.")
	w := s.follow(s.replicas[1], adminToken)
	require.NoError(t, w.Synced(t.Context()))
	require.False(t, w.Stale())
	require.Equal(t, lockwatch.BestEffort, w.Mode())
	require.EqualError(t, w.Check(lockwatch.Strict, lockwatch.Login("root")), `lock targeting Login:"root" is in force: Maintenance.`)
	require.NoError(t, w.Check(lockwatch.Strict, lockwatch.User("alice")))

	alice := w.Subscribe(lockwatch.User("alice"), lockwatch.Role("dev"))
	defer alice.Close()
	s.lock(anyMap{"user": "bob"})
	both := s.lock(anyMap{"user": "Alice", "role": "dev"})
	e := heard(t, alice)
	require.Equal(t, both["name"], e.Put.Name)
	require.Equal(t, both["text"], e.Put.Text)
	require.Equal(t, both["text"], w.Check(lockwatch.BestEffort, lockwatch.User("alice"), lockwatch.Role("dev")).Error())
	require.NoError(t, w.Check(lockwatch.BestEffort, lockwatch.User("alice")))
	s.lift(both)
	require.Equal(t, both["name"], heard(t, alice).Removed.Name)
	require.NoError(t, w.Check(lockwatch.BestEffort, lockwatch.User("alice"), lockwatch.Role("dev")))

	brief := s.lock(anyMap{"role": "dev"}, "ttl", "3s")
	require.Equal(t, brief["name"], heard(t, alice).Put.Name)
	require.Equal(t, brief["name"], heard(t, alice).Removed.Name)
	require.NoError(t, w.Check(lockwatch.BestEffort, lockwatch.Role("dev")))
	s.lift(before)

	verdict, err := w.Ask(t.Context(), lockwatch.Strict, lockwatch.User("bob"), lockwatch.Login("root"))
	require.NoError(t, err)
	require.EqualError(t, verdict.Err(), `lock targeting User:"bob" is in force`)
	require.Equal(t, lockwatch.Strict, verdict.Mode)
	require.ElementsMatch(t, []lockwatch.Key{lockwatch.User("bob"), lockwatch.Login("root")}, verdict.Keys())
}

// While a program cannot reach the server, the last view counts or nothing does;
// what it missed bites as soon as it is back.
func TestProgramsThatMissALock(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	cut := &cutter{next: http.DefaultTransport.(*http.Transport).Clone()}
	w := s.follow(s.replicas[0], adminToken, func(c *lockwatch.Config) {
		c.Client, c.MaxStaleness = &http.Client{Transport: cut}, lockwatch.MinStaleness
	})
	require.NoError(t, w.Synced(t.Context()))
	cut.cut()
	missed := s.lock(anyMap{"login": "root"})
	root := lockwatch.Login("root")
	stale := &lockwatch.Refusal{}
	require.EqualError(t, w.Guard(t.Context(), lockwatch.Strict, root), stale.Error())
	require.NoError(t, w.Check(lockwatch.BestEffort, root), "the last view")
	mine := w.Subscribe(root)
	defer mine.Close()
	cut.mend()
	require.Equal(t, missed["name"], heard(t, mine).Put.Name)
	for _, mode := range []lockwatch.Mode{lockwatch.BestEffort, lockwatch.Strict} {
		require.EqualError(t, w.Check(mode, root), missed["text"].(string))
	}
}

// cutter is a network that a test cuts.
type cutter struct {
	next *http.Transport
	mu   sync.Mutex
	down bool
	ends []context.CancelFunc // of what is under way
}

// RoundTrip implements http.RoundTripper.
func (c *cutter) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.down {
		return nil, errors.New("the network is cut")
	}
	ctx, end := context.WithCancel(r.Context())
	c.ends = append(c.ends, end)
	return c.next.RoundTrip(r.WithContext(ctx))
}

func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = true
	for _, end := range c.ends {
		end()
	}
}

func (c *cutter) mend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = false
}

// Who may list locks may follow them, for as long as that is so.
func TestAWatchEndsWithWhatItWasOpenedWith(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	locksmith := s.administrator("locksmith")
	_, key := s.key(locksmith, idp.IntentAPI)
	reported := make(chan error, 1000)
	w := s.follow(s.replicas[0], key, func(c *lockwatch.Config) { c.Report = func(err error) { reported <- err } })
	require.NoError(t, w.Synced(t.Context()))
	s.admin().at(s.replicas[1]).contain(anyMap{"users": []idp.UserID{locksmith.ID}})
	require.ErrorContains(t, <-reported, "the server ended the stream")
	require.ErrorContains(t, <-reported, "403 Forbidden: Token invalid/expired")

	// The right to list locks is all that it takes.
	role := &idp.Role{Name: "agent", Spec: idp.RoleSpec{Allow: idp.RoleRules{Rules: []idp.RoleRule{{Resources: []string{"lock"}, Verbs: []string{"list"}}}}}}
	require.NoError(t, s.replicas[0].DB.InTx(t.Context(), func(tx idp.Repos) error { return tx.Roles.Create(t.Context(), role) }))
	agent := s.user("agent")
	require.NoError(t, s.repos().Roles.SetUserRoles(t.Context(), agent.ID, []idp.RoleID{role.ID}))
	_, key = s.key(agent, idp.IntentAPI)
	w = s.follow(s.replicas[0], key)
	require.NoError(t, w.Synced(t.Context()))
	_, err := w.Ask(t.Context(), "", lockwatch.Login("root"))
	require.NoError(t, err)
	require.Equal(t, http.StatusForbidden, s.program(key).do(http.MethodPost, "/api/v3/locks/", anyMap{"target": anyMap{"user": "x"}}).status)

	_, ordinary := s.key(s.user("mia"), idp.IntentAPI)
	w = s.follow(s.replicas[0], ordinary, func(c *lockwatch.Config) { c.Report = func(err error) { reported <- err } })
	require.ErrorContains(t, untilIt(t, reported, "access denied"), `access denied to perform action "list" on "lock"`)
	_, err = w.Ask(t.Context(), "", lockwatch.Login("root"))
	require.ErrorContains(t, err, `access denied to perform action "list" on "lock"`)
	require.True(t, w.Stale())
	for _, beat := range []string{"1", "1ms", "1h", "often"} {
		require.Contains(t, s.admin().api(http.StatusBadRequest, http.MethodGet, "/locks/watch/?heartbeat="+beat, nil), "heartbeat", beat)
	}
}

// untilIt waits for an error with that text.
func untilIt(t *testing.T, errs <-chan error, text string) error {
	t.Helper()
	for {
		select {
		case err := <-errs:
			if strings.Contains(err.Error(), text) {
				return err
			}
		case <-time.After(time.Minute):
			require.Fail(t, "nothing says "+text)
			return errors.New("unreachable")
		}
	}
}

// The stream as it is on the wire: the full set, and then what happens; heartbeats
// follow each other though nothing does.
func TestTheWatchOnTheWire(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	first := s.lock(anyMap{"windows_desktop": "front-desk"}, "ttl", "1h")
	ctx, hangUp := context.WithCancel(t.Context())
	defer hangUp()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.replicas[0].base+"/api/v3/locks/watch/?heartbeat=100ms", nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+adminToken)
	answer, err := (&http.Client{Transport: s.transport}).Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	l := &line{s, answer, bufio.NewReader(answer.Body), hangUp}
	next := func(name string) anyMap {
		t.Helper()
		for {
			m, err := l.next()
			require.NoError(t, err)
			if m.name == "sync" && name != "sync" {
				continue // a heartbeat
			}
			require.Equal(t, name, m.name, m.data)
			var out anyMap
			require.NoError(t, json.Unmarshal([]byte(m.data), &out))
			return out
		}
	}
	require.Equal(t, anyMap{"count": 1.0}, next("reset"))
	require.Equal(t, first, next("put"), "a lock is told as the API shows it")
	for range 3 {
		sync := next("sync")
		require.Equal(t, "best_effort", sync["mode"])
		at, err := time.Parse(time.RFC3339Nano, sync["as_of"].(string))
		require.NoError(t, err)
		require.WithinDuration(t, time.Now(), at, time.Minute)
		require.Less(t, sync["age_ms"], 10_000.0)
	}
	second := s.lock(anyMap{"login": "root"})
	require.Equal(t, second, next("put"))
	s.lift(first)
	require.Equal(t, anyMap{"name": first["name"]}, next("remove"))
	require.NoError(t, s.replicas[0].Locked.Reset(t.Context()), "as after it lost touch with the database")
	require.Equal(t, anyMap{"count": 1.0}, next("reset"))
	require.Equal(t, second, next("put"))
	next("sync")
}

// While a server cannot be sure to know of every lock, strictness refuses and says
// why, in the check as in programs that are connected.
func TestAServerThatIsStaleSaysSo(t *testing.T) {
	t.Parallel()
	s := blankSite(t, testkit.Database(t))
	r := s.open("locking_max_staleness", "1s")
	s.role("careful", idp.Strict)
	careful, anybody := anyMap{"login": "root", "roles": []string{"careful"}}, anyMap{"login": "root"}
	require.Equal(t, true, s.check(anybody)["allowed"])
	w := s.follow(r, adminToken, func(c *lockwatch.Config) { c.MaxStaleness = lockwatch.MinStaleness })
	require.NoError(t, w.Synced(t.Context()))
	require.NoError(t, w.Check(lockwatch.BestEffort, lockwatch.Login("root")))
	r.Feed.Stop()
	require.EqualError(t, w.Guard(t.Context(), lockwatch.Strict, lockwatch.Login("root")), "preventive lock-out due to local lock view becoming unreliable")
	require.NoError(t, w.Check(lockwatch.BestEffort, lockwatch.Login("root")))
	var got anyMap
	require.Eventually(t, func() bool { got = s.check(careful); return got["allowed"] == false }, time.Minute, 10*time.Millisecond)
	require.Equal(t, []any{"strict", nil, "lock_view_stale", "preventive lock-out due to local lock view becoming unreliable"},
		[]any{got["mode"], got["lock"], got["code"], got["detail"]})
	got = s.check(anybody)
	require.Equal(t, []any{true, "best_effort", ""}, []any{got["allowed"], got["mode"], got["detail"]})
	verdict, err := w.Ask(t.Context(), "", lockwatch.Login("root"), lockwatch.Role("careful"))
	require.NoError(t, err)
	require.EqualError(t, verdict.Err(), lockwatch.StaleText)
}
