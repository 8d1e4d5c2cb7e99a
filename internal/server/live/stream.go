package live

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/portcullis-idp/portcullis/internal/feed"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// Why a stream ends, beside the refusals of the door (see idp.Refusal).
const (
	reasonStale       = "stale"       // strict mode: nothing is known for certain
	reasonShutdown    = "shutdown"    // the server stops
	reasonSlow        = "slow"        // the reader does not keep up
	reasonForbidden   = "forbidden"   // the account may not see this any more
	reasonUnavailable = "unavailable" // the door could not be asked
	reasonGone        = "gone"        // the reader left; nobody hears of it
)

var messages = map[string]string{
	reasonStale:       StaleMessage,
	reasonShutdown:    "The server is stopping. Connect again.",
	reasonSlow:        "The stream was not read fast enough. Connect again.",
	reasonUnavailable: "It cannot be checked at the moment whether you may see this. Connect again.",
}

// checkPatience bounds the question to the door.
const checkPatience = 3 * time.Second

// end is the last thing a stream says.
type end struct {
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

func ended(reason string) *end { return &end{Reason: reason, Message: messages[reason]} }

// Message is one server-sent event. Data is one line or more.
type Message struct {
	ID   string // "" = the last one stays
	Name string // "" = message
	Data []byte
}

// Stream is an answer that lasts. It belongs to the request's goroutine.
type Stream struct {
	hub        *Hub
	check      Check
	credential string
	user       string
	actor      atomic.Pointer[idp.Actor] // as the door knew it last
	due        time.Time                 // when the credential's time is up; zero = never
	wake       chan struct{}
}

// Close forgets the stream. It may be called twice.
func (s *Stream) Close() { s.hub.leave(s) }

// ask makes the stream ask its door again. It never blocks.
func (s *Stream) ask() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Serve answers the request with first, and then with all that comes, until the
// reader leaves or the stream has to end; it then says why. A channel that is
// closed means that the reader is too slow.
func (s *Stream) Serve(w http.ResponseWriter, r *http.Request, first []Message, all <-chan []Message) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // proxies pass on what they get at once
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return
	}
	p := &pipe{w: w, control: http.NewResponseController(w), patience: s.hub.o.Patience}
	// The time limit of a request's body would end the connection: nothing more
	// is read, but that nobody reads any more is noticed by reading.
	_ = p.control.SetReadDeadline(time.Time{})
	why := ended(reasonGone)
	if p.write([]byte("retry: 3000\n: the stream is open\n\n")) == nil {
		why = s.run(r.Context(), p, first, all)
	}
	if why.Reason != reasonGone {
		if data, err := json.Marshal(why); err == nil {
			_ = p.send([]Message{{Name: "end", Data: data}})
		}
	}
	if rec := web.From(r.Context()).Record; rec != nil {
		rec.Outcome = "stream ended: " + why.Reason
	}
}

func (s *Stream) run(ctx context.Context, p *pipe, first []Message, all <-chan []Message) *end {
	hub := s.hub
	tick := time.NewTicker(hub.o.Tick)
	defer tick.Stop()
	state, doubt := hub.fresh.State(), hub.doubtful()
	if p.send(first) != nil {
		return ended(reasonGone)
	}
	for {
		select { // what ends comes before what goes on
		case <-hub.closing:
			return ended(reasonShutdown)
		default:
		}
		var some []Message
		asked := false
		select {
		case <-ctx.Done():
			return ended(reasonGone)
		case <-hub.closing:
			return ended(reasonShutdown)
		case <-s.wake:
			asked = true
		case messages, open := <-all:
			if !open {
				return ended(reasonSlow)
			}
			some, asked = messages, true
		case <-tick.C:
			if hub.stale() {
				return ended(reasonStale)
			}
			before, certain := state, !doubt
			state, doubt = hub.fresh.State(), hub.doubtful()
			asked = s.overdue() || before == feed.Stale && state != feed.Stale || certain && doubt
		}
		if asked {
			if why := s.judge(ctx); why != nil {
				return why
			}
		}
		if p.send(some) != nil || p.beat(hub.o.Heartbeat) != nil {
			return ended(reasonGone)
		}
	}
}

// overdue reports whether the credential's time is up, as far as is known here.
func (s *Stream) overdue() bool { return !s.due.IsZero() && !s.hub.fresh.Now().Before(s.due) }

// judge asks the door; nil = the stream goes on. In doubt it does not: the reader
// comes again, through the door.
func (s *Stream) judge(ctx context.Context) *end {
	limit, cancel := context.WithTimeout(ctx, checkPatience)
	defer cancel()
	actor, err := s.check(limit)
	var e *idp.Error
	errors.As(err, &e)
	switch {
	case err == nil:
		_, _, s.due = s.hub.terms(actor)
		if actor.Request == nil {
			actor.Request = s.actor.Load().Request
		}
		s.actor.Store(&actor)
		return nil
	case ctx.Err() != nil:
		return ended(reasonGone)
	case e != nil && e.Code == idp.CodeRefused:
		if e.Lock != nil && s.hub.o.Cut != nil {
			s.hub.o.Cut(limit, *s.actor.Load(), e.Lock)
		}
		return &end{Reason: string(e.Reason), Message: e.Message}
	case e != nil && (e.Code == idp.CodeForbidden || e.Code == idp.CodeUnsigned):
		return &end{Reason: reasonForbidden, Message: e.Message}
	case s.hub.stale():
		return ended(reasonStale)
	}
	return ended(reasonUnavailable)
}

// pipe writes server-sent events.
type pipe struct {
	w        http.ResponseWriter
	control  *http.ResponseController
	patience time.Duration
	wrote    time.Time
}

func (p *pipe) write(b []byte) error {
	// Where the connection knows no time limits there is none (in tests).
	_ = p.control.SetWriteDeadline(time.Now().Add(p.patience))
	if _, err := p.w.Write(b); err != nil {
		return err
	}
	p.wrote = time.Now()
	return p.control.Flush()
}

func (p *pipe) send(some []Message) error {
	if len(some) == 0 {
		return nil
	}
	var b bytes.Buffer
	for _, m := range some {
		if m.Name != "" {
			b.WriteString("event: " + m.Name + "\n")
		}
		if m.ID != "" {
			b.WriteString("id: " + m.ID + "\n")
		}
		for line := range bytes.SplitSeq(m.Data, []byte("\n")) {
			b.WriteString("data: ")
			b.Write(line)
			b.WriteByte('\n')
		}
		b.WriteByte('\n')
	}
	return p.write(b.Bytes())
}

// beat writes a comment after a silence, so that nobody between takes the
// connection for a dead one.
func (p *pipe) beat(after time.Duration) error {
	if time.Since(p.wrote) < after {
		return nil
	}
	return p.write([]byte(": \n\n"))
}
