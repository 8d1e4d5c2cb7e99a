// Package account owns the pages under /if/user/ on which people look after
// their own account: details, password, sessions, tokens, colours, and the
// lockdown of the account itself.
//
// Everything on them is about whoever is signed in; no address names another.
// It must not know SQL, or the console.
package account
