package api

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lock"
	"github.com/portcullis-idp/portcullis/internal/server/live"
)

// LockWatchPath is where programs follow the locks in force.
const LockWatchPath = Base + locksPath + "watch/"

// Names of the messages of a watch. The full set is a reset, puts, and a sync.
const (
	watchReset  = "reset"  // forget all locks: the full set follows
	watchPut    = "put"    // a lock that was made or changed
	watchRemove = "remove" // a lock that was lifted, or whose time is over
	watchSync   = "sync"   // everything up to now was told; also the heartbeat
)

// How often a watch says that it is alive: unless asked otherwise, and bounds.
const (
	defaultBeat = 2 * time.Second
	minBeat     = 100 * time.Millisecond
	maxBeat     = time.Minute
)

// LockReset begins the full set.
type LockReset struct {
	Count int `json:"count"`
}

// LockRemoval names a lock that is not in force any more.
type LockRemoval struct {
	Name idp.LockID `json:"name"`
}

// LockSync says that the reader was told of every lock as of a moment.
type LockSync struct {
	AsOf time.Time       `json:"as_of"`
	Age  int64           `json:"age_ms"` // how long ago that was, in milliseconds
	Now  time.Time       `json:"now"`    // by the clock that expiry is judged by
	Mode idp.LockingMode `json:"mode"`   // of the installation
}

func (a *API) mountLockWatch() {
	if a.Live == nil || a.Locks.View() == nil {
		return
	}
	a.kit.add(operation{method: http.MethodGet, path: locksPath + "watch/", id: "locks_watch", tag: "locks",
		summary: "Follow the locks in force: server-sent events reset, put (a Lock), remove and sync. Takes the right to list locks",
		params: []param{{name: "heartbeat", kind: text,
			help: "A sync comes at least so often, such as 500ms; 2s unless said otherwise, from 100ms to 1m."}},
		response: reflect.TypeFor[string](), media: "text/event-stream", run: a.watchLocks})
}

func (a *API) watchLocks(c *call) (any, error) {
	if err := a.mayFollowLocks(c.actor); err != nil {
		return nil, err
	}
	beat := defaultBeat
	if t := c.query.text("heartbeat"); t != nil {
		d, err := time.ParseDuration(*t)
		if err != nil || d < minBeat || d > maxBeat {
			return nil, idp.Invalid("heartbeat", "“%s” is not a duration from %s to %s, such as 500ms.", limit(*t, 50), minBeat, maxBeat)
		}
		beat = d
	}
	stream, err := a.Live.Hub.Open(c.actor, a.Live.Again(c.r, c.actor, a.mayFollowLocks))
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	own, cancel := context.WithCancel(c)
	defer cancel()
	t := teller{view: a.Locks.View(), out: make(chan []live.Message)}
	go t.run(own, beat)
	stream.Serve(c.w, c.r, nil, t.out)
	return handled, nil
}

// teller turns what happens to the locks into messages.
type teller struct {
	view *lock.View
	out  chan []live.Message
}

func (t teller) run(ctx context.Context, beat time.Duration) {
	watch := t.view.Watch()
	defer watch.Close()
	tick := time.NewTicker(beat)
	defer tick.Stop()
	begun := false
	for {
		var some []live.Message
		select {
		case <-ctx.Done():
			return
		case <-watch.Resets():
			if begun = t.all(ctx, watch); !begun {
				return
			}
		case change := <-watch.Changes():
			if begun { // what came before the full set is in it
				some = append(some, changed(change))
			}
		case <-tick.C:
			// The age is read before what is told with it: it never promises more.
			sync, known := t.sync()
			if begun && known && len(watch.Resets()) == 0 {
				some = append(drain(watch), sync)
			}
		}
		if len(some) > 0 && !t.tell(ctx, some) {
			return
		}
	}
}

func (t teller) tell(ctx context.Context, some []live.Message) bool {
	select {
	case <-ctx.Done():
		return false
	case t.out <- some:
		return true
	}
}

// told is how many locks are written at once.
const told = 2000

// all tells the full set; false = the reader has left.
func (t teller) all(ctx context.Context, watch *lock.Watch) bool {
	sync, known := t.sync()
	all := watch.All()
	some := []live.Message{message(watchReset, LockReset{Count: len(all)})}
	for _, l := range all {
		some = append(some, message(watchPut, lockView(l)))
		if len(some) >= told {
			if !t.tell(ctx, some) {
				return false
			}
			some = nil
		}
	}
	if known {
		some = append(some, sync)
	}
	return len(some) == 0 || t.tell(ctx, some)
}

// sync is known once the server itself knows of every lock.
func (t teller) sync() (live.Message, bool) {
	at := t.view.AsOf()
	if at.IsZero() {
		return live.Message{}, false
	}
	mode, _ := t.view.Mode()
	now := t.view.Now()
	return message(watchSync, LockSync{AsOf: at, Age: now.Sub(at).Milliseconds(), Now: now, Mode: mode}), true
}

// drain returns the changes that wait.
func drain(watch *lock.Watch) []live.Message {
	var out []live.Message
	for {
		select {
		case change := <-watch.Changes():
			out = append(out, changed(change))
		default:
			return out
		}
	}
}

func changed(c lock.Change) live.Message {
	if c.Put != nil {
		return message(watchPut, lockView(c.Put))
	}
	return message(watchRemove, LockRemoval{Name: *c.Removed})
}

// message holds a value of ours, which JSON can hold.
func message(name string, v any) live.Message {
	data, err := json.Marshal(v)
	if err != nil {
		panic("api: " + err.Error())
	}
	return live.Message{Name: name, Data: data}
}
