package server_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/notify"
)

// receiver takes webhooks, and says what it is told to say.
type receiver struct {
	answer string
	err    error
	got    []*notify.Message
}

func (r *receiver) Send(_ context.Context, m *notify.Message) (string, error) {
	r.got = append(r.got, m)
	return r.answer, r.err
}

const noSuch = "00000000-0000-7000-8000-00000000000f"

func TestNotificationRules(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	bell := c.post("/events/transports/", fields{"name": "bell"})
	hook := c.post("/events/transports/", fields{"name": "hook", "mode": "webhook", "webhook_url": "https://chat.example.com/x"})
	group := r.adminGroups()[0]

	made := c.post("/events/rules/", fields{"name": "watch"})
	require.Equal(t, fields{"pk": made["pk"], "name": "watch", "transports": []any{}, "severity": "notice", "destination_group": nil,
		"destination_group_obj": made["destination_group_obj"], "destination_event_user": false, "destination_affected_user": false,
		"enabled": true, "fault": ""}, made)
	require.Equal(t, "No group", made["destination_group_obj"].(fields)["name"], "clients refuse a rule without an object there")

	one := "/events/rules/" + made["pk"].(string) + "/"
	everything := fields{"name": "watch all", "transports": []any{hook["pk"], bell["pk"], hook["pk"]}, "severity": "alert", "destination_group": group,
		"destination_event_user": true, "destination_affected_user": true, "enabled": false, "pk": noSuch, "fault": "mine"}
	got := c.put(one, everything)
	require.Equal(t, []any{hook["pk"], bell["pk"]}, got["transports"], "each once, in their order")
	require.Equal(t, "admins", got["destination_group_obj"].(fields)["name"])
	require.Equal(t, []any{made["pk"], "alert", group, true, true, false, ""}, []any{got["pk"], got["severity"], got["destination_group"],
		got["destination_event_user"], got["destination_affected_user"], got["enabled"], got["fault"]})
	require.Equal(t, got, c.get(one))
	require.Equal(t, false, c.patch(one, fields{"severity": "warning"})["enabled"], "absent stays")
	got = c.put(one, fields{"name": "watch"})
	require.Equal(t, []any{true, "notice", []any{}, nil, false}, []any{got["enabled"], got["severity"], got["transports"], got["destination_group"], got["destination_event_user"]})

	c.patch(one, fields{"transports": []any{bell["pk"]}, "destination_group": group, "severity": "alert", "enabled": false})
	other := c.post("/events/rules/", fields{"name": "other", "transports": []any{hook["pk"]}})
	c.selects("/events/rules/", "pk", made["pk"], other["pk"], fields{"name": "watch", "severity": "alert", "destination_group__name": "admins",
		"destination_group": group, "enabled": false, "transport": bell["pk"], "search": "wat"})
	for _, by := range []string{"name", "severity", "enabled", "pk"} {
		require.Len(t, c.all("/events/rules/?ordering=-"+by, "pk"), 2, by)
	}
	require.Equal(t, []any{"watch", "other"}, c.all("/events/rules/?ordering=-name", "name"))

	require.Equal(t, []string{"authentik_events.notificationrule cascade_many"}, c.usedBy("/events/transports/"+bell["pk"].(string)+"/"))
	require.Contains(t, c.usedBy("/core/groups/"+group+"/"), "authentik_events.notificationrule set_null")
	c.delete("/events/transports/" + bell["pk"].(string) + "/")
	require.Empty(t, c.get(one)["transports"], "a transport that is gone is taken out")
	c.delete(one)
	require.Equal(t, []any{"model_created", "model_updated", "model_updated", "model_updated", "model_updated", "model_deleted"},
		c.all("/events/events/?ordering=created&context_model_pk="+made["pk"].(string), "action"))
}

