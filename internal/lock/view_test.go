package lock

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

const (
	uuidText  = "dc7cee9d-fe5e-4534-a90d-db770f0234a1"
	uuidOther = "24679348-baff-4987-a2cd-e820ab7f9d2b"
)

func TestWhatALockMatches(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		target []string
		keys   []string
		want   bool
	}{
		"its one key":                         {[]string{"user", "alice"}, []string{"user", "alice"}, true},
		"among others":                        {[]string{"user", "alice"}, []string{"role", "staff", "user", "alice", "ip", "192.0.2.1"}, true},
		"nothing":                             {[]string{"user", "alice"}, nil, false},
		"something else":                      {[]string{"user", "alice"}, []string{"user", "bob"}, false},
		"another kind":                        {[]string{"user", "alice"}, []string{"login", "alice", "role", "alice", "group", "alice"}, false},
		"all of several keys":                 {[]string{"user", "alice", "server_id", uuidText}, []string{"server_id", uuidText, "user", "alice"}, true},
		"some of several keys":                {[]string{"user", "alice", "server_id", uuidText}, []string{"user", "alice"}, false},
		"the other one of several":            {[]string{"user", "alice", "server_id", uuidText}, []string{"server_id", uuidText}, false},
		"several keys of other things":        {[]string{"user", "alice", "server_id", uuidText}, []string{"user", "alice", "server_id", uuidOther}, false},
		"one of many roles":                   {[]string{"role", "contractor"}, []string{"user", "x", "role", "a", "role", "contractor", "role", "b"}, true},
		"two of many values of kinds":         {[]string{"role", "contractor", "group", "night"}, []string{"role", "a", "group", "night", "role", "contractor"}, true},
		"a user in capitals":                  {[]string{"user", "ALICE"}, []string{"user", "alice"}, true},
		"a user against one in capitals":      {[]string{"user", "alice"}, []string{"user", "Alice"}, true},
		"a user with other letters":           {[]string{"user", "ÅSA"}, []string{"user", "åsa"}, true},
		"roles are exact":                     {[]string{"role", "Staff"}, []string{"role", "staff"}, false},
		"no wildcards":                        {[]string{"user", "*"}, []string{"user", "alice"}, false},
		"a part of a name":                    {[]string{"user", "ali"}, []string{"user", "alice"}, false},
		"a UUID in capitals":                  {[]string{"session", "DC7CEE9D-FE5E-4534-A90D-DB770F0234A1"}, []string{"session", uuidText}, true},
		"a UUID without hyphens":              {[]string{"mfa_device", "dc7cee9dfe5e4534a90ddb770f0234a1"}, []string{"mfa_device", uuidText}, true},
		"a device that is no UUID":            {[]string{"device", "laptop-7"}, []string{"device", "laptop-7"}, true},
		"node is a server":                    {[]string{"node", uuidText}, []string{"server_id", uuidText}, true},
		"a login":                             {[]string{"login", "root"}, []string{"login", "root", "user", "alice"}, true},
		"a desktop":                           {[]string{"windows_desktop", "DESK-1"}, []string{"windows_desktop", "DESK-1"}, true},
		"an access request":                   {[]string{"access_request", uuidText}, []string{"access_request", uuidText}, true},
		"an application":                      {[]string{"application", "wiki"}, []string{"application", "wiki"}, true},
		"a token":                             {[]string{"token", "ci"}, []string{"token", "ci"}, true},
		"an address":                          {[]string{"ip", "192.0.2.7"}, []string{"ip", "192.0.2.7"}, true},
		"the next address":                    {[]string{"ip", "192.0.2.7"}, []string{"ip", "192.0.2.8"}, false},
		"a network":                           {[]string{"ip", "192.0.2.0/24"}, []string{"ip", "192.0.2.200"}, true},
		"a network written by an address":     {[]string{"ip", "192.0.2.77/24"}, []string{"ip", "192.0.2.200"}, true},
		"outside of a network":                {[]string{"ip", "192.0.2.0/24"}, []string{"ip", "192.0.3.0"}, false},
		"every IPv4 address":                  {[]string{"ip", "0.0.0.0/0"}, []string{"ip", "203.0.113.5"}, true},
		"every IPv4 address, not IPv6":        {[]string{"ip", "0.0.0.0/0"}, []string{"ip", "2001:db8::1"}, false},
		"an IPv6 network":                     {[]string{"ip", "2001:db8::/32"}, []string{"ip", "2001:db8:1::5"}, true},
		"an IPv6 address in another form":     {[]string{"ip", "2001:DB8:0:0::1"}, []string{"ip", "2001:db8::1"}, true},
		"an IPv4 address inside IPv6":         {[]string{"ip", "::ffff:192.0.2.7"}, []string{"ip", "192.0.2.7"}, true},
		"a network of such":                   {[]string{"ip", "::ffff:192.0.2.0/120"}, []string{"ip", "192.0.2.9"}, true},
		"against an IPv4 address inside IPv6": {[]string{"ip", "192.0.2.0/24"}, []string{"ip", "::ffff:192.0.2.9"}, true},
		"an address with a zone":              {[]string{"ip", "fe80::/10"}, []string{"ip", "fe80::1%eth0"}, true},
		"somebody in a network":               {[]string{"user", "alice", "ip", "192.0.2.0/24"}, []string{"user", "alice", "ip", "192.0.2.9"}, true},
		"somebody outside of it":              {[]string{"user", "alice", "ip", "192.0.2.0/24"}, []string{"user", "alice", "ip", "192.0.3.9"}, false},
		"a group in a network":                {[]string{"group", "night", "ip", "192.0.2.0/24"}, []string{"group", "night", "ip", "192.0.2.9"}, true},
		"a number of a system":                {[]string{"source_asn", "64496"}, []string{"source_asn", "64496"}, true},
		"written with AS":                     {[]string{"source_asn", "AS64496"}, []string{"source_asn", "64496"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, Options{})
			l := lockOn(c.target...)
			d.put(lockOn("user", "somebody else"), l, lockOn("ip", "198.51.100.0/25"))
			if c.want {
				require.NotNil(t, d.Find(of(c.keys...)))
				require.Equal(t, l.ID, d.Find(of(c.keys...)).ID)
				require.Equal(t, l.Target, d.Find(of(c.keys...)).Target, "as it was written")
			} else {
				require.Nil(t, d.Find(of(c.keys...)))
			}
			d.lift(l.ID)
			require.Nil(t, d.Find(of(c.keys...)), "passes after it was lifted")
		})
	}
}

