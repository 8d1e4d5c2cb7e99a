// Package token owns bearer secrets: API tokens, app passwords, and the links
// that open a flow (recovery, set-up, verification).
//
// It must not know HTTP, flows, SQL, or any other use case. Keys leave it once,
// when they are made; what is stored is a digest.
package token
