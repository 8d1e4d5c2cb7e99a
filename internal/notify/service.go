package notify

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
)

// App speaks in events about notifications. They are told to nobody: what a delivery
// leads to must not lead to deliveries.
const App = "portcullis.notify"

// Engine evaluates the policies of rules; *policy.Engine does.
type Engine interface {
	Evaluate(ctx context.Context, bindings []idp.PolicyBinding, mode idp.PolicyMode, req idp.PolicyRequest) (policy.Result, error)
}

// Message is what a Sender sends.
type Message struct {
	Delivery int64 // the same for every try
	Try      int   // 1 = the first
	// Redelivery is how often somebody had it sent once more; 0 = never. Together with
	// Delivery it tells apart what is meant to arrive once.
	Redelivery int
	Event      *idp.Event
	Rule       string
	Severity   idp.Severity
	Body       string    // one line
	User       *idp.User // whom to tell; nil = nobody in particular
	Transport  *idp.Transport
	// Mapped and Headers are what the transport's mappings gave; nil = it has none.
	Mapped  any
	Headers map[string]any
	Test    bool // somebody tries the transport
}

// Sender sends over transports of some modes. The answer is what the receiver said,
// for people, also with an error. An error that wraps ErrFinal will not go away by
// itself.
type Sender interface {
	Send(ctx context.Context, m *Message) (answer string, err error)
}

// Deps are what a Service needs.
type Deps struct {
	Store   idp.Store
	Access  idp.Access
	Engine  Engine
	Senders map[idp.TransportMode]Sender
	// MailReady reports whether mails can be sent at all; what nobody can send is not
	// queued.
	MailReady func() bool
	Log       *slog.Logger
}

// Service compares events with rules and delivers.
type Service struct {
	Deps
	wake chan struct{} // there may be events
	due  chan struct{} // there may be deliveries
	busy sync.WaitGroup
}

// New returns a Service.
func New(d Deps) *Service {
	return &Service{Deps: d, wake: make(chan struct{}, 1), due: make(chan struct{}, 1)}
}

// Wake says that events were sealed. It never blocks.
func (s *Service) Wake() { nudge(s.wake) }

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

const (
	// lookEvery is how often there is a look without a call: at what another server has
	// sealed or queued, and died.
	lookEvery = 5 * time.Second
	// senders is how many deliveries are under way at once on a server.
	senders = 8
	// restAfter bounds how often a fault of the database is logged.
	restAfter = 5 * time.Second
)

// Run compares and delivers until the context ends.
func (s *Service) Run(ctx context.Context) {
	var done sync.WaitGroup
	done.Go(func() { s.match(ctx) })
	done.Go(func() { s.deliver(ctx) })
	done.Wait()
}

// match looks for new events, again and again.
func (s *Service) match(ctx context.Context) {
	for lost := false; ctx.Err() == nil; {
		r, err := s.Round(ctx)
		if ctx.Err() != nil {
			return
		}
		pause := lookEvery
		switch {
		case err != nil:
			if !lost {
				s.Log.WarnContext(ctx, "events are not compared with notification rules at the moment; they are later", "error", err)
			}
			pause = restAfter
		case r.More:
			pause = 0
		}
		lost = err != nil
		if r.Queued > 0 {
			nudge(s.due)
		}
		await(ctx, s.wake, pause)
	}
}

// deliver sends what is due, several at once, until there is nothing more; then it
// waits until something is.
func (s *Service) deliver(ctx context.Context) {
	slots := make(chan struct{}, senders)
	defer s.busy.Wait()
	for ctx.Err() == nil {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		d, err := s.Store.Repos().Deliveries.Take(ctx, lease)
		if err == nil && d != nil {
			s.busy.Go(func() {
				defer func() { <-slots; nudge(s.due) }()
				s.try(ctx, d)
			})
			continue
		}
		<-slots
		pause := restAfter
		if err == nil {
			if pause, err = s.Store.Repos().Deliveries.Due(ctx, lookEvery); err != nil || pause <= 0 {
				pause = lookEvery / 10 // somebody else takes what is due
			}
		}
		await(ctx, s.due, pause)
	}
}

// await waits for a call, or for so long.
func await(ctx context.Context, call <-chan struct{}, pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-call:
	case <-timer.C:
	}
}
