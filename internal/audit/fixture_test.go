package audit_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/audit"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/secret"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

// discard is a log that nobody reads.
var discard = slog.New(slog.DiscardHandler)

// world is an installation whose audit log somebody tampers with.
type world struct {
	*testing.T
	url   string
	db    *postgres.DB
	audit *audit.Service
	log   bytes.Buffer
	thief *pgx.Conn // whoever owns the database
}

// sealer has secrets of one repeated letter each.
func sealer(t testing.TB, letters string) *secret.Sealer {
	var secrets [][]byte
	for _, c := range letters {
		secrets = append(secrets, bytes.Repeat([]byte(string(c)), secret.MinSecret))
	}
	s, err := secret.NewSealer(secrets...)
	require.NoError(t, err)
	return s
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, url: testkit.Database(t)}
	w.db = w.open()
	w.audit = w.service(sealer(t, "a"))
	var err error
	w.thief, err = pgx.Connect(t.Context(), w.url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.thief.Close(context.Background()) })
	w.does(`SET session_replication_role = replica`) // no trigger refuses anything
	return w
}

func (w *world) open() *postgres.DB {
	w.Helper()
	db, err := postgres.Open(w.Context(), w.url, postgres.Options{MaxConns: 8})
	require.NoError(w, err)
	w.Cleanup(db.Close)
	return db
}

// service is a server's; no keys = it has no lasting secret.
func (w *world) service(keys *secret.Sealer) *audit.Service {
	d := audit.Deps{Store: w.db, Access: access.New(), Log: slog.New(slog.NewTextHandler(&w.log, nil))}
	if keys != nil {
		d.Keys = keys
	}
	return audit.New(d)
}

func (w *world) does(statement string, args ...any) {
	w.Helper()
	_, err := w.thief.Exec(w.Context(), statement, args...)
	require.NoError(w, err, statement)
}

func read[T any](w *world, statement string, args ...any) (v T) {
	w.Helper()
	require.NoError(w, w.thief.QueryRow(w.Context(), statement, args...).Scan(&v), statement)
	return v
}

// write appends events of a while ago, a second apart, so that they are no news.
func (w *world) write(n int) {
	w.Helper()
	begin := time.Now().Add(-24 * time.Hour).Truncate(time.Second)
	later := begin.AddDate(1, 0, 0)
	require.NoError(w, w.db.InTx(w.Context(), func(tx idp.Repos) error {
		for i := range n {
			e := &idp.Event{Action: idp.ActionLogin, App: fmt.Sprint(i), User: map[string]any{"pk": i, "username": "u"}, Brand: map[string]any{"name": "b"},
				Context: map[string]any{"n": 1.5, "text": "ü"}, ClientIP: netip.MustParseAddr("192.0.2.1"), ExpiresAt: &later,
				CreatedAt: begin.Add(time.Duration(i) * time.Second), Imported: true}
			if err := tx.Events.Append(w.Context(), e); err != nil {
				return err
			}
		}
		return nil
	}))
}

// news appends an event as the server does.
func (w *world) news(app string) idp.EventID {
	w.Helper()
	e := &idp.Event{Action: idp.ActionLogin, App: app}
	require.NoError(w, w.db.Repos().Events.Append(w.Context(), e))
	return e.ID
}

// seal seals everything there is.
func (w *world) seal(s *audit.Service) (total int) {
	w.Helper()
	for {
		r, err := s.Seal(w.Context())
		require.NoError(w, err)
		if total += r.Sealed; !r.More {
			return total
		}
	}
}

// found is what a verification says.
type found struct {
	*audit.Report
	faults []audit.Fault
}

// says are the faults, short.
func (f found) says() []string {
	out := []string{}
	for _, x := range f.faults {
		text := fmt.Sprintf("%s %d", x.Kind, x.Entry)
		if x.Last > x.Entry {
			text += fmt.Sprintf("-%d", x.Last)
		}
		out = append(out, text)
	}
	return out
}

func (w *world) verify(q audit.Query) found { return w.verifyBy(w.audit, q) }

func (w *world) verifyBy(s *audit.Service, q audit.Query) (f found) {
	w.Helper()
	var err error
	f.Report, err = s.Verify(w.Context(), idp.SystemActor(), q, func(x audit.Fault) error {
		f.faults = append(f.faults, x)
		return nil
	})
	require.NoError(w, err)
	require.Len(w, f.faults, int(f.Faults))
	return f
}

// event is the event of an entry.
func (w *world) event(seq int) idp.EventID {
	w.Helper()
	return read[idp.EventID](w, `SELECT event_id FROM event_seals WHERE seq = $1`, seq)
}
