package credential

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Of 2,000 keys about 16 would be too short.
func TestKeysHaveAllTheirBytes(t *testing.T) {
	t.Parallel()
	want := len(New().Key.AttestationData())
	for range 2000 {
		require.Len(t, New().Key.AttestationData(), want)
	}
}
