package notify

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/migrations"
)

// jobs are the events that have to be compared with rules, by their app.
func (w *world) jobs() []string {
	w.Helper()
	var out []string
	w.asks(&out, `SELECT coalesce(array_agg(e.app ORDER BY e.app), '{}') FROM notification_jobs j JOIN events e ON e.id = j.event_id`)
	return out
}

// Who writes an event writes its job, when a rule may have something to say of it.
func TestAnEventComesWithItsJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, repos := t.Context(), w.db.Repos()
	hook := w.transport("hook", idp.TransportWebhook)
	events := func() []*idp.Event {
		some := []*idp.Event{
			idp.UserWriteEvent("lockdown", idp.Actor{}, nil, map[string]any{"action_id": idp.ActionIDLockdown}),
			idp.UserWriteEvent("write", idp.Actor{}, nil, nil),
			{Action: idp.ActionLoginFailed, App: "failed"},
			{Action: idp.ActionLoginFailed, App: App + ".webhook"},
			{Action: idp.ActionLoginFailed, App: "imported", Imported: true, CreatedAt: time.Now().Add(-time.Hour)},
		}
		return some
	}
	all := []string{"failed", "lockdown", "write"}
	bound := func(kind, settings string) func(*idp.NotificationRule) {
		return func(r *idp.NotificationRule) { w.bind(r, kind, settings) }
	}
	sql := func(statement string) func(*idp.NotificationRule) {
		return func(r *idp.NotificationRule) {
			w.bind(r, "event_matcher", `{"action": "login_failed"}`)
			w.does(statement)
		}
	}
	for name, c := range map[string]struct {
		make func(r *idp.NotificationRule)
		want []string
	}{
		"nothing is bound":          {func(*idp.NotificationRule) {}, nil},
		"an action":                 {bound("event_matcher", `{"action": "login_failed"}`), []string{"failed"}},
		"another action":            {bound("event_matcher", `{"action": "logout"}`), nil},
		"lockdowns":                 {bound("event_matcher", `{"action": "account_lockdown_triggered"}`), []string{"lockdown"}},
		"no action":                 {bound("event_matcher", `{"action": ""}`), all},
		"null as an action":         {bound("event_matcher", `{"action": null}`), all},
		"a query":                   {bound("event_matcher", `{"query": "context.action_id == \"account_lockdown\""}`), all},
		"an expression":             {bound("expression", `{"expression": "true"}`), all},
		"all but an action":         {sql(`UPDATE policy_bindings SET negate = true`), all},
		"also what gives no answer": {sql(`UPDATE policy_bindings SET failure_result = true`), all},
		"a binding switched off":    {sql(`UPDATE policy_bindings SET enabled = false`), nil},
		"a rule switched off":       {sql(`UPDATE notification_rules SET enabled = false`), nil},
		"a rule without transport":  {sql(`UPDATE notification_rules SET transports = '{}'`), nil},
		"a group": {func(r *idp.NotificationRule) {
			g := w.group("g")
			_, err := w.configure.CreatePolicyBinding(ctx, w.admin, idp.PolicyBinding{Target: r.ID.UUID(), GroupID: &g.ID, Enabled: true, Timeout: time.Second})
			require.NoError(t, err)
		}, all},
	} {
		r := w.rule("r", "", nil, hook)
		c.make(r)
		w.does(`DELETE FROM notification_jobs`) // of what was just configured
		require.NoError(t, repos.Events.AppendAll(ctx, events()))
		require.ElementsMatch(t, c.want, w.jobs(), name)
		w.does(`DELETE FROM notification_jobs`)
		for _, e := range events() {
			require.NoError(t, repos.Events.Append(ctx, e))
		}
		require.ElementsMatch(t, c.want, w.jobs(), "%s, one by one", name)
		require.Equal(t, len(c.want), w.round().Events, name)
		require.Empty(t, w.jobs(), "%s: done", name)
		require.NoError(t, w.configure.DeleteNotificationRule(ctx, w.admin, r.ID))
	}
}

