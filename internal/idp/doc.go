// Package idp holds what every other part of Portcullis talks about: the
// nouns (user, group, session, token, flow, event, lockdown …), the pure rules
// over them (may this credential act?), the error codes, and the contracts of
// the storage.
//
// It must not know anything but the standard library and the UUID type: no
// SQL, no HTTP, no other package of the project. See
// internal/adr/0001-uuid-in-the-core.md for the one exception.
//
// Three words never mix. A lockdown is an act that contains one account now.
// A lock is a standing rule. A lockout is a temporary block after failed
// attempts.
package idp
