package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// StatusClientGone is what the log says of a request whose browser went away.
const StatusClientGone = 499

// Status maps an error to an HTTP status and a sentence that is safe to show.
// It is the only place that knows the mapping.
func Status(err error) (int, string) {
	var e *idp.Error
	if !errors.As(err, &e) {
		if errors.Is(err, context.Canceled) {
			return StatusClientGone, "The request was cancelled."
		}
		return http.StatusInternalServerError, internal
	}
	status, ok := statuses[e.Code]
	if !ok || status == http.StatusInternalServerError {
		if errors.Is(err, context.Canceled) {
			return StatusClientGone, "The request was cancelled."
		}
		return http.StatusInternalServerError, internal
	}
	if e.Code == idp.CodeUnsigned && e.Reason == idp.RefusedBinding {
		status = http.StatusUnauthorized // there was a session, and it just ended
	}
	if e.Message == "" {
		return status, http.StatusText(status) + "."
	}
	return status, e.Message
}

const internal = "Something went wrong on our side. Try again; if it stays, tell your administrator the request ID."

var statuses = map[idp.Code]int{
	idp.CodeInternal:    http.StatusInternalServerError,
	idp.CodeInvalid:     http.StatusBadRequest,
	idp.CodeUnsigned:    http.StatusForbidden, // no authenticator of the contract sends a challenge
	idp.CodeForbidden:   http.StatusForbidden,
	idp.CodeNotFound:    http.StatusNotFound,
	idp.CodeConflict:    http.StatusConflict,
	idp.CodeTooLarge:    http.StatusRequestEntityTooLarge,
	idp.CodeBusy:        http.StatusServiceUnavailable,
	idp.CodeRateLimited: http.StatusTooManyRequests,
	idp.CodeRefused:     http.StatusForbidden,
	idp.CodeStepUp:      http.StatusForbidden,
	idp.CodeUnavailable: http.StatusServiceUnavailable,
	idp.CodeMethod:      http.StatusMethodNotAllowed,
	idp.CodeMediaType:   http.StatusUnsupportedMediaType,
}
