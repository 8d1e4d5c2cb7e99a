// Package userwrite is the stage that writes what prompts collected to the
// pending user, or to whoever is signed in.
package userwrite
