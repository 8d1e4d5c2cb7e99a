// Package dummy is the stage that shows its name and a button, or fails where it
// is told to: for trying flows out.
package dummy
