// Package restore brings an account back after a lockdown, step by step: it says what
// is left to do, from what is true now and what the record says was done, and has each
// step done by the use case that owns it, in one transaction with its event and a line
// on the record. When nothing is left, the record closes.
//
// What was changed since a suspected moment it reads from the audit log, and puts back
// by the acts that anybody would use for it, so nobody gains by a revert what they
// could not have done.
//
// It must not know HTTP, and writes nothing of accounts, tokens or factors itself.
package restore
