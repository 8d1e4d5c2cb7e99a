// Package application answers which applications somebody may use: the policies that
// are bound to an application say so, for the person's page, for the check that the API
// offers, and for whatever makes tokens. It writes nothing of applications (package
// configure does) and knows nothing of protocols and HTTP.
package application
