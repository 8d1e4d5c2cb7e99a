package lock

import (
	"container/heap"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// deadline is when a lock ends.
type deadline struct {
	at int64 // Unix nanoseconds
	id idp.LockID
}

// deadlines is a heap with the next one in front. Locks that were lifted or
// changed meanwhile stay in it until then.
type deadlines []deadline

func (d deadlines) Len() int           { return len(d) }
func (d deadlines) Less(i, j int) bool { return d[i].at < d[j].at }
func (d deadlines) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }

// Push implements heap.Interface.
func (d *deadlines) Push(x any) { *d = append(*d, x.(deadline)) }

// Pop implements heap.Interface.
func (d *deadlines) Pop() any {
	last := len(*d) - 1
	x := (*d)[last]
	*d = (*d)[:last]
	return x
}

func (d *deadlines) push(x deadline) { heap.Push(d, x) }
func (d *deadlines) pop() deadline   { return heap.Pop(d).(deadline) }
