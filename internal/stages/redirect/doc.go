// Package redirect is the stage that sends the browser to an address or into
// another flow.
package redirect
