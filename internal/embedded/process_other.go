//go:build !linux

package embedded

import (
	"os/exec"
	"strconv"
	"strings"
)

// condition is what the system knows about a process id.
type condition int

const (
	gone    condition = iota // no such process
	zombie                   // ended, not yet collected by its parent
	foreign                  // alive, but not a PostgreSQL process of this cluster
	ours                     // alive, the postmaster of this cluster
)

// inspect finds out what pid is to the cluster in pgdata. Without /proc the
// working directory is not to be had cheaply, but the postmaster is always
// started with its directory on the command line.
func inspect(pid int, pgdata string) condition {
	out, err := exec.Command("ps", "-o", "state=,command=", "-p", strconv.Itoa(pid)).Output()
	line := strings.TrimSpace(string(out))
	switch {
	case err != nil || line == "":
		return gone
	case line[0] == 'Z':
		return zombie
	case strings.Contains(line, "postgres") && strings.Contains(line, pgdata):
		return ours
	default:
		return foreign
	}
}

// processesOf knows no way to find backends whose postmaster is gone here;
// they leave by themselves, and until then PostgreSQL's own interlock (the
// shared memory segment) keeps a second postmaster out.
func processesOf(string) []int { return nil }
