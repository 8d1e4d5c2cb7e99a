package idp

import (
	"errors"
	"fmt"
	"time"
)

// Code classifies an error. The server maps it to a status in one place.
type Code string

// The codes.
const (
	CodeInternal    Code = "internal"         // 500: a fault of ours; the cause is logged, never shown
	CodeInvalid     Code = "invalid"          // 400: the input is wrong; Fields says where
	CodeUnsigned    Code = "unsigned"         // 403 on the API (401 when a session has just ended), redirect to sign-in on pages: no valid credential
	CodeForbidden   Code = "forbidden"        // 403: signed in, not permitted
	CodeNotFound    Code = "not_found"        // 404
	CodeConflict    Code = "conflict"         // 409: the object changed meanwhile
	CodeTooLarge    Code = "too_large"        // 413
	CodeBusy        Code = "busy"             // 503 with Retry-After: over capacity
	CodeRateLimited Code = "rate_limited"     // 429 with Retry-After
	CodeRefused     Code = "refused"          // 403: the account or its credential may not act (see MayAct)
	CodeUnavailable Code = "unavailable"      // 503: the database cannot be reached
	CodeStepUp      Code = "step_up_required" // 403: may do so, and has to prove once more who they are first; pages lead there
	CodeMethod      Code = "method"           // 405
	CodeMediaType   Code = "media_type"       // 415
)

// NonField is the key of Fields for a message that concerns no single field.
const NonField = "non_field_errors"

// Error is the error of every package. Message is safe to show to a person;
// Err is the cause, for the log only.
type Error struct {
	Code       Code
	Message    string
	Fields     map[string][]string // field → messages; only with CodeInvalid
	Reason     Refusal             // with CodeRefused, and with CodeUnsigned when a session has just ended
	Lock       *Lock               // with CodeRefused and RefusedLocked: which
	RetryAfter time.Duration       // only with CodeBusy and CodeRateLimited
	Err        error
}

// Error implements error.
func (e *Error) Error() string {
	s := e.Message
	if s == "" {
		s = string(e.Code)
	}
	for field, messages := range e.Fields {
		for _, m := range messages {
			if m != e.Message {
				s += fmt.Sprintf(" (%s: %s)", field, m)
			}
		}
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the code of the first *Error in the chain, CodeInternal when
// there is none, and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}

// Is reports whether err carries the code.
func Is(err error, code Code) bool { return err != nil && CodeOf(err) == code }

// Invalid returns a CodeInvalid error for one field ("" = NonField).
func Invalid(field, format string, args ...any) *Error {
	if field == "" {
		field = NonField
	}
	message := fmt.Sprintf(format, args...)
	return &Error{Code: CodeInvalid, Message: message, Fields: map[string][]string{field: {message}}}
}

// NotFound returns a CodeNotFound error that names the kind of object.
func NotFound(what string) *Error {
	return &Error{Code: CodeNotFound, Message: fmt.Sprintf("No %s matches.", what)}
}

// Forbidden returns a CodeForbidden error.
func Forbidden(format string, args ...any) *Error {
	return &Error{Code: CodeForbidden, Message: fmt.Sprintf(format, args...)}
}

// Conflict returns a CodeConflict error.
func Conflict(format string, args ...any) *Error {
	return &Error{Code: CodeConflict, Message: fmt.Sprintf(format, args...)}
}

// Faults collects the messages of several fields.
type Faults map[string][]string

// Add notes a message for a field ("" = NonField).
func (f *Faults) Add(field, format string, args ...any) {
	if field == "" {
		field = NonField
	}
	if *f == nil {
		*f = Faults{}
	}
	(*f)[field] = append((*f)[field], fmt.Sprintf(format, args...))
}

// Err returns nil when nothing was noted, else a CodeInvalid error.
func (f Faults) Err() error {
	if len(f) == 0 {
		return nil
	}
	return &Error{Code: CodeInvalid, Message: "The input is not valid.", Fields: f}
}
