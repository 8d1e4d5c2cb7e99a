// Package migrations holds the SQL that makes and changes the schema, in the
// naming of golang-migrate: NNNN_name.up.sql and NNNN_name.down.sql.
//
// Rules for a new file: every constraint has a name (internal/postgres maps
// names to error codes), each file runs as one transaction and therefore has
// no CONCURRENTLY, and a released file is never changed. It must not know
// River's tables: River migrates those itself.
package migrations

import "embed"

// FS is every migration file.
//
//go:embed *.sql
var FS embed.FS
