package migration

import (
	"io"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/golang-migrate/migrate/v4/database"
	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// tape is a driver that notes what reaches the database.
type tape struct {
	database.Driver
	said []string
}

func (t *tape) SetVersion(version int, dirty bool) error {
	t.said = append(t.said, map[bool]string{true: "dirty", false: "clean"}[dirty])
	return nil
}

func (t *tape) Run(body io.Reader) error {
	text, err := io.ReadAll(body)
	t.said = append(t.said, string(text))
	return err
}

// The version travels with the file, so no moment exists at which a process
// could die with one of them written.
func TestVersionIsWrittenInTheFilesTransaction(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		target int
		file   string
		want   []string
	}{
		"up": {2, "CREATE TABLE a ()", []string{
			`CREATE TABLE a ()` + "\n;\n" + `DELETE FROM "s"."v"; INSERT INTO "s"."v" (version, dirty) VALUES (2, false)`}},
		"down to nothing": {none, "DROP TABLE a -- CONCURRENTLY is only a word here", []string{
			"DROP TABLE a -- CONCURRENTLY is only a word here\n;\n" + `DELETE FROM "s"."v"`}},
		"outside a transaction": {2, "CREATE INDEX concurrently i ON a (b)", []string{
			"dirty", "CREATE INDEX concurrently i ON a (b)"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := &tape{}
			d := &atomic{Driver: to, table: pgx.Identifier{"s", "v"}, name: func(int) string { return "" }}
			require.NoError(t, d.SetVersion(c.target, true)) // as golang-migrate does before a file
			require.NoError(t, d.Run(strings.NewReader(c.file)))
			require.Empty(t, cmp.Diff(c.want, to.said))
			require.NoError(t, d.SetVersion(c.target, false)) // and after it
			require.Equal(t, "clean", to.said[len(to.said)-1])
		})
	}
}

func TestDigestFollowsEveryFile(t *testing.T) {
	t.Parallel()
	of := func(pairs ...string) string {
		set := fstest.MapFS{}
		for i := 0; i < len(pairs); i += 2 {
			set[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
		}
		sum, err := digest(set)
		require.NoError(t, err)
		return sum
	}
	require.Equal(t, of("a", "1", "b", "2"), of("b", "2", "a", "1"))
	for _, other := range []string{of("a", "1"), of("a", "1", "b", "3"), of("a", "1", "c", "2"), of("a", "1b 1\n2")} {
		require.NotEqual(t, of("a", "1", "b", "2"), other)
	}
	real, err := Digest()
	require.NoError(t, err)
	require.Len(t, real, 16)
}
