package notifypage_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/feed"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/notify"
	"github.com/portcullis-idp/portcullis/internal/policies"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/server/account"
	"github.com/portcullis-idp/portcullis/internal/server/admin"
	"github.com/portcullis-idp/portcullis/internal/server/admin/notifypage"
	"github.com/portcullis-idp/portcullis/internal/server/admin/policypage"
	"github.com/portcullis-idp/portcullis/internal/server/live"
	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

const (
	rulesAt      = "/if/admin/notification-rules/"
	transportsAt = "/if/admin/notification-transports/"
	mappingsAt   = "/if/admin/property-mappings/"
	deliveriesAt = "/if/admin/deliveries/"
	noticesAt    = "/if/user/notifications/"
)

// site is the whole server over a database of its own, with the change feed, a receiver
// of webhooks, and a superuser in a browser.
type site struct {
	*pagetest.Site
	t     testing.TB
	boss  *pagetest.Browser
	roles *access.Service
	mail  bool
	sent  []*notify.Message
	says  string // what the receiver answers
	fault error
}

// Send implements notify.Sender.
func (s *site) Send(_ context.Context, m *notify.Message) (string, error) {
	s.sent = append(s.sent, m)
	return s.says, s.fault
}

func open(t testing.TB) *site {
	t.Helper()
	db, err := postgres.Open(t.Context(), testkit.Database(t), postgres.Options{MaxConns: 6})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	log := slog.New(slog.DiscardHandler)
	roles := access.NewRoles(db, nil)
	bells := &live.Bells{Hub: live.NewHub(live.Options{}), Store: db}
	source := db.NewFeedSource()
	follow := feed.New(source, feed.Options{Log: log}, roles, bells)
	bells.Hub.Follow(follow)
	require.NoError(t, follow.Start(t.Context()))
	t.Cleanup(func() {
		follow.Stop()
		source.Close()
	})
	t.Cleanup(bells.Close)
	db.Await(follow.Await)
	kinds := policy.NewKinds(policies.Kinds(policies.Deps{Reputations: db.Repos().Reputations, Clock: db}))
	s := &site{t: t, mail: true, says: "ok"}
	s.Site = pagetest.New(t, db, pagetest.Parts{Access: access.New(access.Deps{Roles: roles}), Policies: kinds})
	s.roles = access.NewService(access.ServiceDeps{Store: db, Checker: s.Access})
	require.NoError(t, s.roles.EnsureBuiltIn(t.Context()))
	engine := policy.NewEngine(kinds).With(policies.Directory{Store: db})
	bells.Door = (&live.Events{Sessions: s.Sessions, Tokens: s.Tokens}).Again
	service := notify.New(notify.Deps{Store: db, Access: s.Access, Engine: engine, Log: log, MailReady: func() bool { return s.mail },
		Senders: map[idp.TransportMode]notify.Sender{idp.TransportWebhook: s, idp.TransportEmail: s}})
	pages := notifypage.New(notifypage.Deps{Store: db, Configure: s.Configure, Notify: service, Policies: kinds, MailReady: func() bool { return s.mail }})
	own := account.New(account.Deps{Store: db, Accounts: s.Accounts, Sessions: s.Sessions, Tokens: s.Tokens, Lockdowns: s.Lockdowns, Flow: s.Lockdown, Bells: bells})
	console := admin.New(admin.Deps{Store: db, Accounts: s.Accounts, Sessions: s.Sessions, Tokens: s.Tokens, Lockdowns: s.Lockdowns,
		Configure: s.Configure, Flow: s.Lockdown, Deliveries: pages.OfEvent})
	rules := policypage.New(policypage.Deps{Store: db, Configure: s.Configure, Engine: engine})
	s.Open(db.NewSessionStore(func(deadline time.Time, values map[string]any) ([]byte, error) {
		return json.Marshal(map[string]any{"deadline": deadline, "values": values})
	}), pagetest.Elsewhere("", "search/", "users/", "groups/", "sessions/", "lockdowns/", "events/", "brands/", "policies/",
		"notification-rules/", "notification-transports/", "property-mappings/", "deliveries/"), console.Routes, rules.Routes, pages.Routes, own.Routes)
	s.boss = s.As(s.Boss)
	return s
}

// builtIn is a browser of somebody who has a role.
func (s *site) builtIn(role string) *pagetest.Browser {
	s.t.Helper()
	u := s.User(role + "-holder")
	require.NoError(s.t, s.roles.SetUserRoles(s.t.Context(), idp.SystemActor(), u.ID, []string{role}))
	return s.As(u)
}

