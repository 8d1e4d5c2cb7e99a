package app

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// leaveCode takes the program's own code out of the process's memory, page by page
// back in as it runs. Starting goes through most of it, and the kernel maps sixteen
// pages at a time: an idle server would hold ten times what it uses. The pages stay
// in the system's cache for as long as that has room, so coming back costs no
// reading. Code is never written to, so nothing can be lost.
func leaveCode() {
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return // it is a saving, nothing depends on it
	}
	defer maps.Close()
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		from, to, ok := codeOf(lines.Text(), exe)
		if ok {
			_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, from, to-from, syscall.MADV_DONTNEED)
		}
	}
}

// codeOf reads a line of /proc/self/maps (proc(5)): whether it is executable,
// unwritable memory of that file, and where.
func codeOf(line, file string) (from, to uintptr, ok bool) {
	fields := strings.Fields(line)
	if len(fields) < 6 || fields[1] != "r-xp" || fields[5] != file {
		return 0, 0, false
	}
	first, last, _ := strings.Cut(fields[0], "-")
	a, err := strconv.ParseUint(first, 16, 64)
	if err != nil {
		return 0, 0, false
	}
	b, err := strconv.ParseUint(last, 16, 64)
	if err != nil || b <= a {
		return 0, 0, false
	}
	return uintptr(a), uintptr(b), true
}
