package embedded

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is the operating system user PostgreSQL runs as. PostgreSQL refuses
// to run as root, so root hands it to somebody else; everyone else runs it
// themselves.
type account struct {
	Name     string
	UID, GID int
	// Switch is true when this process is root and must become the account.
	Switch bool
}

// accounts are the users root looks for to run PostgreSQL as, in this order.
var accounts = []string{"postgres", "nobody"}

// chooseAccount decides who runs the cluster in pgdata. An existing cluster's
// owner keeps it: PostgreSQL refuses a directory of another owner.
func chooseAccount(pgdata string, names ...string) (account, error) {
	owner, exists := ownerOf(pgdata)
	euid := os.Geteuid()
	if euid != 0 {
		if exists && owner != euid {
			return account{}, fmt.Errorf("the database in %s belongs to user %s, not to %s: start as that user or as root, or choose another --data-dir",
				pgdata, nameOf(owner), nameOf(euid))
		}
		return account{Name: nameOf(euid), UID: euid, GID: os.Getegid()}, nil
	}
	if exists {
		if owner == 0 {
			return account{}, fmt.Errorf("the database in %s belongs to root, as whom PostgreSQL refuses to run: give it to its user, for example chown -R postgres %s",
				pgdata, filepath.Dir(pgdata))
		}
		found, err := user.LookupId(strconv.Itoa(owner))
		if err != nil {
			return account{}, fmt.Errorf("the database in %s belongs to user id %d, which has no name on this machine; PostgreSQL needs one", pgdata, owner)
		}
		return asAccount(found)
	}
	for _, name := range names {
		if found, err := user.Lookup(name); err == nil {
			return asAccount(found)
		}
	}
	return account{}, errors.New("PostgreSQL refuses to run as root, and there is no user to run it as: create the user postgres, start as another user, or give --database-url")
}

func asAccount(found *user.User) (account, error) {
	uid, err := strconv.Atoi(found.Uid)
	if err != nil {
		return account{}, fmt.Errorf("user %s: uid %q is no number", found.Username, found.Uid)
	}
	gid, err := strconv.Atoi(found.Gid)
	if err != nil {
		return account{}, fmt.Errorf("user %s: gid %q is no number", found.Username, found.Gid)
	}
	return account{Name: found.Username, UID: uid, GID: gid, Switch: true}, nil
}

func nameOf(uid int) string {
	if found, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return found.Username
	}
	return strconv.Itoa(uid)
}

// ownerOf returns the owner's uid, and whether the path exists at all.
func ownerOf(path string) (int, bool) {
	info, err := os.Lstat(path)
	if err != nil {
		return 0, false
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(stat.Uid), true
	}
	return 0, false
}

// own gives a path to the account. Without root it already is.
func (a account) own(path string) error {
	if !a.Switch {
		return nil
	}
	if err := os.Lchown(path, a.UID, a.GID); err != nil {
		return fmt.Errorf("giving %s to user %s: %w", path, a.Name, err)
	}
	return nil
}

// attributes start a program as the account, in a session of its own: a
// Ctrl-C in the terminal must reach the server, which drains first, and never
// the postmaster.
func (a account) attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true}
	if a.Switch {
		attr.Credential = &syscall.Credential{Uid: uint32(a.UID), Gid: uint32(a.GID)}
	}
	return attr
}

// closedTo walks from the root to dir and returns the first directory the
// account cannot enter, or "" when it can reach dir.
func (a account) closedTo(dir string) string {
	if !a.Switch {
		return ""
	}
	var path []string
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		path = append(path, at)
		if at == filepath.Dir(at) {
			break
		}
	}
	for i := len(path) - 1; i >= 0; i-- {
		info, err := os.Stat(path[i])
		if err != nil {
			return "" // not there yet: whoever makes it makes it enterable
		}
		if info.IsDir() && !a.mayEnter(info) {
			return path[i]
		}
	}
	return ""
}

func (a account) mayEnter(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return true
	}
	mode := info.Mode().Perm()
	switch {
	case int(stat.Uid) == a.UID:
		return mode&0o100 != 0
	case int(stat.Gid) == a.GID:
		return mode&0o010 != 0
	default:
		return mode&0o001 != 0
	}
}
