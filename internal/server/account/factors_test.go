package account_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestOwnSecondFactors(t *testing.T) {
	t.Parallel()
	s := open(t)
	u := ada(s)
	me := s.As(u)
	const at = "/if/user/settings/factors/"
	require.Contains(t, me.Get(at).Main(), "No second factor yet")
	phone, codes := s.Factor(u, idp.FactorTOTP, "Phone"), s.Factor(u, idp.FactorStatic, "Codes")
	theirs := s.Factor(s.Boss, idp.FactorWebAuthn, "Key")
	p := me.Get(at)
	require.Empty(t, p.Faults())
	require.Contains(t, p.Main(), "Phone Authenticator app")
	require.Contains(t, p.Main(), "8 codes left")
	require.NotContains(t, p.Main(), "Key")
	require.NotContains(t, p.Main(), phone.ID.String())

	rename := at + phone.ID.String() + "/rename/"
	require.Empty(t, me.Get(rename).Faults())
	wrong := me.Post(rename, "name", strings.Repeat("x", 65))
	require.Equal(t, http.StatusBadRequest, wrong.Status)
	require.Contains(t, wrong.Body, `id="field-name-error"`)
	require.Contains(t, me.Post(rename, "name", " Old phone ").Follow().Main(), "Old phone")

	remove := at + codes.ID.String() + "/remove/"
	require.Contains(t, me.Get(remove).Main(), "8 unused codes of the set stop working")
	require.Contains(t, me.Post(remove).Main(), "Remove Codes?", "asks first")
	require.Contains(t, me.Post(remove, "confirmed", "1").Follow().Text(), "Codes was removed.")
	require.Contains(t, me.Post(remove, "confirmed", "1").Follow().Text(), "is gone already")
	require.Contains(t, me.Get(at+phone.ID.String()+"/remove/").Main(), "It is the only second factor")
	for _, path := range []string{"/remove/", "/rename/"} {
		require.Equal(t, http.StatusNotFound, me.Get(at+theirs.ID.String()+path).Status)
	}
	require.Contains(t, s.As(s.Boss).Get(at).Body, "item=mfa_device%3A"+theirs.ID.String(), "who may lock is led to the lock")
}
