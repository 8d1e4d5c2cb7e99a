package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// SQLSTATE values that mean something to us (PostgreSQL, Appendix A).
const (
	serialisationFailure = "40001"
	deadlockDetected     = "40P01"
	lockNotAvailable     = "55P03"
	queryCanceled        = "57014"
	undefinedTable       = "42P01"
	readOnlyTransaction  = "25006"
	insufficientRights   = "42501"
	integrityViolation   = "23" // class
	dataException        = "22" // class
	connectionException  = "08" // class
	outOfResources       = "53" // class
	operatorIntervention = "57" // class
)

// busyPause is what a caller is told to wait when the database is overloaded.
const busyPause = 2 * time.Second

// wrap says what was being done and turns the database's error into ours. The
// noun is what an absent row would have been.
func wrap(err error, noun, act string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", fmt.Sprintf(act, args...), translate(err, noun))
}

// translate turns an error of the driver or the server into an *idp.Error.
func translate(err error, noun string) error {
	var known *idp.Error
	var pg *pgconn.PgError
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case errors.Is(err, pgx.ErrNoRows):
		return idp.NotFound(noun)
	case errors.As(err, &pg):
		return translateServer(pg)
	case unreachable(err):
		return unavailable(err)
	case tooBig(err):
		e := idp.Invalid("", unstorable, dataFault("22003"))
		e.Err = err
		return e
	}
	return &idp.Error{Code: idp.CodeInternal, Message: "The database refused the statement.", Err: err}
}

func translateServer(pg *pgconn.PgError) error {
	switch pg.Code {
	case serialisationFailure, deadlockDetected, lockNotAvailable, queryCanceled:
		return &idp.Error{Code: idp.CodeBusy, Message: "The server is busy. Try again in a moment.", RetryAfter: busyPause, Err: pg}
	case readOnlyTransaction:
		return unavailable(pg)
	}
	switch pg.Code[:min(2, len(pg.Code))] {
	case integrityViolation:
		return violation(pg)
	case dataException:
		e := idp.Invalid("", unstorable, dataFault(pg.Code))
		e.Err = pg
		return e
	case connectionException, outOfResources, operatorIntervention:
		return unavailable(pg)
	}
	return &idp.Error{Code: idp.CodeInternal, Message: "The database refused the statement.", Err: pg}
}

const unstorable = "A value has a form that cannot be stored: %s."

// tooBig reports whether the driver refused a number before sending it.
func tooBig(err error) bool {
	return strings.Contains(err.Error(), "is greater than maximum value") || strings.Contains(err.Error(), "is less than minimum value")
}

// dataFault describes a data exception without repeating the value.
func dataFault(code string) string {
	switch code {
	case "22021", "22P05":
		return "text must be valid UTF-8 without NUL characters"
	case "22003":
		return "a number is out of range"
	case "22007", "22008":
		return "a date is malformed or out of range"
	case "22P02":
		return "a value is malformed"
	case "22001":
		return "a text is too long"
	}
	return "it is not accepted by the database"
}

// unreachable reports whether the error means that no answer came.
func unreachable(err error) bool {
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		pgconn.SafeToRetry(err) || strings.Contains(err.Error(), "conn closed") || strings.Contains(err.Error(), "closed pool")
}

func unavailable(err error) error {
	return &idp.Error{Code: idp.CodeUnavailable, Message: "The database cannot be reached.", RetryAfter: busyPause, Err: err}
}

// sqlState is the server's code inside an error, or "".
func sqlState(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}
