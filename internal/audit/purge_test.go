package audit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/audit"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// keep sets how long events are kept.
func (w *world) keep(days int) {
	w.Helper()
	value := audit.Retention(days).String()
	require.NoError(w, w.audit.SetRetention(w.Context(), idp.SystemActor(), &value))
}

// aged makes one event of so many days ago for each number, sealed in that order.
func (w *world) aged(days ...int) {
	w.Helper()
	require.NoError(w, w.db.InTx(w.Context(), func(tx idp.Repos) error {
		for i, n := range days {
			e := &idp.Event{Action: idp.ActionLogin, App: fmt.Sprint("aged-", n), Imported: true, CreatedAt: time.Now().AddDate(0, 0, -n).Add(time.Duration(i)*time.Second - time.Hour)}
			if err := tx.Events.Append(w.Context(), e); err != nil {
				return err
			}
		}
		return nil
	}))
	w.seal(w.audit)
}

// old has events of 20 to 1 days ago, as entries 1 to 20, and the setting of a
// retention of 10 days.
func old(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.does(`SET session_replication_role = origin`)
	var days []int
	for n := 20; n > 0; n-- {
		days = append(days, n)
	}
	w.aged(days...)
	w.keep(10)
	w.seal(w.audit)
	return w
}

func (w *world) purge(s *audit.Service) int {
	w.Helper()
	n, err := s.PurgeRound(w.Context())
	require.NoError(w, err)
	return n
}

// tampers does something that the triggers refuse.
func (w *world) tampers(statement string, args ...any) {
	w.Helper()
	w.does(`SET session_replication_role = replica`)
	w.does(statement, args...)
	w.does(`SET session_replication_role = origin`)
}

func TestPurge(t *testing.T) {
	t.Parallel()
	w := old(t)
	before := w.verify(audit.Query{})
	require.Empty(t, before.says())
	require.EqualValues(t, 1, before.First)
	early := audit.Head{Seq: 3, Value: read[[]byte](w, `SELECT seal FROM event_seals WHERE seq = 3`)}
	border := audit.Head{Seq: 11, Value: read[[]byte](w, `SELECT seal FROM event_seals WHERE seq = 11`)}

	require.Equal(t, 11, w.purge(w.audit), "those of 20 to 10 days ago")
	require.Zero(t, w.purge(w.audit))
	require.Equal(t, 9+1+1, read[int](w, `SELECT count(*) FROM events`), "those of 9 days on, the setting and the purge")
	w.seal(w.audit)
	after := w.verify(audit.Query{Head: before.Head})
	require.Empty(t, after.says())
	require.EqualValues(t, 12, after.First)
	require.EqualValues(t, 22, after.Last)
	require.EqualValues(t, 11, after.Purged)
	require.False(t, after.HeadPurged)

	// What was noted earlier is judged as far as it can be.
	f := w.verify(audit.Query{Head: &early})
	require.Empty(t, f.says())
	require.True(t, f.HeadPurged)
	f = w.verify(audit.Query{Head: &border})
	require.Empty(t, f.says())
	require.False(t, f.HeadPurged)
	border.Value[0] ^= 1
	require.Equal(t, []string{"cut 11"}, w.verify(audit.Query{Head: &border}).says())
	for from, first := range map[int64]int64{1: 12, 5: 12, 11: 12, 12: 12, 13: 13} {
		f := w.verify(audit.Query{From: from})
		require.Empty(t, f.says(), from)
		require.Equal(t, first, f.First, from)
	}

	var told map[string]any
	require.NoError(t, json.Unmarshal(read[[]byte](w, `SELECT context FROM events WHERE context ->> 'action_id' = 'events.purged'`), &told))
	require.Equal(t, []any{11.0, 1.0, 11.0, "days=10", 1.0}, []any{told["count"], told["first"], told["last"], told["retention"], told["record"]})
	require.Regexp(t, `^11:[0-9a-f]{64}$`, told["head"])
	until, err := time.Parse(time.RFC3339Nano, told["until"].(string))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().AddDate(0, 0, -10), until, 2*time.Hour)

	// Later the next ones go, behind the first ones.
	w.keep(7)
	require.Equal(t, 3, w.purge(w.audit))
	w.seal(w.audit)
	f = w.verify(audit.Query{})
	require.Empty(t, f.says())
	require.EqualValues(t, 15, f.First)
	require.EqualValues(t, 14, f.Purged)
	require.Equal(t, 2, read[int](w, `SELECT count(*) FROM event_purges`))
}

