package live

import (
	"context"
	"net/http"
	"sync"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// Bells tells people's browsers how much of what they were told they have not seen.
// It is a feed.Subscriber, in the place of its Hub, which is one of its own: bells hang
// on every page, and must not take the places of streams that programs rely on.
type Bells struct {
	Hub   *Hub
	Store idp.Store
	// Door asks the door again that a request came through; see Events.Again.
	Door func(r *http.Request, actor idp.Actor, may func(idp.Actor) error) Check

	mu    sync.Mutex
	ropes map[idp.UserID]map[chan struct{}]struct{}
}

// Apply implements feed.Subscriber.
func (b *Bells) Apply(changes []idp.Change) {
	b.Hub.Apply(changes)
	for _, c := range changes {
		if c.Kind != idp.ChangeNotification {
			continue
		}
		if id, err := idp.ParseUserID(c.Subject); err == nil {
			b.Ring(id)
		}
	}
}

// Reset implements feed.Subscriber: somebody may have been told something.
func (b *Bells) Reset(ctx context.Context) error {
	b.mu.Lock()
	for _, ropes := range b.ropes {
		for rope := range ropes {
			pull(rope)
		}
	}
	b.mu.Unlock()
	return b.Hub.Reset(ctx)
}

// Ring has the count of somebody's bells on this server read again. It never blocks.
func (b *Bells) Ring(user idp.UserID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for rope := range b.ropes[user] {
		pull(rope)
	}
}

func pull(rope chan struct{}) {
	select {
	case rope <- struct{}{}:
	default:
	}
}

// hang adds a bell, and returns how to take it down.
func (b *Bells) hang(user idp.UserID) (rope chan struct{}, down func()) {
	rope = make(chan struct{}, 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ropes == nil {
		b.ropes = map[idp.UserID]map[chan struct{}]struct{}{}
	}
	if b.ropes[user] == nil {
		b.ropes[user] = map[chan struct{}]struct{}{}
	}
	b.ropes[user][rope] = struct{}{}
	return rope, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if delete(b.ropes[user], rope); len(b.ropes[user]) == 0 {
			delete(b.ropes, user)
		}
	}
}

// Serve answers with the count, no further than most, and again whenever it is
// another one; draw makes the data of a message. Errors: those of Hub.Open.
func (b *Bells) Serve(w http.ResponseWriter, r *http.Request, most int, draw func(int) ([]byte, error)) error {
	ctx, actor := r.Context(), web.Actor(r)
	if actor.User == nil {
		return web.Unsigned()
	}
	user := actor.User.ID
	stream, err := b.Hub.Open(actor, b.Door(r, actor, func(idp.Actor) error { return nil }))
	if err != nil {
		return err
	}
	defer stream.Close()
	rope, down := b.hang(user) // before the first look: nothing is missed between
	defer down()
	look := func(ctx context.Context) (int, []Message, error) {
		n, err := b.Store.Repos().Notifications.Unseen(ctx, user, most)
		if err != nil {
			return 0, nil, err
		}
		data, err := draw(n)
		return n, []Message{{Data: data}}, err
	}
	shown, first, err := look(ctx)
	if err != nil {
		return err
	}
	own, stop := context.WithCancel(ctx)
	all, over := make(chan []Message), make(chan struct{})
	go func() {
		defer close(over)
		b.pump(own, rope, shown, look, all)
	}()
	stream.Serve(w, r, first, all)
	stop()
	<-over
	return nil
}

// pump looks whenever the rope is pulled, until ctx ends, and tells what is news.
func (b *Bells) pump(ctx context.Context, rope <-chan struct{}, shown int, look func(context.Context) (int, []Message, error), all chan<- []Message) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-rope:
		}
		n, some, err := look(ctx)
		if err != nil || n == shown {
			continue // the next pull, or the next page, says it
		}
		shown = n
		select {
		case <-ctx.Done():
			return
		case all <- some:
		}
	}
}

// Close ends every stream, with the reason.
func (b *Bells) Close() { b.Hub.Close() }
