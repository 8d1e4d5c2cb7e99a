// Package blueprintpage is the part of the console about blueprints: the list of
// those that are kept applied, what each says and what is wrong with it, what
// applying it would change, and the import of documents that are not kept.
//
// It must not know SQL. What is right, and who may, is decided by the use case.
package blueprintpage
