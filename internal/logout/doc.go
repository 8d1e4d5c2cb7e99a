// Package logout tells applications that somebody's session, or all of them, is over
// (OpenID Connect Back-Channel Logout 1.0). The database writes what is to be told in
// the transaction that ends the session; this package sends it, again and again, until
// the application has answered or a day has passed, and says how far that has come.
//
// It must not know what ends sessions, how tokens are signed or how requests are made:
// a Signer and a Sender do.
package logout
