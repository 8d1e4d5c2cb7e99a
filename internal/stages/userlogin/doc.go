// Package userlogin is the stage that turns the pending user into a session of
// the browser.
//
// The door rule is asked twice: here, with what the user was when they became
// pending, and once more by whoever starts the session, with the row held.
package userlogin
