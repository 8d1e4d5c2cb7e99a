package app_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// A policy of a flow writes to people, through the queue and the mail server,
// and says so in the audit log.
func TestPoliciesSendMail(t *testing.T) {
	t.Parallel()
	s, post := newMailSite(t)
	ctx, a := t.Context(), s.replicas[0]
	f, err := a.DB.Repos().Flows.GetBySlug(ctx, mailFlow)
	require.NoError(t, err)
	settings, err := json.Marshal(map[string]string{"expression": `ak_send_email("soc@example.org", "Somebody forgot", {"body": "In " + request.obj.slug + " <b>."}) and
		ak_create_event("suspicious_request", {"flow": request.obj.name})`})
	require.NoError(t, err)
	p, err := a.Configure.CreatePolicy(ctx, idp.SystemActor(), idp.Policy{Name: "tells", Kind: "expression", Settings: settings})
	require.NoError(t, err)
	_, err = a.Configure.CreatePolicyBinding(ctx, idp.SystemActor(), idp.PolicyBinding{Target: f.ID.UUID(), PolicyID: &p.ID, Enabled: true})
	require.NoError(t, err)

	s.browser().challenge(mailFlow)
	m := post.Receive()
	require.Equal(t, "soc@example.org", m.To)
	require.Equal(t, "Somebody forgot", m.Header.Get("Subject"))
	require.Contains(t, m.Text, "In default-recovery-flow <b>.")
	require.Contains(t, m.HTML, "In default-recovery-flow &lt;b&gt;.")
	page, err := a.DB.Repos().Events.Find(ctx, idp.EventFilter{Actions: []idp.Action{idp.ActionSuspicious}})
	require.NoError(t, err)
	require.NotEmpty(t, page.Items)
	require.Equal(t, "tells", page.Items[0].Context["policy"])
}

// A mail of a template with copies: everybody who is named sees everybody who is
// named, whoever is blind has one all the same, and what people chose is escaped.
func TestPoliciesSendMailOfTemplates(t *testing.T) {
	t.Parallel()
	s, post := newMailSite(t)
	ctx, a := t.Context(), s.replicas[0]
	f, err := a.DB.Repos().Flows.GetBySlug(ctx, mailFlow)
	require.NoError(t, err)
	settings, err := json.Marshal(map[string]string{"expression": `ak_send_email(["soc@example.org", "ops@example.org"], "Look", {"template": "email/setup.html",
		"cc": "cc@example.org", "bcc": ["bcc@example.org"], "context": {"url": "https://example.org/?who=<b>", "expires": "1 day"}})`})
	require.NoError(t, err)
	p, err := a.Configure.CreatePolicy(ctx, idp.SystemActor(), idp.Policy{Name: "tells", Kind: "expression", Settings: settings})
	require.NoError(t, err)
	_, err = a.Configure.CreatePolicyBinding(ctx, idp.SystemActor(), idp.PolicyBinding{Target: f.ID.UUID(), PolicyID: &p.ID, Enabled: true})
	require.NoError(t, err)

	s.browser().challenge(mailFlow)
	ids, got := map[string]bool{}, []string{}
	for range 4 {
		m := post.Receive()
		got, ids[m.Header.Get("Message-Id")] = append(got, m.To), true
		require.Equal(t, "<soc@example.org>, <ops@example.org>", m.Header.Get("To"))
		require.Equal(t, "<cc@example.org>", m.Header.Get("Cc"))
		require.NotContains(t, m.Raw, "bcc@")
		require.Contains(t, m.HTML, `href="https://example.org/?who=%3cb%3e"`)
		require.Contains(t, m.Text, "\nhttps://example.org/?who=<b>\r\n")
		require.Contains(t, m.Text, "The link works for 1 day.")
	}
	require.ElementsMatch(t, []string{"soc@example.org", "ops@example.org", "cc@example.org", "bcc@example.org"}, got)
	require.Len(t, ids, 1, "they are copies of one mail")
}
