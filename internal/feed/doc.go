// Package feed keeps what this server knows by heart in step with the database.
//
// Every security change is an entry of one feed, written in the transaction of
// the act and numbered in the order of the commits. A Feed reads it: woken by the
// database, and twice a second in any case, which renews its lease. Subscribers
// drop or load what an entry names. While the lease lasts, what they hold is what
// the database holds; State says so.
//
// Await is how an act takes effect before it is answered: here at once, and on
// the other servers by their word.
//
// It must not know SQL (it gets a Source), HTTP, or what subscribers keep.
package feed
