package journey

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/testkit"
)

// receiver is somebody else's server that hooks are sent to.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	order []string      // accounts, as they were first heard of
	more  chan struct{} // one has come
	down  bool
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{more: make(chan struct{}, 10_000)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, in *http.Request) {
		raw, err := io.ReadAll(in.Body)
		var said struct {
			Event struct {
				Context struct {
					AffectedUser string `json:"affected_user"`
				} `json:"context"`
			} `json:"event"`
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.down || err != nil || json.Unmarshal(raw, &said) != nil {
			http.Error(w, "not now", http.StatusServiceUnavailable)
			return
		}
		if name := said.Event.Context.AffectedUser; !slices.Contains(r.order, name) {
			r.order = append(r.order, name)
			r.more <- struct{}{}
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// tell makes the rule that every lockdown is told to the receiver.
func (s *server) tell(t *testing.T, r *receiver) {
	t.Helper()
	made := func(path, body string) string {
		status, raw, err := s.post(nil, "/api/v3/"+path, body)
		require.NoError(t, err)
		require.Equal(t, http.StatusCreated, status, "%s: %s", path, raw)
		var out struct {
			PK any `json:"pk"`
		}
		require.NoError(t, json.Unmarshal(raw, &out))
		return fmt.Sprint(out.PK)
	}
	policy := made("policies/event_matcher/", `{"name": "locked down", "action": "account_lockdown_triggered"}`)
	transport := made("events/transports/", fmt.Sprintf(`{"name": "receiver", "mode": "webhook", "webhook_url": %q}`, r.URL))
	rule := made("events/rules/", fmt.Sprintf(`{"name": "every lockdown", "severity": "alert", "transports": [%q]}`, transport))
	made("policies/bindings/", fmt.Sprintf(`{"target": %q, "policy": %q, "order": 0}`, rule, policy))
}

// Whatever moment a server is killed at between a lockdown and its delivery, whoever is
// to be told is told once a server is back, in the order of the acts.
func TestKillingTheServerLosesNoNotification(t *testing.T) {
	t.Parallel()
	const kills = 50
	url, r := testkit.Database(t), newReceiver(t)
	env := []string{"PORTCULLIS_DATABASE_URL=" + url, "PORTCULLIS_BOOTSTRAP_TOKEN=" + guessToken, "PORTCULLIS_DATA_DIR=" + t.TempDir(),
		"PORTCULLIS_WEBHOOK_ALLOW=127.0.0.0/8"}
	var acts []string
	for kill := range kills {
		s := spawn(t, nil, env...)
		t.Cleanup(func() { _ = s.cmd.Process.Kill() })
		s.ready(t)
		if kill == 0 {
			s.tell(t, r)
		}
		name := fmt.Sprint("mallory-", kill)
		status, raw, err := s.post(nil, "/api/v3/core/users/", fmt.Sprintf(`{"username": %q, "name": %q}`, name, name))
		require.NoError(t, err)
		require.Equal(t, http.StatusCreated, status, "%s", raw)
		var u struct{ PK int }
		require.NoError(t, json.Unmarshal(raw, &u))
		s.administrate(t, "/api/v3/lockdowns/", fmt.Sprintf(`{"users": [%d], "reason": "stolen laptop"}`, u.PK))
		acts = append(acts, name)
		<-time.After(time.Duration(rand.IntN(700)) * time.Millisecond) // a moment of chance: nothing is waited for
		require.NoError(t, s.cmd.Process.Kill())
		<-s.ended
	}
	r.mu.Lock()
	before := len(r.order)
	r.mu.Unlock()
	start(t, nil, env...)
	patience := time.NewTimer(2 * time.Minute)
	for heard := 0; heard < kills; heard++ {
		select {
		case <-r.more:
		case <-patience.C:
			t.Fatalf("%d of %d have come", heard, kills)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	require.Equal(t, acts, r.order)
	db, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer db.Close(t.Context())
	var n int
	require.NoError(t, db.QueryRow(t.Context(), `SELECT count(*) FROM deliveries d WHERE EXISTS (SELECT FROM events e WHERE e.id = d.event_id AND e.context ->> 'action_id' = 'account_lockdown') AND transport_name = 'receiver'`).Scan(&n))
	require.Equal(t, kills, n, "each was queued once")
	t.Logf("%d of %d came before the last kill", before, kills)
}

// A receiver that is down for a while hears everything afterwards, in order.
func TestAReceiverThatWasDownHearsEverything(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	s := start(t, nil, "PORTCULLIS_DATABASE_URL="+testkit.Database(t), "PORTCULLIS_BOOTSTRAP_TOKEN="+guessToken, "PORTCULLIS_WEBHOOK_ALLOW=127.0.0.0/8")
	s.tell(t, r)
	r.mu.Lock()
	r.down = true
	r.mu.Unlock()
	var acts []string
	for i := range 6 {
		name := fmt.Sprint("mallory-", i)
		_, raw, err := s.post(nil, "/api/v3/core/users/", fmt.Sprintf(`{"username": %q, "name": %q}`, name, name))
		require.NoError(t, err)
		var u struct{ PK int }
		require.NoError(t, json.Unmarshal(raw, &u))
		s.administrate(t, "/api/v3/lockdowns/", fmt.Sprintf(`{"users": [%d], "reason": "stolen laptop"}`, u.PK))
		acts = append(acts, name)
	}
	require.Eventually(t, func() bool {
		_, raw, err := s.get("/api/v3/events/deliveries/?state=pending&page_size=100")
		var page struct {
			Results []struct {
				Tries int `json:"tries"`
			}
		}
		if err != nil || json.Unmarshal(raw, &page) != nil {
			return false
		}
		tried := 0
		for _, d := range page.Results {
			tried += d.Tries
		}
		return len(page.Results) == len(acts) && tried > 0
	}, time.Minute, 50*time.Millisecond, "all wait, and the first was refused")
	r.mu.Lock()
	r.down = false
	r.mu.Unlock()
	patience := time.NewTimer(2 * time.Minute)
	for range acts {
		select {
		case <-r.more:
		case <-patience.C:
			t.Fatal("not all have come")
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	require.Equal(t, acts, r.order)
}

// get asks as the administrator.
func (s *server) get(path string) (int, []byte, error) {
	request, err := http.NewRequest(http.MethodGet, s.URL+path, nil)
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Authorization", "Bearer "+guessToken)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	return answer.StatusCode, raw, err
}
