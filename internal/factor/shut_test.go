package factor_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/factor"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

// An app whose secret was sealed with another one is refused with the reason, whatever was
// typed, and told of once for each try; another factor still does.
func TestAnAppThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.user("ada")
	a := w.totp(u, 6)
	_, codes := w.static(u)
	foreign, err := secret.NewSealer(bytes.Repeat([]byte{1}, secret.MinSecret))
	require.NoError(t, err)
	moved := factor.New(factor.Deps{Store: w.clock, Access: w.checker, Guard: w.lockouts, Sealer: foreign, Lasts: true, PublicURL: public})
	for tries, code := range []string{a.code(0), "000000"} {
		got, err := moved.ProveCode(w.ctx, stranger(), of(u), code)
		require.Nil(t, got)
		require.Equal(t, map[string][]string{"code": {"Codes of “Authenticator app” cannot be checked: this server has another secret than when it was set up. Use another second factor, or ask your administrator."}}, fields(err))
		told := w.events(idp.ActionConfigError)
		require.Len(t, told, tries+1)
		require.Contains(t, told[tries].Context["message"], "“Authenticator app” of ada cannot be checked")
		require.Equal(t, []any{factor.Device(a.of)}, told[tries].Context["devices"])
		require.Len(t, w.events(idp.ActionLoginFailed), tries+1, "it counts as a guess at the others")
	}
	got, err := moved.ProveCode(w.ctx, stranger(), of(u), codes[0])
	require.NoError(t, err)
	require.Equal(t, idp.FactorStatic, got.Kind)
	got, err = w.factors.ProveCode(w.ctx, stranger(), of(u), a.code(0))
	require.NoError(t, err)
	require.NotNil(t, got, "where the secret is the old one")
}

func fields(err error) map[string][]string {
	var e *idp.Error
	errors.As(err, &e)
	return e.Fields
}
