// Package notifypage owns the console's pages about notifications: rules and the
// policies bound to them, transports and their test, webhook mappings, and what was
// sent and what came of it.
//
// It must not know SQL, how anything is sent, or what somebody's own list of
// notifications looks like: package account shows that.
package notifypage