// page reads a page that must be in order.
func (s *site) page(path string) *pagetest.Page {
	s.t.Helper()
	return s.read(s.boss, path)
}

func (s *site) read(b *pagetest.Browser, path string) *pagetest.Page {
	s.t.Helper()
	p := b.Get(path)
	require.Equal(s.t, http.StatusOK, p.Status, "%s: %s", path, p.Text())
	require.Empty(s.t, p.Faults(), path)
	return p
}

func (s *site) transport(name string, mode idp.TransportMode, more ...func(*idp.Transport)) *idp.Transport {
	s.t.Helper()
	draft := idp.Transport{Name: name, Mode: mode}
	if mode.Hooks() {
		draft.WebhookURL = "https://chat.example.com/hooks/" + url.PathEscape(name)
	}
	for _, change := range more {
		change(&draft)
	}
	made, err := s.Configure.CreateTransport(s.t.Context(), idp.SystemActor(), draft)
	require.NoError(s.t, err)
	return made
}

func (s *site) rule(name string, transports ...*idp.Transport) *idp.NotificationRule {
	s.t.Helper()
	draft := idp.NotificationRule{Name: name, Enabled: true, Severity: idp.SeverityAlert, DestinationAffectedUser: true}
	for _, t := range transports {
		draft.Transports = append(draft.Transports, t.ID)
	}
	made, err := s.Configure.CreateNotificationRule(s.t.Context(), idp.SystemActor(), draft)
	require.NoError(s.t, err)
	return made
}

func (s *site) policy(name string) *idp.Policy {
	s.t.Helper()
	return s.matcher(name, `{"action": "account_lockdown_triggered"}`)
}

// anyPolicy matches every event.
func (s *site) anyPolicy(name string) *idp.Policy {
	s.t.Helper()
	return s.matcher(name, `{}`)
}

func (s *site) matcher(name, settings string) *idp.Policy {
	s.t.Helper()
	p, err := s.Configure.CreatePolicy(s.t.Context(), idp.SystemActor(), idp.Policy{Name: name, Kind: "event_matcher", Settings: []byte(settings)})
	require.NoError(s.t, err)
	return p
}

// bound is what is bound to a rule.
func (s *site) bound(r *idp.NotificationRule) []idp.PolicyBinding {
	s.t.Helper()
	found, err := s.Store.Repos().PolicyBindings.Find(s.t.Context(), idp.PolicyBindingFilter{Targets: []idp.UUID{r.ID.UUID()}})
	require.NoError(s.t, err)
	return found.Items
}

// event appends an event.
func (s *site) event() *idp.Event {
	s.t.Helper()
	u := s.User("event-" + idp.NewID[idp.User]().String()[24:])
	found, err := s.Store.Repos().Events.Find(s.t.Context(), idp.EventFilter{Actions: []idp.Action{idp.ActionModelCreated}, Paging: idp.Paging{Limit: 1, Order: []string{"-created"}}})
	require.NoError(s.t, err)
	require.NotEmpty(s.t, found.Items, u.Username)
	return &found.Items[0]
}

// delivery queues a delivery of a rule over a transport, and says what came of it.
func (s *site) delivery(e *idp.Event, r *idp.NotificationRule, t *idp.Transport, out *idp.DeliveryOutcome) int64 {
	s.t.Helper()
	ctx := s.t.Context()
	all := []idp.Delivery{{EventID: e.ID, RuleID: &r.ID, RuleName: r.Name, Severity: r.Severity, TransportID: &t.ID, TransportName: t.Name, Mode: t.Mode,
		UserID: &s.Boss.ID, Recipient: s.Boss.Username}}
	require.NoError(s.t, s.Store.InTx(ctx, func(tx idp.Repos) error { return tx.Deliveries.Create(ctx, all) }))
	found, err := s.Store.Repos().Deliveries.Find(ctx, idp.DeliveryFilter{Paging: idp.Paging{Limit: 1}})
	require.NoError(s.t, err)
	id := found.Items[0].ID
	if out != nil {
		done, err := s.Store.Repos().Deliveries.End(ctx, id, 0, *out)
		require.NoError(s.t, err)
		require.True(s.t, done)
	}
	return id
}

// tell tells somebody something in the console.
func (s *site) tell(u *idp.User, body string, e *idp.Event) {
	s.t.Helper()
	n := idp.Notification{UserID: u.ID, Severity: idp.SeverityWarning, Body: body}
	if e != nil {
		n.EventID = &e.ID
	}
	require.NoError(s.t, s.Store.InTx(s.t.Context(), func(tx idp.Repos) error { return tx.Notifications.Create(s.t.Context(), []idp.Notification{n}) }))
}
