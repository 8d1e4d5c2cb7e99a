// Package token owns bearer secrets: API tokens, app passwords, and the links
// that open a flow (recovery, set-up, verification).
//
// It must not know HTTP, flows, SQL, or any other use case. What is stored of a
// key is its digest; the key itself leaves when it is made, and once more, sealed
// until then, for whoever asks for it within an hour.
package token