// What is undone is told to nobody, and what somebody does in SQL is told as well.
func TestAJobIsThereWhenItsEventIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.bind(w.rule("r", "", nil, w.transport("hook", idp.TransportWebhook)), "event_matcher", `{"action": "login"}`)
	undone := errors.New("undone")
	for n := range 20 {
		err := w.db.InTx(t.Context(), func(tx idp.Repos) error {
			require.NoError(t, tx.Events.Append(t.Context(), &idp.Event{Action: idp.ActionLogin, App: fmt.Sprint(n)}))
			if n%2 == 0 {
				return undone
			}
			return nil
		})
		require.Equal(t, n%2 == 0, errors.Is(err, undone), "%v", err)
	}
	w.does(`INSERT INTO events (id, action, app) VALUES (gen_random_uuid(), 'login', '20')`)
	jobs := w.jobs()
	require.Len(t, jobs, 11)
	require.False(t, slices.Contains(jobs, "0"))
	require.Equal(t, 11, w.round().Queued)
}

// A rule sees what was written when it asked for it, as it stands when it is compared.
func TestARuleIsAskedAsItStands(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.rule("r", "", nil, w.transport("hook", idp.TransportWebhook))
	w.bind(r, "expression", `{"expression": "true"}`)
	w.round()
	w.happens("x", nil, nil)
	require.NoError(t, w.configure.DeleteNotificationRule(t.Context(), w.admin, r.ID))
	w.round()
	require.Zero(t, len(slices.DeleteFunc(w.deliveries(), func(d idp.Delivery) bool { return d.RuleID == nil })))
	require.Empty(t, w.jobs())
}

// Jobs that nobody can do any more go.
func TestJobsOfWhatIsGoneAreSwept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.bind(w.rule("r", "", nil, w.transport("hook", idp.TransportWebhook)), "event_matcher", `{"action": "login"}`)
	for n := range 3 {
		require.NoError(t, w.db.Repos().Events.Append(t.Context(), &idp.Event{Action: idp.ActionLogin, App: fmt.Sprint(n)}))
	}
	w.sealed()
	w.does(`ALTER TABLE event_seals DISABLE TRIGGER USER`)
	w.does(`UPDATE event_seals SET origin = 'late' WHERE event_id = (SELECT id FROM events WHERE app = '0')`)
	w.does(`INSERT INTO notification_jobs (event_id) VALUES (gen_random_uuid())`)
	require.NoError(t, w.notify.Sweep(t.Context()))
	require.Equal(t, []string{"1", "2"}, w.jobs())
	require.Equal(t, 2, w.round().Queued)
	var left int
	w.asks(&left, `SELECT count(*) FROM notification_jobs`)
	require.Zero(t, left)
}

// What the version before had not looked at, this one does, and the other way round.
func TestAnUpgradeMissesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.bind(w.rule("r", "", nil, w.transport("hook", idp.TransportWebhook)), "event_matcher", `{"action": "login"}`)
	login := func(app string) {
		require.NoError(t, w.db.Repos().Events.Append(t.Context(), &idp.Event{Action: idp.ActionLogin, App: app}))
	}
	run := func(file string) {
		sql, err := migrations.FS.ReadFile(file)
		require.NoError(t, err)
		w.does(string(sql))
	}
	login("told before")
	require.Equal(t, 1, w.round().Queued)
	login("sealed")
	w.sealed()
	login("not sealed")
	run("0065_notification_jobs.down.sql")
	var progress, sealed int
	w.asks(&progress, `SELECT seq FROM notification_progress`)
	w.asks(&sealed, `SELECT s.seq FROM event_seals s JOIN events e ON e.id = s.event_id WHERE e.app = 'sealed'`)
	require.Equal(t, sealed-1, progress)
	login("by the other version")
	run("0065_notification_jobs.up.sql")
	require.Subset(t, w.jobs(), []string{"sealed", "not sealed", "by the other version"})
	require.NotContains(t, w.jobs(), "told before")
	require.Equal(t, 3, w.round().Queued)
}
