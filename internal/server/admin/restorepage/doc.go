// Package restorepage has the console's page on which an account is brought back after
// a lockdown: a checklist with one act per step, and what was changed since a suspected
// moment, with a way back for each.
//
// It must not judge or do anything by itself: restore does.
package restorepage
