package journey

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/testkit"
	"github.com/portcullis-idp/portcullis/internal/testkit/smtp"
)

// hookSecret is what the receiver and the transport share.
const hookSecret = "a secret that the receiver knows, too"

// hook is a webhook that arrived.
type hook struct {
	header http.Header
	body   []byte
	said   struct {
		Severity, Rule string
		Test           bool
		UserEmail      string `json:"user_email"`
		Event          struct {
			PK, Action string
			Context    struct {
				ActionID     string `json:"action_id"`
				AffectedUser string `json:"affected_user"`
				Reason       string
			}
		}
	}
}

// desk is a server of somebody's own that takes webhooks: it believes only what is
// signed with the secret, just now.
type desk struct {
	*httptest.Server
	arrived chan hook
	closed  atomic.Bool // it takes nothing
}

func newDesk(t *testing.T) *desk {
	d := &desk{arrived: make(chan hook, 100)}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := hook{header: r.Header}
		var err error
		h.body, err = io.ReadAll(r.Body)
		switch {
		case d.closed.Load():
			http.Error(w, "the desk is closed for good", http.StatusGone)
		case err != nil || json.Unmarshal(h.body, &h.said) != nil || !genuine(r.Header.Get("X-Portcullis-Signature"), h.body):
			http.Error(w, "that is nothing of ours", http.StatusForbidden)
		default:
			_, _ = fmt.Fprint(w, "filed, thank you")
			d.arrived <- h
		}
	}))
	t.Cleanup(d.Close)
	return d
}

// genuine judges a signature as the README says that receivers do.
func genuine(signature string, body []byte) bool {
	at, mac, _ := strings.Cut(strings.TrimPrefix(signature, "t="), ",v1=")
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil || time.Since(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
		return false
	}
	want := hmac.New(sha256.New, []byte(hookSecret))
	want.Write([]byte(at + "." + string(body)))
	return hmac.Equal([]byte(mac), []byte(hex.EncodeToString(want.Sum(nil))))
}

// next waits for what arrives next.
func (d *desk) next(t *testing.T) hook {
	t.Helper()
	select {
	case h := <-d.arrived:
		return h
	case <-time.After(time.Minute):
		t.Fatal("nothing has arrived")
		return hook{}
	}
}

// settled waits until so many deliveries of a transport are in a state.
func (s *site) settled(t *testing.T, transport, state string, n int) {
	t.Helper()
	at := "events/deliveries/?state=" + state + "&transport=" + transport
	require.Eventually(t, func() bool {
		return len(s.api(t, http.StatusOK, http.MethodGet, at, nil)["results"].([]any)) == n
	}, time.Minute, 50*time.Millisecond, "%d %s", n, state)
}

// lockDown locks a person down in the console, from their page.
func (b *browser) lockDown(p person, reason string) {
	b.t.Helper()
	b.open(p.page())
	b.follow("Account Lockdown")
	b.fill("lockdown_reason", reason)
	b.follow("Continue")
	b.sees(p.Username, "locked down")
}

// pick ticks the box or the choice with a value, unless it is.
func (b *browser) pick(name, value string) {
	b.t.Helper()
	box := fmt.Sprintf(`input[name=%q][value=%q]`, name, value)
	var is bool
	if b.eval("document.querySelector("+quoted(box)+").checked", &is); !is {
		b.run(chromedp.Click(box, chromedp.ByQuery))
	}
}

// transport makes a transport by the form that is open, and returns its key.
func (b *browser) transport(name, mode string, more ...string) string {
	b.t.Helper()
	b.follow("Notification Transports")
	b.follow("New transport")
	b.fill("name", name)
	b.pick("mode", mode)
	for i := 0; i+1 < len(more); i += 2 {
		b.fill(more[i], more[i+1])
	}
	b.checked("transport-form-" + mode)
	b.follow("Create transport")
	b.sees("The transport " + name + " was created.")
	return strings.Trim(strings.TrimPrefix(b.path(), "/if/admin/notification-transports"), "/")
}

