// Package tokenpage is the part of the console about tokens and app passwords: the
// list, making one with its key to copy once, changing and revoking it, and making
// accounts for programs.
//
// It owns pages only: who may do what and what a token may be is the token
// package's. It never holds a key longer than the page that shows it.
package tokenpage
