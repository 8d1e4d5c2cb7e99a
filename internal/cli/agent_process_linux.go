package cli

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is one process; the number alone may be given to another one later.
type process struct {
	pid   int
	start uint64 // ticks since the machine started
}

// processOf returns the process of a number, as far as there is one.
func processOf(pid int) process {
	_, _, start, _ := stat(pid)
	return process{pid, start}
}

// stat reads name, parent and start of a process.
func stat(pid int) (name string, parent int, start uint64, err error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", 0, 0, err
	}
	text := string(content)
	open, closing := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if open < 0 || closing < open {
		return "", 0, 0, errors.New("not understood")
	}
	fields := strings.Fields(text[closing+1:])
	if len(fields) < 20 {
		return "", 0, 0, errors.New("not understood")
	}
	if fields[0] == "Z" {
		return "", 0, 0, os.ErrProcessDone
	}
	parent, _ = strconv.Atoi(fields[1])
	start, _ = strconv.ParseUint(fields[19], 10, 64)
	return text[open+1 : closing], parent, start, nil
}

func (p process) alive() bool {
	_, _, start, err := stat(p.pid)
	return err == nil && start == p.start
}

// sshProcess finds the process of the SSH connection that a process belongs to:
// the outermost one of sshd that is not the one that listens.
func sshProcess(pid int) (connection process, found bool) {
	for depth := 0; pid > 1 && depth < 64; depth++ {
		name, parent, start, err := stat(pid)
		if err != nil {
			break
		}
		if strings.HasPrefix(name, "sshd") {
			title, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			if strings.Contains(string(title), "[listener]") {
				break
			}
			connection, found = process{pid, start}, true
		}
		pid = parent
	}
	return connection, found
}

// underSSH reports whether sshd itself started a process.
func underSSH(pid int) bool {
	_, parent, _, err := stat(pid)
	if err != nil {
		return false
	}
	name, _, _, err := stat(parent)
	return err == nil && strings.HasPrefix(name, "sshd")
}

// terminate ends the process and everything under it; what has gone its own way is
// left alone, as when a connection breaks.
func (p process) terminate() {
	all := p.descendants()
	if p.alive() {
		_ = syscall.Kill(p.pid, syscall.SIGTERM)
	}
	for _, one := range all {
		if one.alive() {
			_ = syscall.Kill(one.pid, syscall.SIGHUP)
		}
	}
	for waited := time.Duration(0); waited < flush && p.alive(); waited += 10 * time.Millisecond {
		time.Sleep(10 * time.Millisecond)
	}
	for _, one := range append(all, p) {
		if one.alive() {
			_ = syscall.Kill(one.pid, syscall.SIGKILL)
		}
	}
}

// descendants are the processes that p started, and those that they did.
func (p process) descendants() []process {
	children := map[int][]process{}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if _, parent, start, err := stat(pid); err == nil {
			children[parent] = append(children[parent], process{pid, start})
		}
	}
	out := children[p.pid]
	if !p.alive() {
		return nil
	}
	for i := 0; i < len(out); i++ {
		out = append(out, children[out[i].pid]...)
	}
	return out
}

// peerOf tells which process is at the other end.
func peerOf(conn net.Conn) (pid int, uid uint32, err error) {
	unix, ok := conn.(*net.UnixConn)
	if !ok {
		return 0, 0, errors.New("not a unix socket")
	}
	raw, err := unix.SyscallConn()
	if err != nil {
		return 0, 0, err
	}
	var peer *syscall.Ucred
	var wrong error
	err = raw.Control(func(fd uintptr) {
		peer, wrong = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	if err = errors.Join(err, wrong); err != nil {
		return 0, 0, err
	}
	return int(peer.Pid), peer.Uid, nil
}
