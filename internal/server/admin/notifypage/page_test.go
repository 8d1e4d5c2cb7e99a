package notifypage_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/notify"
	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
)

// A matcher for lockdowns, a rule, and the one bound to the other: in the console alone,
// by the names that its menus have.
func TestALockdownNotificationFromNothing(t *testing.T) {
	t.Parallel()
	s := open(t)
	home := s.page("/if/admin/").Text()
	require.Regexp(t, `Customization .*Policies .*Events .*Notification Rules`, home)

	p := s.page("/if/admin/policies/new/event_matcher/")
	require.Contains(t, p.Body, `<option value="account_lockdown_triggered">Account Lockdown Triggered</option>`)
	made := s.boss.Post("/if/admin/policies/new/event_matcher/", p.Fields("name", "lockdowns", "action", "account_lockdown_triggered")...)
	require.Contains(t, made.Follow().Text(), "The policy lockdowns was created.")

	none := s.page(rulesAt)
	require.Contains(t, none.Main(), "No notification rules yet")
	form := s.page(rulesAt + "new/")
	rule := s.boss.Post(rulesAt+"new/", form.Fields("name", "Tell of lockdowns", "severity", "alert")...)
	at := rule.Location
	p = rule.Follow()
	require.Empty(t, p.Faults())
	require.Contains(t, p.Main(), "This rule matches nothing")
	require.Contains(t, p.Main(), "lockdowns — Event Matcher Policy")
	require.Contains(t, p.Body, "/if/admin/policies/new/event_matcher/?back=", "a policy can be made on the way")

	row := s.named("Tell of lockdowns")
	require.Equal(t, []any{idp.SeverityAlert, true}, []any{row.Severity, row.Enabled})
	policy := s.policyNamed("lockdowns")
	require.Equal(t, http.StatusBadRequest, s.boss.Post(at+"policies/", "policy", "").Status)
	p = s.boss.Post(at+"policies/", "policy", policy.ID.String()).Follow()
	require.Contains(t, p.Text(), "It is bound now.")
	require.NotContains(t, p.Main(), "matches nothing")
	again := s.boss.Post(at+"policies/", "policy", policy.ID.String())
	require.Equal(t, http.StatusBadRequest, again.Status)
	require.Contains(t, again.Main(), "It is bound here already.")
	require.Len(t, s.bound(row), 1)
	require.Contains(t, s.page("/if/admin/policies/"+policy.ID.String()+"/").Main(), "Notification rule Tell of lockdowns", "the policy says where it decides")
}

func (s *site) named(name string) *idp.NotificationRule {
	s.t.Helper()
	found, err := s.Store.Repos().NotificationRules.Find(s.t.Context(), idp.NotificationRuleFilter{Name: &name})
	require.NoError(s.t, err)
	require.Len(s.t, found.Items, 1, name)
	return &found.Items[0]
}

func (s *site) policyNamed(name string) *idp.Policy {
	s.t.Helper()
	found, err := s.Store.Repos().Policies.Find(s.t.Context(), idp.PolicyFilter{Name: &name})
	require.NoError(s.t, err)
	require.Len(s.t, found.Items, 1, name)
	return &found.Items[0]
}

func TestListSaysWhatKeepsRulesFromTheirWork(t *testing.T) {
	t.Parallel()
	s := open(t)
	hook := s.transport("chat", idp.TransportWebhook)
	policy := s.policy("lockdowns")
	good, off := s.rule("good", hook), s.rule("off-policies", hook)
	s.rule("unbound", hook)
	s.rule("dumb")
	for r, on := range map[*idp.NotificationRule]bool{good: true, off: false} {
		_, err := s.Configure.CreatePolicyBinding(t.Context(), idp.SystemActor(), idp.PolicyBinding{Target: r.ID.UUID(), PolicyID: &policy.ID, Enabled: on})
		require.NoError(t, err)
	}
	require.NoError(t, s.Store.Repos().NotificationRules.Faulted(t.Context(), good.ID, `Policy "lockdowns": line 1: no such thing`))
	rows := strings.Join(s.page(rulesAt).TableRows(), "\n")
	require.Regexp(t, `good Broken Policy "lockdowns": line 1: no such thing Alert 1 policy Whom it is about chat`, rows)
	require.Regexp(t, `off-policies Alert All policies are off`, rows)
	require.Regexp(t, `unbound Alert Matches nothing`, rows)
	require.Regexp(t, `dumb Alert Matches nothing Whom it is about Sends nothing`, rows)
	require.NotContains(t, s.page(rulesAt+"?search=unb").Rows(), "dumb")
	require.Contains(t, s.page(rulesAt+"?severity=notice").Main(), "No rules match")
	for _, bad := range []string{"?severity=loud", "?enabled=maybe", "?page=x", "?ordering=nothing"} {
		require.Equal(t, http.StatusBadRequest, s.boss.Get(rulesAt+bad).Status, bad)
	}
	require.Contains(t, s.page(rulesAt+good.ID.String()+"/").Main(), "A policy gave no answer the last time")
}