func TestNotificationRulesAreJudged(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	made := c.post("/events/rules/", fields{"name": "watch"})
	c.post("/events/rules/", fields{"name": "taken"})
	one := "/events/rules/" + made["pk"].(string) + "/"
	for field, bodies := range map[string][]fields{
		"name":              {{"name": ""}, {"name": "taken"}, {"name": nil}, {"name": "two\nlines"}, {"name": strings.Repeat("x", 256)}, {"name": 1}},
		"severity":          {{"severity": "panic"}, {"severity": ""}, {"severity": nil}},
		"transports":        {{"transports": []any{noSuch}}, {"transports": []any{"bell"}}, {"transports": "bell"}, {"transports": []any{nil}}},
		"destination_group": {{"destination_group": noSuch}, {"destination_group": "admins"}},
		"enabled":           {{"enabled": "perhaps"}, {"enabled": nil}},
		"colour":            {{"colour": "red"}},
	} {
		for _, body := range bodies {
			c.refuse(http.MethodPatch, one, field, body)
			if _, named := body["name"]; !named {
				body["name"] = "new"
			}
			c.refuse(http.MethodPost, "/events/rules/", field, body)
		}
	}
	c.refuse(http.MethodPut, one, "name", fields{})
	c.refuse(http.MethodGet, "/events/rules/?severity=panic", "severity", nil)
	c.refuse(http.MethodGet, "/events/rules/?transport=x", "transport", nil)
	require.Equal(t, made, c.get(one), "nothing half-done")
	for _, at := range []string{"/events/rules/" + noSuch + "/", "/events/rules/x/"} {
		for _, method := range []string{http.MethodGet, http.MethodPatch, http.MethodDelete} {
			c.send(method, at, fields{}).json(http.StatusNotFound)
		}
	}
}

// Policies are bound to a rule by its own key.
func TestPoliciesAreBoundToNotificationRules(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	rule := c.post("/events/rules/", fields{"name": "watch"})["pk"].(string)
	policy := c.post("/policies/event_matcher/", fields{"name": "lockdowns", "action": "account_lockdown_triggered"})
	bound := c.post("/policies/bindings/", fields{"target": rule, "policy": policy["pk"], "order": 0})
	require.Equal(t, rule, bound["target"])
	require.Equal(t, []any{bound["pk"]}, c.all("/policies/bindings/?target="+rule, "pk"))
	require.Equal(t, []any{bound["pk"]}, c.all("/policies/bindings/?target_in="+rule, "pk"))
	require.Equal(t, 1.0, c.get("/policies/event_matcher/" + policy["pk"].(string) + "/")["bound_to"])
	require.Equal(t, []string{"authentik_policies.policybinding cascade"}, c.usedBy("/events/rules/"+rule+"/"))
	c.refuse(http.MethodPost, "/policies/bindings/", "target", fields{"target": noSuch, "policy": policy["pk"], "order": 0})
	c.delete("/events/rules/" + rule + "/")
	c.send(http.MethodGet, "/policies/bindings/"+bound["pk"].(string)+"/", nil).json(http.StatusNotFound)
	require.Empty(t, c.all("/policies/bindings/?target="+rule, "pk"))
}

