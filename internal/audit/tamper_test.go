package audit_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/audit"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// another gives a column another value, by its type.
var another = map[string]string{"text": "%s || 'x'", "jsonb": `%s || '{"x": 1}'`, "timestamp with time zone": "%s + interval '1 microsecond'",
	"inet": "%s + 1", "xid8": "(%s::text::bigint + 1)::text::xid8", "bigint": "%s + 1000000", "uuid": "gen_random_uuid()", "bytea": `%s || '\x00'`}

// eachColumn changes every column of a row of a table, one after the other.
func (w *world) eachColumn(table, where string, changed func(column string)) {
	w.Helper()
	columns := read[[]string](w, `SELECT array_agg(column_name || ':' || data_type ORDER BY ordinal_position) FROM information_schema.columns WHERE table_name = $1`, table)
	require.Greater(w, len(columns), 7)
	for _, c := range columns {
		column, kind, _ := strings.Cut(c, ":")
		quoted := `"` + column + `"`
		w.does(`CREATE TEMP TABLE was AS SELECT * FROM ` + table + ` WHERE ` + where)
		w.does(`UPDATE ` + table + ` SET ` + quoted + ` = ` + strings.ReplaceAll(another[kind], "%s", quoted) + ` WHERE ` + where)
		changed(column)
		w.does(`DELETE FROM ` + table + ` WHERE ` + map[string]string{"events": "app = '4' OR app = '4x'", "event_seals": "seq = 5 OR seq = 1000005"}[table])
		w.does(`INSERT INTO ` + table + ` SELECT * FROM was`)
		w.does(`DROP TABLE was`)
	}
	require.Empty(w, w.verify(audit.Query{}).says(), "everything is as it was again")
}

func TestEveryColumnOfAnEventIsSealed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(9)
	require.Equal(t, 9, w.seal(w.audit))
	require.Empty(t, w.verify(audit.Query{}).says())
	fifth := w.event(5)
	w.eachColumn("events", "app = '4'", func(column string) {
		f := w.verify(audit.Query{})
		if column == "id" {
			require.Equal(t, []string{"removed 5", "inserted 0"}, f.says())
		} else {
			require.Equal(t, []string{"altered 5"}, f.says(), column)
		}
		require.Equal(t, fifth, *f.faults[0].Event, column)
	})
	w.does(`UPDATE events SET client_ip = NULL WHERE app = '4'`)
	require.Equal(t, []string{"altered 5"}, w.verify(audit.Query{}).says(), "nothing is not nothing much")
}

func TestEveryColumnOfASealIsSealed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(9)
	w.seal(w.audit)
	w.eachColumn("event_seals", "seq = 5", func(column string) {
		want := []string{"altered 5"}
		switch column {
		case "event_id":
			want = []string{"removed 5", "inserted 0"}
		case "key_mark":
			want = []string{"secret 5"}
		case "seq":
			want = []string{"missing 5", "missing 10-1000004"} // the last one stands behind a gap
		}
		require.Equal(t, want, w.verify(audit.Query{}).says(), column)
	})
}

func TestWhatIsFound(t *testing.T) {
	t.Parallel()
	const (
		event = `(SELECT event_id FROM event_seals WHERE seq = `
		swap  = `UPDATE events e SET (action, app, "user", context, client_ip, brand, created_at, expires_at, xact) =
			(SELECT action, app, "user", context, client_ip, brand, created_at, expires_at, xact FROM events o WHERE o.id = CASE e.id WHEN ` + event + `3) THEN ` + event + `6) ELSE ` + event + `3) END)
			WHERE e.id IN (` + event + `3), ` + event + `6))`
	)
	for name, c := range map[string]struct {
		does []string
		want []string
	}{
		"nothing":                     {nil, []string{}},
		"an event removed":            {[]string{`DELETE FROM events WHERE id = ` + event + `4)`}, []string{"removed 4"}},
		"an event and its entry":      {[]string{`DELETE FROM events WHERE id = ` + event + `4)`, `DELETE FROM event_seals WHERE seq = 4`}, []string{"missing 4"}},
		"an entry":                    {[]string{`DELETE FROM event_seals WHERE seq = 4`}, []string{"missing 4", "inserted 0"}},
		"several and the gap closed":  {[]string{`DELETE FROM event_seals WHERE seq IN (4, 5)`, `DELETE FROM events WHERE app IN ('3', '4')`, `UPDATE event_seals SET seq = seq - 2 WHERE seq > 5`}, []string{"altered 4", "altered 5", "altered 6", "altered 7", "cut 9"}},
		"the first":                   {[]string{`DELETE FROM events WHERE id = ` + event + `1)`, `DELETE FROM event_seals WHERE seq = 1`}, []string{"missing 1"}},
		"the newest with its entry":   {[]string{`DELETE FROM events WHERE id = ` + event + `9)`, `DELETE FROM event_seals WHERE seq = 9`}, []string{"cut 9"}},
		"everything":                  {[]string{`TRUNCATE events`, `TRUNCATE event_seals`}, []string{"cut 9"}},
		"two swapped":                 {[]string{swap}, []string{"altered 3", "altered 6"}},
		"two entries swapped":         {[]string{`UPDATE event_seals SET seq = CASE seq WHEN 3 THEN 1003 ELSE 1006 END WHERE seq IN (3, 6)`, `UPDATE event_seals SET seq = CASE seq WHEN 1003 THEN 6 ELSE 3 END WHERE seq > 1000`}, []string{"altered 3", "altered 4", "altered 6", "altered 7"}},
		"one inserted":                {[]string{`INSERT INTO events SELECT gen_random_uuid(), action, app, "user", context, client_ip, brand, created_at, expires_at, xact FROM events WHERE app = '4'`}, []string{"inserted 0"}},
		"one inserted with an entry":  {[]string{`UPDATE events SET id = '00000000-0000-7000-8000-000000000001', action = 'logout' WHERE app = '4'`, `UPDATE event_seals SET event_id = '00000000-0000-7000-8000-000000000001' WHERE seq = 5`}, []string{"altered 5"}},
		"a seal edited":               {[]string{`UPDATE event_seals SET seal = sha256('x') WHERE seq = 5`}, []string{"altered 5"}},
		"the newest seal edited":      {[]string{`UPDATE event_seals SET seal = sha256('x') WHERE seq = 9`}, []string{"altered 9", "cut 9"}},
		"two seals in a row edited":   {[]string{`UPDATE event_seals SET seal = sha256('x') WHERE seq IN (5, 6)`}, []string{"altered 5", "altered 6"}},
		"sealed without the secret":   {[]string{`UPDATE event_seals SET method = 'sha256', key_mark = '' WHERE seq = 5`}, []string{"altered 5"}},
		"sealed with another secret":  {[]string{`UPDATE event_seals SET key_mark = '0000000000000000' WHERE seq > 5`}, []string{"secret 6-9"}},
		"a method there is not":       {[]string{`UPDATE event_seals SET method = 'none' WHERE seq = 5`}, []string{"altered 5"}},
		"a seal too short":            {[]string{`UPDATE event_seals SET seal = '' WHERE seq = 5`}, []string{"altered 5"}},
		"two events and one of these": {[]string{`DELETE FROM events WHERE app = '2'`, `UPDATE events SET app = 'x' WHERE app = '3'`}, []string{"removed 3", "altered 4"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.write(9)
			w.seal(w.audit)
			head := w.verify(audit.Query{}).Head
			for _, statement := range c.does {
				w.does(statement)
			}
			f := w.verify(audit.Query{Head: head})
			require.Equal(t, c.want, f.says())
			require.Zero(t, f.Pending)
			for _, fault := range f.faults {
				require.NotEmpty(t, fault.String())
				if fault.Kind != audit.FaultMissing && fault.Kind != audit.FaultCut && fault.Last == fault.Entry {
					require.NotNil(t, fault.Event)
				}
			}
		})
	}
}

