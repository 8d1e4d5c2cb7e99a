// Package pagetest stages the whole HTTP server for tests of pages: a database,
// the use cases, the middleware, and browsers that are signed in as somebody. It
// also judges what every page must keep to: one heading, labelled fields, no
// inline style or script, no dead links.
//
// Only tests import it. It must not know the storage: tests bring it along.
package pagetest
