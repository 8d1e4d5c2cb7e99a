// Package metric counts what the server does and tells it in Prometheus' text
// format.
//
// A Registry holds families. What happens is counted in a Counter or a Histogram;
// what is known elsewhere is read when somebody asks (Registry.Gauge and
// Registry.Total). Requests counts requests. Page tells all of it to whoever may
// know. Whatever a label says, the number of series stays bounded.
//
// It must not know the database or any use case: package app says what is read.
package metric
