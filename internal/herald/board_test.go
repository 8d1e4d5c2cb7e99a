package herald

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// asking asks whether an interaction is settled, beside the test.
func asking(t *testing.T, b *Board, user idp.UserID, keys ...idp.LockKey) <-chan bool {
	answer := make(chan bool, 1)
	go func() {
		settled, err := b.Settled(t.Context(), user, keys)
		if err == nil {
			answer <- settled
		}
	}()
	synctest.Wait()
	return answer
}

func waits(answer <-chan bool) bool { return len(answer) == 0 }

func TestWhoIsConcernedWaitsUntilTheActIsOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var told []Notice
		b := New(func(n Notice) { told = append(told, n) })
		require.True(t, b.Quiet())
		done := b.Post(7, nil)
		require.False(t, b.Quiet())
		held, other := asking(t, b, 7), asking(t, b, 8)
		require.True(t, waits(held))
		require.Equal(t, 1, b.Waiting())
		require.True(t, <-other)
		done()
		require.False(t, <-held, "it is to be judged again")
		require.True(t, <-asking(t, b, 7))
		require.Zero(t, b.Waiting())
		require.Equal(t, int64(1), b.Held())
		require.True(t, b.Quiet())
		done()

		require.Len(t, told, 3)
		require.Equal(t, Notice{ID: told[0].ID, From: b.self, User: 7}, told[0])
		require.Equal(t, Notice{ID: told[0].ID, From: b.self, Over: true}, told[1])
	})
}

func TestTargetsConcernWhoHasAllTheirKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := New(nil)
		user, role := idp.LockKey{Kind: idp.LockUser, Value: "ada"}, idp.LockKey{Kind: idp.LockRole, Value: "ops"}
		defer b.Post(0, idp.LockTarget{user, role})()
		require.True(t, <-asking(t, b, 7, user))
		require.True(t, <-asking(t, b, 7, role))
		require.True(t, <-asking(t, b, 0))
		require.True(t, waits(asking(t, b, 7, role, idp.LockKey{Kind: idp.LockGroup, Value: "x"}, user)))
		defer b.Post(0, nil)()
		require.True(t, <-asking(t, b, 0), "an act on nobody concerns nobody")
	})
}

func TestNobodyWaitsForLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := New(nil)
		done := b.Post(7, nil)
		held := asking(t, b, 7)
		time.Sleep(DefaultPatience - time.Millisecond)
		synctest.Wait()
		require.True(t, waits(held))
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		require.False(t, <-held)
		require.True(t, b.Quiet())
		done()

		defer b.Post(7, nil)()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		settled, err := b.Settled(ctx, 7, nil)
		require.False(t, settled)
		require.True(t, idp.Is(err, idp.CodeUnavailable), "%v", err)
	})
}

func TestServersHearOneAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var servers []*Board
		all := func(n Notice) {
			for _, b := range servers {
				b.Hear(n)
			}
		}
		servers = []*Board{New(all), New(all)}
		done := servers[0].Post(7, nil)
		held := asking(t, servers[1], 7)
		require.True(t, waits(held))
		done()
		require.False(t, <-held)

		// What comes late, or twice.
		late := New(nil)
		n := Notice{ID: idp.NewID[Board](), From: servers[0].self, User: 7}
		late.Hear(Notice{ID: n.ID, From: n.From, Over: true})
		late.Hear(n)
		late.Hear(n)
		held = asking(t, late, 7)
		late.Hear(Notice{ID: n.ID, From: n.From, Over: true})
		require.False(t, <-held)
		late.Hear(Notice{ID: n.ID, From: late.self, User: 7})
		require.True(t, late.Quiet(), "its own it knows")
	})
}

func TestTooManyActsTakeEffectAtTheirCommit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		told := 0
		b := New(func(Notice) { told++ })
		var all []func()
		for n := range most + 1 {
			all = append(all, b.Post(idp.UserID(n+1), nil))
		}
		require.True(t, <-asking(t, b, most+1))
		require.True(t, waits(asking(t, b, most)))
		for _, done := range all {
			done()
		}
		require.Equal(t, 2*most, told)
		require.True(t, b.Quiet())
		var nobody *Board
		nobody.Post(7, nil)()
		require.True(t, nobody.Quiet())
	})
}
