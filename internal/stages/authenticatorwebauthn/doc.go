// Package authenticatorwebauthn is the stage in which somebody registers a passkey.
//
// The question is kept with the run, and judges one answer.
package authenticatorwebauthn