func TestRuleForm(t *testing.T) {
	t.Parallel()
	s := open(t)
	chat := s.transport("chat", idp.TransportWebhook)
	r := s.rule("first", chat)
	at := rulesAt + r.ID.String() + "/"
	stale := s.page(at+"edit/").Fields("name", "of yesterday")
	faulty := s.boss.Post(at+"edit/", "name", " ", "severity", "loud", "destination_group", "x", "transports", "00000000-0000-7000-8000-000000000000")
	require.Equal(t, http.StatusBadRequest, faulty.Status)
	require.Empty(t, faulty.Faults())
	faulty = s.boss.Post(at+"edit/", "name", "x", "severity", "loud", "transports", "00000000-0000-7000-8000-000000000000")
	require.Contains(t, faulty.Body, `id="field-severity-error"`)
	require.Contains(t, faulty.Body, `id="field-transports-error"`)

	groups, err := s.Store.Repos().Groups.Find(t.Context(), idp.GroupFilter{})
	require.NoError(t, err)
	saved := s.boss.Post(at+"edit/", s.page(at+"edit/").Fields("name", "second", "destination_group", groups.Items[0].ID.String())...).Follow()
	require.Contains(t, saved.Text(), "The rule second was saved.")
	require.Contains(t, saved.Main(), "Administrators , whom it is about")
	now := s.named("second")
	require.Equal(t, []idp.TransportID{chat.ID}, now.Transports)
	conflict := s.boss.Post(at+"edit/", stale...)
	require.Equal(t, http.StatusConflict, conflict.Status)
	require.Contains(t, conflict.Body, "of yesterday", "what was typed is kept")
	require.Equal(t, "second", s.named("second").Name)
	require.Contains(t, s.boss.Post(rulesAt+"new/", "name", "second", "severity", "notice").Main(), "This field must be unique.")

	require.Contains(t, s.boss.Post(at+"delete/").Main(), "Delete the rule second?", "asks first")
	require.Contains(t, s.boss.Post(at+"delete/", "confirmed", "1").Follow().Text(), "The rule second was deleted.")
	require.Equal(t, http.StatusNotFound, s.boss.Get(at).Status)
}

func TestBindings(t *testing.T) {
	t.Parallel()
	s := open(t)
	r := s.rule("rule", s.transport("chat", idp.TransportWebhook))
	at := rulesAt + r.ID.String() + "/"
	for _, name := range []string{"first", "second"} {
		s.boss.Post(at+"policies/", "policy", s.policy(name).ID.String()).Follow()
	}
	all := s.bound(r)
	require.Less(t, all[0].Order, all[1].Order, "behind those that are")
	second := at + "policies/" + all[1].ID.String() + "/"
	p := s.page(at)
	require.Less(t, strings.Index(p.Main(), "first"), strings.Index(p.Main(), "second"))
	require.Contains(t, s.boss.Post(second, "order", "-5", "timeout", "10", "negate", "true").Follow().Text(), "The settings of second were saved.")
	now := s.bound(r)[0]
	require.Equal(t, []any{all[1].ID, -5, true, false}, []any{now.ID, now.Order, now.Negate, now.Enabled})
	faulty := s.boss.Post(second, "order", "x", "timeout", "-1")
	require.Equal(t, http.StatusBadRequest, faulty.Status)
	require.Contains(t, faulty.Main(), "A valid integer is required.")
	require.Equal(t, http.StatusConflict, s.boss.Post(second, "order", "1", "seen", "something else").Status)
	require.Contains(t, s.boss.Post(second+"unbind/").Main(), "Unbind second?")
	require.Contains(t, s.boss.Post(second+"unbind/", "confirmed", "1").Follow().Text(), "second is no longer bound.")
	require.Len(t, s.bound(r), 1)
	other := s.rule("other")
	require.Equal(t, http.StatusNotFound, s.boss.Post(rulesAt+other.ID.String()+"/policies/"+all[0].ID.String()+"/unbind/", "confirmed", "1").Status, "not of that rule")
}

