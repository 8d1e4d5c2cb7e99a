package lockwatch_test

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/lockwatch"
)

type assertion = assert.CollectT

const (
	serverID = "6d2da7b2-0b9c-4f0e-a1c8-9a8b3a2f3e11"
	otherID  = "f1e2d3c4-0b9c-4f0e-a1c8-9a8b3a2f3e11"
)

func TestAnInteractionIsRefusedThatHasAllKeysOfALock(t *testing.T) {
	t.Parallel()
	type keys = []lockwatch.Key
	ip := lockwatch.IP
	for name, c := range map[string]struct {
		target  []string
		has     keys
		refused bool
	}{
		"the key":                  {[]string{"user", "alice"}, keys{lockwatch.User("alice")}, true},
		"in another case":          {[]string{"user", "Alice"}, keys{lockwatch.User("aLICE")}, true},
		"and others":               {[]string{"user", "alice"}, keys{lockwatch.Login("root"), lockwatch.User("alice"), lockwatch.Role("x")}, true},
		"disjoint":                 {[]string{"user", "alice"}, keys{lockwatch.User("bob"), lockwatch.Login("alice")}, false},
		"nothing":                  {[]string{"user", "alice"}, nil, false},
		"nothing said":             {[]string{"user", "alice"}, keys{lockwatch.User("")}, false},
		"an empty lock":            {nil, keys{lockwatch.User("alice")}, false},
		"both keys":                {[]string{"login", "root", "server_id", serverID}, keys{lockwatch.Server(serverID), lockwatch.Login("root")}, true},
		"one of both":              {[]string{"login", "root", "server_id", serverID}, keys{lockwatch.Login("root")}, false},
		"another for one of both":  {[]string{"login", "root", "server_id", serverID}, keys{lockwatch.Server(otherID), lockwatch.Login("root")}, false},
		"an old name":              {[]string{"server_id", serverID}, keys{{Kind: "node", Value: serverID}}, true},
		"no wildcards":             {[]string{"login", "r*"}, keys{lockwatch.Login("root")}, false},
		"one of several roles":     {[]string{"role", "dev"}, keys{lockwatch.Role("ops"), lockwatch.Role("dev")}, true},
		"the address":              {[]string{"ip", "192.0.2.7"}, keys{ip("192.0.2.7")}, true},
		"its network":              {[]string{"ip", "192.0.2.0/24"}, keys{ip("::ffff:192.0.2.7")}, true},
		"another network":          {[]string{"ip", "192.0.2.0/25"}, keys{ip("192.0.2.200")}, false},
		"a network of v6":          {[]string{"ip", "2001:db8::/32"}, keys{ip("2001:db8:1::7"), ip("192.0.2.7")}, true},
		"everything of v4":         {[]string{"ip", "0.0.0.0/0"}, keys{ip("2001:db8::1")}, false},
		"a network and a user":     {[]string{"ip", "192.0.2.0/24", "user", "alice"}, keys{ip("192.0.2.7"), lockwatch.User("alice")}, true},
		"another network and user": {[]string{"ip", "192.0.2.0/24", "user", "alice"}, keys{ip("192.0.3.7"), lockwatch.User("alice")}, false},
		"no address":               {[]string{"ip", "192.0.2.0/24"}, keys{ip("localhost")}, false},
		"a number":                 {[]string{"source_asn", "64496"}, keys{{Kind: lockwatch.KindSourceASN, Value: "AS64496"}}, true},
		"a kind of later":          {[]string{"cluster", "x"}, keys{{Kind: "cluster", Value: "x"}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := fake(t)
			c1 := s.run()
			l := locked("a", c.target...)
			c1.all(l)
			require.NoError(t, s.watcher.Synced(t.Context()))
			err := s.watcher.Check(lockwatch.BestEffort, c.has...)
			if !c.refused {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, l.Text)
			var refusal *lockwatch.Refusal
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, l.Target, refusal.Lock.Target)
		})
	}
}

