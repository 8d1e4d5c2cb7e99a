package policy

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestWhetherSomebodyHasASecondFactor(t *testing.T) {
	t.Parallel()
	e := actingEngine(nil, nil).With(shelf{})
	for source, want := range map[string]any{
		`ak_user_has_authenticator(user)`:                     true,
		`ak_user_has_authenticator(user, "totp")`:             true,
		`ak_user_has_authenticator(user, "TOTPDevice")`:       true,
		`ak_user_has_authenticator(user, "webauthn")`:         false,
		`ak_user_has_authenticator(nil)`:                      false,
		`ak_user_has_authenticator({"pk": 8})`:                false,
		`ak_user_has_authenticator(user, "sms")`:              "second factors are totp, static or webauthn",
		`ak_user_has_authenticator("ada")`:                    "a user is expected",
		`ak_user_has_authenticator({"username": "somebody"})`: "a user is expected",
	} {
		got := e.Try(t.Context(), asPolicy(source), idp.PolicyRequest{User: &idp.User{ID: 7, Username: "ada"}})
		if says, wrong := want.(string); wrong {
			require.ErrorContains(t, got.Err, says, source)
			continue
		}
		require.NoError(t, got.Err, source)
		require.Equal(t, want, got.Passing, source)
	}
	for python, want := range map[string]string{
		`return ak_user_has_authenticator(request.user)`:         `ak_user_has_authenticator(request.user)`,
		`return ak_user_has_authenticator(request.user, "totp")`: `ak_user_has_authenticator(request.user, "totp")`,
	} {
		got, ok := Translate(python, true)
		require.True(t, ok, python)
		require.Equal(t, want, got)
	}
}
