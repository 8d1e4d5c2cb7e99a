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

func TestWhereLogoutNoticesMayLead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		env  []string
		want []string
	}{
		{nil, []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"}},
		{[]string{"PORTCULLIS_LOGOUT_ALLOW=none"}, nil},
		{[]string{"PORTCULLIS_LOGOUT_ALLOW=127.0.0.1"}, []string{"127.0.0.1/32"}},
	} {
		got, err := Load(Source{Env: c.env})
		require.NoError(t, err)
		var have []string
		for _, p := range got.LogoutAllow {
			have = append(have, p.String())
		}
		require.Equal(t, c.want, have)
	}
	_, err := Load(Source{Env: []string{"PORTCULLIS_LOGOUT_ALLOW=none, 10.0.0.0/8"}})
	require.ErrorContains(t, err, `logout_allow: "none" is neither an address nor a network`)
}
