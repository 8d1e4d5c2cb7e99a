// Package app puts the product together from its configuration: the database,
// the use cases, the engine, the server. It is used by main and by end-to-end
// tests, and knows everyone.
package app
