// Package account owns users and groups: creating, changing and deleting them,
// passwords and their verification, and the first administrator.
//
// It never switches an account off by itself: that is the Closer's, which the
// lockdown package implements. It must not know HTTP, flows, SQL, or any other
// use case.
package account
