package app_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/portcullis-idp/portcullis/internal/feed"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// checked asks whether the browser's session may act.
func (b *browser) checked() int {
	a, err := b.send(http.MethodGet, "/-/session/", nil)
	require.NoError(b.site, err)
	return a.status
}

// Whatever ends a session on one server, the other one, which knows it by heart,
// refuses it from the moment on at which the first one has answered.
func TestWhatEndsASessionEndsItOnEveryServer(t *testing.T) {
	t.Parallel()
	const rounds = 200
	s := newSite(t, 2)
	ends := map[string]func(here *browser, ada *idp.User, session string) (*answer, error){
		"ended": func(here *browser, _ *idp.User, session string) (*answer, error) {
			return here.send(http.MethodDelete, "/api/v3/core/authenticated_sessions/"+session+"/", nil)
		},
		"switched off": func(here *browser, ada *idp.User, _ string) (*answer, error) {
			return here.send(http.MethodPatch, fmt.Sprintf("/api/v3/core/users/%d/", ada.ID), map[string]any{"is_active": false})
		},
		"deleted": func(here *browser, ada *idp.User, _ string) (*answer, error) {
			return here.send(http.MethodDelete, fmt.Sprintf("/api/v3/core/users/%d/", ada.ID), nil)
		},
	}
	var g errgroup.Group
	g.SetLimit(4)
	for name, end := range ends {
		for i := range rounds / len(ends) {
			ada := s.user(unique("ada"))
			session, cookie := s.cookie(ada)
			b, admin := s.holding(cookie), s.admin().at(s.replicas[i%2])
			g.Go(func() error {
				for n, r := range s.replicas {
					if status := b.at(r).checked(); status != http.StatusOK {
						return fmt.Errorf("%s: the session does not work on server %d: %d", name, n, status)
					}
				}
				a, err := end(admin, ada, session.ID.String())
				if err != nil || a.status/100 != 2 {
					return fmt.Errorf("%s: %v %w", name, a, err)
				}
				for n, r := range s.replicas {
					if status := b.at(r).checked(); status != http.StatusUnauthorized {
						return fmt.Errorf("round %d: a session %s on server %d works on server %d", i, name, i%2, n)
					}
				}
				return nil
			})
		}
	}
	require.NoError(t, g.Wait())
}

// Requests under way on two servers while a session ends never bring it back.
func TestARequestInFlightNeverBringsASessionBack(t *testing.T) {
	t.Parallel()
	const tries = 1000
	s := newSite(t, 2)
	ada := s.user("ada")
	var g errgroup.Group
	g.SetLimit(8)
	for i := range tries {
		session, cookie := s.cookie(ada)
		b := s.holding(cookie)
		g.Go(func() error {
			var flight sync.WaitGroup
			start, last := make(chan struct{}), make([]int, 4)
			for n := range last {
				flight.Go(func() {
					<-start
					path := []string{"/-/session/", "/if/user/"}[n/2] // the second one takes messages out of the session's data
					if a, err := b.at(s.replicas[n%2]).send(http.MethodGet, path, nil); err == nil {
						last[n] = a.status
					}
				})
			}
			close(start)
			err := s.replicas[i%2].Sessions.End(t.Context(), idp.SystemActor(), session.ID, "")
			flight.Wait()
			if err != nil {
				return err
			}
			for n, r := range s.replicas {
				if status := b.at(r).checked(); status != http.StatusUnauthorized {
					return fmt.Errorf("try %d: server %d brought the session back: %d", i, n, status)
				}
			}
			return nil
		})
	}
	require.NoError(t, g.Wait())
	var alive int
	require.NoError(t, s.connect().QueryRow(t.Context(), `SELECT count(*) FROM sessions WHERE ended_at IS NULL OR data <> ''`).Scan(&alive))
	require.Zero(t, alive)
}

// The first check of a session after a start costs one statement, the next ones
// none. Statements of what goes on beside the requests come between now and then:
// the least that is counted is what a request costs.
func TestACheckCostsOneStatementAndThenNone(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	var cookies []string
	for range 20 {
		_, cookie := s.cookie(s.user(unique("ada")))
		cookies = append(cookies, cookie)
	}
	c := lay(t, s.url)
	s.url = c.url
	r := s.open()
	least := func(rounds int, check func(b *browser)) []string {
		return c.least(rounds*len(cookies), func(i int) { check(s.holding(cookies[i%len(cookies)]).at(r)) })
	}
	first := least(1, func(b *browser) { require.Equal(t, http.StatusOK, b.checked()) })
	require.Len(t, first, 1, "%q", first)
	require.Contains(t, first[0], "FROM sessions")
	require.Empty(t, least(10, func(b *browser) {
		for range 5 {
			require.Equal(t, http.StatusOK, b.checked())
		}
	}))
}

