package oidc

import (
	"errors"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// The error codes of clients' own requests (RFC 6749, section 5.2; RFC 6750, section
// 3.1; RFC 8628, section 3.5), beside those that authorization requests have too.
const (
	ErrInvalidClient        = "invalid_client"
	ErrInvalidGrant         = "invalid_grant"
	ErrUnsupportedGrantType = "unsupported_grant_type"
	ErrServerError          = "server_error"
	ErrInvalidToken         = "invalid_token"
	ErrInsufficientScope    = "insufficient_scope"
	ErrPending              = "authorization_pending"
	ErrSlowDown             = "slow_down"
	ErrExpiredToken         = "expired_token"
)

// Error is what a client is told went wrong, by the names of the protocol.
type Error struct {
	Code string
	// Description helps whoever writes the client. It is of printable ASCII without
	// quotes and backslashes (RFC 6749, section 5.2), and tells nothing of accounts.
	Description string
	Err         error // why, for the log; a refusal of the gate is in it
}

// Error implements error.
func (e *Error) Error() string {
	s := e.Code + ": " + e.Description
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Fault returns an Error.
func Fault(code, description string) *Error { return &Error{Code: code, Description: description} }

// CodeOf returns the code of the first Error in the chain, and "" without one.
func CodeOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// refused makes what a client is told of a door that stays shut; other errors, such as
// a database that does not answer, are returned as they are.
func refused(code string, err error) error {
	if !idp.Is(err, idp.CodeRefused) {
		return err
	}
	return &Error{Code: code, Description: "This is not valid, or not any more.", Err: err}
}

// shut is a door that stays shut for a reason that needs no gate.
func shut(code string, door idp.Door, reason idp.Refusal) error {
	return refused(code, idp.Refuse(door, reason))
}