func TestNothingIsPurged(t *testing.T) {
	t.Parallel()
	w := old(t)
	all := read[int](w, `SELECT count(*) FROM events`)
	for name, value := range map[string]string{"for ever": `"days=0"`, "longer": `"days=21"`} {
		w.does(`UPDATE settings SET value = $1::text::jsonb WHERE name = 'events.retention'`, value)
		require.Zero(t, w.purge(w.audit), name)
	}
	for _, value := range []string{`"for a while"`, `"days=-1"`, `365`, `"days=10; DROP TABLE events"`} { // nobody guesses
		w.does(`UPDATE settings SET value = $1::text::jsonb WHERE name = 'events.retention'`, value)
		_, err := w.audit.PurgeRound(t.Context())
		if err != nil {
			require.ErrorContains(t, err, "cannot be read", value)
		}
	}
	require.Equal(t, all, read[int](w, `SELECT count(*) FROM events`))
	require.Zero(t, read[int](w, `SELECT count(*) FROM event_purges`))

	// By default events are kept for a year.
	w.does(`DELETE FROM settings WHERE name = 'events.retention'`)
	require.Zero(t, w.purge(w.audit))
	w = newWorld(t)
	w.does(`SET session_replication_role = origin`)
	w.aged(366, 364)
	w.news("new")
	w.seal(w.audit)
	require.Equal(t, 1, w.purge(w.audit))
	require.Equal(t, []string{"aged-364", "new", "portcullis.audit"}, read[[]string](w, `SELECT array_agg(app ORDER BY created_at) FROM events`))
}

// An event with an end of its own goes by that; what was sealed behind one that stays,
// stays with it; what is in no entry stays.
func TestWhatHoldsAPurgeUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.does(`SET session_replication_role = origin`)
	soon, late := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	for _, e := range []idp.Event{{App: "over", CreatedAt: time.Now().AddDate(0, 0, -9), ExpiresAt: &soon}, {App: "kept", CreatedAt: time.Now().AddDate(0, 0, -8), ExpiresAt: &late}} {
		e.Action, e.Imported = idp.ActionLogin, true
		require.NoError(t, w.db.Repos().Events.Append(t.Context(), &e))
	}
	w.seal(w.audit)
	w.news("new")
	w.seal(w.audit)
	w.aged(30) // imported now: it is in no entry until somebody takes it for genuine
	w.keep(10)
	w.seal(w.audit)
	require.Equal(t, 1, w.purge(w.audit))
	w.seal(w.audit)
	require.Equal(t, []string{"aged-30", "kept", "new"}, read[[]string](w, `SELECT array_agg(app ORDER BY created_at) FROM events WHERE app <> 'portcullis.audit'`))
	require.Equal(t, []string{"inserted 0"}, w.verify(audit.Query{}).says())
}

// The newest entries stay, however old they are: the chain goes on behind them.
func TestTheChainIsNeverPurgedWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.does(`SET session_replication_role = origin`)
	w.aged(500, 499, 498)
	require.Equal(t, 2, w.purge(w.audit))
	require.Equal(t, 1, w.seal(w.audit), "the event of the purge")
	require.Equal(t, 1, w.purge(w.audit))
	w.seal(w.audit)
	f := w.verify(audit.Query{})
	require.Empty(t, f.says())
	require.EqualValues(t, 4, f.First)
	require.EqualValues(t, 5, f.Last)
}

