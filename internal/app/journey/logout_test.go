package journey

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/testkit"
)

// application is somebody else's server that is told of logouts.
type application struct {
	*httptest.Server
	mu    sync.Mutex
	heard map[string]int // by subject
	more  chan struct{}  // one was heard of for the first time
	hold  chan struct{}  // nil = it answers; otherwise not before that is closed
}

func newApplication(t *testing.T) *application {
	a := &application{heard: map[string]int{}, more: make(chan struct{}, 10_000)}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		parts := strings.Split(r.PostFormValue("logout_token"), ".")
		var said struct {
			Subject string `json:"sub"`
		}
		raw, err := []byte(nil), error(nil)
		if len(parts) == 3 {
			raw, err = base64.RawURLEncoding.DecodeString(parts[1])
		}
		if err != nil || json.Unmarshal(raw, &said) != nil || said.Subject == "" {
			http.Error(w, "no logout token", http.StatusBadRequest)
			return
		}
		a.mu.Lock()
		hold := a.hold
		a.mu.Unlock()
		if hold != nil {
			select {
			case <-hold:
			case <-r.Context().Done():
			}
			return
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.heard[said.Subject]++; a.heard[said.Subject] == 1 {
			a.more <- struct{}{}
		}
	}))
	t.Cleanup(a.Close)
	return a
}

// Whatever moment a server is killed at between a lockdown and what it tells an
// application, the application is told once a server is back.
func TestKillingTheServerLosesNoLogoutNotice(t *testing.T) {
	t.Parallel()
	const kills = 50
	url, a := testkit.Database(t), newApplication(t)
	env := []string{"PORTCULLIS_DATABASE_URL=" + url, "PORTCULLIS_BOOTSTRAP_TOKEN=" + guessToken, "PORTCULLIS_DATA_DIR=" + t.TempDir(),
		"PORTCULLIS_LOGOUT_ALLOW=127.0.0.0/8"}
	var db *pgx.Conn
	does := func(sql string, args ...any) {
		t.Helper()
		_, err := db.Exec(t.Context(), sql, args...)
		require.NoError(t, err)
	}
	for kill := range kills {
		a.mu.Lock()
		a.hold = nil
		if kill%3 > 0 { // the server is killed while it waits for the answer
			a.hold = make(chan struct{})
		}
		a.mu.Unlock()
		s := spawn(t, nil, env...)
		t.Cleanup(func() { _ = s.cmd.Process.Kill() })
		s.ready(t)
		if db == nil {
			var err error
			db, err = pgx.Connect(t.Context(), url)
			require.NoError(t, err)
			defer db.Close(t.Context())
			does(`INSERT INTO oauth_providers (id, name, authorization_flow, invalidation_flow, client_type, client_id, grant_types, code_lifetime, access_lifetime,
				refresh_lifetime, subject_mode, issuer_mode, logout_uri)
				SELECT gen_random_uuid(), 'wiki', id, id, 'confidential', 'wiki', '{authorization_code}', 60, 300, 3600, 'user_uuid', 'per_provider', $1 FROM flows LIMIT 1`, a.URL)
			does(`INSERT INTO applications (id, name, slug, provider_id) SELECT gen_random_uuid(), 'Wiki', 'wiki', id FROM oauth_providers WHERE name = 'wiki'`)
		}
		name := fmt.Sprint("mallory-", kill)
		status, raw, err := s.post(nil, "/api/v3/core/users/", fmt.Sprintf(`{"username": %q, "name": %q}`, name, name))
		require.NoError(t, err)
		require.Equal(t, http.StatusCreated, status, "%s", raw)
		var u struct{ PK int }
		require.NoError(t, json.Unmarshal(raw, &u))
		does(`INSERT INTO oauth_grants (id, provider_id, application_id, user_id, kind, scopes, issuer, subject, auth_time, generation)
			SELECT gen_random_uuid(), a.provider_id, a.id, u.id, 'authorization_code', '{openid}', 'https://id.example.org/', u.username, clock_timestamp(), u.token_generation
			  FROM applications a, users u WHERE a.slug = 'wiki' AND u.id = $1`, u.PK)
		s.administrate(t, "/api/v3/lockdowns/", fmt.Sprintf(`{"users": [%d], "reason": "stolen laptop"}`, u.PK))
		<-time.After(time.Duration(rand.IntN(12)) * time.Millisecond) // a moment of chance: nothing is waited for
		require.NoError(t, s.cmd.Process.Kill())
		<-s.ended
	}
	a.mu.Lock()
	before := len(a.heard)
	a.hold = nil
	a.mu.Unlock()
	start(t, nil, env...)
	patience := time.NewTimer(2 * time.Minute)
	for heard := 0; heard < kills; heard++ {
		select {
		case <-a.more:
		case <-patience.C:
			t.Fatalf("%d of %d were heard of", heard, kills)
		}
	}
	var states string
	require.Eventually(t, func() bool {
		require.NoError(t, db.QueryRow(t.Context(), `SELECT string_agg(DISTINCT state, ',') || ' ' || count(*) FROM logout_notices`).Scan(&states))
		return states == fmt.Sprintf("delivered %d", kills)
	}, 30*time.Second, 50*time.Millisecond)
	require.Less(t, before, kills, "nothing was left to be told")
	t.Logf("%d of %d were told before the last kill", before, kills)
}
