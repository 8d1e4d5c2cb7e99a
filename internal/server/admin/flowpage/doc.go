// Package flowpage holds the console's pages about flows: their list, the form
// of one, and the page that draws a flow and edits its stages and its policies
// in place.
//
// It must not know SQL, how a flow is run, or what any kind of stage or policy
// is about; it changes things through internal/configure.
package flowpage