func TestNotificationTransports(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	const secret = "do-not-tell-9f2c"
	mapping := c.post("/propertymappings/notification/", fields{"name": "short", "expression": `{"text": notification.body}`})["pk"]
	plain := c.post("/events/transports/", fields{"name": "bell"})
	require.Equal(t, fields{"pk": plain["pk"], "name": "bell", "mode": "local", "mode_verbose": "authentik inbuilt notifications", "webhook_url": "",
		"webhook_mapping_body": nil, "webhook_mapping_headers": nil, "email_subject_prefix": "", "email_template": "", "send_once": false,
		"webhook_secret_set": false}, plain)
	hook := fields{"name": "hook", "mode": "webhook", "webhook_url": "https://chat.example.com/x", "webhook_mapping_body": mapping,
		"webhook_mapping_headers": mapping, "send_once": true, "webhook_secret": secret, "webhook_secret_set": false, "mode_verbose": "mine"}
	made := c.post("/events/transports/", hook)
	require.Equal(t, []any{"Generic Webhook", true, mapping, mapping, true}, []any{made["mode_verbose"], made["webhook_secret_set"], made["webhook_mapping_body"],
		made["webhook_mapping_headers"], made["send_once"]})
	one := "/events/transports/" + made["pk"].(string) + "/"

	stored := func() string {
		id, err := idp.ParseID[idp.Transport](made["pk"].(string))
		require.NoError(t, err)
		row, err := r.db.Repos().Transports.Get(t.Context(), id)
		require.NoError(t, err)
		return row.WebhookSecret
	}
	require.Equal(t, true, c.patch(one, fields{"name": "hook 2"})["webhook_secret_set"])
	got := c.put(one, fields{"name": "hook", "mode": "webhook", "webhook_url": "https://chat.example.com/x"})
	require.Equal(t, []any{true, nil, false}, []any{got["webhook_secret_set"], got["webhook_mapping_body"], got["send_once"]}, "nobody can send back a secret")
	require.Equal(t, secret, stored())
	require.Equal(t, true, c.patch(one, fields{"webhook_secret": secret + "!"})["webhook_secret_set"])
	require.Equal(t, secret+"!", stored())
	require.Equal(t, false, c.patch(one, fields{"webhook_secret": ""})["webhook_secret_set"])
	c.patch(one, fields{"webhook_secret": secret, "send_once": true, "webhook_mapping_headers": mapping})
	for _, at := range []string{one, "/events/transports/", "/events/transports/?search=hook", "/events/events/?page_size=100", one + "used_by/",
		"/propertymappings/notification/" + mapping.(string) + "/used_by/"} {
		require.NotContains(t, c.send(http.MethodGet, at, nil).Body.String(), secret, at)
	}
	require.NotContains(t, r.log.String(), secret)
	require.Equal(t, []any{"webhook_secret"}, changedFields(c, made["pk"]))

	c.selects("/events/transports/", "pk", made["pk"], plain["pk"], fields{"name": "hook", "mode": "webhook", "webhook_url": "https://chat.example.com/x",
		"send_once": true, "search": "chat.example"})
	require.Empty(t, c.all("/events/transports/?search="+secret, "pk"))
	require.Equal(t, []any{"hook", "bell"}, c.all("/events/transports/?ordering=-webhook_url", "name"))
	require.Equal(t, []string{"authentik_events.notificationtransport set_null"}, c.usedBy("/propertymappings/notification/"+mapping.(string)+"/"))
	c.delete("/propertymappings/notification/" + mapping.(string) + "/")
	require.Nil(t, c.get(one)["webhook_mapping_headers"], "without it, what is usual is sent")
	c.delete(one)
}

// The address of a webhook is often all that it takes to post there. Whoever may look and
// not change sees the host.
func TestWebhookAddressesAreHiddenFromViewers(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	const whole = "https://chat.example.com:8443/services/T0/B0/XoXo?token=y"
	made := c.post("/events/transports/", fields{"name": "hook", "mode": "webhook_slack", "webhook_url": whole})
	bare := c.post("/events/transports/", fields{"name": "bare", "mode": "webhook", "webhook_url": "https://chat.example.com"})
	one := "/events/transports/" + made["pk"].(string) + "/"
	require.Equal(t, whole, made["webhook_url"])
	require.Equal(t, whole, c.get(one)["webhook_url"])
	auditor := r.by(r.withRole("auditor"))
	require.Equal(t, "https://chat.example.com:8443/...", auditor.get(one)["webhook_url"])
	require.Equal(t, "https://chat.example.com", auditor.get("/events/transports/" + bare["pk"].(string) + "/")["webhook_url"])
	require.Equal(t, []any{"https://chat.example.com", "https://chat.example.com:8443/..."}, auditor.all("/events/transports/", "webhook_url"))
	for search, n := range map[string]int{"chat.example.com:8443": 1, "XoXo": 0, "services": 0, "token=y": 0} {
		require.Len(t, auditor.all("/events/transports/?search="+url.QueryEscape(search), "pk"), n, search)
	}
	for _, at := range []string{"/events/events/?page_size=100", "/events/rules/", "/events/deliveries/", one + "used_by/"} {
		require.NotContains(t, auditor.send(http.MethodGet, at, nil).Body.String(), "XoXo", at)
	}
}

