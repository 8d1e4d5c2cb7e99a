package feed

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// source is a database that does what the test says.
type source struct {
	mu      sync.Mutex
	changes []idp.Change
	oldest  int64
	newest  int64
	peers   []Beat
	err     error
	beats   []Beat // told by Applied
	changed func(*idp.Change)
	applied func(Beat)
	left    bool
}

func (s *source) Read(_ context.Context, me Beat, limit int) (Reading, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return Reading{}, s.err
	}
	r := Reading{Oldest: s.oldest, Newest: s.newest, Now: time.Now().Add(time.Hour), Peers: s.peers}
	for _, c := range s.changes {
		r.Last = c.Seq
		if c.Seq > me.Applied && len(r.Changes) < limit {
			r.Changes = append(r.Changes, c)
		}
	}
	return r, nil
}

func (s *source) Applied(_ context.Context, me Beat) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.beats = append(s.beats, me)
	return nil
}

func (s *source) Listen(ctx context.Context, ready func(), changed func(*idp.Change), applied func(Beat)) error {
	s.mu.Lock()
	s.changed, s.applied = changed, applied
	s.mu.Unlock()
	ready()
	<-ctx.Done()
	return ctx.Err()
}

func (s *source) Leave(context.Context, ReplicaID) error {
	s.left = true
	return nil
}

// commit adds a change; the database says so or not.
func (s *source) commit(seq int64, tell bool) {
	s.mu.Lock()
	s.changes, s.newest = append(s.changes, idp.Change{Seq: seq, Kind: idp.ChangeUser, Subject: "7"}), seq
	changed := s.changed
	s.mu.Unlock()
	if tell {
		changed(nil)
	}
}

func (s *source) set(change func(*source)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// notebook is a subscriber.
type notebook struct {
	mu     sync.Mutex
	resets int
	err    error
	seen   []int64
	waits  []wait
}

// wait is one that the feed told of.
type wait struct {
	took      time.Duration
	confirmed bool
}

func (n *notebook) note(took time.Duration, confirmed bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.waits = append(n.waits, wait{took, confirmed})
}

func (n *notebook) waited() []wait {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.waits
}

func (n *notebook) Reset(context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.resets++
	n.seen = nil
	return n.err
}

func (n *notebook) Apply(changes []idp.Change) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range changes {
		n.seen = append(n.seen, c.Seq)
	}
}

func (n *notebook) state() (int, []int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.resets, n.seen
}

// follow runs the test in a bubble with a feed that is in step.
func follow(t *testing.T, before *source, test func(t *testing.T, f *Feed, s *source, n *notebook)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := &notebook{}
		f := New(before, Options{Log: slog.New(slog.DiscardHandler), Awaited: n.note}, n)
		require.Equal(t, Stale, f.State(), "nothing is known before the first reading")
		require.NoError(t, f.Start(t.Context()))
		defer func() {
			f.Stop()
			require.True(t, before.left)
		}()
		synctest.Wait()
		require.Equal(t, Fresh, f.State())
		test(t, f, before, n)
	})
}

func TestChangesAreAppliedOnceAndInOrder(t *testing.T) {
	before := &source{changes: []idp.Change{{Seq: 3}, {Seq: 4}}, oldest: 3, newest: 4}
	follow(t, before, func(t *testing.T, f *Feed, s *source, n *notebook) {
		resets, seen := n.state()
		require.Equal(t, 1, resets)
		require.Empty(t, seen, "what was there before is loaded, not applied")
		s.commit(5, true)
		s.commit(6, true)
		synctest.Wait()
		_, seen = n.state()
		require.Equal(t, []int64{5, 6}, seen, "at once")
		s.commit(7, false)
		synctest.Wait()
		_, seen = n.state()
		require.Equal(t, []int64{5, 6}, seen)
		time.Sleep(DefaultPoll)
		synctest.Wait()
		resets, seen = n.state()
		require.Equal(t, []int64{5, 6, 7}, seen, "what nobody told of is found by the poll")
		require.Equal(t, 1, resets)
	})
}

func TestManyChangesAreAppliedBeforeAnythingIsFresh(t *testing.T) {
	follow(t, &source{}, func(t *testing.T, f *Feed, s *source, n *notebook) {
		for i := range int64(3 * pageSize) {
			s.commit(i+1, false)
		}
		require.NoError(t, f.Sync(t.Context()))
		_, seen := n.state()
		require.Len(t, seen, 3*pageSize)
	})
}

