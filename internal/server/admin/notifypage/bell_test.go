package notifypage_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestNotificationsOfOnesOwn(t *testing.T) {
	t.Parallel()
	s := open(t)
	ada, e := s.User("ada"), s.event()
	me, helpdesk := s.As(ada), s.builtIn("helpdesk")
	require.Contains(t, s.read(me, noticesAt).Main(), "Nothing so far")
	require.Contains(t, s.read(me, noticesAt).Body, `class="bell-count" hidden`)
	s.tell(ada, "first", e)
	s.tell(ada, "second <b>", e)
	s.tell(helpdesk.User, "other", e)
	p := s.read(me, noticesAt)
	require.Contains(t, p.Body, `aria-label="Notifications: 2 not seen"`)
	require.Less(t, strings.Index(p.Main(), "second <b>"), strings.Index(p.Main(), "first"), "newest first")
	require.NotContains(t, p.Main(), "other")
	require.NotContains(t, p.Main(), "Open the event", "whoever may not read it is led nowhere")
	require.Contains(t, s.read(helpdesk, noticesAt).Main(), "Open the event")
	require.Contains(t, s.read(s.boss, "/if/admin/").Body, `aria-label="Notifications"`, "nothing was told to them")

	s.tell(s.Boss, "of long ago", &idp.Event{ID: idp.NewID[idp.Event]()})
	p = s.page(noticesAt)
	require.Contains(t, p.Main(), "The event is not kept any more")
	require.NotContains(t, p.Main(), "Open the event", "it would lead to nothing")

	first := s.notice(ada, "first")
	at := noticesAt + first.ID.String() + "/"
	require.Equal(t, http.StatusNotFound, helpdesk.Post(at+"seen/").Status, "another's")
	require.Equal(t, http.StatusNotFound, s.boss.Post(at+"delete/").Status, "even for administrators")
	require.Equal(t, http.StatusNotFound, me.Post(noticesAt+"x/seen/").Status)
	back := me.Post(at+"seen/", "back", noticesAt+"?seen=false")
	require.Equal(t, noticesAt+"?seen=false", back.Location)
	require.NotContains(t, back.Follow().Main(), "first")
	require.True(t, s.notice(ada, "first").Seen)
	me.Post(at+"seen/", "seen", "false").Follow()
	require.False(t, s.notice(ada, "first").Seen)
	require.Contains(t, me.Post(noticesAt+"seen/").Follow().Text(), "2 notifications marked as seen.")
	require.False(t, s.notice(helpdesk.User, "other").Seen)
	require.Contains(t, s.read(me, noticesAt+"?seen=false").Main(), "You have seen everything")
	me.Post(at + "delete/").Follow()
	require.NotContains(t, s.read(me, noticesAt).Main(), "first")
	require.Equal(t, http.StatusBadRequest, me.Get(noticesAt+"?seen=x").Status)
	require.Equal(t, "/if/user/notifications/", me.Post(noticesAt+"seen/", "back", "//evil.example").Location)

	for range 101 {
		s.tell(ada, "again", nil)
	}
	p = s.read(me, noticesAt)
	require.Contains(t, p.Body, `aria-label="Notifications: more than 99 not seen"`)
	require.Contains(t, p.Main(), "99+ not seen")
	require.Contains(t, p.Main(), "1–20 of 102 notifications")
}

func (s *site) notice(u *idp.User, body string) *idp.Notification {
	s.t.Helper()
	found, err := s.Store.Repos().Notifications.Find(s.t.Context(), idp.NotificationFilter{UserID: &u.ID, Body: &body})
	require.NoError(s.t, err)
	require.Len(s.t, found.Items, 1, body)
	return &found.Items[0]
}

func TestInChromium(t *testing.T) {
	t.Parallel()
	s := open(t)
	tab := s.boss.Tab()
	for name, path := range map[string]string{"rules-none": rulesAt, "transports-none": transportsAt, "mappings-none": mappingsAt, "deliveries-none": deliveriesAt, "notices-none": noticesAt} {
		tab.Open(path)
		tab.Judge(name)
	}
	id := s.furnished()
	s.mail = false
	for _, it := range []struct{ name, path string }{
		{"rules", rulesAt}, {"rule-new", rulesAt + "new/"}, {"rule", rulesAt + id["rule"] + "/?open=bind"}, {"rule-unbound", rulesAt + id["unbound"] + "/"},
		{"rule-edit", rulesAt + id["rule"] + "/edit/"}, {"rule-delete", rulesAt + id["rule"] + "/delete/"},
		{"transports", transportsAt}, {"transport-new", transportsAt + "new/"}, {"transport", transportsAt + id["chat"] + "/"}, {"transport-mail", transportsAt + id["mail"] + "/"},
		{"mappings", mappingsAt}, {"mapping", mappingsAt + id["mapping"] + "/"}, {"deliveries", deliveriesAt}, {"delivery", deliveriesAt + id["dead"] + "/"},
		{"event-deliveries", "/if/admin/events/" + id["event"] + "/"}, {"notices", noticesAt},
	} {
		tab.Open(it.path)
		tab.Judge(it.name)
	}

	// A test shows its answer in place.
	tab.Open(transportsAt + id["chat"] + "/")
	tab.Eval(`window.stayed = true; document.querySelector("[data-parts=trial]").click()`, nil)
	tab.Until(`document.querySelector("#trial").textContent.includes("It was taken")`)
	require.True(t, tab.Is(`window.stayed`))
	tab.Judge("transport-tested")

	// The mode says which fields there are.
	tab.Open(transportsAt + "new/")
	shown := func(name string) bool {
		return tab.Is(`document.querySelector("[name=` + name + `]").checkVisibility()`)
	}
	require.Equal(t, []bool{true, false, true}, []bool{shown("webhook_url"), shown("email_template"), shown("send_once")})
	tab.Eval(`document.querySelector("[name=mode][value=email]").click()`, nil)
	require.Equal(t, []bool{false, true, true}, []bool{shown("webhook_url"), shown("email_template"), shown("send_once")})
	tab.Eval(`document.querySelector("[name=mode][value=local]").click()`, nil)
	require.Equal(t, []bool{false, false, false}, []bool{shown("webhook_url"), shown("email_template"), shown("send_once")})

	// A fault shows while somebody types.
	tab.Open(mappingsAt + "new/")
	tab.Eval(`(() => { const f = document.querySelector("#field-expression"); f.value = "{"; f.dispatchEvent(new Event("input", {bubbles: true})) })()`, nil)
	tab.Until(`document.querySelector("#field-expression-status").textContent.includes("Line 1")`)
	require.Empty(t, tab.Complaints())
}

