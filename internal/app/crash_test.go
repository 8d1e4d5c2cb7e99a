package app_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

// Triggers cut the connection that runs a lockdown, as a crash of the server
// would: after the line that writes to the table, or at the commit.
const cuts = `
	CREATE TABLE cut (at text NOT NULL);
	CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
	BEGIN
		IF EXISTS (SELECT FROM cut WHERE at = TG_ARGV[0]) THEN
			PERFORM pg_terminate_backend(pg_backend_pid());
			PERFORM pg_sleep(10);
		END IF;
		RETURN NULL;
	END $$;
	CREATE TRIGGER cut AFTER UPDATE ON users FOR EACH ROW EXECUTE FUNCTION cut('account');
	CREATE TRIGGER cut AFTER INSERT ON river_job FOR EACH ROW EXECUTE FUNCTION cut('job');
	CREATE TRIGGER cut AFTER INSERT ON lockdowns FOR EACH ROW EXECUTE FUNCTION cut('record');
	CREATE TRIGGER cut AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION cut('event');
	CREATE TRIGGER cut AFTER INSERT ON notification_jobs FOR EACH ROW EXECUTE FUNCTION cut('notification');
	CREATE CONSTRAINT TRIGGER cut_at_commit AFTER INSERT ON lockdowns DEFERRABLE INITIALLY DEFERRED
		FOR EACH ROW EXECUTE FUNCTION cut('commit')`

// tolerantSite is a site whose database lets it down, with two replicas: the
// connections of the first can be told from the others, and are left alone.
func tolerantSite(t *testing.T) *site {
	t.Helper()
	s := blankSite(t, testkit.Database(t))
	s.tolerant = true
	u, err := url.Parse(s.url)
	require.NoError(t, err)
	query := u.Query()
	query.Set("application_name", observer)
	u.RawQuery = query.Encode()
	s.open("database_url", u.String())
	s.open()
	return s
}

const observer = "observer"

// A connection that breaks between two lines of a lockdown leaves nothing of it:
// the account is open with all it holds, without record or event, the caller is
// told that it failed, and the next call succeeds.
func TestACrashBetweenTwoLinesLeavesNothing(t *testing.T) {
	t.Parallel()
	const rounds = 6
	s := tolerantSite(t)
	conn, admin := s.connect(), s.admin().at(s.replicas[1])
	_, err := conn.Exec(t.Context(), cuts)
	require.NoError(t, err)
	for round := range rounds {
		for _, at := range []string{"account", "job", "record", "event", "notification", "commit"} {
			ada := s.user(fmt.Sprintf("ada-%s-%d", at, round))
			session := s.with(ada)
			_, key := s.key(ada, idp.IntentAPI)
			program, body := s.program(key), map[string]any{"users": []idp.UserID{ada.ID}}
			before := s.now(ada)

			_, err := conn.Exec(t.Context(), `INSERT INTO cut VALUES ($1)`, at)
			require.NoError(t, err)
			result := admin.contain(body)[0]
			_, err = conn.Exec(t.Context(), `TRUNCATE cut`)
			require.NoError(t, err)

			require.Equal(t, "failed", result["status"], at)
			require.NotContains(t, fmt.Sprint(result["error"]), "terminat", "a cause is never shown")
			s.untouched(before)
			require.Empty(t, s.eventsOf(conn, ada), at)
			require.True(t, session.works(), at)
			require.True(t, program.works(), at)

			require.Equal(t, "success", admin.contain(body)[0]["status"], at)
			require.False(t, session.works(), at)
			require.False(t, program.works(), at)
		}
	}
}

// The same with connections cut at any moment, from outside: whole or nothing.
func TestACrashAtAnyMomentIsWholeOrNothing(t *testing.T) {
	t.Parallel()
	const tries = 50
	s := tolerantSite(t)
	conn, admin := s.connect(), s.admin().at(s.replicas[1])
	done, nothing := 0, 0
	for i := range tries {
		ada := s.user(fmt.Sprintf("ada%d", i))
		session := s.with(ada)
		before := s.now(ada)
		finished := make(chan struct{})
		go func() {
			defer close(finished)
			_, _ = admin.send(http.MethodPost, "/api/v3/lockdowns/", map[string]any{"users": []idp.UserID{ada.ID}})
		}()
		s.cutSoon(conn, time.Duration(i)*100*time.Microsecond)
		<-finished

		if now := s.now(ada); now.IsActive {
			nothing++
			s.untouched(before)
			require.Empty(t, s.eventsOf(conn, ada))
			require.True(t, session.works())
			continue
		}
		done++
		require.Len(t, s.records(ada), 1)
		require.Len(t, s.eventsOf(conn, ada), 1)
		now := s.now(ada)
		require.False(t, now.HasUsablePassword())
		require.Greater(t, now.SessionGeneration, before.SessionGeneration)
		require.Greater(t, now.TokenGeneration, before.TokenGeneration)
		require.False(t, session.works())
	}
	require.Positive(t, nothing, "no connection was cut in time")
	t.Logf("of %d lockdowns %d were whole and %d came to nothing", tries, done, nothing)
}

// cutSoon waits until a transaction has begun to write and ends its connection a
// little later.
func (s *site) cutSoon(conn *pgx.Conn, after time.Duration) {
	s.Helper()
	_, err := conn.Exec(s.Context(), fmt.Sprintf(`DO $$
		DECLARE victim integer;
		BEGIN
			FOR n IN 1..1000 LOOP
				PERFORM pg_stat_clear_snapshot();
				SELECT pid INTO victim FROM pg_stat_activity
				 WHERE datname = current_database() AND pid <> pg_backend_pid()
				   AND application_name <> '%s' AND backend_xid IS NOT NULL LIMIT 1;
				EXIT WHEN victim IS NOT NULL;
				PERFORM pg_sleep(0.0001);
			END LOOP;
			PERFORM pg_sleep(%f);
			PERFORM pg_terminate_backend(victim);
		END $$`, observer, after.Seconds()))
	require.NoError(s, err)
}

// eventsOf lists the lockdown events of an account.
func (s *site) eventsOf(conn *pgx.Conn, u *idp.User) []string {
	s.Helper()
	rows, err := conn.Query(s.Context(), `SELECT id::text FROM events
		WHERE context ->> 'action_id' = $1 AND context ->> 'affected_user' = $2`, idp.ActionIDLockdown, u.Username)
	require.NoError(s, err)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(s, err)
	return ids
}
