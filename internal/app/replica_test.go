package app_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/session"
)

func sessionsOver(db *postgres.DB) *session.Service {
	return session.New(session.Deps{Store: db, Access: access.New()})
}

func begin(u *idp.User) session.Begin {
	return session.Begin{User: u.ID, Generation: u.SessionGeneration, AuthMethod: "password"}
}

// connect reaches the site's database beside the product, always over the same
// connection.
func (s *site) connect() *pgx.Conn {
	s.Helper()
	if s.beside == nil {
		conn, err := pgx.Connect(s.Context(), s.url)
		require.NoError(s, err)
		s.beside = conn
		s.Cleanup(func() { _ = conn.Close(context.Background()) })
	}
	return s.beside
}

// deadlocks counts those that PostgreSQL broke in the site's database, as far as
// the connections concerned have ended.
func (s *site) deadlocks() (n int) {
	s.Helper()
	require.NoError(s, s.connect().QueryRow(s.Context(), `SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`).Scan(&n))
	return n
}

// What is locked down on one replica is refused by the other with the very next
// request: the session, the API token, the app password, the sign-in.
func TestTheOtherReplicaRefusesAtOnce(t *testing.T) {
	t.Parallel()
	const rounds = 100
	s := newSite(t, 2)
	var g errgroup.Group
	g.SetLimit(4)
	for i := range rounds {
		ada := s.user(fmt.Sprintf("ada%d", i))
		_, key := s.key(ada, idp.IntentAPI)
		there, here := s.replicas[i%2], s.replicas[(i+1)%2]
		held := map[string]*browser{"session": s.with(ada).at(there), "token": s.program(key).at(there)}
		if i < 10 { // more accounts that refuse one address would slow it down
			_, own := s.key(ada, idp.IntentAppPassword)
			held["app password"] = s.basic(ada.Username, own).at(there)
		}
		admin, stranger := s.admin().at(here), s.browser().at(there)
		g.Go(func() error {
			for name, b := range held {
				if a, err := b.send(http.MethodGet, "/api/v3/core/users/me/", nil); err != nil || a.status != http.StatusOK {
					return fmt.Errorf("round %d: before the lockdown the %s does not work: %v %w", i, name, a, err)
				}
			}
			if err := contained(admin.send(http.MethodPost, "/api/v3/lockdowns/", map[string]any{"users": []idp.UserID{ada.ID}})); err != nil {
				return err
			}
			for name, b := range held {
				if a, err := b.send(http.MethodGet, "/api/v3/core/users/me/", nil); err != nil || a.status != http.StatusForbidden {
					return fmt.Errorf("round %d: the %s works on the other replica: %v %w", i, name, a, err)
				}
			}
			if in, err := stranger.tryToSignIn(ada.Username, password); in || err != nil {
				return fmt.Errorf("round %d: signed in on the other replica: %v %w", i, in, err)
			}
			return nil
		})
	}
	require.NoError(t, g.Wait())
}

// A flow that began on one replica goes on at the other, and a form that both
// get at once is taken once.
func TestAFlowMovesBetweenReplicas(t *testing.T) {
	t.Parallel()
	s := newSite(t, 2)
	ada, root := s.user("ada"), s.named("admin")
	b := s.with(root)
	b.plan(ada)
	b = b.at(s.replicas[1])
	require.Equal(t, "ak-stage-prompt", b.challenge(lockdownFlow)["component"])
	var g errgroup.Group
	for i := range 8 {
		at := b.at(s.replicas[i%2])
		g.Go(func() error {
			_, err := at.step(http.MethodPost, executor(lockdownFlow), map[string]any{"component": "ak-stage-prompt", "lockdown_reason": "twice"})
			return err
		})
	}
	require.NoError(t, g.Wait())
	require.False(t, s.now(ada).IsActive)
	require.Len(t, s.records(ada), 1, "one act, one record")
	require.Len(t, s.events(idp.ActionIDLockdown), 1)
}

// Two administrators lock each other down at the same moment, on two replicas:
// exactly one of them remains. With a third one it is not the last administrator
// who is spared: whoever comes second has been locked down while they waited,
// and may not act any more.
func TestTwoAdministratorsLockEachOtherDown(t *testing.T) {
	t.Parallel()
	const tries = 100
	s := newSite(t, 2)
	hash, err := encoded()
	require.NoError(t, err)
	pair := []*idp.User{s.user("castor", s.administers), s.user("pollux", s.administers)}
	for i := range tries {
		if i == tries/2 {
			s.with(pair[0]).contain(map[string]any{"users": []idp.UserID{s.named("admin").ID}})
		}
		wins, browsers := s.duel(pair)
		require.True(t, (wins[0] == nil) != (wins[1] == nil), "try %d: %v, %v", i, wins[0], wins[1])
		for n := range 2 {
			won := wins[n] == nil
			require.Equal(t, won, s.now(pair[n]).IsActive, "try %d", i)
			require.Equal(t, won, browsers[n].works(), "try %d", i)
			if !won {
				require.NoError(t, s.reactivate(pair[n]))
				_, err := s.replicas[0].Accounts.Update(t.Context(), idp.SystemActor(), pair[n].ID, account.Patch{PasswordHash: &hash})
				require.NoError(t, err)
			}
		}
	}
}

// duel lets two accounts lock each other down; nil is for whoever succeeded.
func (s *site) duel(pair []*idp.User) ([]error, []*browser) {
	s.Helper()
	browsers := []*browser{s.with(pair[0]).at(s.replicas[0]), s.with(pair[1]).at(s.replicas[1])}
	var wg sync.WaitGroup
	start, wins := make(chan struct{}), make([]error, 2)
	for n := range 2 {
		wg.Go(func() {
			<-start
			wins[n] = contained(browsers[n].send(http.MethodPost, "/api/v3/lockdowns/", map[string]any{"users": []idp.UserID{pair[1-n].ID}}))
		})
	}
	close(start)
	wg.Wait()
	return wins, browsers
}
