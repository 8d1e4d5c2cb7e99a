// Package lockdown owns the closing and the reopening of accounts: preview,
// contain, deactivate, activate and restore. Whatever switches an account off,
// by whichever path, ends in CloseIn; nothing else may.
//
// A containment is one transaction per user: hold the row, judge again with
// what is true now, count what the account holds, raise its generations, write
// the record and the event, enqueue the sweep. It takes the same time whether
// the account holds three sessions or thirty thousand.
//
// It must not know HTTP, flows, or any other use case.
package lockdown
