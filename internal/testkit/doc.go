// Package testkit gives tests what they need from outside: above all a
// database of their own, made in a few hundredths of a second.
//
// All test binaries of one user share one PostgreSQL, started by the first
// that needs it and stopped when the last one has ended, however it ended.
// Where PORTCULLIS_TEST_DATABASE_URL is set (`make test` sets it, through
// cmd/testdb), that server is used instead.
//
// It must not know the product: no nouns, no rules, nothing but the migrations.
package testkit
