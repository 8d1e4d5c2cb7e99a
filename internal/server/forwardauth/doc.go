// Package forwardauth is the HTTP of package forward: what reverse proxies ask for each
// request to an application, and the way of a browser from the application's host to
// here and back. It must not know proxies beyond how each wants a "no" to look.
package forwardauth
