package secret_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/portcullis-idp/portcullis/internal/secret"
)

func sealer(t testing.TB, secrets ...string) *secret.Sealer {
	t.Helper()
	var list [][]byte
	for _, s := range secrets {
		list = append(list, []byte(strings.Repeat(s, secret.MinSecret)[:secret.MinSecret]))
	}
	s, err := secret.NewSealer(list...)
	require.NoError(t, err)
	return s
}

func TestOnlyWhatWasSealedOpens(t *testing.T) {
	t.Parallel()
	s := sealer(t, "a")
	sealed := s.Seal("token", []byte("the key"))
	plain, err := s.Open("token", sealed)
	require.NoError(t, err)
	require.Equal(t, "the key", string(plain))
	require.NotContains(t, string(sealed), "the key")
	require.NotEqual(t, sealed, s.Seal("token", []byte("the key")), "the same value never looks the same")

	_, err = s.Open("tokens", sealed)
	require.ErrorIs(t, err, secret.ErrTampered, "another purpose")
	_, err = sealer(t, "b").Open("token", sealed)
	require.ErrorIs(t, err, secret.ErrOtherSecret)
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		plain, err := s.Open("token", changed)
		require.Error(t, err, "byte %d", i)
		require.Nil(t, plain)
		_, err = s.Open("token", sealed[:i])
		require.ErrorIs(t, err, secret.ErrTampered, "cut to %d", i)
	}
	_, err = s.Open("token", append(bytes.Clone(sealed), 0))
	require.ErrorIs(t, err, secret.ErrTampered)
	empty, err := s.Open("x", s.Seal("x", nil))
	require.NoError(t, err)
	require.Empty(t, empty)
}

func TestSecretsAreChanged(t *testing.T) {
	t.Parallel()
	before := sealer(t, "old")
	sealed := before.Seal("token", []byte("the key"))
	after := sealer(t, "new", "old")
	plain, err := after.Open("token", sealed)
	require.NoError(t, err)
	require.Equal(t, "the key", string(plain))
	again := after.Seal("token", plain)
	_, err = before.Open("token", again)
	require.ErrorIs(t, err, secret.ErrOtherSecret, "the first secret seals")
	_, err = sealer(t, "new").Open("token", sealed)
	require.ErrorIs(t, err, secret.ErrOtherSecret, "a secret that was taken away opens nothing")
	_, err = sealer(t, "new").Open("token", again)
	require.NoError(t, err)

	for _, bad := range [][][]byte{nil, {nil}, {[]byte(strings.Repeat("x", secret.MinSecret-1))}, {[]byte(strings.Repeat("x", secret.MinSecret)), []byte("short")}} {
		_, err := secret.NewSealer(bad...)
		require.Error(t, err)
	}
}

func FuzzOpen(f *testing.F) {
	s := sealer(f, "a")
	f.Add([]byte{}, "token")
	f.Add(s.Seal("token", []byte("x")), "other")
	f.Fuzz(func(t *testing.T, sealed []byte, purpose string) {
		if plain, err := s.Open(purpose, sealed); err == nil && purpose != "token" {
			t.Fatalf("opened %q", plain)
		}
	})
}

func TestTheOwnSecretIsMadeOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new", "secret.key")
	secrets := make([][]byte, 16)
	var g errgroup.Group
	for i := range secrets {
		g.Go(func() (err error) {
			secrets[i], err = secret.OwnSecret(path)
			return err
		})
	}
	require.NoError(t, g.Wait())
	for _, s := range secrets {
		require.Equal(t, secrets[0], s)
	}
	require.GreaterOrEqual(t, len(secrets[0]), secret.MinSecret)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	files, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, files, 1, "nothing is left over")

	require.NoError(t, os.Chmod(path, 0o640))
	_, err = secret.OwnSecret(path)
	require.ErrorContains(t, err, "0600")
	require.NoError(t, os.Chmod(path, 0o600))
	require.NoError(t, os.WriteFile(path, []byte("short\n"), 0o600))
	_, err = secret.OwnSecret(path)
	require.ErrorContains(t, err, "at least 32", "a broken file is never replaced: what it sealed would be lost")
	_, err = secret.OwnSecret(filepath.Dir(path))
	require.ErrorContains(t, err, "regular file")
	_, err = secret.OwnSecret(filepath.Join(path, "below"))
	require.Error(t, err)
}

// A digest says which secret it was made with, and is made again with that one.
func TestDigestBy(t *testing.T) {
	t.Parallel()
	first, second := bytes.Repeat([]byte("a"), secret.MinSecret), bytes.Repeat([]byte("b"), secret.MinSecret)
	before, err := secret.NewSealer(first)
	require.NoError(t, err)
	after, err := secret.NewSealer(second, first)
	require.NoError(t, err)
	require.NotEqual(t, before.Mark(), after.Mark())
	again, known := after.DigestBy(before.Mark(), "p", []byte("v"))
	require.True(t, known)
	require.Equal(t, before.Digest("p", []byte("v")), again)
	require.NotEqual(t, after.Digest("p", []byte("v")), again)
	_, known = before.DigestBy(after.Mark(), "p", []byte("v"))
	require.False(t, known)
}
