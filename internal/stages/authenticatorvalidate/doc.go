// Package authenticatorvalidate is the stage that asks for a second factor, or, where
// nobody is known yet, for a passkey instead of name and password.
//
// Whoever has no factor that counts is let on, refused, or led through the set-up of one,
// as the settings say. Set-up is done within the stage, by the stages chosen for it.
package authenticatorvalidate
