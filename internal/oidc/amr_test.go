package oidc

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// amr says what was shown, and no more.
func TestMethodsSayWhatWasShown(t *testing.T) {
	t.Parallel()
	app, codes := &idp.Factor{Kind: idp.FactorTOTP}, &idp.Factor{Kind: idp.FactorStatic}
	hard := &idp.Factor{Kind: idp.FactorWebAuthn, Credential: []byte(`{"key": {"flags": {"backupEligible": false}}}`)}
	soft := &idp.Factor{Kind: idp.FactorWebAuthn, Credential: []byte(`{"key": {"flags": {"backupEligible": true}}}`)}
	for _, c := range []struct {
		how  string
		used *idp.Factor
		want []string
	}{
		{"", nil, nil}, {"", app, nil},
		{"password", nil, []string{"pwd"}},
		{"password", app, []string{"pwd"}}, // remembered, and not asked for
		{"auth_mfa", app, []string{"pwd", "otp", "mfa"}},
		{"auth_mfa", codes, []string{"pwd", "otp", "mfa"}},
		{"auth_mfa", hard, []string{"pwd", "hwk", "mfa"}},
		{"auth_mfa", soft, []string{"pwd", "swk", "mfa"}},
		{"auth_mfa", nil, []string{"pwd", "mfa"}}, // removed since
		{"auth_mfa_", app, []string{"otp"}},
		{"auth_mfa_token", app, []string{"otp", "mfa"}},
		{"auth_webauthn_pwl", hard, []string{"hwk", "user", "mfa"}},
		{"auth_webauthn_pwl", soft, []string{"swk", "user", "mfa"}},
		{"token", nil, []string{"token"}},
	} {
		require.Equal(t, c.want, Methods(c.how, c.used), "%s %v", c.how, c.used)
	}
}
