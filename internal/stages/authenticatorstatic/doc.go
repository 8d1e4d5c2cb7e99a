// Package authenticatorstatic is the stage in which somebody gets recovery codes.
//
// They are shown on its page and never again; until it is answered they are kept with the
// run, sealed.
package authenticatorstatic
