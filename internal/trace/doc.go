// Package trace follows requests and what the database does for them, and sends the
// spans to a collector by OTLP over HTTP, as JSON.
//
// OpenTelemetry's own exporters bring gRPC and protocol buffers along, which would
// make the program a fifth larger; so the sending is our own, behind the interface
// that the SDK has for it (internal/adr/0015). Spans hold routes, methods, codes and
// kinds of statements: no addresses, no paths, no values.
//
// It must not know the server or the database: they say what they do through
// interfaces of their own, and do nothing at all where nobody follows.
package trace