func TestTheLeaseRunsOutAndComesBack(t *testing.T) {
	follow(t, &source{}, func(t *testing.T, f *Feed, s *source, n *notebook) {
		s.set(func(s *source) { s.err = errors.New("cut") })
		time.Sleep(DefaultLease - DefaultPoll - time.Millisecond)
		require.Equal(t, Fresh, f.State(), "while the lease lasts")
		time.Sleep(DefaultPoll + 2*time.Millisecond)
		require.Equal(t, Stale, f.State())
		s.commit(1, false)
		s.set(func(s *source) { s.err = nil })
		time.Sleep(DefaultPoll)
		synctest.Wait()
		require.Equal(t, Fresh, f.State())
		resets, seen := n.state()
		require.Equal(t, 1, resets, "the feed has kept what was missed")
		require.Equal(t, []int64{1}, seen)
	})
}

func TestWhatIsNotKeptAnyMoreMeansToBeginAnew(t *testing.T) {
	for name, change := range map[string]func(*source){
		"purged": func(s *source) { s.changes, s.oldest, s.newest = []idp.Change{{Seq: 50}}, 50, 50 },
		"another copy of the database": func(s *source) {
			s.changes, s.oldest, s.newest = []idp.Change{{Seq: 1}}, 1, 1
		},
	} {
		t.Run(name, func(t *testing.T) {
			follow(t, &source{changes: []idp.Change{{Seq: 9}}, oldest: 9, newest: 9}, func(t *testing.T, f *Feed, s *source, n *notebook) {
				f.promised.Store(9)
				s.set(change)
				require.NoError(t, f.Sync(t.Context()))
				resets, _ := n.state()
				require.Equal(t, 2, resets)
				require.Equal(t, Fresh, f.State())
			})
		})
	}
}

func TestASubscriberThatCannotLoadIsAskedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := &notebook{err: errors.New("no")}
		f := New(&source{}, Options{Log: slog.New(slog.DiscardHandler)}, n)
		short, cancel := context.WithTimeout(t.Context(), 3*DefaultPoll)
		defer cancel()
		require.ErrorIs(t, f.Start(short), context.DeadlineExceeded)
		defer f.Stop()
		require.Equal(t, Stale, f.State())
		n.mu.Lock()
		n.err = nil
		n.mu.Unlock()
		require.NoError(t, f.Sync(t.Context()))
		require.Equal(t, Fresh, f.State())
	})
}

// awaiting runs Await beside the test and tells when it has returned.
func awaiting(t *testing.T, f *Feed, seq int64) <-chan struct{} {
	done := make(chan struct{})
	go func() { f.Await(t.Context(), seq); close(done) }()
	synctest.Wait()
	return done
}

