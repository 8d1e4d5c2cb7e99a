package embedded

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

func TestPoint3UnixSocketOnly(t *testing.T) {
	t.Parallel()
	dir := madeDir(t)
	server, err := Start(t.Context(), Config{DataDir: dir, Settings: map[string]string{"listen_addresses": "*", "shared_buffers": "16MB"}})
	require.NoError(t, err)
	t.Cleanup(func() { stop(t, server) })
	conn := connect(t, server)
	require.Empty(t, ask(t, conn, `SHOW listen_addresses`), "nobody's wish opens a port")
	require.Equal(t, "none", ask(t, conn, `SELECT coalesce(inet_server_addr()::text, 'none')`))
	require.Equal(t, server.cluster.socket, ask(t, conn, `SHOW unix_socket_directories`))
	info, err := os.Stat(server.cluster.socket)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	require.Equal(t, "16MB", ask(t, conn, `SHOW shared_buffers`))
}

func TestPoint3PasswordIsNeeded(t *testing.T) {
	t.Parallel()
	server := open(t, madeDir(t))
	config, err := pgx.ParseConfig(server.URL())
	require.NoError(t, err)
	for _, password := range []string{"", "wrong"} {
		config.Password = password
		_, err = pgx.ConnectConfig(t.Context(), config)
		require.Error(t, err)
	}
}

func TestPoint3LongPathTakesAShortDirectory(t *testing.T) {
	t.Parallel()
	from := madeDir(t)
	dir := filepath.Join(filepath.Dir(from), strings.Repeat("long", 20))
	require.NoError(t, os.Rename(from, dir))
	server := open(t, dir)
	socket := filepath.Join(server.cluster.socket, ".s.PGSQL."+socketPort)
	require.LessOrEqual(t, len(socket), longestSocket)
	require.False(t, strings.HasPrefix(socket, dir))
	info, err := os.Stat(server.cluster.socket)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	require.Equal(t, "1", ask(t, connect(t, server), `SELECT '1'`))
	second := open(t, dir) // finds the same place
	require.Equal(t, server.URL(), second.URL())
	stop(t, second)
	stop(t, server)
	_, err = os.Stat(server.cluster.socket)
	require.ErrorIs(t, err, os.ErrNotExist, "the short directory goes with the database")
}

// The border: 103 bytes fit, 104 do not.
func TestPoint3Border(t *testing.T) {
	t.Parallel()
	parent := filepath.Dir(emptyDir(t))
	tail := len("/postgres/run/.s.PGSQL.5432")
	for length, short := range map[int]bool{longestSocket: false, longestSocket + 1: true} {
		name := strings.Repeat("x", length-tail-len(parent)-1)
		places, err := makeRoot(filepath.Join(parent, name))
		require.NoError(t, err)
		require.Equal(t, short, places.short, length)
	}
}

// A directory that somebody else put in the short place is not used.
func TestPoint3SquattedShortDirectory(t *testing.T) {
	t.Parallel()
	needRoot(t)
	dir := filepath.Join(emptyDir(t), strings.Repeat("long", 20))
	places, err := makeRoot(dir)
	require.NoError(t, err)
	require.True(t, places.short)
	require.NoError(t, os.Mkdir(places.socket, 0o777))
	t.Cleanup(func() { _ = os.RemoveAll(places.socket) })
	require.NoError(t, os.Chown(places.socket, 12345, 12345))
	_, err = Start(t.Context(), Config{DataDir: dir})
	require.ErrorContains(t, err, places.socket+" belongs to user 12345")
	require.NoError(t, os.Remove(places.socket))
	require.NoError(t, os.Symlink("/tmp", places.socket))
	_, err = Start(t.Context(), Config{DataDir: dir})
	require.ErrorContains(t, err, "is not a directory that can be used")
}

// Every spelling of a directory leads to the same database.
func TestPoint3LinkedDataDir(t *testing.T) {
	t.Parallel()
	dir := madeDir(t)
	link := dir + "-link"
	require.NoError(t, os.Symlink(dir, link))
	require.Equal(t, open(t, dir).URL(), open(t, link).URL())
}
