package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// A password that somebody chooses while a lockdown runs does not remain: not
// with the account's own session, not at the end of a recovery link that was
// opened before. Nor does the link, or the session that the flow would end in.
//
// In half of the tries the account stays active, so that only what the caller
// came with is no good any more.
//
// All of them queue for the account's row, which the test holds until they do:
// hashing takes longer than a lockdown, so they would rarely meet otherwise.
func TestAPasswordChosenDuringALockdownDoesNotRemain(t *testing.T) {
	t.Parallel()
	const tries = 40
	s := newSite(t, 2)
	chosen := 0
	for i := range tries {
		u := s.user(fmt.Sprintf("u%d", i))
		session, flow := s.with(u), s.browser()
		got := s.admin().api(http.StatusOK, http.MethodPost, fmt.Sprintf("/core/users/%d/recovery/", u.ID), map[string]any{})
		require.Equal(t, http.StatusSeeOther, flow.get(strings.TrimPrefix(got["link"].(string), s.replicas[0].base)).status)
		require.Equal(t, http.StatusOK, flow.get("/if/flow/"+recoveryFlow+"/").status) // past the second factor, which nobody has
		there, body := s.replicas[i%2], map[string]any{"users": []idp.UserID{u.ID}, "deactivate_user": i%4 < 2}
		chosen += s.chooseDuring(u, i%2 == 0, body, s.admin().at(s.replicas[(i+1)%2]), session.at(there), flow.at(there))

		require.False(t, s.now(u).HasUsablePassword(), "try %d: after the lockdown", i)
		require.NoError(t, s.reactivate(u))
		require.False(t, session.works(), "try %d: the session", i)
		require.False(t, flow.works(), "try %d: the session at the end of the link", i)
	}
	t.Logf("in %d tries a password was set %d times before the lockdown", tries, chosen)
	require.Positive(t, chosen)
}

// chooseDuring queues a lockdown and two changes of the password for one row, and
// returns how many changes were accepted.
func (s *site) chooseDuring(u *idp.User, changesFirst bool, body map[string]any, admin, session, flow *browser) int {
	s.Helper()
	tx, err := s.connect().Begin(s.Context())
	require.NoError(s, err)
	defer func() { _ = tx.Rollback(s.Context()) }()
	_, err = tx.Exec(s.Context(), `SELECT FROM users WHERE id = $1 FOR UPDATE`, u.ID)
	require.NoError(s, err)
	var own *answer
	var ended map[string]any
	var wg sync.WaitGroup
	failures := make([]error, 3)
	lockdown := func() {
		wg.Go(func() {
			failures[0] = contained(admin.send(http.MethodPost, "/api/v3/lockdowns/", body))
		})
	}
	changes := func() {
		wg.Go(func() {
			own, failures[1] = session.send(http.MethodPost, fmt.Sprintf("/api/v3/core/users/%d/set_password/", u.ID), map[string]any{"password": password})
		})
		wg.Go(func() {
			ended, failures[2] = flow.step(http.MethodPost, executor(recoveryFlow),
				map[string]any{"component": "ak-stage-prompt", "password": password, "password_repeat": password})
		})
	}
	if changesFirst {
		changes()
		s.waiting(tx, 2)
		lockdown()
	} else {
		lockdown()
		s.waiting(tx, 1)
		changes()
	}
	s.waiting(tx, 3)
	require.NoError(s, tx.Rollback(s.Context()))
	wg.Wait()
	for _, err := range failures {
		require.NoError(s, err)
	}
	return count(own.status == http.StatusNoContent) + count(ended["component"] == "xak-flow-redirect")
}

// waiting returns when so many connections wait for a lock.
func (s *site) waiting(tx pgx.Tx, want int) {
	s.Helper()
	for n, limit := 0, time.Now().Add(time.Minute); n < want; {
		require.True(s, time.Now().Before(limit), "%d of %d are waiting", n, want)
		_, err := tx.Exec(s.Context(), `SELECT pg_stat_clear_snapshot()`)
		require.NoError(s, err)
		require.NoError(s, tx.QueryRow(s.Context(), `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&n))
	}
}
