package secret_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/secret"
)

func TestTextsAreSealedAsTexts(t *testing.T) {
	t.Parallel()
	before, after := sealer(t, "old"), sealer(t, "new", "old")
	text := before.SealText("stage 1 password", "hünter2")
	require.True(t, secret.IsSealed(text))
	require.NotContains(t, text, "nter2")
	plain, err := after.OpenText("stage 1 password", text)
	require.NoError(t, err)
	require.Equal(t, "hünter2", plain)
	require.True(t, before.Current(text))
	require.False(t, after.Current(text), "the secret was replaced")
	require.True(t, after.Current(after.SealText("x", "")))

	_, err = after.OpenText("stage 2 password", text)
	require.ErrorIs(t, err, secret.ErrTampered)
	_, err = sealer(t, "third").OpenText("stage 1 password", text)
	require.ErrorIs(t, err, secret.ErrOtherSecret)
	for _, typed := range []string{"", "hunter2", "sealed:", "sealed:me", "sealed:AQ", "sealed:not base64!", text[1:], text + "=", text[:30], " " + text} {
		require.False(t, secret.IsSealed(typed), typed)
		require.False(t, before.Current(typed), typed)
		_, err := before.OpenText("stage 1 password", typed)
		require.ErrorIs(t, err, secret.ErrTampered, typed)
	}
}
