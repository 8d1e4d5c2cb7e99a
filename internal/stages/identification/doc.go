// Package identification is the stage that asks who somebody is, and with an
// embedded password stage also for the password.
//
// With pretend_user_exists, which is the default, nothing it says or does
// tells whether the account exists: the flow goes on either way and later
// pages show what was typed.
package identification
