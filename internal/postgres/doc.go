// Package postgres is every line of SQL the server runs: the repositories of
// package idp, one file per noun, the transactions, the connection that
// lockdowns keep to themselves, the session manager's store and the job queue.
//
// The schema is in the migrations directory. Three habits hold throughout:
// the database's clock decides every expiry; a broken constraint is answered
// by the table in constraint.go; and ordering is by whitelisted names only.
//
// It must not know HTTP, nor any use case.
package postgres
