//go:build !linux

package postgres

import "syscall"

// giveUp has nothing to set here.
func giveUp(_, _ string, _ syscall.RawConn) error { return nil }
