// Package session owns signed-in browsers: starting, visiting, listing and
// ending them.
//
// It must not know HTTP or cookies as a format, flows, SQL, or any other use
// case: it hands out the cookie's value and takes it back.
package session
