// Package settingsform turns the description of a kind's settings into the fields
// of a form, and what was typed back into settings. A kind that says what its
// settings are has its pages without another line.
//
// It must not know which kinds there are, nor what their settings mean: it judges
// nothing, the kind does.
package settingsform
