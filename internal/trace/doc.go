// Package trace follows requests and what the database does for them, and sends the
// spans to a collector by OpenTelemetry's protocol, OTLP over HTTP, as JSON.
//
// It uses none of OpenTelemetry's libraries, which would make the program larger than
// it may be (internal/adr/0015). Spans hold routes, methods, codes and kinds of
// statements: no addresses, no paths, no values.
//
// It must not know the server or the database: they say what they do through
// interfaces of their own, and do nothing at all where nobody follows.
package trace
