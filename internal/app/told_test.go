package app_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// What every installation begins with tells the administrators of a lockdown in the
// console, and whom it is about by mail.
func TestALockdownIsToldAsShipped(t *testing.T) {
	t.Parallel()
	s, post := newMailSite(t)
	eve := s.user("eve", func(n *account.NewUser) { n.Email = "eve@example.org" })
	bell := s.with(s.named("admin")).bell()
	bell.count(`{"unseen": 0, "count": "0", "words": "Notifications"}`)
	s.admin().contain(anyMap{"users": []idp.UserID{eve.ID}, "reason": "a stolen laptop"})
	bell.count(`{"unseen": 1, "count": "1", "words": "Notifications: 1 not seen"}`)
	told := s.first("/events/notifications/?seen=false")
	require.Equal(t, "alert", told["severity"])
	require.Contains(t, told["body"], "eve")
	require.Equal(t, "account_lockdown", told["event"].(anyMap)["context"].(anyMap)["action_id"])

	m := post.Receive()
	require.Equal(t, "eve@example.org", m.To)
	require.Equal(t, []any{"default-notify-locked-down-user"}, s.names("/events/deliveries/", "rule_name"))
}

// Without a mail server nothing is queued that nobody could send.
func TestNothingIsQueuedWithoutAMailServer(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	eve := s.user("eve", func(n *account.NewUser) { n.Email = "eve@example.org" })
	bell := s.with(s.named("admin")).bell()
	bell.count(`{"unseen": 0, "count": "0", "words": "Notifications"}`)
	s.admin().contain(anyMap{"users": []idp.UserID{eve.ID}})
	bell.count(`{"unseen": 1, "count": "1", "words": "Notifications: 1 not seen"}`)
	require.Empty(t, s.names("/events/deliveries/", "rule_name"))
	mail := s.first("/events/transports/?name=default-email-transport")["pk"].(string)
	refused := s.admin().api(http.StatusBadRequest, http.MethodPost, "/events/transports/"+mail+"/test/", nil)
	require.NotEmpty(t, refused["non_field_errors"])
}

// What could not be delivered is counted where operators watch.
func TestDeadLettersAreCounted(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	before := s.browser().metrics()
	for _, state := range []string{"pending", "delivered", "failed"} {
		require.Contains(t, before, "portcullis_deliveries "+state, "none is a number, too")
	}
	made := func(path string, body anyMap) string {
		return s.admin().api(http.StatusCreated, http.MethodPost, path, body)["pk"].(string)
	}
	hook := made("/events/transports/", anyMap{"name": unique("hook"), "mode": "webhook", "webhook_url": "https://10.1.2.3/"}) // which is private
	rule := made("/events/rules/", anyMap{"name": unique("rule"), "transports": []string{hook}})
	made("/policies/bindings/", anyMap{"target": rule, "policy": made("/policies/event_matcher/", anyMap{"name": unique("p"), "action": "suspicious_request"}), "order": 0})
	require.NoError(t, s.repos().Events.Append(t.Context(), idp.SuspiciousEvent("test", idp.SystemActor(), nil, nil)))
	require.Eventually(t, func() bool {
		return s.browser().metrics()["portcullis_deliveries failed"] == before["portcullis_deliveries failed"]+1
	}, 30*time.Second, 50*time.Millisecond)
}
