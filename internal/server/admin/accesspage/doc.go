// Package accesspage is the part of the console about requests for access: the list, and
// the page of one, where it is granted, denied or ended.
//
// It owns pages only: who may decide what is the elevate package's.
package accesspage
