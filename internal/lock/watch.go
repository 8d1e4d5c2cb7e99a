package lock

import (
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Change is one thing that happened to the locks in force.
type Change struct {
	Put     *idp.Lock   // made or changed
	Removed *idp.LockID // lifted, or its time is over
	Reset   bool        // everything may be otherwise: ask Watch.All
}

// watchRoom is how many changes wait for a watcher before it has to begin anew.
const watchRoom = 1024

// Watch follows the locks in force. Close it in any case.
type Watch struct {
	view    *View
	changes chan Change
	reset   chan struct{}
}

// Watch begins to follow: first every lock in force, and then what changes.
func (v *View) Watch() *Watch {
	w := &Watch{view: v, changes: make(chan Change, watchRoom), reset: make(chan struct{}, 1)}
	w.reset <- struct{}{}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.heard[w] = struct{}{}
	return w
}

// Close ends it.
func (w *Watch) Close() {
	w.view.mu.Lock()
	defer w.view.mu.Unlock()
	delete(w.view.heard, w)
}

// Resets tells that everything may be otherwise: drain it, then call All. It is
// so at the beginning, after the server lost touch with the database, and when
// the watcher was too slow.
func (w *Watch) Resets() <-chan struct{} { return w.reset }

// Changes are the changes since, in their order.
func (w *Watch) Changes() <-chan Change { return w.changes }

// All returns every lock held, and drops the changes that it includes.
func (w *Watch) All() []*idp.Lock {
	w.view.mu.Lock()
	defer w.view.mu.Unlock()
	for {
		select {
		case <-w.changes:
			continue
		default:
		}
		break
	}
	all := make([]*idp.Lock, 0, len(w.view.byID))
	x := w.view.index.Load()
	for id, hash := range w.view.byID {
		all = append(all, x.held(hash, id).lock())
	}
	return all
}

// tell passes a change on; v.mu is held.
func (v *View) tell(c Change) {
	for w := range v.heard {
		select {
		case w.changes <- c:
		default:
			w.again()
		}
	}
}

// tellReset has all watchers begin anew.
func (v *View) tellReset() {
	for w := range v.heard {
		w.again()
	}
}

func (w *Watch) again() {
	select {
	case w.reset <- struct{}{}:
	default:
	}
}
