package notify

import (
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestWhoIsToldOfWhat(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	ada, mia, zoe := w.user("ada", "ada@example.com"), w.user("mia", "mia@example.com"), w.user("zoe", "")
	above := w.group("responders")
	below := w.group("on call", above.ID)
	require.NoError(t, w.db.Repos().Groups.AddUser(ctx, above.ID, ada.ID))
	require.NoError(t, w.db.Repos().Groups.AddUser(ctx, below.ID, zoe.ID))
	gone := w.user("gone", "gone@example.com")
	gone.IsActive = false
	require.NoError(t, w.db.Repos().Users.Update(ctx, gone))
	require.NoError(t, w.db.Repos().Groups.AddUser(ctx, above.ID, gone.ID))
	local, hook, mail := w.transport("bell", idp.TransportLocal), w.transport("hook", idp.TransportWebhook), w.transport("mail", idp.TransportEmail)
	once := w.transport("hook once", idp.TransportWebhook, func(t *idp.Transport) { t.SendOnce = true })
	one := w.transport("one mail", idp.TransportEmail, func(t *idp.Transport) { t.SendOnce = true })
	group := func(r *idp.NotificationRule) { r.DestinationGroup = &above.ID }
	everybody := func(r *idp.NotificationRule) {
		r.DestinationGroup, r.DestinationEventUser, r.DestinationAffectedUser = &above.ID, true, true
	}
	for name, c := range map[string]struct {
		change     func(*idp.NotificationRule)
		transports []*idp.Transport
		action     string // that policies match
		told, sent []string
	}{
		"a group, with those below it":    {group, []*idp.Transport{local}, "x", []string{"ada", "zoe"}, nil},
		"whoever acted":                   {func(r *idp.NotificationRule) { r.DestinationEventUser = true }, []*idp.Transport{local}, "x", []string{"ada"}, nil},
		"whom it is about":                {func(r *idp.NotificationRule) { r.DestinationAffectedUser = true }, []*idp.Transport{local}, "x", []string{"mia"}, nil},
		"all of them, each once":          {everybody, []*idp.Transport{local}, "x", []string{"ada", "mia", "zoe"}, nil},
		"a hook for each":                 {everybody, []*idp.Transport{hook}, "x", nil, []string{"ada", "mia", "zoe"}},
		"a hook that is sent once":        {everybody, []*idp.Transport{once}, "x", nil, []string{""}},
		"a hook for nobody in particular": {nil, []*idp.Transport{hook}, "x", nil, []string{""}},
		"nobody in the console":           {nil, []*idp.Transport{local, mail}, "x", nil, nil},
		"mails to those with an address":  {everybody, []*idp.Transport{mail}, "x", nil, []string{"ada", "mia"}},
		"one mail, and others as usual":   {everybody, []*idp.Transport{one, hook}, "x", nil, []string{"ada", "ada", "mia", "zoe"}},
		"several transports":              {group, []*idp.Transport{local, hook, mail}, "x", []string{"ada", "zoe"}, []string{"ada", "ada", "zoe"}},
		"another event":                   {everybody, []*idp.Transport{local, hook}, "y", nil, nil},
		"a rule without policies":         {everybody, []*idp.Transport{local, hook}, "", nil, nil},
		"a rule without transports":       {everybody, nil, "x", nil, nil},
		"a rule that is switched off":     {func(r *idp.NotificationRule) { everybody(r); r.Enabled = false }, []*idp.Transport{local, hook}, "x", nil, nil},
	} {
		r := w.rule(name, c.action, c.change, c.transports...)
		w.happens("x", ada, mia)
		got := w.round()
		require.Equal(t, len(c.told), got.Told, name)
		require.Equal(t, len(c.sent), got.Queued, name)
		told := []string(nil)
		for _, u := range []*idp.User{ada, gone, mia, zoe} {
			page, err := w.db.Repos().Notifications.Find(ctx, idp.NotificationFilter{UserID: &u.ID})
			require.NoError(t, err)
			for _, n := range page.Items {
				told = append(told, u.Username)
				require.Equal(t, "X of mia by ada", n.Body)
				require.Equal(t, idp.SeverityAlert, n.Severity)
				_, err := w.db.Repos().Notifications.Delete(ctx, u.ID, n.ID)
				require.NoError(t, err)
			}
		}
		require.Equal(t, c.told, told, name)
		require.Equal(t, len(c.sent), w.steps(), name)
		sent := []string(nil)
		for _, m := range w.sent.take() {
			who := ""
			if m.User != nil {
				who = m.User.Username
			}
			sent = append(sent, who)
		}
		slices.Sort(sent)
		require.Equal(t, c.sent, sent, name)
		require.NoError(t, w.configure.DeleteNotificationRule(ctx, w.admin, r.ID))
		w.round()
	}
	w.notify.MailReady = func() bool { return false }
	w.rule("no mail server", "x", everybody, mail)
	w.happens("x", ada, mia)
	require.Zero(t, w.round().Queued)
}

// Each event is told of once, by whichever server and however often one of them dies.
func TestEachEventIsComparedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const events = 500
	w.happens("x", nil, nil) // before there is a rule
	w.round()
	w.rule("hook", "x", nil, w.transport("hook", idp.TransportWebhook))
	for range events {
		w.happens("x", nil, nil)
	}
	w.sealed()
	servers := []*Service{w.service(w.db), w.service(w.open()), w.service(&failing{Store: w.db, left: 2})}
	var all sync.WaitGroup
	for _, s := range servers {
		all.Go(func() {
			for range 2 * events / eventsAtOnce {
				_, _ = s.Round(t.Context())
			}
		})
	}
	all.Wait()
	w.round()
	seen := map[idp.EventID]int{}
	for _, d := range w.deliveries() {
		seen[d.EventID]++
	}
	require.Len(t, seen, events)
	for id, n := range seen {
		require.Equal(t, 1, n, id)
	}
	require.Equal(t, events, w.steps())
}

