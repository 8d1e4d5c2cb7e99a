// Package static holds the assets of the web interface (style sheet, script, icons, logo), compiled into the binary
// and addressed by their content.
//
// The style sheet is written in several files under css/, one per layer or area, and served as the one app.css.
// app.js is loaded by every page, console.js by those with a shell.
// No step of the build touches the assets.
//
// It must not know HTTP: the server writes the handler over Open. Paths carry a hash of all assets, so an answer may be
// cached for ever (Cache-Control: public, max-age=31536000, immutable).
package static
