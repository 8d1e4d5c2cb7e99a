package embedded

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
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

func TestPoint2RootRunsItAsPostgres(t *testing.T) {
	t.Parallel()
	needRoot(t)
	server := open(t, madeDir(t))
	want, err := chooseAccount("/nowhere", "postgres", "nobody")
	require.NoError(t, err)
	require.NotZero(t, want.UID)
	require.Equal(t, want.UID, uidOf(t, filepath.Join("/proc", strconv.Itoa(pid(t, server)))))
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
	require.Equal(t, nobody.UID, uidOf(t, filepath.Join("/proc", strconv.Itoa(pid(t, server)))))
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
	cmd := helper("user", filepath.Join(place, "data"))
	copied := filepath.Join(place, "helper") // the test binary lies where only root comes
	out, err := exec.Command("cp", cmd.Path, copied).CombinedOutput()
	require.NoError(t, err, string(out))
	require.NoError(t, os.Chmod(copied, 0o755))
	cmd.Path, cmd.Dir = copied, place
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(someone.UID), Gid: uint32(someone.GID)}
	u, line := launchPeer(t, cmd)
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
