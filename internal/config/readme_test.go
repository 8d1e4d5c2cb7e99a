package config

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the table of options into README.md")

// The README's table of options is the table of the code.
func TestTheReadmeListsEveryOption(t *testing.T) {
	path := filepath.Join("..", "..", "README.md")
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	const begin, end = "<!-- options: kept in step by a test -->\n", "<!-- /options -->\n"
	before, rest, ok := strings.Cut(string(content), begin)
	require.True(t, ok)
	have, after, ok := strings.Cut(rest, end)
	require.True(t, ok)
	var want strings.Builder
	want.WriteString("| key | variable | default | meaning |\n|---|---|---|---|\n")
	for _, o := range Options() {
		value := "–"
		if o.Default != "" {
			value = "`" + o.Default + "`"
		}
		fmt.Fprintf(&want, "| `%s` | `%s` | %s | %s |\n", o.Key, o.Env(), value, o.Help)
	}
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(before+begin+want.String()+end+after), 0o644))
		return
	}
	require.Equal(t, want.String(), have, "run: go test ./internal/config -run Readme -update")
}
