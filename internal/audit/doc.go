// Package audit makes the audit log tell when somebody has changed it: every event
// gets an entry in a chain of seals, and Verify walks it.
//
// Nobody who writes an event waits for that. A server at work, one at a time, reads
// what was committed and appends entries (seal.go); what was not sealed when it
// stopped is sealed by the next. A seal covers the one before and every column of
// the event's row as the database writes it (chain.go), under the server's own secret
// where there is a lasting one.
//
// Behind that it writes down which words the events of each stretch of the chain have, so
// that they are found by them (block.go, adr/0016).
//
// It must not know what events mean, or how they are stored. What the chain proves
// and what it does not is in adr/0012.
package audit
