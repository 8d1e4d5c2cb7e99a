package oidc

import (
	"crypto/sha256"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNoIDOfAKeyBeginsLikeAnOption(t *testing.T) {
	t.Parallel()
	for want, sum := range map[string][sha256.Size]byte{
		"AAAAAAAAAAAAAAAAAAAAAA": {},
		"Av4AAAAAAAAAAAAAAAAAAA": {0xf8, 0x02, 0xfe},
		"_AAAAAAAAAAAAAAAAAAAAA": {0xf8, 0xf9, 0xfc},
	} {
		require.Equal(t, want, keyID(sum))
	}
	var all [sha256.Size]byte
	for i := range all {
		all[i] = 0xfb
	}
	require.Len(t, keyID(all), 22)
}
