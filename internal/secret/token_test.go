package secret

import (
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	counts := map[rune]int{}
	const n = 2000
	for range n {
		token := Token()
		require.Len(t, token, 43)
		require.Empty(t, strings.Trim(token, alphabet))
		require.False(t, seen[token])
		seen[token] = true
		for _, r := range token {
			counts[r]++
		}
	}
	require.Len(t, counts, 62, "every character occurs")
	for r, count := range counts { // mean 1387, standard deviation 37: 8 of them either way
		require.InDelta(t, n*43/62, count, 300, "%c", r)
	}
}

func TestDigests(t *testing.T) {
	t.Parallel()
	token := Token()
	want := sha256.Sum256([]byte(token))
	d := DigestOf(token)
	require.Equal(t, want[:], d.Bytes())
	require.True(t, d.Equal(want[:]))
	require.False(t, d.Equal(want[:31]))
	require.False(t, d.Equal(nil))
	want[31] ^= 1
	require.False(t, d.Equal(want[:]))
}

func TestEqual(t *testing.T) {
	t.Parallel()
	require.True(t, Equal("", ""))
	require.True(t, Equal("abc", "abc"))
	require.False(t, Equal("abc", "abd"))
	require.False(t, Equal("abc", "ab"))
}
