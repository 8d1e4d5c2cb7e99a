package notify

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// due makes everything that waits for its time due.
func (w *world) due() { w.does(`UPDATE deliveries SET next_at = NULL, taken_until = NULL`) }

func (w *world) states() (out []string) {
	w.Helper()
	for _, d := range w.deliveries() {
		out = append(out, fmt.Sprintf("%s %d %s", d.State, d.Tries, d.Answer))
	}
	return out
}

// A receiver that is down gets everything once it is back, in the order of the events;
// other rules and transports do not wait for it.
func TestDeliveriesOfALaneArriveInTheirOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	down, up := w.transport("down", idp.TransportWebhook), w.transport("up", idp.TransportWebhook)
	w.rule("r", "x", nil, down, up)
	w.rule("s", "x", nil, down)
	w.sent.fault = func(m *Message) error {
		if m.Transport.ID == down.ID {
			return errors.New("connection refused")
		}
		return nil
	}
	var events []idp.EventID
	for range 20 {
		events = append(events, w.happens("x", nil, nil).ID)
	}
	require.Equal(t, 60, w.round().Queued)
	require.Equal(t, 20+2, w.steps(), "the first of what goes to the one that is down, and all to the other one")
	for _, d := range w.deliveries() {
		if d.State == idp.DeliveryPending && d.Tries > 0 {
			require.Equal(t, "connection refused\nthe receiver's words", d.Answer)
			require.WithinDuration(t, time.Now().Add(time.Second), *d.NextAt, 30*time.Second)
		}
	}
	w.sent.take()
	for range 3 {
		w.due()
		require.Equal(t, 2, w.steps(), "the same ones again")
	}
	for _, m := range w.sent.take() {
		require.Equal(t, events[0], m.Event.ID)
	}
	w.sent.fault = nil
	w.due()
	require.Equal(t, 40, w.steps())
	order := map[string][]idp.EventID{}
	for _, m := range w.sent.take() {
		order[m.Rule] = append(order[m.Rule], m.Event.ID)
	}
	require.Equal(t, events, order["r"])
	require.Equal(t, events, order["s"])
	require.Zero(t, w.steps())
	for _, d := range w.deliveries() {
		require.Equal(t, idp.DeliveryDelivered, d.State)
		require.NotNil(t, d.EndedAt)
	}
}

func TestWhatNoTryWouldMendIsADeadLetter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	hook := w.transport("hook", idp.TransportWebhook)
	w.rule("r", "x", nil, hook)
	w.sent.fault = func(m *Message) error {
		if m.Delivery%2 == 1 {
			return fmt.Errorf("410 Gone: %w", ErrFinal)
		}
		return nil
	}
	for range 4 {
		w.happens("x", nil, nil)
	}
	w.round()
	require.Equal(t, 4, w.steps(), "the next one does not wait for it")
	final := "failed 1 410 Gone: it will not be tried again\nthe receiver's words"
	require.Equal(t, []string{final, "delivered 1 ok", final, "delivered 1 ok"}, w.states())
	counts, err := w.db.Repos().Deliveries.Count(ctx)
	require.NoError(t, err)
	require.Equal(t, map[idp.DeliveryState]int{idp.DeliveryFailed: 2, idp.DeliveryDelivered: 2}, counts)

	// Somebody has it sent once more: after what waits, and with an event of its own.
	dead := w.deliveries()[0]
	w.sent.fault = nil
	w.happens("x", nil, nil)
	w.round()
	again, err := w.notify.Redeliver(ctx, w.admin, dead.ID)
	require.NoError(t, err)
	require.Equal(t, idp.DeliveryPending, again.State)
	_, err = w.notify.Redeliver(ctx, w.admin, dead.ID)
	require.True(t, idp.Is(err, idp.CodeConflict), "%v", err)
	_, err = w.notify.Redeliver(ctx, w.admin, 4711)
	require.True(t, idp.Is(err, idp.CodeNotFound), "%v", err)
	w.sent.take()
	require.Equal(t, 2, w.steps())
	sent := w.sent.take()
	require.Equal(t, dead.ID, sent[1].Delivery, "the last")
	require.Equal(t, 1, sent[1].Try)
	require.Equal(t, []int{0, 1}, []int{sent[0].Redelivery, sent[1].Redelivery}, "its receiver can tell that it is meant to hear it again")
	nobody := idp.Actor{User: w.user("nobody", "")}
	w.notify.Access = access.New()
	_, err = w.notify.Redeliver(ctx, nobody, dead.ID)
	require.True(t, idp.Is(err, idp.CodeForbidden), "%v", err)
	_, err = w.notify.Test(ctx, nobody, hook.ID)
	require.True(t, idp.Is(err, idp.CodeForbidden), "%v", err)
}