func closed(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

func TestAwaitReturnsWhenTheChangeIsAppliedHere(t *testing.T) {
	follow(t, &source{}, func(t *testing.T, f *Feed, s *source, n *notebook) {
		s.set(func(s *source) { s.err = errors.New("cut") })
		done := awaiting(t, f, 1)
		require.False(t, closed(done))
		require.Equal(t, Behind, f.State(), "memory does not know of the act yet")
		s.commit(1, false)
		s.set(func(s *source) { s.err = nil })
		time.Sleep(DefaultPoll)
		synctest.Wait()
		require.True(t, closed(done))
		require.Equal(t, []wait{{DefaultPoll, true}}, n.waited())
		require.Equal(t, int64(1), f.Applied())
		require.Zero(t, f.Peers())
		require.Equal(t, Fresh, f.State())
		_, seen := n.state()
		require.Equal(t, []int64{1}, seen)
	})
}

func TestAwaitReturnsWhenTheOthersHaveSaidSo(t *testing.T) {
	other := Beat{ID: idp.NewID[Feed](), Applied: 0}
	follow(t, &source{peers: []Beat{other}}, func(t *testing.T, f *Feed, s *source, n *notebook) {
		s.commit(1, false)
		done := awaiting(t, f, 1)
		require.False(t, closed(done))
		require.Equal(t, Fresh, f.State(), "here it is applied")
		require.Equal(t, int64(1), s.beats[len(s.beats)-1].Applied, "and the others are told")
		s.applied(Beat{ID: idp.NewID[Feed](), Applied: 9})
		synctest.Wait()
		require.False(t, closed(done), "that was somebody else")
		other.Applied = 1
		s.applied(other)
		synctest.Wait()
		require.True(t, closed(done))
		s.commit(2, false)
		done = awaiting(t, f, 2)
		require.False(t, closed(done))
		s.set(func(s *source) { s.peers = nil })
		time.Sleep(DefaultPoll)
		synctest.Wait()
		require.True(t, closed(done), "a server that is gone has nothing to confirm")
	})
}

func TestAwaitGivesUpAfterTheLease(t *testing.T) {
	follow(t, &source{peers: []Beat{{ID: idp.NewID[Feed]()}}}, func(t *testing.T, f *Feed, s *source, n *notebook) {
		s.commit(1, false)
		began := time.Now()
		f.Await(t.Context(), 1)
		require.Equal(t, DefaultLease, time.Since(began))
		require.Equal(t, []wait{{DefaultLease, false}}, n.waited())
		require.Equal(t, 1, f.Peers())
		s.set(func(s *source) { s.err = errors.New("cut") })
		f.Await(t.Context(), 2)
		require.Equal(t, Behind, f.State(), "memory is not believed before it has caught up")
	})
}

func TestTimeIsTheDatabases(t *testing.T) {
	follow(t, &source{}, func(t *testing.T, f *Feed, s *source, n *notebook) {
		require.WithinDuration(t, time.Now().Add(time.Hour), f.Now(), time.Millisecond)
		time.Sleep(300 * time.Millisecond)
		require.WithinDuration(t, time.Now().Add(time.Hour), f.Now(), time.Millisecond)
	})
}

// tell says what changed, as a database does that is not read meanwhile.
func (s *source) tell(seq int64) {
	s.commit(seq, false)
	s.changed(&idp.Change{Seq: seq})
	synctest.Wait()
}

func TestWhatIsToldIsAppliedWithoutReading(t *testing.T) {
	other := Beat{ID: idp.NewID[Feed]()}
	follow(t, &source{peers: []Beat{other}}, func(t *testing.T, f *Feed, s *source, n *notebook) {
		s.set(func(s *source) { s.err = errors.New("nobody may read now") })
		s.tell(1)
		s.tell(2)
		_, seen := n.state()
		require.Equal(t, []int64{1, 2}, seen)
		require.Equal(t, int64(2), s.beats[len(s.beats)-1].Applied, "and the others hear that it is")
		s.changed(&idp.Change{Seq: 2})
		synctest.Wait()
		_, seen = n.state()
		require.Equal(t, []int64{1, 2}, seen, "once")
		s.commit(3, false) // nobody tells of this one
		s.tell(4)
		_, seen = n.state()
		require.Equal(t, []int64{1, 2}, seen, "one is missing in between")
		s.set(func(s *source) { s.err = nil })
		time.Sleep(DefaultPoll)
		synctest.Wait()
		_, seen = n.state()
		require.Equal(t, []int64{1, 2, 3, 4}, seen)
		resets, _ := n.state()
		require.Equal(t, 1, resets)
	})
}

// A server that has been at work since before the act is waited for, though this one
// had not read of it when it was told of its own change.
func TestAwaitReadsWhoIsAtWork(t *testing.T) {
	follow(t, &source{}, func(t *testing.T, f *Feed, s *source, n *notebook) {
		other := Beat{ID: idp.NewID[Feed]()}
		s.set(func(s *source) { s.peers = []Beat{other} })
		s.tell(1) // applied before anybody waits for it
		done := awaiting(t, f, 1)
		require.False(t, closed(done))
		other.Applied = 1
		s.applied(other)
		synctest.Wait()
		require.True(t, closed(done))
	})
}

// A program that serves nobody waits for all servers, and no longer than the lease.
func TestElsewhereWaitsForTheServers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		left := []int{2, 1, 0}
		behind := func(_ context.Context, seq int64, lease time.Duration) (int, error) {
			require.Equal(t, int64(7), seq)
			require.Equal(t, DefaultLease, lease)
			n := left[0]
			left = left[1:]
			return n, nil
		}
		began := time.Now()
		require.NoError(t, Elsewhere(t.Context(), 7, DefaultLease, behind))
		require.Empty(t, left)
		require.Equal(t, 2*elsewhereEvery, time.Since(began))

		began = time.Now()
		err := Elsewhere(t.Context(), 7, DefaultLease, func(context.Context, int64, time.Duration) (int, error) { return 3, nil })
		require.ErrorContains(t, err, "3 are behind")
		require.Equal(t, DefaultLease, time.Since(began))
		broken := errors.New("no database")
		require.ErrorIs(t, Elsewhere(t.Context(), 7, DefaultLease, func(context.Context, int64, time.Duration) (int, error) { return 0, broken }), broken)
	})
}