// Put is told only where it concerns; the check fails after it, and passes after
// the removal.
func TestPutAndRemove(t *testing.T) {
	t.Parallel()
	s := fake(t)
	c := s.run()
	c.all()
	require.NoError(t, s.watcher.Synced(t.Context()))
	mine, all := s.watcher.Subscribe(lockwatch.User("alice"), lockwatch.Login("root")), s.watcher.Subscribe()
	defer mine.Close()
	defer all.Close()
	require.NoError(t, s.watcher.Check(lockwatch.Strict, lockwatch.User("alice")))
	for _, l := range []lockwatch.Lock{locked("a", "user", "bob"), locked("b", "user", "alice", "role", "dev"), locked("c", "login", "root")} {
		c.put(l)
		require.Equal(t, l.Name, next(t, all).Put.Name)
	}
	require.Equal(t, "c", next(t, mine).Put.Name, "the first that concerns it")
	for _, mode := range []lockwatch.Mode{lockwatch.BestEffort, lockwatch.Strict} {
		require.EqualError(t, s.watcher.Check(mode, lockwatch.User("alice"), lockwatch.Login("root")), `lock targeting login:"root" is in force`)
	}
	changed := locked("c", "login", "admin")
	c.put(changed)
	require.Equal(t, "c", next(t, all).Put.Name)
	require.NoError(t, s.watcher.Check(lockwatch.Strict, lockwatch.Login("root")), "it targets something else now")
	require.Error(t, s.watcher.Check(lockwatch.Strict, lockwatch.Login("admin")))
	c.remove("c")
	c.remove("no such lock")
	require.Equal(t, "c", next(t, all).Removed.Name)
	require.NoError(t, s.watcher.Check(lockwatch.Strict, lockwatch.Login("admin")))
	require.Len(t, s.watcher.Locks(), 2)
	mine.Close()
	mine.Close()
	_, open := <-mine.Events()
	for open { // what was under way
		_, open = <-mine.Events()
	}
}

func TestStaleness(t *testing.T) {
	t.Parallel()
	alice := lockwatch.User("alice")
	s := fake(t)
	require.True(t, s.watcher.Stale())
	require.NoError(t, s.watcher.Check(lockwatch.BestEffort, alice))
	require.EqualError(t, s.watcher.Check(lockwatch.Strict, alice), errStale.Error(), "not yet synchronised is stale")
	require.EqualError(t, s.watcher.Check(lockwatch.Strict), errStale.Error(), "every interaction")
	c := s.run()
	c.send("reset", object{})
	c.sync(30*time.Second, lockwatch.BestEffort)
	require.NoError(t, s.watcher.Synced(t.Context()))
	// Before the limit, both pass.
	for _, mode := range []lockwatch.Mode{"", lockwatch.BestEffort, lockwatch.Strict} {
		require.NoError(t, s.watcher.Check(mode, alice))
	}
	require.Greater(t, s.watcher.Age(), 29*time.Second)
	// After it, best effort passes and strict fails.
	c.sync(61*time.Second, lockwatch.BestEffort)
	s.becomes(errStale, lockwatch.Strict, alice)
	require.NoError(t, s.watcher.Check(lockwatch.BestEffort, alice))
	var refusal *lockwatch.Refusal
	require.ErrorAs(t, s.watcher.Check(lockwatch.Strict, alice), &refusal)
	require.Nil(t, refusal.Lock)
	// A lock that was made while the connection was cut is told on recovery, and both fail.
	heard := s.watcher.Subscribe(alice)
	defer heard.Close()
	s.refusing(http.StatusBadGateway)
	c.drop()
	s.refusing(0)
	missed := locked("missed", "user", "alice")
	s.connection().all(missed)
	require.Equal(t, "missed", next(t, heard).Put.Name)
	for _, mode := range []lockwatch.Mode{lockwatch.BestEffort, lockwatch.Strict} {
		require.EqualError(t, s.watcher.Check(mode, alice), missed.Text)
	}
}

