// Package access owns the answer to "may this actor do that?". Pages, the JSON
// API and the use cases all ask the same Checker.
//
// It must not know storage, HTTP, flows or the use cases: it judges from the
// actor and the object it is given.
package access
