// Package authenticatortotp is the stage in which somebody sets up an authenticator app.
//
// The secret is kept with the run, sealed, until a code of it was typed.
package authenticatortotp