// Of several locks the one that ends last is told, then the oldest, then the one
// with the lowest ID, in whichever order they came.
func TestWhichOfSeveralLocksIsTold(t *testing.T) {
	t.Parallel()
	at := func(hours int) *time.Time { e := began.Add(time.Duration(hours) * time.Hour); return &e }
	forever, young, long, short := lockOn("user", "a"), lockOn("role", "r"), lockOn("user", "a"), lockOn("group", "g")
	twin := lockOn("user", "a", "role", "r")
	young.CreatedAt = began.Add(time.Second)
	long.ExpiresAt, short.ExpiresAt = at(2), at(1)
	order := []*idp.Lock{forever, twin, young, long, short} // twin was made later: its ID is higher
	for range 50 {
		d := newDesk(t, Options{})
		shuffled := append([]*idp.Lock(nil), order...)
		rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		d.put(shuffled...)
		keys := of("group", "g", "role", "r", "user", "a")
		for _, want := range order {
			require.Equal(t, want.ID, d.Find(keys).ID)
			require.EqualError(t, d.Check(keys, false), want.Text())
			d.lift(want.ID)
		}
		require.Nil(t, d.Find(keys))
	}
}

func TestALockEndsByTheFeedsClock(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Options{})
	ends := began.Add(time.Hour)
	l := lockOn("user", "alice", "ip", "192.0.2.0/24")
	network := lockOn("ip", "10.0.0.0/8")
	l.ExpiresAt, network.ExpiresAt = &ends, &ends
	d.put(l, network)
	w := d.Watch()
	defer w.Close()
	<-w.Resets()
	require.Len(t, w.All(), 2)
	keys := of("user", "alice", "ip", "192.0.2.1")
	d.clock.now.Store(ends.UnixNano() - 1)
	require.NotNil(t, d.Find(keys))
	generation := d.Generation()
	d.clock.now.Store(ends.UnixNano())
	require.Nil(t, d.Find(keys), "strictly before its end")
	require.Equal(t, 2, d.Len(), "nobody has looked yet")
	require.True(t, d.Names(idp.LockIP))

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go d.View.Run(ctx)
	removed := map[idp.LockID]bool{*(<-w.Changes()).Removed: true}
	removed[*(<-w.Changes()).Removed] = true
	require.Equal(t, map[idp.LockID]bool{l.ID: true, network.ID: true}, removed)
	require.Zero(t, d.Len(), "it has left the memory")
	require.False(t, d.Names(idp.LockIP))
	require.False(t, d.Names(idp.LockUser))
	require.Eventually(t, func() bool { return d.Generation() != generation }, time.Minute, time.Millisecond)

	later := ends.Add(time.Hour)
	l.ExpiresAt = &later
	d.put(l)
	require.NotNil(t, d.Find(keys), "made anew")
}

// What changes again and again fills no memory.
func TestEndsOfLocksThatAreGoneAreForgotten(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Options{})
	l := lockOn("user", "alice")
	for i := range 10 * spareEnds {
		ends := began.Add(time.Hour + time.Duration(i))
		l.ExpiresAt = &ends
		d.put(l)
	}
	require.LessOrEqual(t, len(d.ends), 2+spareEnds+1)
	d.clock.now.Store(l.ExpiresAt.UnixNano())
	d.sweep()
	require.Zero(t, d.Len())
	for i := range 50_000 { // keys that come and go
		name := lockOn("user", string(rune('a'+i%26))+idp.NewID[idp.Lock]().String())
		d.put(name)
		d.lift(name.ID)
	}
	slots := 0
	for i := range d.index.Load().shards {
		if s := d.index.Load().shards[i].Load(); s != nil {
			slots += len(s.hashes)
		}
	}
	require.LessOrEqual(t, slots, 16*indexShards)
}

