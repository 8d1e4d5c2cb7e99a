// Package forward answers reverse proxies that ask, for each request to an application
// that has no sign-in of its own, whether somebody is signed in and may use it.
//
// It owns which host is of which application, what a browser carries at such a host, how
// it comes by it, and what is remembered so that an answer reads nothing but memory. It
// must not know HTTP.
package forward
