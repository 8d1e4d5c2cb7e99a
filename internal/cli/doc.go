// Package cli owns the command line: commands, flags, help and exit codes. It
// must not know how the server is built: app hands it a Program.
package cli
