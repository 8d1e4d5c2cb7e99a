//go:build linux

package app

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOnlyOwnCodeIsLeft(t *testing.T) {
	t.Parallel()
	from, to, ok := codeOf("00402000-01559000 r-xp 00001000 fe:00 42                         /bin/portcullis", "/bin/portcullis")
	require.True(t, ok)
	require.Equal(t, uintptr(0x402000), from)
	require.Equal(t, uintptr(0x1559000), to)
	for _, line := range []string{
		"", "402000", "00402000-01559000 r-xp 00001000 fe:00 42 /lib/other.so",
		"00402000-01559000 rw-p 00001000 fe:00 42 /bin/portcullis", // data: what was written would be lost
		"00402000-01559000 r--p 00001000 fe:00 42 /bin/portcullis",
		"zz-yy r-xp 00001000 fe:00 42 /bin/portcullis", "01559000-00402000 r-xp 00001000 fe:00 42 /bin/portcullis",
	} {
		_, _, ok := codeOf(line, "/bin/portcullis")
		require.False(t, ok, line)
	}
	// It goes on as if nothing had been: the code comes back as it runs.
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	require.True(t, strings.Contains(string(maps), "r-xp"))
	for range 3 {
		leaveCode()
	}
}
