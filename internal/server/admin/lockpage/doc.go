// Package lockpage is the part of the console about locks: those in force and
// those of the past, making one step by step with a look at whom it hits,
// changing its message and its end, lifting it, and putting a lifted one in
// force again.
//
// It owns pages only: what a lock may be, whom it hits and who may make one is
// the lock package's.
package lockpage