func TestTransportForm(t *testing.T) {
	t.Parallel()
	s := open(t)
	require.Contains(t, s.page(transportsAt).Main(), "No transports yet")
	faulty := s.boss.Post(transportsAt+"new/", "name", "chat", "mode", "webhook", "webhook_url", "ftp://x", "webhook_secret", "hush-hush")
	require.Equal(t, http.StatusBadRequest, faulty.Status)
	require.Contains(t, faulty.Body, `id="field-webhook_url-error"`)
	require.NotContains(t, faulty.Body, "hush-hush", "a secret is never shown")
	made := s.boss.Post(transportsAt+"new/", "name", "chat", "mode", "webhook", "webhook_url", "https://chat.example.com/x", "webhook_secret", "hush-hush")
	at := made.Location
	p := made.Follow()
	require.Empty(t, p.Faults())
	require.Contains(t, p.Main(), "A secret is set, and is not shown.")
	require.NotContains(t, p.Body, "hush-hush")
	get := func() idp.Transport {
		found, err := s.Store.Repos().Transports.Find(t.Context(), idp.TransportFilter{})
		require.NoError(t, err)
		require.Len(t, found.Items, 1)
		return found.Items[0]
	}
	secret := get().WebhookSecret
	require.NotEmpty(t, secret)
	stale := s.page(at).Fields()
	s.boss.Post(at, s.page(at).Fields("name", "chat-2")...).Follow()
	require.Equal(t, []string{"chat-2", secret}, []string{get().Name, get().WebhookSecret}, "left empty, it stays")
	require.Equal(t, http.StatusConflict, s.boss.Post(at, stale...).Status)
	s.boss.Post(at, s.page(at).Fields("webhook_secret", "another")...).Follow()
	require.NotEqual(t, secret, get().WebhookSecret)
	s.boss.Post(at, append(s.page(at).Fields(), "webhook_secret_remove", "true")...).Follow()
	require.Empty(t, get().WebhookSecret)

	r := s.rule("only way", &idp.Transport{ID: get().ID})
	require.Contains(t, s.page(at).Main(), "Used by only way")
	require.Contains(t, s.boss.Post(at+"delete/").Main(), "The rule only way tells nobody any more: it has no other transport")
	require.Contains(t, s.boss.Post(at+"delete/", "confirmed", "1").Follow().Text(), "The transport chat-2 was deleted.")
	require.Empty(t, s.named(r.Name).Transports)
	require.Equal(t, http.StatusBadRequest, s.boss.Get(transportsAt+"?mode=pigeon").Status)
}

func TestTestSaysWhatTheReceiverSays(t *testing.T) {
	t.Parallel()
	s := open(t)
	chat := s.transport("chat", idp.TransportWebhook)
	at := transportsAt + chat.ID.String() + "/"
	s.says = "HTTP 200\nthank you"
	p := s.boss.Post(at + "test/")
	require.Equal(t, http.StatusOK, p.Status)
	require.Contains(t, p.Main(), "It was taken HTTP 200 thank you")
	require.Len(t, s.sent, 1)
	require.True(t, s.sent[0].Test)
	require.Equal(t, s.Boss.ID, s.sent[0].User.ID)

	s.says, s.fault = "<b>no such hook</b>", notify.ErrFinal
	p = s.boss.Post(at + "test/")
	require.Equal(t, http.StatusOK, p.Status, "what a script takes a part of must not be an error")
	require.Contains(t, p.Main(), "It was not taken")
	require.Contains(t, p.Main(), "<b>no such hook</b>")
	require.Equal(t, at, s.boss.Get(at+"test/").Location, "a reload leads back")

	local := s.transport("bell", idp.TransportLocal)
	require.Contains(t, s.boss.Post(transportsAt+local.ID.String()+"/test/").Main(), "It is in your list of notifications.")
	require.Contains(t, s.page(noticesAt).Main(), "This is a test of the transport bell.")
}

