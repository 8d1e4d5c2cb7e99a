package embedded

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const (
	// socketPort names the socket file; there is no TCP port.
	socketPort = "5432"
	// longestSocket is what fits sun_path on every system we run on (macOS
	// has 104 bytes with the closing NUL, Linux 108).
	longestSocket = 103
)

// layout is where everything lies.
type layout struct {
	root   string // the data directory, links resolved
	socket string // directory of the socket
	short  bool   // socket lies outside the data directory
}

func (l layout) home() string     { return filepath.Join(l.root, "postgres") }
func (l layout) pgdata() string   { return filepath.Join(l.home(), "pgdata") }
func (l layout) password() string { return filepath.Join(l.root, "postgres.password") }
func (l layout) log() string      { return filepath.Join(l.root, "postgres.log") }
func (l layout) lock() string     { return filepath.Join(l.root, "postgres.lock") }
func (l layout) users() string    { return filepath.Join(l.root, "postgres.users") }

// socketLock is the file beside the socket that carries the postmaster's pid.
func (l layout) socketLock() string {
	return filepath.Join(l.socket, ".s.PGSQL."+socketPort+".lock")
}

// DefaultDataDir is where Portcullis keeps its data unless told otherwise:
// /var/lib/portcullis for root (a home of mode 0700 could not hold a database
// that runs as another user), else $XDG_DATA_HOME/portcullis, else
// ~/.local/share/portcullis.
func DefaultDataDir() string {
	if os.Geteuid() == 0 {
		return "/var/lib/portcullis"
	}
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "portcullis")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		home = "."
	}
	return filepath.Join(home, ".local", "share", "portcullis")
}

// makeRoot creates the data directory and resolves its name, so that every
// spelling of it leads to the same locks and the same socket.
func makeRoot(dir string) (layout, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return layout{}, fmt.Errorf("data directory %s: %w", dir, err)
	}
	mode := os.FileMode(0o700)
	if os.Geteuid() == 0 {
		mode = 0o711
	}
	if err := os.MkdirAll(abs, mode); err != nil {
		return layout{}, fmt.Errorf("making data directory: %w", err)
	}
	real, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return layout{}, fmt.Errorf("data directory: %w", err)
	}
	l := layout{root: real, socket: filepath.Join(real, "postgres", "run")}
	if len(filepath.Join(l.socket, ".s.PGSQL."+socketPort)) > longestSocket {
		sum := sha256.Sum256([]byte(real))
		base := "/tmp"
		if os.Geteuid() == 0 {
			base = "/var/run"
		}
		l.socket, l.short = filepath.Join(base, "portcullis-"+hex.EncodeToString(sum[:8])), true
	}
	return l, nil
}

// prepare makes the directories PostgreSQL needs, owned by its account, after
// walking the parents: it changes nothing above the data directory.
func (l layout) prepare(a account) error {
	if closed := a.closedTo(filepath.Dir(l.root)); closed != "" {
		return fmt.Errorf("data directory %s: user %s, who must run PostgreSQL because root may not, cannot enter %s: "+
			"choose another --data-dir (root's default is /var/lib/portcullis) or chmod o+x %s", l.root, a.Name, closed, closed)
	}
	if a.closedTo(l.root) != "" {
		// The data directory is the program's own; what must stay private in it
		// is private by its own mode.
		info, err := os.Stat(l.root)
		if err != nil {
			return fmt.Errorf("data directory: %w", err)
		}
		if err := os.Chmod(l.root, info.Mode().Perm()|0o011); err != nil {
			return fmt.Errorf("letting user %s enter the data directory: %w", a.Name, err)
		}
	}
	if err := privateDir(l.home(), a); err != nil {
		return err
	}
	return privateDir(l.socket, a)
}

// privateDir makes a directory of mode 0700 that belongs to the account, or
// checks that it is that: a directory somebody else put there is not used.
func privateDir(dir string, a account) error {
	err := os.Mkdir(dir, 0o700)
	if err == nil {
		return a.own(dir)
	}
	if !os.IsExist(err) {
		return fmt.Errorf("making directory: %w", err)
	}
	// What is checked is what is changed, even if its name moves meanwhile.
	file, err := os.OpenFile(dir, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_DIRECTORY, 0)
	if err != nil {
		return fmt.Errorf("%s is not a directory that can be used: remove it or choose another --data-dir: %w", dir, err)
	}
	defer func() { _ = file.Close() }()
	var stat unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &stat); err != nil {
		return fmt.Errorf("looking at %s: %w", dir, err)
	}
	switch int(stat.Uid) {
	case a.UID:
	case os.Geteuid(): // root died between making it and giving it away
		if err := file.Chown(a.UID, a.GID); err != nil {
			return fmt.Errorf("giving %s to user %s: %w", dir, a.Name, err)
		}
	default:
		return fmt.Errorf("%s belongs to user %s, not to %s: remove it or choose another --data-dir", dir, nameOf(int(stat.Uid)), a.Name)
	}
	if stat.Mode&0o777 != 0o700 {
		if err := file.Chmod(0o700); err != nil {
			return fmt.Errorf("closing %s to others: %w", dir, err)
		}
	}
	return nil
}
