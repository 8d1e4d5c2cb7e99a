// Package oidc owns what applications are told of who somebody is: OAuth 2 and OpenID
// Connect as a provider. It judges authorization requests and answers them, mints and
// honours tokens, signs, and says what it offers.
//
// A grant is the family of all tokens of one sign-in at one application; every use of
// one asks the gate with the account as it is now. It must not know HTTP, SQL or flows.
package oidc
