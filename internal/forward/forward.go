package forward

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// Sessions honours sessions by their digest, from memory where that is allowed;
// *session.Service does.
type Sessions interface {
	// Recall returns a session and its user as they are, without judging them: ask the
	// gate. CodeNotFound means that there is none.
	Recall(ctx context.Context, digest [32]byte) (*idp.Session, *idp.User, error)
}

// Policies say who may use which application; *application.Access does.
type Policies interface {
	MayUse(ctx context.Context, user *idp.User, app *idp.Application, request idp.PolicyRequest) (idp.PolicyResult, error)
}

// Deps are what a Service needs.
type Deps struct {
	Store    idp.Store
	Gate     idp.Gate
	Sessions Sessions
	Policies Policies
	Sealer   *secret.Sealer // what browsers carry is sealed with it
	// Strict says that nobody is let in by what is not certain; see session.View.
	Strict func() bool
}

// Service answers. It may be used by many at once. It is a subscriber of the change feed.
type Service struct {
	Deps
	mu    sync.Mutex // one reading of the configuration at a time
	table *table     // guarded by look
	look  sync.RWMutex

	memory verdicts
}

// New returns a Service.
func New(d Deps) *Service { return &Service{Deps: d} }

const (
	// knownFor is how long hosts and what was judged by policies is known without asking
	// whether the configuration changed.
	knownFor = time.Second
	// lease is how long it is where nobody answers that, and strictness is asked for.
	lease = 2 * time.Second
	// applicationsAtMost is how many applications of forward hosts there may be.
	applicationsAtMost = 10_000
)

// table is what the configuration says, at one revision of it.
type table struct {
	revision idp.Revision
	asked    time.Time // when it was last known to be this
	hosts    map[string]*idp.Application
}

// Application returns the application of a host, with its port where that is not the
// usual one. Errors: CodeNotFound.
func (s *Service) Application(ctx context.Context, host string) (*idp.Application, error) {
	t, err := s.known(ctx)
	if err != nil {
		return nil, err
	}
	if a := t.hosts[strings.ToLower(host)]; a != nil {
		return a, nil
	}
	return nil, idp.NotFound("application")
}

func (s *Service) peek() *table {
	s.look.RLock()
	defer s.look.RUnlock()
	return s.table
}

// known returns the table, no older than knownFor; while somebody asks for the next one,
// the others go on with the one before for as long.
func (s *Service) known(ctx context.Context) (*table, error) {
	t := s.peek()
	if t != nil && time.Since(t.asked) < knownFor {
		return t, nil
	}
	if t != nil && time.Since(t.asked) < 2*knownFor {
		if !s.mu.TryLock() {
			return t, nil
		}
	} else {
		s.mu.Lock()
	}
	defer s.mu.Unlock()
	if t = s.peek(); t != nil && time.Since(t.asked) < knownFor {
		return t, nil
	}
	fresh, err := s.read(ctx, t)
	if err != nil {
		if t != nil && (!s.Strict() || time.Since(t.asked) < lease) {
			return t, nil // as with sessions: what was known last
		}
		return nil, err
	}
	s.look.Lock()
	defer s.look.Unlock()
	if t == nil || t.revision != fresh.revision {
		s.memory.clear()
	}
	s.table = fresh
	return fresh, nil
}

func (s *Service) read(ctx context.Context, former *table) (*table, error) {
	asked := time.Now()
	repos := s.Store.Repos()
	revision, err := repos.Configuration.Revision(ctx)
	if err != nil {
		return nil, err
	}
	if former != nil && former.revision == revision {
		return &table{revision: revision, asked: asked, hosts: former.hosts}, nil
	}
	t := &table{revision: revision, asked: asked, hosts: map[string]*idp.Application{}}
	for offset := 0; offset < applicationsAtMost; {
		found, err := repos.Applications.Find(ctx, idp.ApplicationFilter{Paging: idp.Paging{Limit: 500, Offset: offset, Order: []string{"slug"}}})
		if err != nil {
			return nil, err
		}
		for i := range found.Items {
			for _, host := range found.Items[i].ForwardHosts {
				t.hosts[strings.ToLower(host)] = &found.Items[i]
			}
		}
		if offset += len(found.Items); len(found.Items) == 0 || offset >= found.Total {
			break
		}
	}
	return t, nil
}

// Apply implements feed.Subscriber.
func (s *Service) Apply(changes []idp.Change) {
	for _, c := range changes {
		switch c.Kind {
		case idp.ChangeUser, idp.ChangeGroup, idp.ChangeRole:
			s.memory.clear()
			return
		}
	}
}

// Reset implements feed.Subscriber.
func (s *Service) Reset(context.Context) error {
	s.memory.clear()
	return nil
}
