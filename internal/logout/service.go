package logout

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// App speaks in events about logout notices.
const App = "portcullis.logout"

// Actions of events, in context.action_id.
const (
	// ActionFailed is of the event that an application could not be told.
	ActionFailed = "logout_notice_failed"
	// ActionAgain is of the event that somebody has one told again.
	ActionAgain = "logout_notice_redelivered"
)

// ErrFinal is wrapped by errors of a Sender that no other try would mend.
var ErrFinal = errors.New("no other try would mend it")

// ErrRefused is wrapped by errors of a Sender where the application answered, and
// refused: it is asked a few times more.
var ErrRefused = errors.New("the application refused it")

// Signer makes logout tokens; *oidc.Service does.
type Signer interface {
	// LogoutToken signs what a notice tells, anew for each try.
	LogoutToken(ctx context.Context, n *idp.LogoutNotice) (string, error)
}

// Sender posts a logout token. The answer is what the application said, for people,
// also with an error.
type Sender interface {
	SendLogout(ctx context.Context, uri, token string) (answer string, err error)
}

// Deps are what a Service needs.
type Deps struct {
	Store  idp.Store
	Access idp.Access
	Signer Signer
	Sender Sender
	Log    *slog.Logger
}

// Service tells applications.
type Service struct {
	Deps
	due  chan struct{} // there may be something to be told
	busy sync.WaitGroup

	mu    sync.Mutex
	under map[string]int // how many are under way here, by client
}

// New returns a Service.
func New(d Deps) *Service {
	return &Service{Deps: d, due: make(chan struct{}, 1), under: map[string]int{}}
}

// Wake says that notices were written. It never blocks.
func (s *Service) Wake() {
	select {
	case s.due <- struct{}{}:
	default:
	}
}

const (
	// lookEvery is how often there is a look without a call: at what another server has
	// taken, and died.
	lookEvery = 5 * time.Second
	// senders is how many are under way at once on a server, and perClient how many of
	// them to one application: one that does not answer keeps no other one waiting.
	senders   = 64
	perClient = 4
	// restAfter is how long a fault of the database is waited out.
	restAfter = 2 * time.Second
)

// Run tells until the context ends, several at once.
func (s *Service) Run(ctx context.Context) {
	defer s.busy.Wait()
	slots := make(chan struct{}, senders)
	for lost := false; ctx.Err() == nil; {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		n, err := s.Store.Repos().LogoutNotices.Take(ctx, lease, s.full())
		if err == nil && n != nil {
			s.begin(n.ClientID)
			s.busy.Go(func() {
				defer func() { s.done(n.ClientID); <-slots; s.Wake() }()
				s.tell(ctx, n)
			})
			continue
		}
		<-slots
		if err != nil && ctx.Err() == nil && !lost {
			s.Log.WarnContext(ctx, "applications are not told of logouts at the moment; they are later", "error", err)
		}
		lost = err != nil
		await(ctx, s.due, s.pause(ctx, err))
	}
}

// pause is how long to wait for a call when nothing could be taken.
func (s *Service) pause(ctx context.Context, err error) time.Duration {
	if err != nil {
		return restAfter
	}
	pause, err := s.Store.Repos().LogoutNotices.Due(ctx, lookEvery)
	switch {
	case err != nil:
		return restAfter
	case pause <= 0: // of a client that is busy, or somebody else takes it
		return lookEvery / 10
	}
	return pause
}

// full lists the clients that as many are under way to as may be.
func (s *Service) full() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []string{}
	for client, n := range s.under {
		if n >= perClient {
			out = append(out, client)
		}
	}
	return out
}

func (s *Service) begin(client string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.under[client]++
}

func (s *Service) done(client string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.under[client]--; s.under[client] <= 0 {
		delete(s.under, client)
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