// Whoever rewrites everything without the secret is found by that, or by the head.
func TestAChainMadeAnewWithoutTheSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(9)
	w.seal(w.audit)
	head := w.verify(audit.Query{}).Head
	w.does(`DELETE FROM event_seals WHERE seq > 4`)
	w.does(`DELETE FROM events WHERE app = '6'`)
	// Somebody without the secret goes on with the chain.
	w.does(`ALTER TABLE event_seals ADD COLUMN was text`)
	w.does(`UPDATE event_seals SET was = method, method = 'sha256'`)
	require.Equal(t, 4, w.seal(w.service(nil)))
	w.does(`UPDATE event_seals SET method = was WHERE was IS NOT NULL`)
	f := w.verify(audit.Query{Head: head})
	require.Equal(t, []string{"downgrade 5", "downgrade 6", "downgrade 7", "downgrade 8", "cut 9"}, f.says())
	require.EqualValues(t, 4, f.Unkeyed)

	w.does(`TRUNCATE event_seals`)
	require.Equal(t, 8, w.seal(w.service(nil)))
	require.Equal(t, []string{"cut 9"}, w.verify(audit.Query{Head: head}).says())
	require.EqualValues(t, 8, w.verify(audit.Query{}).Unkeyed, "without a head this is all there is to see")
}

// A server at work sees what it has sealed go.
func TestTheLogTellsOfSealsThatWereRemoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(3)
	w.seal(w.audit)
	w.news("another")
	w.seal(w.audit)
	require.NotContains(t, w.log.String(), "removed or replaced")
	w.does(`DELETE FROM event_seals WHERE seq > 2`)
	w.news("and another")
	w.seal(w.audit)
	require.Contains(t, w.log.String(), "removed or replaced")
}

// The role that the server runs as can add seals and read them.
func TestSealsAreAppendOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(1)
	w.seal(w.audit)
	w.does(`SET session_replication_role = origin`)
	for _, who := range []string{`SET ROLE portcullis_app`, `RESET ROLE`} {
		w.does(who)
		for _, statement := range []string{`UPDATE event_seals SET mark = ''`, `DELETE FROM event_seals`, `TRUNCATE event_seals`} {
			_, err := w.thief.Exec(t.Context(), statement)
			require.Error(t, err, "%s: %s", who, statement)
			require.Regexp(t, `permission denied|append-only`, err.Error())
		}
	}
}

func TestWhoMayVerify(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.audit.Verify(t.Context(), idp.Actor{}, audit.Query{}, nil)
	require.Equal(t, idp.CodeUnsigned, idp.CodeOf(err))
	_, err = w.audit.Verify(t.Context(), idp.Actor{User: &idp.User{ID: 7, Username: "u", IsActive: true}}, audit.Query{}, nil)
	require.Equal(t, idp.CodeForbidden, idp.CodeOf(err))
}

// Verifying takes its time, so a server does it for one at a time.
func TestOneVerifiesAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(2)
	w.seal(w.audit)
	w.does(`UPDATE events SET app = 'x' WHERE app = '1'`)
	asked := false
	_, err := w.audit.Verify(t.Context(), idp.SystemActor(), audit.Query{}, func(audit.Fault) error {
		asked = true
		_, err := w.audit.Verify(t.Context(), idp.SystemActor(), audit.Query{}, nil)
		require.Equal(t, idp.CodeBusy, idp.CodeOf(err))
		return nil
	})
	require.NoError(t, err)
	require.True(t, asked)
	require.Equal(t, []string{"altered 2"}, w.verify(audit.Query{}).says())
}
