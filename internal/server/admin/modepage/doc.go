// Package modepage owns the console's page about the locking mode.
//
// It must not know SQL, or who may change it: the use case does.
package modepage
