package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/audit"
	"github.com/portcullis-idp/portcullis/internal/configure"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policies"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

// world is an installation whose messages a recorder takes.
type world struct {
	*testing.T
	url       string
	db        *postgres.DB
	notify    *Service
	audit     *audit.Service
	configure *configure.Service
	sent      *recorder
	admin     idp.Actor
}

// recorder is a Sender that does as it is told.
type recorder struct {
	mu    sync.Mutex
	all   []Message
	fault func(m *Message) error // nil = everything arrives
}

func (r *recorder) Send(_ context.Context, m *Message) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, *m)
	if r.fault != nil {
		if err := r.fault(m); err != nil {
			return "the receiver's words", err
		}
	}
	return "ok", nil
}

// take returns what was sent since it was last called.
func (r *recorder) take() []Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.all
	r.all = nil
	return all
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, url: testkit.Database(t), sent: &recorder{}, admin: idp.SystemActor()}
	w.db = w.open()
	kinds := policy.NewKinds(policies.Kinds(policies.Deps{Reputations: w.db.Repos().Reputations, Clock: w.db}))
	w.configure = configure.New(configure.Deps{Store: w.db, Access: access.New(), Policies: kinds})
	w.audit = audit.New(audit.Deps{Store: w.db, Access: access.New(), Log: slog.New(slog.DiscardHandler)})
	w.notify = w.service(w.db)
	w.happens("the beginning", nil, nil) // what is sealed first is history
	w.round()
	return w
}

func (w *world) open() *postgres.DB {
	w.Helper()
	db, err := postgres.Open(w.Context(), w.url, postgres.Options{MaxConns: 8})
	require.NoError(w, err)
	w.Cleanup(db.Close)
	return db
}

// service is that of a server.
func (w *world) service(store idp.Store) *Service {
	kinds := policy.NewKinds(policies.Kinds(policies.Deps{Reputations: w.db.Repos().Reputations, Clock: w.db}))
	return New(Deps{Store: store, Access: access.New(), Engine: policy.NewEngine(kinds).With(policies.Directory{Store: w.db}),
		Senders: map[idp.TransportMode]Sender{idp.TransportWebhook: w.sent, idp.TransportSlack: w.sent, idp.TransportEmail: w.sent},
		Log:     slog.New(slog.DiscardHandler)})
}

func (w *world) user(name, email string) *idp.User {
	w.Helper()
	u := &idp.User{Username: name, Name: name, Email: email, IsActive: true}
	require.NoError(w, w.db.Repos().Users.Create(w.Context(), u))
	return u
}

func (w *world) group(name string, parents ...idp.GroupID) *idp.Group {
	w.Helper()
	g := &idp.Group{Name: name, Parents: parents}
	require.NoError(w, w.db.Repos().Groups.Create(w.Context(), g))
	return g
}

func (w *world) transport(name string, mode idp.TransportMode, change ...func(*idp.Transport)) *idp.Transport {
	w.Helper()
	t := idp.Transport{Name: name, Mode: mode}
	if mode.Hooks() {
		t.WebhookURL = "https://hooks.example.com/"
	}
	for _, c := range change {
		c(&t)
	}
	made, err := w.configure.CreateTransport(w.Context(), w.admin, t)
	require.NoError(w, err)
	return made
}

// rule is one for events with an action_id, over transports.
func (w *world) rule(name, actionID string, change func(*idp.NotificationRule), transports ...*idp.Transport) *idp.NotificationRule {
	w.Helper()
	r := idp.NotificationRule{Name: name, Enabled: true, Severity: idp.SeverityAlert}
	for _, t := range transports {
		r.Transports = append(r.Transports, t.ID)
	}
	if change != nil {
		change(&r)
	}
	made, err := w.configure.CreateNotificationRule(w.Context(), w.admin, r)
	require.NoError(w, err)
	if actionID != "" {
		w.bind(made, "event_matcher", fmt.Sprintf(`{"query": "context.action_id == \"%s\""}`, actionID))
	}
	return made
}

func (w *world) bind(r *idp.NotificationRule, kind, settings string) {
	w.Helper()
	p, err := w.configure.CreatePolicy(w.Context(), w.admin, idp.Policy{Name: r.Name + " " + idp.NewID[idp.Policy]().String(), Kind: kind, Settings: json.RawMessage(settings)})
	require.NoError(w, err)
	_, err = w.configure.CreatePolicyBinding(w.Context(), w.admin, idp.PolicyBinding{Target: r.ID.UUID(), PolicyID: &p.ID, Enabled: true, Timeout: 30 * time.Second})
	require.NoError(w, err)
}

// happens writes an event of an act.
func (w *world) happens(actionID string, by, about *idp.User) *idp.Event {
	w.Helper()
	facts := map[string]any{"action_id": actionID}
	if about != nil {
		facts["affected_user"] = about.Username
	}
	e := idp.UserWriteEvent("test", idp.Actor{User: by}, by, facts)
	require.NoError(w, w.db.Repos().Events.Append(w.Context(), e))
	return e
}

// sealed seals what was written.
func (w *world) sealed() {
	w.Helper()
	for {
		r, err := w.audit.Seal(w.Context())
		require.NoError(w, err)
		if !r.More {
			return
		}
	}
}

// round seals and compares until there is nothing new.
func (w *world) round() (out Round) {
	w.Helper()
	w.sealed()
	for {
		r, err := w.notify.Round(w.Context())
		require.NoError(w, err)
		out.Events, out.Queued, out.Told = out.Events+r.Events, out.Queued+r.Queued, out.Told+r.Told
		if !r.More {
			return out
		}
	}
}

// steps tries what is due, one after the other, and returns how many that were.
func (w *world) steps() (n int) {
	w.Helper()
	for {
		d, err := w.db.Repos().Deliveries.Take(w.Context(), lease)
		require.NoError(w, err)
		if d == nil {
			return n
		}
		w.notify.try(w.Context(), d)
		n++
	}
}

func (w *world) deliveries() []idp.Delivery {
	w.Helper()
	page, err := w.db.Repos().Deliveries.Find(w.Context(), idp.DeliveryFilter{Paging: idp.Paging{Limit: 1000, Order: []string{"pk"}}})
	require.NoError(w, err)
	return page.Items
}

// does runs a statement as the database's owner.
func (w *world) does(statement string, args ...any) {
	w.Helper()
	owner, err := pgx.Connect(w.Context(), w.url)
	require.NoError(w, err)
	defer func() { _ = owner.Close(context.WithoutCancel(w.Context())) }()
	_, err = owner.Exec(w.Context(), statement, args...)
	require.NoError(w, err)
}

// asks runs a question as the database's owner.
func (w *world) asks(answer any, question string) {
	w.Helper()
	owner, err := pgx.Connect(w.Context(), w.url)
	require.NoError(w, err)
	defer func() { _ = owner.Close(context.WithoutCancel(w.Context())) }()
	require.NoError(w, owner.QueryRow(w.Context(), question).Scan(answer))
}

// failing is a store whose transactions are lost at the last moment, as in a crash.
type failing struct {
	idp.Store
	left int
}

var errCrash = errors.New("it crashed")

func (f *failing) InTx(ctx context.Context, fn func(tx idp.Repos) error) error {
	return f.Store.InTx(ctx, func(tx idp.Repos) error {
		if err := fn(tx); err != nil {
			return err
		}
		if f.left > 0 {
			f.left--
			return errCrash
		}
		return nil
	})
}
