// Package lock owns locks: making, listing, changing and lifting them, and this
// server's view of those in force, which answers at every door without a
// statement.
//
// It must not know HTTP, SQL, flows or what the doors are.
package lock