// Configure notifications: whoever is to be told of lockdowns says so in the console,
// from nothing, and is told by webhook, by mail and behind the bell; what could not be
// delivered is delivered once it can be, with a button.
func TestTellingOfALockdown(t *testing.T) {
	t.Parallel()
	d, post := newDesk(t), smtp.Start(t, smtp.Options{})
	s := &site{start(t, nil, "PORTCULLIS_DATABASE_URL="+testkit.Database(t), "PORTCULLIS_BOOTSTRAP_PASSWORD="+adminPassword,
		"PORTCULLIS_BOOTSTRAP_TOKEN="+adminToken, "PORTCULLIS_BOOTSTRAP_EMAIL=admin@example.org", "PORTCULLIS_WEBHOOK_ALLOW=127.0.0.0/8",
		"PORTCULLIS_SMTP_HOST="+post.Host, "PORTCULLIS_SMTP_PORT="+strconv.Itoa(post.Port), "PORTCULLIS_SMTP_TLS="+smtp.Plain,
		"PORTCULLIS_SMTP_FROM=Portcullis <portcullis@example.org>")}
	for _, r := range s.api(t, http.StatusOK, http.MethodGet, "events/rules/", nil)["results"].([]any) { // those it begins with
		s.api(t, http.StatusOK, http.MethodPatch, "events/rules/"+r.(map[string]any)["pk"].(string)+"/", map[string]any{"enabled": false})
	}
	ada, tom := s.person(t, "told.ada", "Ada Told"), s.person(t, "told.tom", "Tom Told")
	b := newBrowser(t, s.URL).asAdmin()

	// An event matcher, by the name that the menu and the list have.
	b.follow("Policies")
	b.follow("New policy")
	b.leaving(func() { b.run(chromedp.Click(`a[href*="/new/event_matcher/"]`, chromedp.ByQuery)) })
	b.fill("name", "lockdowns")
	var action string
	b.eval(`[...document.querySelectorAll("datalist option")].find(o => o.text === "Account Lockdown Triggered").value`, &action)
	b.fill("action", action)
	b.follow("Create policy")
	b.sees("The policy lockdowns was created.")

	// Two transports, each of which is tried and says what its receiver says.
	desk := b.transport("Security desk", "webhook", "webhook_url", d.URL+"/hooks/security", "webhook_secret", hookSecret)
	b.click("Send a test")
	b.sees("It was taken", "200 OK", "filed, thank you")
	b.checked("transport-tested")
	require.True(t, d.next(t).said.Test)
	letters := b.transport("Letters", "email")
	b.click("Send a test")
	b.sees("It was taken")
	require.Equal(t, "admin@example.org", post.Receive().To)
	local := s.first(t, "events/transports/?mode=local", "pk").(string)

	// A rule with both and the console, and the policy bound to it.
	b.follow("Notification Rules")
	b.follow("New rule")
	b.fill("name", "Tell me of lockdowns")
	b.pick("severity", "alert")
	b.pick("destination_event_user", "true")
	for _, key := range []string{desk, letters, local} {
		b.pick("transports", key)
	}
	b.checked("rule-form")
	b.follow("Create rule")
	b.sees("This rule matches nothing")
	b.checked("rule-unbound")
	b.choose("policy", "lockdowns")
	b.follow("Bind")
	b.sees("It is bound now.")
	b.seesNot("This rule matches nothing")
	rule := b.path()

	// The act: whoever looks at some page of theirs sees the bell at once.
	watching := newBrowser(t, s.URL).asAdmin()
	watching.until(`document.querySelector(".bell-count")?.hidden`)
	b.lockDown(ada, "Clicked a link in a mail")

	first := d.next(t)
	require.Equal(t, []string{"alert", "Tell me of lockdowns", "user_write", "account_lockdown", "told.ada", "Clicked a link in a mail", "admin@example.org"},
		[]string{first.said.Severity, first.said.Rule, first.said.Event.Action, first.said.Event.Context.ActionID, first.said.Event.Context.AffectedUser,
			first.said.Event.Context.Reason, first.said.UserEmail})
	told := s.api(t, http.StatusOK, http.MethodGet, "events/notifications/", nil)["results"].([]any)
	require.Len(t, told, 1, "%v", told)
	watching.until(`document.querySelector(".bell-count").textContent === "1" && !document.querySelector(".bell-count").hidden`)
	require.Equal(t, first.said.Event.PK, first.header.Get("X-Portcullis-Event"))
	require.Equal(t, "0", first.header.Get("X-Portcullis-Redelivery"))
	letter := post.Receive()
	require.Equal(t, "admin@example.org", letter.To)
	for _, part := range []string{letter.Text, letter.HTML} {
		require.Contains(t, part, "told.ada")
		require.Contains(t, part, "/if/admin/events/"+first.said.Event.PK+"/")
	}
	require.Contains(t, letter.HTML, "<html")
	require.NotContains(t, letter.Text, "<")

	// What became of it is on the event, on the transports and on the rule.
	s.settled(t, desk, "delivered", 1)
	s.settled(t, letters, "delivered", 1)
	watching.run(chromedp.Click(".bell a", chromedp.ByQuery))
	watching.at("/if/user/notifications/")
	watching.sees("told.ada")
	watching.checked("notifications")
	watching.follow("Open the event")
	watching.at("/if/admin/events/" + first.said.Event.PK + "/")
	watching.sees("What was sent because of this event", "Security desk", "Letters", "200 OK")
	delivered := `[...document.querySelectorAll("#deliveries tbody tr")].filter(r => r.innerText.includes("Delivered")).length`
	watching.until(delivered + " === 2")
	watching.checked("event-delivered")
	for _, at := range []string{"/if/admin/notification-transports/" + desk + "/", "/if/admin/notification-transports/" + letters + "/"} {
		watching.open(at)
		watching.until(delivered + " === 1")
	}
	watching.open(rule)
	watching.until(delivered + " === 2")
	watching.checked("rule-delivered")

	// A receiver that refuses for good: somebody sees it, has it mended, and presses the
	// button.
	d.closed.Store(true)
	b.lockDown(tom, "Shared laptop stolen")
	require.Contains(t, post.Receive().Text, "told.tom", "the other way does not wait for it")
	s.settled(t, desk, "failed", 1)
	b.open("/if/admin/deliveries/?state=failed")
	b.sees("Tell me of lockdowns", "Failed", "the receiver refused it")
	b.checked("deliveries-failed")
	d.closed.Store(false)
	b.follow("Redeliver")
	b.sees("It is queued again")
	again := d.next(t)
	require.Equal(t, []string{"told.tom", "1"}, []string{again.said.Event.Context.AffectedUser, again.header.Get("X-Portcullis-Redelivery")})
	s.settled(t, desk, "delivered", 2)
	b.open("/if/admin/deliveries/" + again.header.Get("X-Portcullis-Delivery") + "/")
	b.sees("Delivered", "filed, thank you", "Once")
	b.checked("delivery")
	require.Empty(t, d.arrived, "nothing came twice")
}