func TestNoMailServer(t *testing.T) {
	t.Parallel()
	s := open(t)
	require.NotContains(t, s.page(transportsAt).Main(), "No mail server is configured")
	s.mail = false
	mail := s.transport("letters", idp.TransportEmail)
	for _, at := range []string{transportsAt, transportsAt + mail.ID.String() + "/"} {
		require.Contains(t, s.page(at).Main(), "No mail server is configured", at)
	}
}

func TestMappings(t *testing.T) {
	t.Parallel()
	s := open(t)
	require.Contains(t, s.page(mappingsAt).Main(), "No property mappings yet")
	form := s.page(mappingsAt + "new/")
	require.Contains(t, form.Main(), "What is told: severity and body.", "the names that expressions see")
	require.NotContains(t, form.Main(), "ak_create_event")
	faulty := s.boss.Post(mappingsAt+"new/", "name", "m", "expression", "{\"text\": nobody}")
	require.Equal(t, http.StatusBadRequest, faulty.Status)
	require.Contains(t, faulty.Main(), "Line 1, column 10")
	require.Contains(t, s.boss.Post(mappingsAt+"new/check/", "expression", "event.").Body, "data-bad")
	made := s.boss.Post(mappingsAt+"new/", "name", "slim", "expression", "{\"text\": notification.body}")
	at := made.Location
	require.Contains(t, made.Follow().Text(), "The mapping slim was created.")
	id, err := idp.ParseID[idp.WebhookMapping](strings.TrimSuffix(strings.TrimPrefix(at, mappingsAt), "/"))
	require.NoError(t, err)
	s.transport("chat", idp.TransportWebhook, func(t *idp.Transport) { t.WebhookMappingBody = &id })
	require.Contains(t, strings.Join(s.page(mappingsAt).TableRows(), "\n"), "slim chat")
	stale := s.page(at).Fields("name", "late")
	s.boss.Post(at, s.page(at).Fields("name", "slimmer")...).Follow()
	require.Equal(t, http.StatusConflict, s.boss.Post(at, stale...).Status)
	require.Contains(t, s.boss.Post(at+"delete/").Main(), "The transport chat sends what is usual instead")
	require.Contains(t, s.boss.Post(at+"delete/", "confirmed", "1").Follow().Text(), "The mapping slimmer was deleted.")
}

