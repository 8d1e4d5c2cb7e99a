package app_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
	"github.com/portcullis-idp/portcullis/internal/testkit"
	"github.com/portcullis-idp/portcullis/internal/testkit/smtp"
)

// hooked is a webhook that arrived.
type hooked struct {
	header http.Header
	body   []byte
}

// An event that a rule chooses goes out over a webhook, signed with a secret that is
// stored sealed, and by mail; what webhooks may not reach, they do not.
func TestEventsGoOut(t *testing.T) {
	t.Parallel()
	arrived := make(chan hooked, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		arrived <- hooked{r.Header, body}
	}))
	t.Cleanup(hook.Close)
	post := smtp.Start(t, smtp.Options{})
	s := blankSite(t, testkit.Database(t))
	s.open("smtp_host", post.Host, "smtp_port", strconv.Itoa(post.Port), "smtp_tls", smtp.Plain, "smtp_from", "portcullis@example.org",
		"webhook_allow", "127.0.0.0/8", "secret_key", strings.Repeat("k", 32), "public_url", "https://id.example.org")
	a := s.replicas[0]
	const key = "the secret of the hook"
	transport := func(row idp.Transport) idp.TransportID {
		made, err := a.Configure.CreateTransport(t.Context(), idp.SystemActor(), row)
		require.NoError(t, err)
		require.Equal(t, row.WebhookSecret != "", secret.IsSealed(made.WebhookSecret), "it is stored sealed")
		return made.ID
	}
	webhook := transport(idp.Transport{Name: "hook", Mode: idp.TransportWebhook, WebhookURL: hook.URL, WebhookSecret: key, SendOnce: true})
	mia := s.user(unique("mia"))
	policy, err := a.Configure.CreatePolicy(t.Context(), idp.SystemActor(), idp.Policy{Name: unique("chosen"), Kind: "event_matcher",
		Settings: json.RawMessage(`{"query": "context.action_id == \"something_chosen\""}`)})
	require.NoError(t, err)
	rule, err := a.Configure.CreateNotificationRule(t.Context(), idp.SystemActor(), idp.NotificationRule{Name: unique("rule"), Enabled: true, Severity: idp.SeverityAlert,
		DestinationEventUser: true, Transports: []idp.TransportID{webhook, transport(idp.Transport{Name: "mail", Mode: idp.TransportEmail})}})
	require.NoError(t, err)
	_, err = a.Configure.CreatePolicyBinding(t.Context(), idp.SystemActor(), idp.PolicyBinding{Target: rule.ID.UUID(), PolicyID: &policy.ID, Enabled: true, Timeout: 30 * time.Second})
	require.NoError(t, err)

	e := idp.SuspiciousEvent("test", idp.Actor{User: mia}, mia, map[string]any{"action_id": "something_chosen"})
	require.NoError(t, s.repos().Events.Append(t.Context(), e))
	got := receiveHook(t, arrived)
	require.Equal(t, e.ID.String(), got.header.Get("X-Portcullis-Event"))
	require.Equal(t, "1", got.header.Get("X-Portcullis-Try"))
	seconds, mac, _ := strings.Cut(strings.TrimPrefix(got.header.Get("X-Portcullis-Signature"), "t="), ",v1=")
	want := hmac.New(sha256.New, []byte(key))
	want.Write([]byte(seconds + "." + string(got.body)))
	require.Equal(t, hex.EncodeToString(want.Sum(nil)), mac)
	require.Contains(t, string(got.body), "something_chosen")
	letter := post.Receive()
	require.Equal(t, mia.Email, letter.To)
	require.Contains(t, letter.Text, "https://id.example.org/if/admin/events/"+e.ID.String()+"/")

	// Trying a transport goes the same way.
	answer, err := a.Notify.Test(t.Context(), idp.SystemActor(), webhook)
	require.NoError(t, err)
	require.Equal(t, "200 OK", answer)
	require.True(t, strings.HasPrefix(receiveHook(t, arrived).header.Get("X-Portcullis-Delivery"), "test-"))
	for _, mode := range []idp.TransportMode{idp.TransportWebhook, idp.TransportSlack} {
		_, err = a.Notify.Test(t.Context(), idp.SystemActor(), transport(idp.Transport{Name: "cloud " + string(mode), Mode: mode, WebhookURL: "http://169.254.169.254/latest/"}))
		require.ErrorContains(t, err, "PORTCULLIS_WEBHOOK_ALLOW")
	}
}

func receiveHook(t *testing.T, arrived <-chan hooked) hooked {
	t.Helper()
	select {
	case got := <-arrived:
		return got
	case <-time.After(30 * time.Second):
		t.Fatal("no webhook arrived")
	}
	return hooked{}
}
