// Package web is the small kernel that every handler of the server builds on:
// what is known of a request (who, from where, on which brand), how a handler
// fails, how forms and paths are read, and how messages reach the next page.
//
// It is a leaf of the server's tree: the server, the JSON API, the console and
// the account pages import it. It must not know any of them, nor a use case,
// nor SQL, nor a template.
package web
