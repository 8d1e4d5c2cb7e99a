package lockwatch

import "sync"

// Event is something that happened to the locks.
type Event struct {
	// Put is a lock that was made or changed, or that is told again after the view
	// was loaded anew.
	Put *Lock
	// Removed is a lock that was lifted, or whose time is over, as it was.
	Removed *Lock
}

// Subscription hears of the locks that concern an interaction. Close it in any
// case.
type Subscription struct {
	watcher *Watcher
	keys    []Key
	all     bool
	out     chan Event
	done    chan struct{}
	once    sync.Once

	mu      sync.Mutex
	order   []string
	pending map[string]Event // by name: a slow reader is told the last of several
	wake    chan struct{}
}

// Subscribe hears of every lock that would refuse an interaction with these keys;
// with none, of every lock. It begins with those in force. After the view was
// loaded anew, all are told again.
func (w *Watcher) Subscribe(keys ...Key) *Subscription {
	s := &Subscription{watcher: w, keys: carried(keys), all: len(keys) == 0, out: make(chan Event), done: make(chan struct{}),
		pending: map[string]Event{}, wake: make(chan struct{}, 1)}
	w.mu.Lock()
	w.hearers[s] = struct{}{}
	for _, h := range w.view.byName {
		s.tell(h, true)
	}
	w.mu.Unlock()
	go s.pump()
	return s
}

// Events are closed after Close.
func (s *Subscription) Events() <-chan Event { return s.out }

// Close ends it. It may be called twice.
func (s *Subscription) Close() {
	s.once.Do(func() {
		s.watcher.mu.Lock()
		delete(s.watcher.hearers, s)
		s.watcher.mu.Unlock()
		close(s.done)
	})
}

// tell notes an event when it concerns the interaction. It never blocks.
func (s *Subscription) tell(h *held, put bool) {
	if !s.all && (h.dead || !h.matches(s.keys)) {
		return
	}
	l := h.Lock
	e := Event{Removed: &l}
	if put {
		e = Event{Put: &l}
	}
	s.mu.Lock()
	if _, waits := s.pending[l.Name]; !waits {
		s.order = append(s.order, l.Name)
	}
	s.pending[l.Name] = e
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Subscription) next() (Event, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.order) == 0 {
		return Event{}, false
	}
	name := s.order[0]
	s.order = s.order[1:]
	e := s.pending[name]
	delete(s.pending, name)
	return e, true
}

func (s *Subscription) pump() {
	defer close(s.out)
	for {
		e, some := s.next()
		if !some {
			select {
			case <-s.done:
				return
			case <-s.wake:
			}
			continue
		}
		select {
		case <-s.done:
			return
		case s.out <- e:
		}
	}
}
