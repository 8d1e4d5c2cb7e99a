package embedded

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
)

// condition is what the system knows about a process id.
type condition int

const (
	gone    condition = iota // no such process
	zombie                   // ended, not yet collected by its parent
	foreign                  // alive, but not a PostgreSQL process of this cluster
	ours                     // alive, a PostgreSQL process working in this cluster
)

// inspect finds out what pid is to the cluster in pgdata. Every PostgreSQL
// process works in its cluster's directory; the directory is compared as a
// file, so names, links and mounts do not matter.
func inspect(pid int, pgdata string) condition {
	name, state, ok := readStat(pid)
	switch {
	case !ok:
		return gone
	case state == 'Z' || state == 'X':
		return zombie
	case name != "postgres":
		return foreign
	}
	cwd, err := os.Stat(filepath.Join("/proc", strconv.Itoa(pid), "cwd"))
	if err != nil {
		return foreign
	}
	dir, err := os.Stat(pgdata)
	if err != nil || !os.SameFile(cwd, dir) {
		return foreign
	}
	return ours
}

// readStat reads the program's name and state letter from /proc/pid/stat.
func readStat(pid int) (name string, state byte, ok bool) {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return "", 0, false
	}
	open, end := bytes.IndexByte(data, '('), bytes.LastIndexByte(data, ')')
	if open < 0 || end < open || end+2 >= len(data) {
		return "", 0, false
	}
	return string(data[open+1 : end]), data[end+2], true
}

// processesOf lists the PostgreSQL processes that work in pgdata.
func processesOf(pgdata string) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var pids []int
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil && inspect(pid, pgdata) == ours {
			pids = append(pids, pid)
		}
	}
	return pids
}
