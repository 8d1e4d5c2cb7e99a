// Package password is the stage that asks the pending user for their password.
//
// Somebody who does not exist is asked too, and everything that can be told
// from the answer is the same: wording, shape, and time. The one verifier of
// passwords is behind the Accounts interface.
package password