func TestWhatIsFoundAroundAPurge(t *testing.T) {
	t.Parallel()
	const event = `(SELECT event_id FROM event_seals WHERE seq = `
	for name, c := range map[string]struct {
		does []string
		want []string
	}{
		"nothing":                          {nil, []string{}},
		"the first event behind it":        {[]string{`DELETE FROM events WHERE id = ` + event + `12)`}, []string{"removed 12"}},
		"the same with its entry":          {[]string{`DELETE FROM events WHERE id = ` + event + `12)`, `DELETE FROM event_seals WHERE seq = 12`}, []string{"missing 12"}},
		"one in the middle":                {[]string{`DELETE FROM events WHERE id = ` + event + `15)`}, []string{"removed 15"}},
		"the first event behind changed":   {[]string{`UPDATE events SET app = 'x' WHERE id = ` + event + `12)`}, []string{"altered 12"}},
		"one that was purged put back":     {[]string{`INSERT INTO events (id, action, created_at) VALUES (gen_random_uuid(), 'login', now() - interval '15 days')`}, []string{"inserted 0"}},
		"the border moved":                 {[]string{`UPDATE event_purges SET last_seq = 12, anchor = (SELECT seal FROM event_seals WHERE seq = 12)`, `DELETE FROM events WHERE id = ` + event + `12)`, `DELETE FROM event_seals WHERE seq = 12`}, []string{"record 1-12", "missing 1-12"}},
		"another anchor":                   {[]string{`UPDATE event_purges SET anchor = sha256('x')`}, []string{"record 1-11", "missing 1-11"}},
		"another time":                     {[]string{`UPDATE event_purges SET until = until - interval '1 second'`}, []string{"record 1-11", "missing 1-11"}},
		"another retention":                {[]string{`UPDATE event_purges SET days = 365`}, []string{"record 1-11", "missing 1-11"}},
		"the record removed":               {[]string{`DELETE FROM event_purges`}, []string{"missing 1-11"}},
		"a record forged behind it":        {[]string{forge(12, `hmac-sha256`, `(SELECT key_mark FROM event_purges LIMIT 1)`), `DELETE FROM events WHERE id = ` + event + `12)`, `DELETE FROM event_seals WHERE seq = 12`}, []string{"record 12", "missing 12"}},
		"the same with an unknown secret":  {[]string{forge(12, `hmac-sha256`, `'0000000000000000'`), `DELETE FROM events WHERE id = ` + event + `12)`, `DELETE FROM event_seals WHERE seq = 12`}, []string{"secret 12"}},
		"everything behind it":             {[]string{`DELETE FROM events`, `DELETE FROM event_seals`}, []string{"missing 12"}},
		"the record sealed without secret": {[]string{`UPDATE event_purges SET method = 'sha256', key_mark = ''`}, []string{"record 1-11", "missing 1-11"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := old(t)
			require.Equal(t, 11, w.purge(w.audit))
			w.seal(w.audit)
			for _, statement := range c.does {
				w.tampers(statement)
			}
			f := w.verify(audit.Query{})
			require.Equal(t, c.want, f.says())
			for _, fault := range f.faults {
				require.NotEmpty(t, fault.String())
			}
			if len(c.want) > 0 && c.want[0][:6] == "record" { // nothing is purged behind a record that is wrong
				w.keep(7)
				require.Zero(t, w.purge(w.audit))
				require.Contains(t, w.log.String(), "is not as it was sealed, or is forged")
			}
		})
	}
}

// forge writes a record of one entry, as whoever owns the database can.
func forge(seq int, method, mark string) string {
	return fmt.Sprintf(`INSERT INTO event_purges (n, first_seq, last_seq, anchor, made_by, until, days, purged_at, method, key_mark, seal)
		SELECT 2, %[1]d, %[1]d, seal, method, now() - interval '9 days', 10, now(), '%[2]s', %[3]s, sha256('x') FROM event_seals WHERE seq = %[1]d`, seq, method, mark)
}