func TestDeliveries(t *testing.T) {
	t.Parallel()
	s := open(t)
	require.Contains(t, s.page(deliveriesAt).Main(), "Nothing was sent yet")
	chat, other := s.transport("chat", idp.TransportWebhook), s.transport("other", idp.TransportWebhook)
	r, e := s.rule("tell", chat), s.event()
	dead := s.delivery(e, r, chat, &idp.DeliveryOutcome{State: idp.DeliveryFailed, Answer: "404 <i>gone</i>\nno such channel\nlong story"})
	s.delivery(e, r, other, &idp.DeliveryOutcome{State: idp.DeliveryDelivered, Answer: "200 thanks"})
	rows := s.page(deliveriesAt).TableRows()
	require.Contains(t, strings.Join(rows, "\n"), "tell chat to boss Failed 1 try Redeliver 404 <i>gone</i> no such channel")
	require.NotContains(t, strings.Join(rows, "\n"), "long story")
	require.Contains(t, s.page(deliveriesAt+deliveryKey(dead)).Main(), "long story")
	require.NotContains(t, s.page(deliveriesAt+"?state=failed").Rows(), "thanks")
	require.NotContains(t, s.page(deliveriesAt+"?transport="+other.ID.String()).Rows(), "gone")
	require.Contains(t, s.page(deliveriesAt+"?rule="+s.rule("x").ID.String()).Rows(), "No deliveries match")
	for _, bad := range []string{"?state=lost", "?rule=x", "?transport=x", "?before=x", "?before=0", "?trail=1.x"} {
		require.Equal(t, http.StatusBadRequest, s.boss.Get(deliveriesAt+bad).Status, bad)
	}
	require.Equal(t, http.StatusNotFound, s.boss.Get(deliveriesAt+"999999/").Status)
	require.Equal(t, http.StatusNotFound, s.boss.Get(deliveriesAt+"x/").Status)

	// On the event's page, and from there once more.
	at := "/if/admin/events/" + e.ID.String() + "/"
	require.Contains(t, s.page(at).Main(), "What was sent because of this event")
	require.True(t, s.page(at).Has(deliveriesAt+deliveryKey(dead)+"redeliver/"))
	p := s.boss.Post(deliveriesAt+deliveryKey(dead)+"redeliver/", "back", at)
	require.Equal(t, at, p.Location)
	require.Contains(t, p.Follow().Text(), "It is queued again")
	d, err := s.Store.Repos().Deliveries.Get(t.Context(), dead)
	require.NoError(t, err)
	require.Equal(t, idp.DeliveryPending, d.State)
	require.Contains(t, s.boss.Post(deliveriesAt+deliveryKey(dead)+"redeliver/").Follow().Text(), "It is waiting to be sent already.")
	require.NotContains(t, s.page("/if/admin/events/"+s.event().ID.String()+"/").Main(), "Deliveries")

	// Before the rules were asked.
	_, err = s.Configure.CreatePolicyBinding(t.Context(), idp.SystemActor(), idp.PolicyBinding{Target: r.ID.UUID(), PolicyID: &s.anyPolicy("any").ID, Enabled: true, Timeout: time.Second})
	require.NoError(t, err)
	queued := s.event()
	require.Contains(t, s.page("/if/admin/events/"+queued.ID.String()+"/").Main(), "This event is queued")
	require.NoError(t, s.Store.Repos().Deliveries.Compared(t.Context(), []idp.EventID{queued.ID}))
	require.NotContains(t, s.page("/if/admin/events/"+queued.ID.String()+"/").Main(), "This event is queued")
}

func deliveryKey(id int64) string { return strconv.FormatInt(id, 10) + "/" }

// links reports whether a page has a link to the address.
func links(p *pagetest.Page, to string) bool { return strings.Contains(p.Body, `href="`+to+`"`) }

func TestPagesOfDeliveries(t *testing.T) {
	t.Parallel()
	s := open(t)
	chat := s.transport("chat", idp.TransportWebhook)
	r, e := s.rule("tell", chat), s.event()
	var ids []int64
	for range 45 {
		ids = append(ids, s.delivery(e, r, chat, nil))
	}
	has := func(p *pagetest.Page, first, last int) {
		t.Helper()
		for i, id := range ids {
			require.Equal(t, i >= first && i <= last, links(p, deliveriesAt+deliveryKey(id)), "%d", i)
		}
	}
	p := s.page(deliveriesAt)
	has(p, 25, 44)
	before := func(i int) string { return "?before=" + strconv.FormatInt(ids[i], 10) }
	require.True(t, links(p, deliveriesAt+before(25)))
	p = s.page(deliveriesAt + before(25))
	has(p, 5, 24)
	require.Contains(t, p.Main(), "21–40")
	require.True(t, links(p, deliveriesAt), "back to the newest")
	p = s.page(deliveriesAt + before(5) + "&trail=" + strconv.FormatInt(ids[25], 10))
	has(p, 0, 4)
	require.True(t, links(p, deliveriesAt+before(25)), "one step back")
}