func TestModes(t *testing.T) {
	t.Parallel()
	const limit = 5 * time.Minute
	keys := of("user", "alice")
	stale := "preventive lock-out due to local lock view becoming unreliable"
	for name, c := range map[string]struct {
		static  idp.LockingMode
		setting string
		role    bool // a role of the user is strict
		strict  bool
	}{
		"nothing is said":                          {},
		"no role says anything, the setting does":  {setting: `{"locking_mode": "strict"}`, strict: true},
		"the setting says best effort":             {setting: `{"locking_mode": "best_effort"}`},
		"a strict role under best effort":          {setting: `{"locking_mode": "best_effort"}`, role: true, strict: true},
		"strict, and no role softens it":           {setting: `{"locking_mode": "strict"}`, strict: true},
		"the operator beats the setting":           {static: idp.BestEffort, setting: `{"locking_mode": "strict"}`},
		"the operator says strict":                 {static: idp.Strict, setting: `{"locking_mode": "best_effort"}`, strict: true},
		"a strict role under the operator's word":  {static: idp.BestEffort, role: true, strict: true},
		"what nobody can read is judged strictly":  {setting: `{"locking_mode": 7}`, strict: true},
		"a setting without the mode says nothing":  {setting: `{}`},
		"a mode of a later version is best effort": {setting: `{"locking_mode": "later"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, Options{Mode: c.static})
			d.Apply([]idp.Change{{Kind: idp.ChangeSetting, Subject: PreferenceName, Value: json.RawMessage(c.setting)},
				{Kind: idp.ChangeSetting, Subject: "another", Value: json.RawMessage(`{"locking_mode": "strict"}`)}})
			d.clock.age.Store(int64(limit))
			require.NoError(t, d.Check(keys, c.role), "not too old yet")
			d.clock.age.Store(int64(limit) + 1)
			if c.strict {
				require.EqualError(t, d.Check(keys, c.role), stale)
				require.EqualError(t, d.Check(nil, c.role), stale, "nobody in particular")
			} else {
				require.NoError(t, d.Check(keys, c.role))
			}
			mode, fixed := d.Mode()
			require.Equal(t, c.static != "", fixed)
			require.Equal(t, c.strict && !c.role, mode == idp.Strict)

			// What was missed meanwhile bites when the view has recovered.
			l := lockOn("user", "alice")
			d.put(l)
			d.clock.age.Store(0)
			require.EqualError(t, d.Check(keys, c.role), l.Text())
		})
	}
}

func TestAViewThatWasNeverInStepIsStale(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Options{})
	d.clock.age.Store(never)
	require.True(t, d.Stale())
	require.True(t, d.AsOf().IsZero())
	require.NoError(t, d.Check(of("user", "a"), false))
	require.ErrorContains(t, d.Check(of("user", "a"), true), "unreliable")
	d.clock.age.Store(int64(time.Second))
	require.Equal(t, began.Add(-time.Second), d.AsOf())
	tight := newDesk(t, Options{Staleness: time.Second})
	tight.clock.age.Store(int64(time.Second) + 1)
	require.True(t, tight.Stale())
}

// A reset that fails leaves what was known; one that succeeds brings what was
// missed, in both directions.
func TestAReset(t *testing.T) {
	t.Parallel()
	d := newDesk(t, Options{})
	known, missed := lockOn("user", "alice"), lockOn("ip", "192.0.2.0/24")
	d.put(known)
	d.shelf.all[missed.ID] = missed
	d.shelf.setting = json.RawMessage(`{"locking_mode": "strict"}`)
	d.shelf.broken = true
	require.Error(t, d.Reset(t.Context()))
	require.NotNil(t, d.Find(of("user", "alice")))
	d.shelf.broken = false
	require.NoError(t, d.Reset(t.Context()))
	require.Nil(t, d.Find(of("user", "alice")))
	require.NotNil(t, d.Find(of("ip", "192.0.2.3")))
	require.True(t, d.Strict())
	require.False(t, d.Names(idp.LockUser))
	d.Apply([]idp.Change{{Kind: idp.ChangeLock, Subject: "no UUID"}, {Kind: idp.ChangeSetting, Subject: PreferenceName}, gone(known.ID)})
	require.False(t, d.Strict(), "the setting was deleted")
	require.Equal(t, 1, d.Len())
}

// Checking costs nothing where nothing is found, however many locks there are.
func TestACheckThatFindsNothingAllocatesNothing(t *testing.T) {
	d := newDesk(t, Options{})
	for i := range 1000 {
		d.put(lockOn("user", "user"+string(rune(i+'a'))), lockOn("ip", "10."+string(rune('0'+i%10))+".0.0/16", "role", "r"))
	}
	keys := of("user", "alice", "role", "r", "group", "g", "session", uuidText, "device", uuidOther, "token", "t", "ip", "192.0.2.7", "source_asn", "64496")
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		if d.Check(keys, true) != nil {
			t.Fatal("refused")
		}
	}))
}
