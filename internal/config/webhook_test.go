package config

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhereWebhooksMayLead(t *testing.T) {
	t.Parallel()
	c, err := Load(Source{})
	require.NoError(t, err)
	require.Empty(t, c.WebhookAllow)
	c, err = Load(Source{Env: []string{"PORTCULLIS_WEBHOOK_ALLOW=10.20.3.4/16, ::1,192.0.2.1"}})
	require.NoError(t, err)
	var have []string
	for _, p := range c.WebhookAllow {
		have = append(have, p.String())
	}
	require.Equal(t, []string{"10.20.0.0/16", "::1/128", "192.0.2.1/32"}, have)
	_, err = Load(Source{Env: []string{"PORTCULLIS_WEBHOOK_ALLOW=chat.example.org"}})
	require.ErrorContains(t, err, `webhook_allow: "chat.example.org" is neither an address nor a network`)
}
