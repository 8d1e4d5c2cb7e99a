package policy

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/expr-lang/expr/file"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Error is a fault in an expression, found when it was compiled or run.
type Error struct {
	Line    int    // from 1; 0 when the fault has no place
	Column  int    // in characters, from 1
	Message string // what is wrong, for whoever wrote the expression
	Excerpt string // the line of the source
	Hint    string // how to write it instead, where that is known
	// Suggestion is the whole of it in the language of expressions; "" = not
	// certain. See Translate.
	Suggestion string
	Err        error // the cause, such as context.DeadlineExceeded
}

// Error implements error.
func (e *Error) Error() string {
	s := e.Message
	if e.Line > 0 {
		s = fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
	}
	if e.Hint != "" {
		s += " " + e.Hint
	}
	if e.Suggestion != "" {
		s += "\nUse this form:\n" + e.Suggestion
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Invalid returns the fault as idp.CodeInvalid on the field that holds the
// expression.
func (e *Error) Invalid(field string) *idp.Error {
	invalid := idp.Invalid(field, "%s", e.Error())
	invalid.Err = e
	return invalid
}

// errTooMuch is the cause of every refusal for size.
var errTooMuch = errors.New("the expression asks for too much")

func tooMuch(format string, args ...any) error {
	return fmt.Errorf("%s%w", fmt.Sprintf(format, args...), quiet{errTooMuch})
}

// quiet keeps a cause findable without printing it.
type quiet struct{ error }

func (quiet) Error() string   { return "" }
func (q quiet) Unwrap() error { return q.error }

// located makes an Error of whatever the language's library returned.
func located(source string, err error) *Error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	e := &Error{Message: "The expression cannot be evaluated."}
	var at *file.Error
	if errors.As(err, &at) {
		e.Message = plainWords(at.Message)
		if at.Line > 0 {
			e.Line, e.Column = at.Line, at.Column+1
			e.Excerpt = line(source, at.Line)
		}
		e.Err = at.Prev
		return e.timely()
	}
	e.Err = err
	if first, _, _ := strings.Cut(err.Error(), "\n"); len(first) < 200 {
		e.Message = plainWords(first)
	}
	return e.timely()
}

func (e *Error) timely() *Error {
	if errors.Is(e.Err, context.DeadlineExceeded) {
		e.Message = "The expression took too long."
	}
	return e
}

func line(source string, number int) string {
	lines := strings.Split(source, "\n")
	if number > len(lines) {
		return ""
	}
	return strings.TrimSuffix(lines[number-1], "\r")
}

var (
	conversion = regexp.MustCompile(`^interface conversion: interface \{\} is (.+), not (.+)$`)
	reflection = regexp.MustCompile(`^reflect: call of reflect\.Value\.Len on (\S+)`)
	goTypes    = strings.NewReplacer("map[string]interface {}", "map", "map[string]any", "map",
		"[]interface {}", "list", "[]any", "list", "[]string", "list", "[]int", "list", "<nil>", "nil",
		"interface {}", "any", "float64", "number", "int64", "number")
)

// plainWords replaces what only a Go programmer understands.
func plainWords(message string) string {
	message = strings.TrimSpace(message)
	if m := conversion.FindStringSubmatch(message); m != nil {
		message = fmt.Sprintf("%s is expected, got %s", m[2], m[1])
	}
	if m := reflection.FindStringSubmatch(message); m != nil {
		kind := m[1]
		if kind == "zero" {
			kind = "nil"
		}
		message = fmt.Sprintf("a list is expected, got %s", kind)
	}
	if strings.HasPrefix(message, "memory budget exceeded") {
		message = "the lists are too large"
	}
	message = strings.TrimPrefix(message, "compilation failed: ")
	return goTypes.Replace(message)
}
