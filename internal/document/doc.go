// Package document owns the resource documents that people write and read: locks,
// roles and the cluster's preference as YAML and JSON. It reads strictly, says of
// everything that is wrong the file, the line and the key, and writes what it
// reads.
//
// It must not know who may do what with a resource, nor where it is kept: values
// that need the database, such as whether an expiry has passed, are the use
// cases' to judge.
package document