// The view is kept until another one is whole.
func TestAfterAResyncAllLocksAreToldAgain(t *testing.T) {
	t.Parallel()
	s := fake(t)
	c := s.run()
	gone, stays := locked("gone", "user", "alice"), locked("stays", "user", "bob")
	c.all(gone, stays)
	s.becomes(errors.New(gone.Text), lockwatch.BestEffort, lockwatch.User("alice"))
	heard := s.watcher.Subscribe()
	defer heard.Close()
	for range 2 {
		require.NotNil(t, next(t, heard).Put, "it begins with those in force")
	}
	c.drop()
	c = s.connection()
	c.send("reset", object{})
	c.put(stays)
	c.drop() // half way
	c = s.connection()
	require.Error(t, s.watcher.Check(lockwatch.BestEffort, lockwatch.User("alice")), "half a set is none")
	c.send("reset", object{})
	c.put(locked("taken back", "user", "carol"))
	c.put(stays)
	c.remove("taken back")
	c.sync(0, lockwatch.BestEffort)
	require.Equal(t, "gone", next(t, heard).Removed.Name)
	require.Equal(t, "stays", next(t, heard).Put.Name)
	require.NoError(t, s.watcher.Check(lockwatch.BestEffort, lockwatch.User("alice")))
	require.NoError(t, s.watcher.Check(lockwatch.BestEffort, lockwatch.User("carol")))
	c.all() // on the same connection
	require.Equal(t, "stays", next(t, heard).Removed.Name)
}

func TestModes(t *testing.T) {
	t.Parallel()
	s := fake(t)
	c := s.run()
	c.all()
	heard := s.watcher.Subscribe(lockwatch.Login("then"))
	defer heard.Close()
	for _, x := range []struct{ installation, role, want lockwatch.Mode }{
		{lockwatch.BestEffort, "", lockwatch.BestEffort},
		{lockwatch.BestEffort, lockwatch.BestEffort, lockwatch.BestEffort},
		{lockwatch.BestEffort, lockwatch.Strict, lockwatch.Strict},
		{lockwatch.Strict, "", lockwatch.Strict},
		{lockwatch.Strict, lockwatch.BestEffort, lockwatch.Strict},
		{"of a later version", lockwatch.BestEffort, lockwatch.Strict},
	} {
		c.sync(time.Hour, x.installation)
		c.put(locked("then", "login", "then"))
		require.Equal(t, "then", next(t, heard).Put.Name)
		require.Equal(t, x.installation != lockwatch.BestEffort, s.watcher.Mode() == lockwatch.Strict)
		err := s.watcher.Check(x.role, lockwatch.User("alice"))
		require.Equal(t, x.want == lockwatch.Strict, err != nil, "%v", x)
	}
}

func TestExpiryIsJudgedByTheServersClock(t *testing.T) {
	t.Parallel()
	s := fake(t)
	c := s.run()
	ends := time.Now().Add(time.Hour)
	l := locked("a", "user", "alice")
	l.Expires = &ends
	c.send("reset", object{})
	c.put(l)
	c.sync(0, lockwatch.BestEffort)
	s.becomes(errors.New(l.Text), lockwatch.BestEffort, lockwatch.User("alice"))
	c.send("sync", object{"now": ends.Add(-time.Second), "mode": "best_effort"})
	c.send("sync", object{"now": ends.Add(time.Second), "mode": "best_effort"})
	s.becomes(nil, lockwatch.BestEffort, lockwatch.User("alice"))
	require.Empty(t, s.watcher.Locks())
}

func TestTheLockThatEndsLastIsTold(t *testing.T) {
	t.Parallel()
	s := fake(t)
	c := s.run()
	soon, late, old := time.Now().Add(time.Hour), time.Now().Add(2*time.Hour), time.Now().Add(-time.Hour)
	make := func(name string, kind string, ends *time.Time, made time.Time) lockwatch.Lock {
		l := locked(name, kind, "x")
		l.Expires, l.CreatedAt = ends, made
		return l
	}
	keys := []lockwatch.Key{lockwatch.User("x"), lockwatch.Login("x"), lockwatch.Role("x")}
	c.all()
	for _, l := range []lockwatch.Lock{make("d", "user", &soon, soon), make("c", "login", &late, soon), make("b", "role", nil, soon), make("e", "user", nil, old), make("a", "login", nil, old)} {
		c.put(l)
		require.EventuallyWithT(t, func(ct *assertion) {
			var refusal *lockwatch.Refusal
			require.ErrorAs(ct, s.watcher.Check(lockwatch.BestEffort, keys...), &refusal)
			require.Equal(ct, l.Name, refusal.Lock.Name)
		}, time.Minute, time.Millisecond)
	}
}

