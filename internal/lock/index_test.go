package lock

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func (e entry) chain() (n int) {
	for ; e.row != nil; e = e.after() {
		n++
	}
	return n
}

// Locks that share the most selective of their keys are found under others, so that
// whoever has that key is not compared with all of them.
func TestLocksThatShareAKeyAreSpread(t *testing.T) {
	t.Parallel()
	v := NewView(nil, Options{})
	root := idp.LockKey{Kind: idp.LockLogin, Value: "root"}
	role := func(i int) idp.LockKey { return idp.LockKey{Kind: idp.LockRole, Value: fmt.Sprint("role-", i)} }
	locks := make([]*idp.Lock, 10_000)
	for i := range locks {
		locks[i] = &idp.Lock{ID: idp.NewID[idp.Lock](), CreatedAt: time.Now(), CreatedBy: "test", Target: idp.LockTarget{role(i), root}}
		v.Apply([]idp.Change{{Kind: idp.ChangeLock, Subject: locks[i].ID.String(), Lock: locks[i]}})
	}
	x := v.index.Load()
	longest := x.find(x.hash(root)).chain()
	for i := range locks {
		longest = max(longest, x.find(x.hash(role(i))).chain())
		require.NotNil(t, v.Find([]idp.LockKey{root, role(i)}), "lock %d", i)
		require.Nil(t, v.Find([]idp.LockKey{role(i)}))
	}
	require.LessOrEqual(t, longest, longEnough)
	require.Nil(t, v.Find([]idp.LockKey{root, {Kind: idp.LockRole, Value: "another"}}))
	for i, l := range locks {
		v.Apply([]idp.Change{{Kind: idp.ChangeLock, Subject: l.ID.String()}})
		require.Nil(t, v.Find([]idp.LockKey{root, role(i)}))
	}
	require.Zero(t, v.Len())
	require.Equal(t, newCensus(), v.sum)
	for kind := range v.counts {
		require.Zero(t, v.counts[kind].Load()+v.entries[kind].Load())
	}
	for i := range x.shards { // what was lifted is not kept for ever
		if s := x.shards[i].Load(); s != nil {
			require.Zero(t, s.live+s.keeps)
		}
	}
}
