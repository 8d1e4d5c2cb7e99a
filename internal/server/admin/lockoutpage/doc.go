// Package lockoutpage is the part of the console about lockouts: whoever is locked
// out now, unlocking one or many and taking that back, the lockouts of the past, and
// the settings that say when there is one.
//
// It owns pages only: what counts, whom it locks out and for how long is the lockout
// package's.
package lockoutpage
