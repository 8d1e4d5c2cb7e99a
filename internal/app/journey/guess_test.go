package journey

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/testkit"
)

const guessToken = "a-token-for-the-administrator-of-this-test"

// A server that is killed at any moment, while passwords are guessed at and accounts
// unlocked, leaves neither a lockout nor an unlock without its entry in the audit
// log, nor an entry without its lockout.
func TestKillingTheServerLosesNoEntryOfTheAuditLog(t *testing.T) {
	t.Parallel()
	// Names that nobody has are counted like accounts. There are many, for an attempt
	// that a kill left under way counts until it is sure that nobody finishes it.
	const kills, victims = 50, 600
	url := testkit.Database(t)
	env := []string{"PORTCULLIS_DATABASE_URL=" + url, "PORTCULLIS_BOOTSTRAP_TOKEN=" + guessToken, "PORTCULLIS_DATA_DIR=" + t.TempDir()}
	for kill := range kills {
		s := spawn(t, nil, env...)
		t.Cleanup(func() { _ = s.cmd.Process.Kill() })
		s.ready(t)
		if kill == 0 {
			s.administrate(t, "/api/settings", `{"key": "security.brute_force.max_attempts", "value": "1"}`)
			s.administrate(t, "/api/settings", `{"key": "security.brute_force.address_max_accounts", "value": "0"}`)
		}
		var group sync.WaitGroup
		answered := make(chan struct{}, 1000)
		for g := range 6 {
			group.Go(func() {
				for s.alive() {
					name := fmt.Sprint("victim-", rand.IntN(victims))
					if g == 0 {
						_, _, _ = s.post(nil, "/api/security/locked-accounts/unlock", fmt.Sprintf(`{"identifier": %q}`, name))
						continue
					}
					s.guess(name)
					select {
					case answered <- struct{}{}:
					default:
					}
				}
			})
		}
		for range 1 + rand.IntN(8) {
			select {
			case <-answered:
			case <-s.ended:
				t.Fatalf("the server ended:\n%s", s.output)
			}
		}
		<-time.After(time.Duration(rand.IntN(20)) * time.Millisecond) // a moment of chance: nothing is waited for
		require.NoError(t, s.cmd.Process.Kill())
		<-s.ended
		group.Wait()
	}
	db, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer db.Close(t.Context())
	count := func(sql string) (n int) {
		require.NoError(t, db.QueryRow(t.Context(), sql).Scan(&n))
		return n
	}
	const entries = `SELECT count(*) FROM events WHERE context ->> 'action_id' = `
	lockouts, unlocks := count(`SELECT count(*) FROM lockouts`), count(`SELECT count(*) FROM lockouts WHERE end_reason = 'unlocked'`)
	require.Greater(t, lockouts, kills)
	require.Positive(t, unlocks)
	require.Equal(t, lockouts, count(entries+`'account_locked'`))
	require.Equal(t, unlocks, count(entries+`'account_unlocked'`))
	require.Zero(t, count(`SELECT count(*) FROM lockouts l WHERE NOT EXISTS (SELECT FROM events e WHERE e.context ->> 'lockout' = l.id::text)`))
	t.Logf("%d lockouts and %d unlocks over %d kills", lockouts, unlocks, kills)
}

func (s *server) alive() bool {
	select {
	case <-s.ended:
		return false
	default:
		return true
	}
}

// guess tries a wrong password. What becomes of it does not matter: the server may
// be killed at any moment.
func (s *server) guess(name string) {
	jar, _ := cookiejar.New(nil) // never fails without options
	client := &http.Client{Jar: jar, Timeout: 10 * time.Second}
	const flow = "/api/v3/flows/executor/default-authentication-flow/"
	if _, _, err := s.post(client, flow, fmt.Sprintf(`{"component": "ak-stage-identification", "uid_field": %q}`, name)); err == nil {
		_, _, _ = s.post(client, flow, fmt.Sprintf(`{"component": "ak-stage-password", "password": "%d"}`, rand.Int()))
	}
}

// post sends JSON; without a client as the administrator.
func (s *server) post(client *http.Client, path, body string) (int, []byte, error) {
	request, err := http.NewRequest(http.MethodPost, s.URL+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if client == nil {
		client = http.DefaultClient
		request.Header.Set("Authorization", "Bearer "+guessToken)
	}
	answer, err := client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	return answer.StatusCode, raw, err
}

// administrate makes a request that must succeed.
func (s *server) administrate(t *testing.T, path, body string) {
	t.Helper()
	require.True(t, json.Valid([]byte(body)))
	status, raw, err := s.post(nil, path, body)
	require.NoError(t, err)
	require.Less(t, status, 300, "%s: %s", path, raw)
}
