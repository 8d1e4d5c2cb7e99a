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
	require.Contains(t, m.Text, "In recovery-by-mail <b>.")
	require.Contains(t, m.HTML, "In recovery-by-mail &lt;b&gt;.")
	page, err := a.DB.Repos().Events.Find(ctx, idp.EventFilter{Actions: []idp.Action{idp.ActionSuspicious}})
	require.NoError(t, err)
	require.NotEmpty(t, page.Items)
	require.Equal(t, "tells", page.Items[0].Context["policy"])
}
