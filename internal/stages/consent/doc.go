// Package consent is the stage that asks whether an application may do what it
// wants to, and remembers the answer where it is told to.
//
// What is asked comes from the run's context (consent_header, consent_title,
// consent_permissions). The answer must echo a random token, so that a program
// cannot agree to what it has not been shown.
package consent
