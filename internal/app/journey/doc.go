// Package journey holds the browser tests: each takes a person's way through
// the built binary in headless Chromium, against real PostgreSQL.
package journey
