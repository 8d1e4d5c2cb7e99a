package gather

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// desk answers with the number of what it was asked, and stops while it is held.
type desk struct {
	Reader[int, string]
	began chan []int    // one for each statement
	goOn  chan struct{} // a statement is answered for each
	busy  atomic.Int32
	most  atomic.Int32
	fault error
}

func newDesk() *desk {
	d := &desk{began: make(chan []int), goOn: make(chan struct{})}
	d.Noun = "number"
	d.One = func(ctx context.Context, key int) (string, error) {
		all, err := d.look([]int{key})
		answer, ok := all[key]
		if err == nil && !ok {
			err = idp.NotFound("number")
		}
		return answer, err
	}
	d.Many = func(ctx context.Context, keys []int) (map[int]string, error) { return d.look(keys) }
	return d
}

// look has nothing for negative numbers.
func (d *desk) look(keys []int) (map[int]string, error) {
	d.most.Store(max(d.most.Load(), d.busy.Add(1)))
	defer d.busy.Add(-1)
	d.began <- slices.Sorted(slices.Values(keys))
	<-d.goOn
	out := map[int]string{}
	for _, k := range keys {
		if k >= 0 {
			out[k] = fmt.Sprint(k)
		}
	}
	return out, d.fault
}

// ask asks in the background, and returns once the reader knows of it.
func (d *desk) ask(ctx context.Context, key int) <-chan answer[string] {
	d.mu.Lock()
	before := len(d.waiting)
	d.mu.Unlock()
	out := make(chan answer[string], 1)
	go func() {
		found, err := d.Read(ctx, key)
		out <- answer[string]{found, err}
	}()
	for ; ; runtime.Gosched() { // there is no signal for it
		d.mu.Lock()
		now := len(d.waiting)
		d.mu.Unlock()
		if now > before {
			return out
		}
	}
}

func TestWhoAsksMeanwhileIsAnsweredTogether(t *testing.T) {
	t.Parallel()
	d := newDesk()
	first := make(chan answer[string], 1)
	go func() {
		found, err := d.Read(t.Context(), 1)
		first <- answer[string]{found, err}
	}()
	require.Equal(t, []int{1}, <-d.began)
	var rest []<-chan answer[string]
	for _, key := range []int{2, 1, 2, -3} {
		rest = append(rest, d.ask(t.Context(), key))
	}
	gone, leave := context.WithCancel(t.Context())
	impatient := d.ask(gone, 4)
	leave()
	require.True(t, idp.Is((<-impatient).err, idp.CodeUnavailable))
	d.goOn <- struct{}{}
	require.Equal(t, answer[string]{"1", nil}, <-first)
	require.Equal(t, []int{-3, 1, 2, 4}, <-d.began, "asked anew, each once, and 1 again: who asked later may have an answer of later only")
	d.goOn <- struct{}{}
	for i, want := range []string{"2", "1", "2"} {
		require.Equal(t, answer[string]{want, nil}, <-rest[i])
	}
	require.True(t, idp.Is((<-rest[3]).err, idp.CodeNotFound))
}

func TestWhoeverAsksFirstMayLeave(t *testing.T) {
	t.Parallel()
	d := newDesk()
	gone, leave := context.WithCancel(t.Context())
	first := make(chan answer[string], 1)
	go func() {
		found, err := d.Read(gone, 1)
		first <- answer[string]{found, err}
	}()
	<-d.began
	two, three := d.ask(gone, 2), d.ask(t.Context(), 3)
	leave()
	for _, c := range []<-chan answer[string]{first, two} {
		require.True(t, idp.Is((<-c).err, idp.CodeUnavailable))
	}
	d.goOn <- struct{}{}
	<-d.began
	d.goOn <- struct{}{}
	require.Equal(t, answer[string]{"3", nil}, <-three)
}

func TestFaultsAreEverybodys(t *testing.T) {
	t.Parallel()
	d := newDesk()
	d.fault = errors.New("the disk is full")
	first := make(chan answer[string], 1)
	go func() {
		found, err := d.Read(t.Context(), 1)
		first <- answer[string]{found, err}
	}()
	<-d.began
	two, three := d.ask(t.Context(), 2), d.ask(t.Context(), 3)
	d.goOn <- struct{}{}
	<-d.began
	d.goOn <- struct{}{}
	for _, c := range []<-chan answer[string]{first, two, three} {
		require.ErrorIs(t, (<-c).err, d.fault)
	}
}

func TestOneStatementAtATime(t *testing.T) {
	t.Parallel()
	d := newDesk()
	go func() {
		for range d.began {
			d.goOn <- struct{}{}
		}
	}()
	var group sync.WaitGroup
	for i := range 2000 {
		group.Go(func() {
			found, err := d.Read(t.Context(), i%300)
			if err != nil || found != fmt.Sprint(i%300) {
				t.Errorf("%d: %q, %v", i%300, found, err)
			}
		})
	}
	group.Wait()
	close(d.began)
	require.EqualValues(t, 1, d.most.Load())
}