func TestADeliveryIsGivenUpAfterADay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rule("r", "x", nil, w.transport("hook", idp.TransportWebhook))
	w.sent.fault = func(*Message) error { return errors.New("down") }
	w.happens("x", nil, nil)
	w.round()
	w.steps()
	w.does(`UPDATE deliveries SET created_at = created_at - interval '23 hours 50 minutes'`)
	w.due()
	w.steps()
	require.Equal(t, idp.DeliveryPending, w.deliveries()[0].State)
	w.does(`UPDATE deliveries SET created_at = created_at - interval '10 minutes'`)
	w.due()
	w.steps()
	require.Equal(t, []string{"failed 3 down\nthe receiver's words"}, w.states())
	for tries, want := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 6: 32 * time.Second, 12: 2048 * time.Second, 13: time.Hour, 500: time.Hour} {
		require.Equal(t, want, pauseAfter(tries))
	}
}

// What a server had taken when it died, another one sends once the lease is over; if it
// had not died after all, what it says no longer counts.
func TestWhatADeadServerHadTakenIsSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	w.rule("r", "x", nil, w.transport("hook", idp.TransportWebhook))
	w.happens("x", nil, nil)
	w.happens("x", nil, nil)
	w.round()
	taken, err := w.db.Repos().Deliveries.Take(ctx, lease)
	require.NoError(t, err)
	require.NotNil(t, taken)
	require.Zero(t, w.steps(), "it is at it, and the next one waits behind it")
	wait, err := w.db.Repos().Deliveries.Due(ctx, time.Minute)
	require.NoError(t, err)
	require.InDelta(t, lease.Seconds(), wait.Seconds(), 5)
	w.due()
	require.Equal(t, 2, w.steps())
	ended, err := w.db.Repos().Deliveries.End(ctx, taken.ID, taken.Tries, idp.DeliveryOutcome{State: idp.DeliveryFailed, Answer: "too late"})
	require.NoError(t, err)
	require.False(t, ended)
	require.Equal(t, []string{"delivered 1 ok", "delivered 1 ok"}, w.states())
}

func TestWhatIsGoneMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	mia := w.user("mia", "mia@example.com")
	hook, mail := w.transport("hook", idp.TransportWebhook), w.transport("mail", idp.TransportEmail)
	r := w.rule("r", "x", nil, hook)
	w.rule("s", "x", func(r *idp.NotificationRule) { r.DestinationAffectedUser = true }, mail)
	w.happens("x", nil, mia)
	require.Equal(t, 2, w.round().Queued)
	require.NoError(t, w.configure.DeleteNotificationRule(ctx, w.admin, r.ID))
	require.NoError(t, w.db.Repos().Users.Delete(ctx, mia.ID))
	require.Equal(t, 2, w.steps())
	require.ElementsMatch(t, []string{"delivered 1 ok", "failed 1 the account was deleted: it will not be tried again"}, w.states(), "a rule's deletion takes nothing back")
	w.rule("t", "x", nil, hook)
	w.happens("x", nil, nil)
	require.Equal(t, 1, w.round().Queued)
	require.NoError(t, w.configure.DeleteTransport(ctx, w.admin, hook.ID))
	w.steps()
	require.Contains(t, w.states(), "failed 1 the transport was deleted: it will not be tried again")
	page, err := w.db.Repos().NotificationRules.Find(ctx, idp.NotificationRuleFilter{})
	require.NoError(t, err)
	for _, r := range page.Items {
		require.NotContains(t, r.Transports, hook.ID)
	}
}

func TestMappingsMakeBodyAndHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	mapping := func(name, expression string) *idp.WebhookMappingID {
		m, err := w.configure.CreateWebhookMapping(ctx, w.admin, idp.WebhookMapping{Name: name, Expression: expression})
		require.NoError(t, err)
		return &m.ID
	}
	mia := w.user("mia", "mia@example.com")
	body := mapping("body", `{"text": notification.body, "who": user.username, "id": event.context.action_id, "how": notification.severity, "rule": rule.name}`)
	headers := mapping("headers", `{"X-Team": "blue"}`)
	wrong := mapping("wrong", `"no map"`)
	hook := w.transport("hook", idp.TransportWebhook, func(t *idp.Transport) { t.WebhookMappingBody, t.WebhookMappingHeaders = body, headers })
	bad := w.transport("bad", idp.TransportWebhook, func(t *idp.Transport) { t.WebhookMappingHeaders = wrong })
	w.rule("r", "x", func(r *idp.NotificationRule) { r.DestinationAffectedUser = true }, hook, bad)
	w.happens("x", nil, mia)
	w.round()
	w.steps()
	sent := w.sent.take()
	require.Len(t, sent, 1)
	require.Equal(t, map[string]any{"text": "X of mia", "who": "mia", "id": "x", "how": "alert", "rule": "r"}, sent[0].Mapped)
	require.Equal(t, map[string]any{"X-Team": "blue"}, sent[0].Headers)
	require.Contains(t, w.states()[1], `failed 1 the mapping "wrong" of the headers: it must give a map`)

	for _, source := range []string{"", "1 +", "request.user", `ak_create_event("x")`, "nonsense(1)"} {
		_, err := w.configure.CreateWebhookMapping(ctx, w.admin, idp.WebhookMapping{Name: "refused", Expression: source})
		require.True(t, idp.Is(err, idp.CodeInvalid), "%q: %v", source, err)
	}
	got, err := w.notify.Test(ctx, idp.Actor{}, hook.ID)
	require.Error(t, err, "nobody")
	require.Empty(t, got)
	got, err = w.notify.Test(ctx, w.admin, hook.ID)
	require.NoError(t, err)
	require.Equal(t, "ok", got)
	require.True(t, w.sent.take()[0].Test)
	w.sent.fault = func(*Message) error { return errors.New("connection refused") }
	_, err = w.notify.Test(ctx, w.admin, hook.ID)
	require.True(t, idp.Is(err, idp.CodeInvalid))
	require.ErrorContains(t, err, "the receiver's words")
}

func TestHugeEventsAreCut(t *testing.T) {
	t.Parallel()
	e := idp.UserWriteEvent("test", idp.Actor{}, nil, map[string]any{"action_id": "x", "number": 7, "huge": map[string]any{}})
	require.Equal(t, e.Facts(), idp.CleanEvent(e, maxEvent))
	huge := map[string]any{}
	for i := range 5000 {
		huge[fmt.Sprint("key ", i)] = "some value that is not short at all"
	}
	e.Context["huge"] = huge
	got := idp.CleanEvent(e, maxEvent)
	require.Equal(t, map[string]any{"cut": true, "action_id": "x", "number": 7}, got["context"])
	require.Equal(t, huge, e.Context["huge"], "the event stays whole")
}

func TestWhatIsOverIsNotKeptForEver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia", "")
	w.rule("r", "x", func(r *idp.NotificationRule) { r.DestinationAffectedUser = true }, w.transport("hook", idp.TransportWebhook), w.transport("bell", idp.TransportLocal))
	for range 3 {
		w.happens("x", nil, mia)
	}
	w.round()
	d, err := w.db.Repos().Deliveries.Take(t.Context(), lease)
	require.NoError(t, err)
	w.notify.try(t.Context(), d)
	w.does(`UPDATE deliveries SET created_at = created_at - interval '31 days', ended_at = ended_at - interval '31 days'`)
	w.does(`UPDATE notifications SET created_at = created_at - interval '91 days' WHERE id IN (SELECT id FROM notifications ORDER BY created_at LIMIT 1)`)
	require.NoError(t, w.notify.Sweep(t.Context()))
	require.Len(t, w.deliveries(), 2, "what waits is kept")
	page, err := w.db.Repos().Notifications.Find(t.Context(), idp.NotificationFilter{})
	require.NoError(t, err)
	require.Len(t, page.Items, 2)
}