// A notification leads to its event, or to where that leads, for whoever may read it and
// while it is there.
func TestNotificationsLeadToTheirEvents(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	plain := r.told()
	write := func(facts map[string]any) *idp.Event {
		e := idp.ConfigWarningEvent("test", idp.SystemActor(), nil, facts)
		require.NoError(t, r.db.Repos().Events.Append(t.Context(), e))
		return e
	}
	ticket := write(map[string]any{"hyperlink": "https://desk.example.org/42", "hyperlink_label": "Ticket 42"})
	bare := write(map[string]any{"hyperlink": "https://desk.example.org/43"})
	evil := write(map[string]any{"hyperlink": "javascript:alert(1)", "hyperlink_label": "Click"})
	gone := idp.NewID[idp.Event]()
	var all []idp.Notification
	for _, id := range []*idp.EventID{&plain.ID, &ticket.ID, &bare.ID, &evil.ID, &gone, nil} {
		all = append(all, idp.Notification{UserID: r.admin.ID, EventID: id, Severity: idp.SeverityNotice, Body: "x"},
			idp.Notification{UserID: r.person.ID, EventID: id, Severity: idp.SeverityNotice, Body: "x"})
	}
	all = r.tell(all...)
	ada, grace := r.by(r.admin), r.by(r.person)
	for i, want := range [][2]any{{".*/if/admin/events/" + plain.ID.String() + "/", "Open the event"}, {"https://desk.example.org/42", "Ticket 42"},
		{"https://desk.example.org/43", "https://desk.example.org/43"}, {".*/if/admin/events/" + evil.ID.String() + "/", "Open the event"}, {nil, nil}, {nil, nil}} {
		got := ada.get("/events/notifications/" + all[2*i].ID.String() + "/")
		if want[0] == nil {
			require.Equal(t, want, [2]any{got["hyperlink"], got["hyperlink_label"]}, i)
			require.NotContains(t, got, "event")
		} else {
			require.Regexp(t, "^"+want[0].(string)+"$", got["hyperlink"], i)
			require.Regexp(t, "^https?://", got["hyperlink"], "a whole address")
			require.Equal(t, want[1], got["hyperlink_label"], i)
		}
		got = grace.get("/events/notifications/" + all[2*i+1].ID.String() + "/")
		require.Equal(t, [2]any{nil, nil}, [2]any{got["hyperlink"], got["hyperlink_label"]}, "who may not read events is led nowhere")
	}
}

// What was wrong with a rule says nothing once it is switched off.
func TestAFaultGoesWithSwitchingOff(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	made := c.post("/events/rules/", fields{"name": "watch"})
	one := "/events/rules/" + made["pk"].(string) + "/"
	id, err := idp.ParseID[idp.NotificationRule](made["pk"].(string))
	require.NoError(t, err)
	fault := func() {
		require.NoError(t, r.db.Repos().NotificationRules.Faulted(t.Context(), id, "no such name"))
	}
	fault()
	require.Equal(t, "no such name", c.patch(one, fields{"severity": "alert"})["fault"])
	require.Equal(t, "", c.patch(one, fields{"enabled": false})["fault"])
	fault() // by a server that was just at it
	require.Equal(t, "", c.patch(one, fields{"enabled": true})["fault"])
}

// changedFields are what the event of the last change but one names.
func changedFields(c client, pk any) []any {
	c.t.Helper()
	found := c.get("/events/events/?ordering=-created&action=model_updated&context_model_pk=" + pk.(string))["results"].([]any)
	require.Greater(c.t, len(found), 1)
	return found[1].(fields)["context"].(fields)["changed"].([]any)
}

func TestNotificationTransportsAreJudged(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	hook := c.post("/events/transports/", fields{"name": "hook", "mode": "webhook", "webhook_url": "https://chat.example.com/x"})
	one := "/events/transports/" + hook["pk"].(string) + "/"
	for field, values := range map[string][]any{
		"name": {"", nil, strings.Repeat("x", 256)},
		"mode": {"pigeon", "", nil},
		"webhook_url": {"", "chat.example.com", "ftp://chat.example.com/x", "https://", "javascript:alert(1)", "https://ada:pw@chat.example.com/",
			"https://chat.example.com/#x", "https://chat.example.com/\nx", "https://[::1", "https://chat.example.com/a b", "https://chat.example.com/a\tb",
			"https://chat.example.com/a\u00a0b", "https://chat.example.com/\u200bx", "https://chat.example.com/\u0085x", "https://chat.example.com/\u202ex", strings.Repeat("https://x.example/", 1000)},
		"webhook_secret":          {nil, 1, "two\nlines", strings.Repeat("x", 10_000)},
		"webhook_mapping_body":    {noSuch, "short"},
		"webhook_mapping_headers": {noSuch},
		"send_once":               {"perhaps"},
		"email_template":          {strings.Repeat("x", 256)},
	} {
		for _, value := range values {
			c.refuse(http.MethodPatch, one, field, fields{field: value})
			body := fields{"name": "new", "mode": "webhook", "webhook_url": "https://chat.example.com/y"}
			body[field] = value
			c.refuse(http.MethodPost, "/events/transports/", field, body)
		}
	}
	c.refuse(http.MethodGet, "/events/transports/?mode=pigeon", "mode", nil)
	require.Equal(t, hook, c.get(one), "nothing half-done")
}

