// Package api is the JSON API under /api/v3: a kit that turns the description
// of a resource into routes, checks and an OpenAPI document, and the resources
// themselves. Names, shapes and status codes are those of the contract that
// published clients are generated from; what we add comes as extra keys.
//
// Only the kit (operation.go, schema.go) touches huma: it keeps the document
// and the routes. Bodies and query strings are read by our own decoder, because
// the contract's error shapes, null that differs from absent, and known keys
// that are ignored are not what a schema validator answers with.
//
// It must not know SQL. Who may do what is decided by the use cases, or by
// idp.Access where configuration has no use case of its own.
package api