// The bell follows without a reload: on console pages and on people's own.
func TestBellInChromium(t *testing.T) {
	t.Parallel()
	s := open(t)
	tab := s.boss.Tab()
	const count = `document.querySelector(".bell-count")`
	for i, path := range []string{"/if/admin/", noticesAt} {
		tab.Open(path)
		require.True(t, tab.Is(count+`.hidden`), path)
		tab.Eval(`window.stayed = true`, nil)
		s.tell(s.User("somebody-"+string(rune('a'+i))), "not for them", nil)
		s.tell(s.Boss, "somebody was locked down", nil)
		tab.Until(count + `.textContent === "1" && !` + count + `.hidden`)
		require.True(t, tab.Is(`document.querySelector(".bell a").getAttribute("aria-label") === "Notifications: 1 not seen"`))
		require.True(t, tab.Is(`document.querySelector("#say").textContent === "Notifications: 1 not seen"`), "and is said")
		s.boss.Post(noticesAt + "seen/")
		tab.Until(count + `.hidden`)
		require.True(t, tab.Is(`window.stayed`))
	}
	s.tell(s.Boss, "again", nil)
	tab.Until(count + `.textContent === "1"`)
	tab.Eval(`document.querySelector(".bell a").click()`, nil)
	tab.Until(`document.querySelector(".notice.unseen")`)
	tab.Eval(`document.querySelector(".notice.unseen .notice-acts button").click()`, nil)
	tab.Until(`document.querySelector(".notice") && !document.querySelector(".notice.unseen")`)
	require.True(t, tab.Is(count+`.hidden`))
	require.Empty(t, tab.Complaints())
}

// furnished makes an installation where something happened, and returns the keys.
func (s *site) furnished() map[string]string {
	s.t.Helper()
	ctx, sys, out := s.t.Context(), idp.SystemActor(), map[string]string{}
	mapping, err := s.Configure.CreateWebhookMapping(ctx, sys, idp.WebhookMapping{Name: "Slim body", Expression: "{\n  \"text\": notification.body,\n  \"severity\": notification.severity,\n  \"by\": event.user.username\n}"})
	require.NoError(s.t, err)
	chat := s.transport("Security channel", idp.TransportWebhook, func(t *idp.Transport) { t.WebhookMappingBody, t.WebhookSecret = &mapping.ID, "hush" })
	mail, bell := s.transport("Letters", idp.TransportEmail), s.transport("default-local-transport", idp.TransportLocal)
	r, unbound := s.rule("Tell of lockdowns", chat, mail, bell), s.rule("Somebody changed the configuration")
	for _, name := range []string{"default-match-lockdown", "default-match-policy-exception"} {
		s.boss.Post(rulesAt+r.ID.String()+"/policies/", "policy", s.policy(name).ID.String()).Follow()
	}
	s.policy("default-match-update")
	broken := s.rule("Sign-ins from elsewhere", chat)
	s.boss.Post(rulesAt+broken.ID.String()+"/policies/", "policy", s.policyNamed("default-match-update").ID.String()).Follow()
	require.NoError(s.t, s.Store.Repos().NotificationRules.Faulted(ctx, broken.ID, `Policy "default-match-update": line 1, column 9: there is no name "contxt"`))
	e := s.event()
	s.delivery(e, r, chat, &idp.DeliveryOutcome{State: idp.DeliveryDelivered, Answer: "200 OK\nok"})
	dead := s.delivery(e, r, mail, &idp.DeliveryOutcome{State: idp.DeliveryFailed, Answer: "550 5.1.1 <boss@example.com>: Recipient address rejected: User unknown in virtual mailbox table"})
	s.delivery(e, broken, chat, &idp.DeliveryOutcome{State: idp.DeliveryPending, Answer: "503 Service Unavailable\nupstream connect error", Pause: 90e9})
	s.delivery(e, r, chat, nil)
	for _, body := range []string{"grace was locked down by boss: suspected phishing, reported by the help desk and confirmed by two colleagues", "Sign-in from an unusual network: 198.51.100.7", "policy changed by boss"} {
		s.tell(s.Boss, body, e)
	}
	s.boss.Post(noticesAt + s.notice(s.Boss, "policy changed by boss").ID.String() + "/seen/").Follow()
	out["rule"], out["unbound"], out["chat"], out["mail"], out["mapping"], out["event"] = r.ID.String(), unbound.ID.String(), chat.ID.String(), mail.ID.String(), mapping.ID.String(), e.ID.String()
	out["dead"] = strings.TrimSuffix(deliveryKey(dead), "/")
	return out
}