func TestNotificationTransportIsTried(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	try := func(pk any, status int) fields {
		t.Helper()
		return c.send(http.MethodPost, fmt.Sprintf("/events/transports/%v/test/", pk), nil).json(status)
	}
	bell := c.post("/events/transports/", fields{"name": "bell"})["pk"]
	require.Len(t, try(bell, http.StatusOK)["messages"], 1)
	require.Len(t, c.all("/events/notifications/", "pk"), 1)

	hook := c.post("/events/transports/", fields{"name": "hook", "mode": "webhook", "webhook_url": "https://chat.example.com/x"})["pk"]
	r.receiver.answer = "200 OK: thanks"
	require.Equal(t, fields{"messages": []any{"200 OK: thanks"}}, try(hook, http.StatusOK))
	require.True(t, r.receiver.got[0].Test)
	require.Equal(t, "root", r.receiver.got[0].User.Username)
	r.receiver.answer = ""
	require.NotEmpty(t, try(hook, http.StatusOK)["messages"].([]any)[0])
	r.receiver.answer, r.receiver.err = "no such channel", errors.New("the receiver answered with 404")
	refused := try(hook, http.StatusBadRequest)["non_field_errors"].([]any)
	require.Contains(t, refused[0], "the receiver answered with 404")
	require.Contains(t, refused[0], "no such channel")

	mail := c.post("/events/transports/", fields{"name": "mail", "mode": "email"})["pk"]
	require.NotEmpty(t, try(mail, http.StatusBadRequest)["non_field_errors"], "nothing sends mails here")
	broken := c.post("/propertymappings/notification/", fields{"name": "broken", "expression": `event.context.missing.more.text`})["pk"]
	c.patch(fmt.Sprintf("/events/transports/%v/", hook), fields{"webhook_mapping_body": broken})
	require.Contains(t, try(hook, http.StatusBadRequest)["non_field_errors"].([]any)[0], "broken")
	try(noSuch, http.StatusNotFound)
	try("x", http.StatusNotFound)
}

func TestWebhookMappings(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	const expression = `{"text": notification.body + " " + rule.name}`
	made := c.post("/propertymappings/notification/", fields{"name": "short", "expression": expression, "managed": nil})
	require.Equal(t, fields{"pk": made["pk"], "managed": nil, "name": "short", "expression": expression, "component": "ak-property-mapping-notification-form",
		"verbose_name": "Webhook Mapping", "verbose_name_plural": "Webhook Mappings", "meta_model_name": "authentik_events.notificationwebhookmapping"}, made)
	one := "/propertymappings/notification/" + made["pk"].(string) + "/"
	require.Equal(t, `{}`, c.put(one, fields{"name": "short", "expression": `{}`})["expression"])
	require.Equal(t, "brief", c.patch(one, fields{"name": "brief"})["name"])
	other := c.post("/propertymappings/notification/", fields{"name": "other", "expression": expression})
	c.selects("/propertymappings/notification/", "pk", made["pk"], other["pk"], fields{"name": "brief", "search": "brief"})
	require.Equal(t, []any{"other", "brief"}, c.all("/propertymappings/notification/?ordering=-name", "name"))
	for field, bodies := range map[string][]fields{"name": {{"name": ""}, {"name": "other"}}, "expression": {{"expression": ""}, {"expression": "1 +"},
		{"expression": `{"a": nowhere}`}, {"expression": "event.\n  context."}, {"expression": nil}}} {
		for _, body := range bodies {
			c.refuse(http.MethodPatch, one, field, body)
		}
	}
	wrong := c.send(http.MethodPatch, one, fields{"expression": "event.app ==\n  nowhere"}).json(http.StatusBadRequest)["expression"].([]any)[0]
	require.Contains(t, wrong, "line 2", "it says where")
	c.refuse(http.MethodPut, one, "expression", fields{"name": "brief"})
	require.Empty(t, c.usedBy(one))
	c.delete(one)
}

// tell stores notifications.
func (r *rig) tell(all ...idp.Notification) []idp.Notification {
	r.t.Helper()
	require.NoError(r.t, r.db.InTx(r.t.Context(), func(tx idp.Repos) error { return tx.Notifications.Create(r.t.Context(), all) }))
	return all
}