func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	s := open(t)
	chat := s.transport("chat", idp.TransportWebhook)
	r, e := s.rule("tell", chat), s.event()
	dead := s.delivery(e, r, chat, &idp.DeliveryOutcome{State: idp.DeliveryFailed, Answer: "no"})
	rule, transport := rulesAt+r.ID.String()+"/", transportsAt+chat.ID.String()+"/"
	auditor, viewer, nobody := s.builtIn(access.Auditor), s.builtIn(access.Viewer), s.As(s.User("nobody"))
	for _, at := range []string{rulesAt, rule, transportsAt, transport, mappingsAt, deliveriesAt, deliveriesAt + deliveryKey(dead)} {
		require.Equal(t, http.StatusForbidden, viewer.Get(at).Status, at)
		require.Equal(t, http.StatusForbidden, nobody.Get(at).Status, at)
		require.Contains(t, s.Stranger().Get(at).Location, "/flows/-/default/authentication/")
		p := s.read(auditor, at)
		for _, act := range []string{"redeliver/", "test/", "delete/", "unbind/", "new/"} {
			require.NotContains(t, p.Main(), act, at)
			require.False(t, strings.Contains(p.Body, act+`"`), "%s offers %s", at, act)
		}
	}
	for _, act := range []string{rule + "delete/", rule + "edit/", rule + "policies/", transport + "test/", transport + "delete/", deliveriesAt + deliveryKey(dead) + "redeliver/"} {
		require.Equal(t, http.StatusForbidden, auditor.Post(act, "confirmed", "1").Status, act)
	}
	require.Empty(t, s.sent)
	require.Equal(t, http.StatusForbidden, auditor.Get(rule+"edit/").Status)
	require.Contains(t, s.read(auditor, "/if/admin/events/"+e.ID.String()+"/").Main(), "What was sent because of this event")
	for _, at := range []string{transportsAt, transport} {
		require.NotContains(t, s.read(auditor, at).Body, "chat.example.com/hooks/chat", "who may not change it does not see the address: it is what proves who posts")
		require.Contains(t, s.read(auditor, at).Body, "chat.example.com")
	}
	require.Contains(t, s.page(transport).Body, "https://chat.example.com/hooks/chat")
	helpdesk := s.builtIn("helpdesk") // reads events, and nothing of notifications
	require.NotContains(t, s.read(helpdesk, "/if/admin/events/"+e.ID.String()+"/").Main(), "Deliveries")
}

func TestSearchFindsThem(t *testing.T) {
	t.Parallel()
	s := open(t)
	r, chat := s.rule("pigeon rule"), s.transport("pigeon post", idp.TransportWebhook)
	m, err := s.Configure.CreateWebhookMapping(t.Context(), idp.SystemActor(), idp.WebhookMapping{Name: "pigeon body", Expression: "event"})
	require.NoError(t, err)
	p := s.page("/if/admin/search/?q=pigeon")
	viewer := s.builtIn(access.Viewer)
	for id, at := range map[string]string{r.ID.String(): rulesAt, chat.ID.String(): transportsAt, m.ID.String(): mappingsAt} {
		require.True(t, links(p, at+id+"/"), at)
		require.Equal(t, at+id+"/", s.boss.Get("/if/admin/search/?q="+id).Location)
		require.Equal(t, http.StatusOK, viewer.Get("/if/admin/search/?q="+id).Status)
	}
	require.NotContains(t, viewer.Get("/if/admin/search/?q=pigeon").Main(), "pigeon rule")
}

// What retention has removed is not led to.
func TestADeliveryOfAnEventThatIsGone(t *testing.T) {
	t.Parallel()
	s := open(t)
	chat := s.transport("chat", idp.TransportWebhook)
	gone := &idp.Event{ID: idp.NewID[idp.Event]()}
	at := deliveriesAt + deliveryKey(s.delivery(gone, s.rule("tell", chat), chat, nil))
	require.Contains(t, s.page(at).Main(), "(not kept any more)")
	for _, path := range []string{deliveriesAt, at} {
		require.False(t, links(s.page(path), "/if/admin/events/"+gone.ID.String()+"/"), path)
	}
}

// What was at fault says nothing about a rule that is off.
func TestARuleThatIsOffIsNotBroken(t *testing.T) {
	t.Parallel()
	s := open(t)
	r := s.rule("quiet", s.transport("chat", idp.TransportWebhook))
	require.NoError(t, s.Store.Repos().NotificationRules.Faulted(t.Context(), r.ID, "no such name"))
	at := rulesAt + r.ID.String() + "/"
	require.Contains(t, s.page(at).Main(), "no such name")
	s.boss.Post(at+"edit/", "name", "quiet", "severity", "notice").Follow()
	require.NotContains(t, s.page(at).Main(), "no such name")
	require.NotContains(t, s.page(rulesAt).Main(), "Broken")
}
