package embedded

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func uidOf(t *testing.T, path string) int {
	t.Helper()
	owner, ok := ownerOf(path)
	require.True(t, ok, path)
	return owner
}

// runsAs is the user a process runs as.
func runsAs(t *testing.T, pid int) int {
	t.Helper()
	out, err := exec.Command("ps", "-o", "uid=", "-p", strconv.Itoa(pid)).Output()
	require.NoError(t, err)
	uid, err := strconv.Atoi(strings.TrimSpace(string(out)))
	require.NoError(t, err)
	return uid
}

func TestPoint2RootRunsItAsPostgres(t *testing.T) {
	t.Parallel()
	needRoot(t)
	server := open(t, madeDir(t))
	want, err := chooseAccount("/nowhere", "postgres", "nobody")
	require.NoError(t, err)
	require.NotZero(t, want.UID)
	require.Equal(t, want.UID, runsAs(t, pid(t, server)))
	require.Equal(t, want.UID, uidOf(t, server.cluster.pgdata()))
	for _, private := range []string{server.cluster.password(), server.cluster.log(), server.cluster.lock()} {
		info, err := os.Stat(private)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), private)
		require.Zero(t, uidOf(t, private), "%s is the server's, not PostgreSQL's", private)
	}
}

// Where there is no user postgres it is nobody, all the way from initdb on.
func TestPoint2RootRunsItAsNobody(t *testing.T) {
	t.Parallel()
	needRoot(t)
	nobody, err := chooseAccount("/nowhere", "there-is-no-such-user", "nobody")
	require.NoError(t, err)
	require.Equal(t, "nobody", nobody.Name)
	dir := emptyDir(t)
	places, err := makeRoot(dir)
	require.NoError(t, err)
	require.NoError(t, places.prepare(nobody))
	c := &cluster{layout: places, account: nobody, settings: map[string]string{"fsync": "off"}}
	require.NoError(t, c.loadSecret(true))
	c.install, err = search{Candidates: candidates(), Account: nobody}.find(t.Context(), "")
	require.NoError(t, err)
	starting, err := waitLock(t.Context(), places.lock(), 2)
	require.NoError(t, err)
	require.NoError(t, c.initialise(t.Context(), starting))
	starting.release()

	server := open(t, dir) // the cluster's owner keeps it
	require.Equal(t, nobody.UID, runsAs(t, pid(t, server)))
	require.Equal(t, "1", ask(t, connect(t, server), `SELECT '1'`))
}

func TestPoint2NobodyToRunItAs(t *testing.T) {
	t.Parallel()
	needRoot(t)
	_, err := chooseAccount("/nowhere", "there-is-no-such-user")
	require.ErrorContains(t, err, "PostgreSQL refuses to run as root")
	dir := madeDir(t)
	pgdata := filepath.Join(dir, "postgres", "pgdata")
	require.NoError(t, os.Chown(pgdata, 54321, 54321))
	_, err = Start(t.Context(), Config{DataDir: dir})
	require.ErrorContains(t, err, "user id 54321, which has no name")
	require.NoError(t, os.Chown(pgdata, 0, 0))
	_, err = Start(t.Context(), Config{DataDir: dir})
	require.ErrorContains(t, err, "chown -R postgres")
}

// A home of mode 0700 cannot hold it: said before anything is made in it.
func TestPoint2ParentsAreWalkedFirst(t *testing.T) {
	t.Parallel()
	needRoot(t)
	home := emptyDir(t)
	require.NoError(t, os.Mkdir(home, 0o700))
	dir := filepath.Join(home, "portcullis")
	_, err := Start(t.Context(), Config{DataDir: dir})
	require.ErrorContains(t, err, "cannot enter "+home)
	require.ErrorContains(t, err, "/var/lib/portcullis")
	_, err = os.Stat(filepath.Join(dir, "postgres"))
	require.ErrorIs(t, err, os.ErrNotExist)
	info, err := os.Stat(home)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm(), "a home is not ours to open")
}

// The data directory itself may come from mktemp -d.
func TestPoint2ClosedDataDirIsOpenedForPassage(t *testing.T) {
	t.Parallel()
	needRoot(t)
	dir := madeDir(t)
	require.NoError(t, os.Chmod(dir, 0o700))
	open(t, dir)
	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o711), info.Mode().Perm())
}

func TestPoint2MayEnter(t *testing.T) {
	t.Parallel()
	needRoot(t)
	dir := emptyDir(t)
	require.NoError(t, os.Mkdir(dir, 0o700))
	for _, c := range []struct {
		uid, gid int
		mode     os.FileMode
		want     bool
	}{
		{100, 100, 0o700, true}, {100, 100, 0o077, false}, // the owner's bits count, and only they
		{7, 100, 0o010, true}, {7, 100, 0o701, false}, // then the group's
		{7, 7, 0o001, true}, {7, 7, 0o770, false},
	} {
		require.NoError(t, os.Chown(dir, c.uid, c.gid))
		require.NoError(t, os.Chmod(dir, c.mode))
		info, err := os.Stat(dir)
		require.NoError(t, err)
		require.Equal(t, c.want, account{UID: 100, GID: 100}.mayEnter(info), "%+v", c)
	}
}

// Without root everything belongs to the user who starts it.
func TestPoint2WithoutRoot(t *testing.T) {
	t.Parallel()
	needRoot(t) // to become somebody else
	someone, err := chooseAccount("/nowhere", "nobody")
	require.NoError(t, err)
	place := filepath.Dir(emptyDir(t))
	require.NoError(t, os.Chown(place, someone.UID, someone.GID))
	u, line := launchPeer(t, helperAs(t, someone, place, filepath.Join(place, "data")))
	require.Contains(t, <-line, "up ")
	info, err := os.Stat(filepath.Join(place, "data"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	require.Equal(t, someone.UID, uidOf(t, filepath.Join(place, "data", "postgres.password")))
	u.leave(t)
	require.Empty(t, processesOf(filepath.Join(place, "data", "postgres", "pgdata")))
}

func TestPoint2DefaultDataDir(t *testing.T) {
	if os.Geteuid() == 0 {
		require.Equal(t, "/var/lib/portcullis", DefaultDataDir())
		return
	}
	t.Setenv("XDG_DATA_HOME", "/x")
	require.Equal(t, "/x/portcullis", DefaultDataDir())
	t.Setenv("XDG_DATA_HOME", "")
	t.Setenv("HOME", "/h")
	require.Equal(t, "/h/.local/share/portcullis", DefaultDataDir())
}

// helperAs is a helper process that runs as somebody else, from place.
func helperAs(t *testing.T, who account, place, dir string) *exec.Cmd {
	t.Helper()
	cmd := helper("user", dir)
	copied := filepath.Join(place, "helper") // the test binary lies where only root comes
	out, err := exec.Command("cp", cmd.Path, copied).CombinedOutput()
	require.NoError(t, err, string(out))
	require.NoError(t, os.Chmod(copied, 0o755))
	cmd.Path, cmd.Dir = copied, place
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(who.UID), Gid: uint32(who.GID)}
	return cmd
}

// Somebody else's data directory is named with its owner.
func TestPoint2DirectoryOfAnotherUser(t *testing.T) {
	t.Parallel()
	needRoot(t)
	someone, err := chooseAccount("/nowhere", "nobody")
	require.NoError(t, err)
	dir := madeDir(t)
	u, line := launchPeer(t, helperAs(t, someone, filepath.Dir(dir), dir))
	require.Contains(t, <-line, "the data directory "+dir+" belongs to user root: run as that user")
	require.Error(t, u.cmd.Wait())
}