// told is an event to tell of.
func (r *rig) told() *idp.Event {
	r.t.Helper()
	e := idp.ConfigWarningEvent("test", idp.SystemActor(), nil, map[string]any{"message": "the roof leaks"})
	require.NoError(r.t, r.db.Repos().Events.Append(r.t.Context(), e))
	return e
}

func TestNotificationsAreOnesOwn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e := r.told()
	rows := r.tell(idp.Notification{UserID: r.person.ID, EventID: &e.ID, Severity: idp.SeverityAlert, Body: "the roof leaks"},
		idp.Notification{UserID: r.person.ID, Severity: idp.SeverityNotice, Body: "tea"},
		idp.Notification{UserID: r.admin.ID, EventID: &e.ID, Severity: idp.SeverityAlert, Body: "the roof leaks, Ada"})
	at := func(i int) string { return "/events/notifications/" + rows[i].ID.String() + "/" }
	grace, ada := r.by(r.person), r.by(r.admin)

	got := grace.get(at(0))
	require.NotContains(t, got, "event", "who may not read events is told what the rule says and no more")
	require.Equal(t, []any{"the roof leaks", "alert", false, nil}, []any{got["body"], got["severity"], got["seen"], got["hyperlink"]})
	require.Equal(t, e.ID.String(), ada.get(at(2))["event"].(fields)["pk"])
	require.ElementsMatch(t, []any{"the roof leaks", "tea"}, grace.all("/events/notifications/", "body"))
	require.Equal(t, []any{"the roof leaks, Ada"}, ada.all("/events/notifications/", "body"), "a superuser sees their own, too")
	require.Empty(t, ada.all("/events/notifications/?user="+r.person.ID.String(), "body"))
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		ada.send(method, at(0), fields{"seen": true}).json(http.StatusNotFound)
	}
	ada.send(http.MethodGet, at(0)+"used_by/", nil).json(http.StatusNotFound)
	require.Equal(t, false, grace.get(at(0))["seen"])

	grace.selects("/events/notifications/", "pk", rows[0].ID.String(), rows[1].ID.String(), fields{"body": "the roof leaks", "event": e.ID.String(),
		"severity": "alert", "created": got["created"], "user": probe{r.person.ID.String(), nobody}, "seen": probe{false, nobody}, "search": "roof"})
	require.Equal(t, []any{"tea", "the roof leaks"}, grace.all("/events/notifications/?ordering=-created", "body"))

	require.Equal(t, true, grace.patch(at(0), fields{"seen": true, "body": "mine", "event": nil})["seen"])
	require.Equal(t, "the roof leaks", grace.patch(at(0), fields{})["body"])
	require.Equal(t, []any{"tea"}, grace.all("/events/notifications/?seen=false", "body"))
	require.Equal(t, false, grace.put(at(0), fields{"seen": false})["seen"])
	grace.refuse(http.MethodPatch, at(0), "seen", fields{"seen": "perhaps"})
	require.Empty(t, grace.usedBy(at(0)))
	require.Equal(t, http.StatusNoContent, grace.send(http.MethodPost, "/events/notifications/mark_all_seen/", nil).Code)
	require.Len(t, grace.all("/events/notifications/?seen=true", "body"), 2)
	require.Equal(t, false, ada.get(at(2))["seen"], "others' are theirs")
	grace.delete(at(0))
	grace.send(http.MethodPatch, at(0), fields{"seen": true}).json(http.StatusNotFound)
	grace.send(http.MethodPost, "/events/notifications/", fields{}).json(http.StatusMethodNotAllowed)
}

// queue queues deliveries of a rule over a transport.
func (r *rig) queue(rule, transport string, events ...*idp.Event) []idp.Delivery {
	r.t.Helper()
	ruleID, err := idp.ParseID[idp.NotificationRule](rule)
	require.NoError(r.t, err)
	transportID, err := idp.ParseID[idp.Transport](transport)
	require.NoError(r.t, err)
	var all []idp.Delivery
	for _, e := range events {
		all = append(all, idp.Delivery{EventID: e.ID, RuleID: &ruleID, RuleName: "watch", Severity: idp.SeverityAlert, TransportID: &transportID,
			TransportName: "hook", Mode: idp.TransportWebhook, UserID: &r.admin.ID, Recipient: "root"})
	}
	require.NoError(r.t, r.db.InTx(r.t.Context(), func(tx idp.Repos) error { return tx.Deliveries.Create(r.t.Context(), all) }))
	return all
}

