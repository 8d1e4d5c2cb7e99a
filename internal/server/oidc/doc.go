// Package oidc answers browsers and applications that speak OAuth 2 and OpenID Connect.
//
// It reads requests and writes answers; what they mean is judged by internal/oidc. It
// must not know SQL.
package oidc
