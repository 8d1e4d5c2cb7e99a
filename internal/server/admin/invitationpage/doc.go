// Package invitationpage is the part of the console about invitations: the list,
// making one with its link to copy, and withdrawing it.
//
// It owns pages only: who may do what and what an invitation may be is the
// invitation package's.
package invitationpage
