// Package migration brings a database to the schema this build needs: our own
// files (golang-migrate) and the job queue's (River), in one start-up step
// under one lock, so that any number of replicas may start at once.
//
// A file and the record that it ran are committed together. So a file that
// fails, or a process that is killed, leaves the schema at the version before
// it, clean, and the next start goes on from there. The exception is a file
// that says CONCURRENTLY: PostgreSQL runs it outside a transaction, and a
// failure leaves it marked until an operator has looked (see Repair). Such a
// file holds one statement.
//
// It must not know what the schema means, nor which process asks.
package migration