// Whoever owns the database can make a record that needs no secret, as right as one can
// be; but entries that were sealed with one come behind it.
func TestARecordForgedWithoutTheSecret(t *testing.T) {
	t.Parallel()
	w := old(t)
	// A server without the secret purges its own, another chain's, and the record is taken from there.
	other := newWorld(t)
	other.does(`SET session_replication_role = origin`)
	other.audit = other.service(nil)
	var days []int
	for n := 20; n > 0; n-- {
		days = append(days, n)
	}
	other.aged(days...)
	other.keep(10)
	other.seal(other.audit)
	require.Equal(t, 11, other.purge(other.audit))
	require.Empty(t, other.verify(audit.Query{}).says(), "where there is no secret, such records are as good as the chain")

	w.tampers(`DELETE FROM events e USING event_seals s WHERE s.event_id = e.id AND s.seq <= 11`)
	w.tampers(`DELETE FROM event_seals WHERE seq <= 11`)
	rows, err := other.thief.Query(t.Context(), `SELECT n, first_seq, last_seq, anchor, made_by, until, days, purged_at, method, key_mark, seal FROM event_purges`)
	require.NoError(t, err)
	require.True(t, rows.Next())
	record, err := rows.Values()
	require.NoError(t, err)
	rows.Close()
	w.tampers(`INSERT INTO event_purges (n, first_seq, last_seq, anchor, made_by, until, days, purged_at, method, key_mark, seal) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`, record...)
	require.Equal(t, []string{"downgrade 1-11", "missing 1-11"}, w.verify(audit.Query{}).says())
}

// What somebody has changed is not purged, so it can be found as long as it takes.
func TestAPurgeRemovesNoTraces(t *testing.T) {
	t.Parallel()
	const event = `(SELECT event_id FROM event_seals WHERE seq = `
	for name, c := range map[string]struct {
		does  string
		goes  int
		wants string
	}{
		"an event removed":        {`DELETE FROM events WHERE id = ` + event + `5)`, 4, "removed 5"},
		"the last that is to go":  {`DELETE FROM events WHERE id = ` + event + `11)`, 10, "removed 11"},
		"the first":               {`DELETE FROM events WHERE id = ` + event + `1)`, 0, "removed 1"},
		"an event changed":        {`UPDATE events SET app = 'x' WHERE id = ` + event + `5)`, 4, "altered 5"},
		"an entry removed":        {`DELETE FROM event_seals WHERE seq = 5`, 4, "missing 5"},
		"made older than it is":   {`UPDATE events SET created_at = now() - interval '30 days' WHERE id = ` + event + `12)`, 11, "altered 12"},
		"sealed without a secret": {`UPDATE event_seals SET method = 'sha256', key_mark = '' WHERE seq = 5`, 4, "altered 5"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := old(t)
			w.tampers(c.does)
			require.Equal(t, c.goes, w.purge(w.audit))
			require.Zero(t, w.purge(w.audit))
			w.seal(w.audit)
			require.Contains(t, w.verify(audit.Query{}).says(), c.wants)
			require.Contains(t, w.log.String(), "the chain over them is broken")
		})
	}
}

// Entries whose secret is not configured any more go; that nobody judged them is said by
// nothing but the verifications from before.
func TestWhatCannotBeJudgedIsPurged(t *testing.T) {
	t.Parallel()
	w := old(t)
	after := w.service(sealer(t, "b"))
	require.Equal(t, 11, w.purge(after))
	w.seal(after)
	both := w.service(sealer(t, "ba"))
	require.Empty(t, w.verifyBy(both, audit.Query{}).says())
	require.Equal(t, []string{"secret 1-11", "secret 22"}, w.verifyBy(w.audit, audit.Query{}).says())
}

// A server without the secret leaves purging to those that have it.
func TestAServerWithoutTheSecretPurgesNothing(t *testing.T) {
	t.Parallel()
	w := old(t)
	require.Zero(t, w.purge(w.service(nil)))
	require.Equal(t, 21, read[int](w, `SELECT count(*) FROM events`))
}

func TestServersPurgeAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.does(`SET session_replication_role = origin`)
	w.write(50)
	w.tampers(`UPDATE events SET expires_at = NULL, created_at = created_at - interval '400 days'`)
	w.seal(w.audit)
	w.news("new")
	w.seal(w.audit)
	var group sync.WaitGroup
	gone := make(chan int, 100)
	for range 4 {
		s := audit.New(audit.Deps{Store: w.open(), Access: access.New(), Keys: sealer(t, "a"), Log: discard})
		group.Go(func() {
			for range 3 {
				n, err := s.PurgeRound(t.Context())
				if err != nil {
					t.Error(err)
				}
				gone <- n
				if _, err := s.Seal(t.Context()); err != nil {
					t.Error(err)
				}
				if _, err := s.Verify(t.Context(), idp.SystemActor(), audit.Query{}, func(f audit.Fault) error { return errors.New(f.String()) }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	close(gone)
	total := 0
	for n := range gone {
		total += n
	}
	require.Equal(t, 50, total)
	w.seal(w.audit)
	f := w.verify(audit.Query{})
	require.Empty(t, f.says())
	require.EqualValues(t, 50, f.Purged)
	require.Equal(t, 1, read[int](w, `SELECT count(*) FROM events WHERE context ->> 'action_id' = 'events.purged'`))
}

// A server that dies in the middle of a round has purged nothing.
func TestAServerThatDiesPurgesNothing(t *testing.T) {
	t.Parallel()
	w := old(t)
	dying := audit.New(audit.Deps{Store: &broken{Store: w.db, lose: func(tx idp.Repos) error {
		_, err := tx.Settings.Get(t.Context(), "x") // what waits to be sent is sent
		return errors.Join(err, errors.New("killed"))
	}}, Access: access.New(), Keys: sealer(t, "a"), Log: discard})
	_, err := dying.PurgeRound(t.Context())
	require.ErrorContains(t, err, "killed")
	require.Equal(t, 21, read[int](w, `SELECT count(*) FROM events`))
	require.Zero(t, read[int](w, `SELECT count(*) FROM event_purges`))
	f := w.verify(audit.Query{})
	require.Empty(t, f.says())
	require.EqualValues(t, 1, f.First)
	require.Equal(t, 11, w.purge(w.audit))
}

// More than fits into a round goes in several, with a record and an event each.
func TestPurgeGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.does(`SET session_replication_role = origin`)
	w.write(6000)
	w.tampers(`UPDATE events SET expires_at = NULL, created_at = created_at - interval '400 days'`)
	w.seal(w.audit)
	w.news("new")
	w.seal(w.audit)
	require.NoError(t, w.audit.Purge(t.Context()))
	w.seal(w.audit)
	require.Equal(t, 3, read[int](w, `SELECT count(*) FROM events`))
	f := w.verify(audit.Query{})
	require.Empty(t, f.says())
	require.EqualValues(t, 6000, f.Purged)
}

// interrupted does something between two parts of a verification.
type interrupted struct {
	idp.Store
	between func()
}

func (s *interrupted) Repos() idp.Repos {
	r := s.Store.Repos()
	r.Seals = &interruptedSeals{Seals: r.Seals, between: s.between}
	return r
}

type interruptedSeals struct {
	idp.Seals
	between func()
	n       int
}

func (s *interruptedSeals) From(ctx context.Context, seq int64, limit int) ([]idp.SealedEvent, error) {
	if s.n++; s.n == 2 {
		s.between()
	}
	return s.Seals.From(ctx, seq, limit)
}

// What goes while somebody verifies is no fault.
func TestAPurgeDuringAVerification(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.does(`SET session_replication_role = origin`)
	w.write(3000)
	w.tampers(`UPDATE events SET expires_at = NULL, created_at = created_at - interval '400 days' WHERE app::integer < 2500`)
	w.seal(w.audit)
	purged := 0
	s := audit.New(audit.Deps{Store: &interrupted{Store: w.db, between: func() { purged = w.purge(w.audit) }}, Access: access.New(), Keys: sealer(t, "a"), Log: discard})
	f := w.verifyBy(s, audit.Query{})
	require.Equal(t, 2500, purged)
	require.Empty(t, f.says())
	require.EqualValues(t, 2500, f.Purged)
	require.EqualValues(t, 3000, f.Last)
}

// The function that removes events believes its caller nothing.
func TestTheDoorOfThePurge(t *testing.T) {
	t.Parallel()
	w := old(t)
	w.does(`SET ROLE portcullis_app`)
	seal := func(seq int64) []byte { return read[[]byte](w, `SELECT seal FROM event_seals WHERE seq = $1`, seq) }
	past := false
	call := func(n, first, last int64, anchor []byte, days int) error {
		until := read[*time.Time](w, `SELECT max(e.created_at) FROM event_seals s JOIN events e ON e.id = s.event_id WHERE s.seq BETWEEN $1 AND $2`, first, last)
		_, err := w.thief.Exec(t.Context(), `SELECT purge_events($1, $2, $3, $4, 'hmac-sha256', $5, $6, clock_timestamp(), 'hmac-sha256', (SELECT max(key_mark) FROM event_seals), '', $7)`, n, first, last, anchor, until, days, past)
		return err
	}
	for name, c := range map[string]struct {
		n, first, last int64
		anchor         []byte
		days           int
		says           string
	}{
		"younger than they are kept": {1, 1, 12, seal(12), 10, "old enough"},
		"another retention":          {1, 1, 12, seal(12), 7, "kept for 10 days"},
		"for ever":                   {1, 1, 5, seal(5), 0, "kept for 10 days"},
		"not the oldest":             {1, 2, 5, seal(5), 10, "does not go on"},
		"another number":             {2, 1, 5, seal(5), 10, "does not go on"},
		"backwards":                  {1, 1, 0, seal(1), 10, "does not go on"},
		"too many":                   {1, 1, 5001, seal(5), 10, "does not go on"},
		"the newest":                 {1, 1, 21, seal(21), 10, "one of the newest"},
		"another anchor":             {1, 1, 5, seal(6), 10, "does not say"},
	} {
		past = false
		require.ErrorContains(t, call(c.n, c.first, c.last, c.anchor, c.days), c.says, name)
		if past = true; name != "too many" { // some may be gone
			require.ErrorContains(t, call(c.n, c.first, c.last, c.anchor, c.days), c.says, name+", past faults")
		}
	}
	past = false
	// The floor holds whatever the setting says, and whoever writes it.
	w.does(`UPDATE settings SET value = '"days=1"' WHERE name = 'events.retention'`)
	require.ErrorContains(t, call(1, 1, 15, seal(15), 1), "old enough", "five days old")
	w.does(`UPDATE settings SET value = '"days=10"' WHERE name = 'events.retention'`)
	// Tables that the caller slips under it are not looked at.
	w.does(`CREATE TEMP TABLE settings AS SELECT 'events.retention' AS name, '"days=1"'::jsonb AS value`)
	require.ErrorContains(t, call(1, 1, 12, seal(12), 1), "kept for 10 days")
	w.does(`DROP TABLE pg_temp.settings`)
	for _, statement := range []string{`DELETE FROM events`, `DELETE FROM event_seals`, `INSERT INTO event_purges (n, first_seq, last_seq, anchor, made_by, until, days, purged_at, method, seal) VALUES (1, 1, 5, '', '', now(), 10, now(), '', '')`,
		`DELETE FROM event_purges`, `UPDATE event_purges SET days = 1`, `TRUNCATE event_purges`} {
		_, err := w.thief.Exec(t.Context(), statement)
		require.ErrorContains(t, err, "permission denied", statement)
	}
	// A seal that the server did not make goes through here, and is found.
	require.NoError(t, call(1, 1, 5, seal(5), 10))
	w.does(`RESET ROLE`)
	require.Equal(t, []string{"record 1-5", "missing 1-5"}, w.verify(audit.Query{}).says())
	for _, statement := range []string{`DELETE FROM event_purges`, `UPDATE event_purges SET days = 1`, `DELETE FROM events WHERE created_at < now() - interval '15 days'`} {
		_, err := w.thief.Exec(t.Context(), statement)
		require.ErrorContains(t, err, "append-only", "the owner: %s", statement)
	}
}

// Nobody removes more in the transaction of a purge than its record says.
func TestTheRecordBoundsTheDeletion(t *testing.T) {
	t.Parallel()
	w := old(t)
	for name, statement := range map[string]string{"an event": `DELETE FROM events WHERE app = 'aged-9'`, "a young one": `DELETE FROM events WHERE app = 'aged-1'`, "an entry": `DELETE FROM event_seals WHERE seq = 12`} {
		tx, err := w.thief.Begin(t.Context())
		require.NoError(t, err)
		_, err = tx.Exec(t.Context(), forge(1, "sha256", "''"))
		require.NoError(t, err)
		_, err = tx.Exec(t.Context(), statement)
		require.ErrorContains(t, err, "not to be purged", name)
		require.NoError(t, tx.Rollback(t.Context()))
	}
}

func TestRetentionSetting(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for text, want := range map[string]int{"days=365": 365, "days=7": 7, "days=0": 0, " Days = 30 ": 30, "days=036": 36, "days=36500": 36500} {
		r, problem := audit.ParseRetention(text)
		require.Empty(t, problem, text)
		require.EqualValues(t, want, r, text)
	}
	for _, text := range []string{"", "365", "days", "days=", "days=-1", "days=1", "days=6", "days=6.5", "days=36501", "days=99999999999", "hours=9000", "days=30;hours=1", "weeks=2", "never", "days=+8", "days=٣٦٥"} {
		_, problem := audit.ParseRetention(text)
		require.NotEmpty(t, problem, text)
		err := w.audit.SetRetention(t.Context(), idp.SystemActor(), &text)
		require.Equal(t, idp.CodeInvalid, idp.CodeOf(err), text)
		var fault *idp.Error
		require.ErrorAs(t, err, &fault)
		require.Contains(t, fault.Fields, audit.RetentionKey, text)
	}
	v, err := w.audit.Retention(t.Context(), idp.SystemActor())
	require.NoError(t, err)
	require.Equal(t, audit.RetentionValue{Retention: 365}, v)
	w.keep(30)
	w.keep(30)
	v, err = w.audit.Retention(t.Context(), idp.SystemActor())
	require.NoError(t, err)
	require.Equal(t, audit.RetentionValue{Retention: 30, Set: true}, v)
	require.NoError(t, w.audit.SetRetention(t.Context(), idp.SystemActor(), nil))
	require.Equal(t, []string{"days=365 → days=30", "days=30 → days=365"},
		read[[]string](w, `SELECT array_agg((context ->> 'was') || ' → ' || (context ->> 'value') ORDER BY created_at) FROM events WHERE context ->> 'action_id' = 'setting.updated'`))

	stranger := idp.Actor{User: &idp.User{ID: 7, Username: "u", IsActive: true}}
	_, err = w.audit.Retention(t.Context(), stranger)
	require.Equal(t, idp.CodeForbidden, idp.CodeOf(err))
	require.Equal(t, idp.CodeForbidden, idp.CodeOf(w.audit.SetRetention(t.Context(), stranger, nil)))

	// The default of the database is the same.
	require.EqualValues(t, audit.DefaultRetention, read[int](w, `SELECT event_retention()`))
}

// Every server knows how long events are kept as soon as it was told.
func TestRetentionIsKnownByHeart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.EqualValues(t, 365, w.audit.Kept())
	w.keep(30)
	require.NoError(t, w.audit.Reset(t.Context()))
	require.EqualValues(t, 30, w.audit.Kept())
	require.Equal(t, `"days=30"`, read[string](w, `SELECT payload::text FROM changes WHERE kind = 'setting' AND subject = 'events.retention'`))
	w.audit.Apply([]idp.Change{{Kind: idp.ChangeSetting, Subject: "security.x", Value: []byte(`"days=9"`)}, {Kind: idp.ChangeSetting, Subject: audit.RetentionKey, Value: []byte(`"days=8"`)}})
	require.EqualValues(t, 8, w.audit.Kept())
	w.audit.Apply([]idp.Change{{Kind: idp.ChangeSetting, Subject: audit.RetentionKey}})
	require.EqualValues(t, 365, w.audit.Kept())
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	ends, any := audit.Retention(31).Ends(&idp.Event{CreatedAt: at})
	require.True(t, any)
	require.Equal(t, at.AddDate(0, 1, 0), ends)
	_, any = audit.Retention(0).Ends(&idp.Event{CreatedAt: at})
	require.False(t, any)
	ends, _ = audit.Retention(0).Ends(&idp.Event{CreatedAt: at, ExpiresAt: &at})
	require.Equal(t, at, ends)
}

// Whoever has looked at what holds retention up has it go on, and that is on record.
func TestPurgingPastFaults(t *testing.T) {
	t.Parallel()
	const event = `(SELECT event_id FROM event_seals WHERE seq = `
	for name, c := range map[string]struct {
		does, wants string
		goes        int
		left        []string // what verification says afterwards
	}{
		"an event removed":        {`DELETE FROM events WHERE id = ` + event + `5)`, "removed 5", 11, []string{}},
		"the last that is to go":  {`DELETE FROM events WHERE id = ` + event + `11)`, "", 10, []string{"removed 11"}},
		"the first":               {`DELETE FROM events WHERE id = ` + event + `1)`, "removed 1", 11, []string{}},
		"an event changed":        {`UPDATE events SET app = 'x' WHERE id = ` + event + `5)`, "altered 5", 11, []string{}},
		"an entry removed":        {`DELETE FROM event_seals WHERE seq = 5`, "missing 5", 10, []string{"inserted 0"}},
		"sealed without a secret": {`UPDATE event_seals SET method = 'sha256', key_mark = '' WHERE seq = 5`, "altered 5", 11, []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := old(t)
			w.tampers(c.does)
			held, err := w.audit.PurgeNow(t.Context(), false)
			require.NoError(t, err)
			require.NotNil(t, held.Held, "it stops there")
			require.Empty(t, held.Passed)
			out, err := w.audit.PurgeNow(t.Context(), true)
			require.NoError(t, err)
			require.Nil(t, out.Held)
			require.Equal(t, c.goes, held.Removed+out.Removed)
			w.seal(w.audit)
			require.Equal(t, c.left, w.verify(audit.Query{}).says())
			const told = `SELECT coalesce(string_agg(context ->> 'faults', ''), '') FROM events WHERE context ->> 'action_id' = 'events.purged_past_faults'`
			if c.wants == "" {
				require.Empty(t, read[string](w, told), "nothing that was wrong has gone")
				return
			}
			require.Equal(t, c.wants, fmt.Sprint(out.Passed[0].Kind, " ", out.Passed[0].Entry))
			require.Contains(t, read[string](w, told), out.Passed[0].String())
			// From there on retention goes on by itself.
			w.keep(7)
			require.Equal(t, 3, w.purge(w.audit))
		})
	}
}

// Behind a record that is wrong nothing can be verified, so nothing goes on there.
func TestNothingGoesPastAWrongRecord(t *testing.T) {
	t.Parallel()
	w := old(t)
	require.Equal(t, 11, w.purge(w.audit))
	w.tampers(`UPDATE event_purges SET days = 365`)
	w.keep(7)
	out, err := w.audit.PurgeNow(t.Context(), true)
	require.NoError(t, err)
	require.Zero(t, out.Removed)
	require.Equal(t, audit.FaultRecord, out.Held.Kind)
}
