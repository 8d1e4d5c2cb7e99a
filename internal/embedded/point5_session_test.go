package embedded

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Ctrl-C goes to every process of the terminal's session and group.
func TestPoint5OwnSession(t *testing.T) {
	t.Parallel()
	dir := madeDir(t)
	u := startPeer(t, dir)
	session, err := unix.Getsid(u.postmaster)
	require.NoError(t, err)
	require.Equal(t, u.postmaster, session)
	group, err := unix.Getpgid(u.postmaster)
	require.NoError(t, err)
	require.Equal(t, u.postmaster, group)

	require.NoError(t, syscall.Kill(-u.cmd.Process.Pid, syscall.SIGINT)) // the helper leads its group
	require.Error(t, u.cmd.Wait())
	server := open(t, dir)
	require.Equal(t, u.postmaster, pid(t, server), "Ctrl-C reached the database")
}
