// Package lockout counts attempts to prove a secret and blocks, for a while, what
// was guessed at too often. It is about guessing; an act against an account is a
// lockdown, a standing rule a lock.
//
// An attempt is claimed before anything is compared and counts as failed until a
// success gives it back, so that any number of attempts at once, on any number of
// servers, compare no more than are allowed. rule.go says what counts, as functions
// over one row and the database's clock; committer.go applies them, many attempts
// in one transaction.
//
// Attempts are counted by subject. Everybody who signs in from a browser that the
// account is not known in shares one; a browser it is known in has its own, so that
// strangers cannot lock the owner out. Names that nobody has are counted the same
// way and cost the same. Addresses that try many accounts are slowed down and then
// refused.
//
// It also keeps the one other setting of the category, which its view knows by heart
// with the rest: how long a proof counts, which package access asks.
//
// It must not know what a secret is, or how it is compared.
package lockout