// What a delivery leads to, and what policies do, leads to no other delivery.
func TestRulesDoNotFeedThemselves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hook := w.transport("hook", idp.TransportWebhook)
	all := w.rule("all", "", nil, hook)
	w.bind(all, "expression", `{"expression": "true"}`)
	broken := w.rule("broken", "", nil, hook)
	w.bind(broken, "expression", `{"expression": "context.event.context.nothing.at.all == 1"}`)
	acting := w.rule("acting", "", nil, hook)
	w.bind(acting, "expression", `{"expression": "ak_create_event(\"suspicious_request\") or true"}`)
	w.round() // of what was just configured
	w.steps()
	w.sent.take()
	w.happens("x", nil, nil)
	e := idp.ModelUpdatedEvent(App, idp.Actor{}, nil, map[string]any{"action_id": "notification_redelivered"})
	require.NoError(t, w.db.Repos().Events.Append(t.Context(), e))
	got := w.round()
	require.Equal(t, 1, got.Events, "what notifications lead to is no job")
	require.Equal(t, 1, got.Queued)
	require.Zero(t, w.round().Events, "nothing of it is an event")
	faults := map[string]string{}
	page, err := w.db.Repos().NotificationRules.Find(t.Context(), idp.NotificationRuleFilter{})
	require.NoError(t, err)
	for _, r := range page.Items {
		faults[r.Name] = r.Fault
	}
	require.Empty(t, faults["all"])
	require.NotEmpty(t, faults["broken"])
	require.NotEmpty(t, faults["acting"])
}

// What was at fault and is bound no more keeps no rule broken.
func TestAFaultGoesWithWhatWasBound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.rule("r", "", nil, w.transport("hook", idp.TransportWebhook))
	w.bind(r, "expression", `{"expression": "context.event.context.nothing.at.all == 1"}`)
	w.happens("x", nil, nil)
	w.round()
	fault := func() string {
		now, err := w.db.Repos().NotificationRules.Get(t.Context(), r.ID)
		require.NoError(t, err)
		return now.Fault
	}
	require.NotEmpty(t, fault())
	w.does(`DELETE FROM policy_bindings`)
	w.happens("x", nil, nil)
	w.round()
	require.Empty(t, fault())
}