func TestDeliveries(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	hook := c.post("/events/transports/", fields{"name": "hook", "mode": "webhook", "webhook_url": "https://chat.example.com/x"})["pk"].(string)
	slack := c.post("/events/transports/", fields{"name": "slack", "mode": "webhook_slack", "webhook_url": "https://chat.example.com/y"})["pk"].(string)
	rule, quiet := c.post("/events/rules/", fields{"name": "watch"})["pk"].(string), c.post("/events/rules/", fields{"name": "quiet"})["pk"].(string)
	first, second := r.told(), r.told()
	rows := append(r.queue(rule, hook, first, second), r.queue(quiet, slack, first)...)
	deliveries := r.db.Repos().Deliveries
	over, err := deliveries.End(t.Context(), rows[0].ID, 0, idp.DeliveryOutcome{State: idp.DeliveryFailed, Answer: "404 no such channel"})
	require.NoError(t, err)
	require.True(t, over)
	_, err = deliveries.End(t.Context(), rows[1].ID, 0, idp.DeliveryOutcome{State: idp.DeliveryPending, Answer: "503", Pause: time.Hour})
	require.NoError(t, err)

	pk := func(i int) any { return float64(rows[i].ID) }
	at := func(i int) string { return fmt.Sprintf("/events/deliveries/%d/", rows[i].ID) }
	require.Equal(t, []any{pk(2), pk(1), pk(0)}, c.all("/events/deliveries/", "id"), "newest first")
	for query, want := range map[string][]any{"event=" + first.ID.String(): {pk(2), pk(0)}, "rule=" + rule: {pk(1), pk(0)}, "transport=" + slack: {pk(2)},
		"state=failed": {pk(0)}, "state=pending": {pk(2), pk(1)}, "state=delivered": {}, "event=" + noSuch: {}, "ordering=pk": {pk(0), pk(1), pk(2)},
		"rule=" + rule + "&event=" + second.ID.String(): {pk(1)}} {
		require.Equal(t, want, c.all("/events/deliveries/?"+query, "id"), query)
	}
	for _, bad := range []string{"event=x", "rule=1", "transport=x", "state=lost", "cursor=zzz", "cursor=&ordering=pk", "cursor=&page=2", "colour=red"} {
		c.send(http.MethodGet, "/events/deliveries/?"+bad, nil).json(http.StatusBadRequest)
	}
	got := c.get(at(0))
	require.Equal(t, []any{"failed", 1.0, "404 no such channel", nil, "root", float64(r.admin.ID), rule, "watch", hook, "hook", "webhook", "alert", first.ID.String()},
		[]any{got["state"], got["tries"], got["answer"], got["next_try"], got["recipient"], got["user"], got["rule"], got["rule_name"], got["transport"],
			got["transport_name"], got["mode"], got["severity"], got["event"]})
	require.NotNil(t, got["ended"])
	require.NotNil(t, c.get(at(1))["next_try"])

	again := c.send(http.MethodPost, at(0)+"redeliver/", nil).json(http.StatusOK)
	require.Equal(t, []any{"pending", 0.0, 1.0, nil}, []any{again["state"], again["tries"], again["redeliveries"], again["ended"]})
	c.send(http.MethodPost, at(0)+"redeliver/", nil).json(http.StatusConflict)
	require.Equal(t, []any{"notification_redelivered"}, contextOf(c, "/events/events/?action=model_updated&search=notification_redelivered", "action_id"))
	for _, id := range []string{"0", "-1", "x", "99999999999999999999", "4242"} {
		c.send(http.MethodGet, "/events/deliveries/"+id+"/", nil).json(http.StatusNotFound)
		c.send(http.MethodPost, "/events/deliveries/"+id+"/redeliver/", nil).json(http.StatusNotFound)
	}
	c.delete("/events/rules/" + rule + "/")
	got = c.get(at(0))
	require.Equal(t, []any{nil, "watch"}, []any{got["rule"], got["rule_name"]}, "the name stays")
}

func contextOf(c client, at, key string) (out []any) {
	c.t.Helper()
	for _, e := range c.get(at)["results"].([]any) {
		out = append(out, e.(fields)["context"].(fields)[key])
	}
	return out
}