// A request to a flow asks once where it stands: for the state of the configuration and
// for the browser's run of the flow.
func TestARequestToAFlowAsksOnceWhereItStands(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	u := s.user(unique("ada"))
	c := lay(t, s.url)
	s.url = c.url
	b := s.browser().at(s.open())
	const slug = "default-authentication-flow"
	asked := b.solve(slug, anyMap{"component": "ak-stage-identification", "uid_field": u.Username})
	require.Equal(t, "ak-stage-password", asked["component"])
	for _, path := range []string{"/if/flow/" + slug + "/", "/api/v3" + executor(slug)} {
		b.get(path) // reads what is kept from then on
		statements := c.least(20, func(int) { require.Equal(t, http.StatusOK, b.get(path).status) })
		require.Len(t, statements, 1, "%s: %q", path, statements)
		require.Contains(t, statements[0], "FROM configuration c LEFT JOIN (flows f JOIN runs r")
	}
}

// A server that cannot reach its database goes on with what it knew last, or
// refuses before its lease has run out, as it was told. Either way it is right
// again when the database is back.
func TestAServerWithoutItsDatabase(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"best_effort", "strict"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, 1)
			s.tolerant = true // a request that waits for the database fails
			ada, bob := s.user("ada"), s.user("bob")
			session, cookie := s.cookie(ada)
			direct, c := s.url, lay(t, s.url)
			s.url = c.url
			alone := s.open("locking_mode", mode)
			s.url = direct
			b, other := s.holding(cookie).at(alone), s.with(bob).at(alone)
			require.Equal(t, http.StatusOK, b.checked())
			require.Equal(t, http.StatusOK, other.checked())

			c.sever(true)
			cut := time.Now()
			require.NoError(t, s.replicas[0].Sessions.End(t.Context(), idp.SystemActor(), session.ID, ""))
			accepted := time.Duration(0)
			for stale := false; !stale; {
				asked := time.Since(cut)
				stale = alone.Feed.State() == feed.Stale
				status := b.checked()
				switch {
				case status == http.StatusOK:
					accepted = asked
				case mode == "best_effort":
					require.Equal(t, http.StatusOK, status)
				default:
					require.Equal(t, http.StatusServiceUnavailable, status)
				}
				require.Less(t, asked, time.Minute)
			}
			if mode == "strict" {
				require.Less(t, accepted, alone.Feed.Lease())
				require.Equal(t, http.StatusServiceUnavailable, other.checked())
			} else {
				require.Equal(t, http.StatusOK, b.checked(), "nobody could tell it")
				require.Equal(t, http.StatusOK, other.checked())
			}

			c.sever(false)
			require.NoError(t, alone.Feed.Sync(t.Context()))
			require.Equal(t, http.StatusUnauthorized, b.checked(), "what was missed is made up for")
			require.Equal(t, http.StatusOK, other.checked())
		})
	}
}

// A page that listens to events or has a bell, and opens its streams anew whenever it is cut
// off, does not keep a session alive that nobody uses.
func TestListeningIsNoUseOfASession(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	open, used := s.administrator("open"), s.administrator("used")
	listening, openCookie := s.cookie(open)
	using, usedCookie := s.cookie(used)
	_, err := s.connect().Exec(t.Context(), `UPDATE sessions SET last_seen_at = last_seen_at - interval '2 minutes'`)
	require.NoError(t, err)
	for range 3 {
		s.holding(openCookie).listen("").close()
		bell := s.holding(openCookie).bell()
		_, err := bell.next()
		require.NoError(t, err)
		s.tell(open)
		_, err = bell.next()
		require.NoError(t, err, "what it tells is no use either")
		bell.close()
	}
	require.Equal(t, http.StatusOK, s.holding(usedCookie).checked())
	fresh := func(id idp.SessionID) (is bool) {
		require.NoError(t, s.connect().QueryRow(t.Context(), `SELECT last_seen_at > clock_timestamp() - interval '1 minute' FROM sessions WHERE id = $1`, id).Scan(&is))
		return is
	}
	require.Eventually(t, func() bool { return fresh(using.ID) }, 30*time.Second, 20*time.Millisecond)
	require.False(t, fresh(listening.ID))
}