func TestGuard(t *testing.T) {
	t.Parallel()
	s := fake(t)
	c := s.run()
	c.all()
	require.NoError(t, s.watcher.Synced(t.Context()))
	guard := func(mode lockwatch.Mode, keys ...lockwatch.Key) <-chan error {
		out := make(chan error, 1)
		go func() { out <- s.watcher.Guard(t.Context(), mode, keys...) }()
		return out
	}
	alice, bob := guard(lockwatch.BestEffort, lockwatch.User("alice")), guard(lockwatch.BestEffort, lockwatch.User("bob"))
	l := locked("a", "user", "alice")
	c.put(l)
	require.EqualError(t, <-alice, l.Text, "a lock ends what lasts")
	require.EqualError(t, <-guard(lockwatch.BestEffort, lockwatch.User("alice")), l.Text, "one that is there already at once")
	strict := guard(lockwatch.Strict, lockwatch.User("bob"))
	c.sync(time.Hour, lockwatch.BestEffort)
	require.EqualError(t, <-strict, errStale.Error())
	require.Empty(t, bob, "not in best effort")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.watcher.Guard(ctx, lockwatch.BestEffort, lockwatch.User("bob")), context.Canceled)
	c.sync(0, lockwatch.BestEffort)
	c.put(locked("b", "user", "bob"))
	require.Error(t, <-bob)
}

// The lease runs out by itself when the server says nothing.
func TestTheLeaseRunsOut(t *testing.T) {
	t.Parallel()
	s := fake(t, func(c *lockwatch.Config) { c.MaxStaleness = time.Millisecond }) // MinStaleness counts
	c := s.run()
	c.all()
	require.NoError(t, s.watcher.Synced(t.Context()))
	begin := time.Now()
	require.EqualError(t, s.watcher.Guard(t.Context(), lockwatch.Strict, lockwatch.User("bob")), errStale.Error())
	require.Greater(t, time.Since(begin), lockwatch.MinStaleness/2)
	require.NoError(t, s.watcher.Check(lockwatch.BestEffort, lockwatch.User("bob")))
	<-c.ended // a server that is silent is gone
	s.connection().all()
}

func TestItComesBackWhateverTheServerSays(t *testing.T) {
	t.Parallel()
	reported := make(chan error, 100)
	s := fake(t, func(c *lockwatch.Config) { c.Report = func(err error) { reported <- err } })
	c := s.run()
	for _, x := range []struct {
		name, want string
		data       any
	}{
		{"put", "not understood", 7}, {"put", "not understood", object{}}, {"remove", "not understood", object{}},
		{"sync", "not understood", object{}}, {"end", "(ended): Your session has ended.", object{"reason": "ended", "message": "Your session has ended."}},
	} {
		c.all()
		c.send(x.name, x.data)
		require.ErrorContains(t, <-reported, x.want)
		c = s.connection()
	}
	c.all()
	now := time.Now()
	c.send("sync", object{"now": now, "mode": "best_effort"})
	c.send("sync", object{"now": now.Add(-2 * time.Minute), "mode": "best_effort"}) // as if it had been two minutes on its way
	require.ErrorContains(t, <-reported, "too late")
	c = s.connection()
	c.all()
	c.send("of a later version", object{"x": 1})
	c.put(locked("a", "user", "alice"))
	s.becomes(errors.New(`lock targeting user:"alice" is in force`), lockwatch.BestEffort, lockwatch.User("alice"))
}

func TestWrongConfigurationsAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []lockwatch.Config{{Token: "key"}, {URL: "id.example.org", Token: "key"}, {URL: "ftp://id.example.org", Token: "key"},
		{URL: "https://id.example.org"}, {URL: "https://id.example.org", Token: " "}, {URL: "://", Token: "key"}} {
		_, err := lockwatch.New(c)
		require.ErrorContains(t, err, "lockwatch: ", "%v", c)
	}
}

// Whatever the number of locks, a check looks at few of them.
func BenchmarkCheck(b *testing.B) {
	for _, n := range []int{10, 10_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			w := filled(b, n)
			b.ReportAllocs()
			for b.Loop() {
				_ = w.Check(lockwatch.BestEffort, lockwatch.User("alice"), lockwatch.Login("root"), lockwatch.IP("192.0.2.7"))
			}
		})
	}
}

// A server that takes the connection and says nothing is left.
func TestASilentServerIsLeft(t *testing.T) {
	t.Parallel()
	s := fake(t, func(c *lockwatch.Config) { c.MaxStaleness = lockwatch.MinStaleness })
	<-s.run().ended
	s.connection().all()
	require.NoError(t, s.watcher.Synced(t.Context()))
}
