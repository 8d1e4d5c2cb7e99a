package config

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheLockingModeMayBeLeftToTheResource(t *testing.T) {
	t.Parallel()
	c, err := Load(Source{})
	require.NoError(t, err)
	require.Empty(t, c.LockingMode)
	require.Empty(t, c.Origin("locking_mode"))
	require.Equal(t, 5*time.Minute, c.LockingMaxStaleness)
}

func TestTheLockingModeHasTwoNamesInAFile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file, mode, origin, fault string
		env                       []string
		flags                     map[string]string
	}{
		"flat":           {file: "locking_mode: strict\n", mode: Strict, origin: "locking_mode in "},
		"nested":         {file: "authentication:\n  locking_mode: strict\n", mode: Strict, origin: "authentication.locking_mode in "},
		"both":           {file: "locking_mode: strict\nauthentication:\n  locking_mode: best_effort\n", fault: "are both set; expected one"},
		"by a variable":  {file: "authentication:\n  locking_mode: strict\n", env: []string{"PORTCULLIS_LOCKING_MODE=best_effort"}, mode: BestEffort, origin: "the variable PORTCULLIS_LOCKING_MODE"},
		"by a flag":      {flags: map[string]string{"locking_mode": "strict"}, mode: Strict, origin: "the flag --locking-mode"},
		"left empty":     {file: "authentication:\n  locking_mode:\n"},
		"of no mode":     {file: "authentication:\n  locking_mode: lax\n", fault: `locking_mode: locking mode "lax" not supported; expected strict or best_effort (in a file the key may also be authentication.locking_mode)`},
		"an unknown one": {file: "authentication:\n  lock: strict\n", fault: `unknown key "authentication.lock"`},
		"too stale":      {env: []string{"PORTCULLIS_LOCKING_MAX_STALENESS=500ms"}, fault: "locking_max_staleness: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src := Source{Env: c.env, Flags: c.flags}
			if c.file != "" {
				src.File = filepath.Join(t.TempDir(), "portcullis.yaml")
				require.NoError(t, os.WriteFile(src.File, []byte(c.file), 0o600))
			}
			got, err := Load(src)
			if c.fault != "" {
				require.ErrorContains(t, err, c.fault)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.mode, got.LockingMode)
			if c.origin == "" {
				require.Empty(t, got.Origin("locking_mode"))
			} else {
				require.Contains(t, got.Origin("locking_mode"), c.origin)
			}
		})
	}
}