func TestDeliveriesByCursor(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	hook := c.post("/events/transports/", fields{"name": "hook", "mode": "webhook", "webhook_url": "https://chat.example.com/x"})["pk"].(string)
	rule := c.post("/events/rules/", fields{"name": "watch"})["pk"].(string)
	e := r.told()
	r.queue(rule, hook, e, e, e, e, e)
	all := c.all("/events/deliveries/", "id")
	require.Len(t, all, 5)
	var walked []any
	for cursor, more := "", true; more; more = cursor != "" {
		page := c.get("/events/deliveries/?page_size=2&rule=" + rule + "&cursor=" + url.QueryEscape(cursor))
		require.Nil(t, page["pagination"].(fields)["count"], "nothing is counted")
		walked = append(walked, results(page, "id")...)
		cursor = page["pagination"].(fields)["next_cursor"].(string)
		require.LessOrEqual(t, len(walked), len(all), "it comes to an end")
		if len(walked) == 2 {
			r.queue(rule, hook, e) // what comes meanwhile moves nothing
		}
	}
	require.Equal(t, all, walked)
	first := c.get("/events/deliveries/?page_size=2")["pagination"].(fields)
	require.Equal(t, []any{6.0, 3.0}, []any{first["count"], first["total_pages"]})
	require.NotEmpty(t, first["next_cursor"])
}

// Reading and changing take rights; what one was told takes none.
func TestWhoMayNotify(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	hook := c.post("/events/transports/", fields{"name": "hook", "mode": "webhook", "webhook_url": "https://chat.example.com/x", "webhook_secret": "s3cret"})["pk"].(string)
	rule := c.post("/events/rules/", fields{"name": "watch", "destination_group": r.adminGroups()[0]})["pk"].(string)
	mapping := c.post("/propertymappings/notification/", fields{"name": "m", "expression": "{}"})["pk"].(string)
	d := fmt.Sprintf("/events/deliveries/%d/", r.queue(rule, hook, r.told())[0].ID)
	reads := []string{"/events/rules/", "/events/rules/" + rule + "/", "/events/rules/" + rule + "/used_by/", "/events/transports/", "/events/transports/" + hook + "/",
		"/events/transports/" + hook + "/used_by/", "/propertymappings/notification/", "/propertymappings/notification/" + mapping + "/",
		"/propertymappings/notification/" + mapping + "/used_by/", "/events/deliveries/", d}
	writes := []struct {
		method, at string
		body       fields
	}{{"POST", "/events/rules/", fields{"name": "new"}}, {"PUT", "/events/rules/" + rule + "/", fields{"name": "new"}}, {"PATCH", "/events/rules/" + rule + "/", fields{}},
		{"DELETE", "/events/rules/" + rule + "/", nil}, {"POST", "/events/transports/", fields{"name": "new"}}, {"PUT", "/events/transports/" + hook + "/", fields{"name": "new"}},
		{"PATCH", "/events/transports/" + hook + "/", fields{}}, {"DELETE", "/events/transports/" + hook + "/", nil}, {"POST", "/events/transports/" + hook + "/test/", nil},
		{"POST", "/propertymappings/notification/", fields{"name": "new", "expression": "{}"}}, {"PATCH", "/propertymappings/notification/" + mapping + "/", fields{}},
		{"DELETE", "/propertymappings/notification/" + mapping + "/", nil}, {"POST", d + "redeliver/", nil}}
	for role, may := range map[string]bool{"auditor": true, "viewer": false, "helpdesk": false, "locksmith": false} {
		u := r.withRole(role)
		require.NoError(t, r.roles.Reset(t.Context()))
		who := r.by(u)
		for _, at := range reads {
			a := who.send(http.MethodGet, at, nil)
			if may {
				require.Equal(t, http.StatusOK, a.Code, "%s: %s", role, at)
				require.NotContains(t, a.Body.String(), "s3cret")
			} else {
				a.json(http.StatusForbidden)
			}
		}
		for _, w := range writes {
			who.send(w.method, w.at, w.body).json(http.StatusForbidden)
		}
		require.Empty(t, who.all("/events/notifications/", "pk"), role)
	}
	for _, at := range append(reads, "/events/notifications/") {
		r.do(request{path: path("%s", at)}).json(http.StatusForbidden)
	}
	require.Empty(t, r.receiver.got)
}
