package web

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Form is a decoded form or query string: valid UTF-8, no NUL.
type Form url.Values

// DecodeForm reads a urlencoded body. The error names what was wrong:
// CodeMediaType, CodeTooLarge, or CodeInvalid with the field.
func DecodeForm(r *http.Request) (Form, error) {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil ||
		media != "application/x-www-form-urlencoded" {
		return nil, &idp.Error{Code: idp.CodeMediaType, Message: "Send the form as application/x-www-form-urlencoded."}
	}
	raw, err := ReadBody(r)
	if err != nil {
		return nil, err
	}
	values, err := url.ParseQuery(string(raw))
	if err != nil {
		return nil, idp.Invalid("", "The form is not valid: a field is not encoded as it should be.")
	}
	if err := CheckText(values); err != nil {
		return nil, err
	}
	return Form(values), nil
}

// ReadBody reads the whole body within the server's limit (CodeTooLarge).
func ReadBody(r *http.Request) ([]byte, error) {
	raw, err := io.ReadAll(r.Body)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, TooLarge(tooLarge.Limit)
	case err != nil:
		return nil, &idp.Error{Code: idp.CodeInvalid, Message: "The body could not be read.",
			Fields: map[string][]string{idp.NonField: {"The body could not be read."}}, Err: err}
	}
	return raw, nil
}

// TooLarge is the error of a body over the limit in bytes.
func TooLarge(limit int64) error {
	return &idp.Error{Code: idp.CodeTooLarge, Message: fmt.Sprintf("The body is larger than %d bytes.", limit)}
}

// CheckText refuses values that the database could not hold.
func CheckText(values url.Values) error {
	var faults idp.Faults
	for field, list := range values {
		if !utf8.ValidString(field) || strings.ContainsRune(field, 0) {
			faults.Add("", "The name of a field is not valid text.")
			continue
		}
		for _, v := range list {
			if problem := TextProblem(v); problem != "" {
				faults.Add(field, "%s", problem)
			}
		}
	}
	return faults.Err()
}

// TextProblem says why a string cannot be stored, "" when it can.
func TextProblem(s string) string {
	switch {
	case !utf8.ValidString(s):
		return "Not valid UTF-8."
	case strings.ContainsRune(s, 0):
		return "Null characters are not allowed."
	}
	return ""
}

// Query returns the query string. The server has checked its text already.
func Query(r *http.Request) Form { return Form(r.URL.Query()) }

// Text returns the first value, "" when the field is absent.
func (f Form) Text(name string) string { return url.Values(f).Get(name) }

// Trimmed returns the first value without spaces around it.
func (f Form) Trimmed(name string) string { return strings.TrimSpace(f.Text(name)) }

// Has reports whether the field was sent.
func (f Form) Has(name string) bool { return url.Values(f).Has(name) }

// Texts returns every value.
func (f Form) Texts(name string) []string { return f[name] }

// Bool reports whether a checkbox was ticked: sent, and not as false, 0 or off.
func (f Form) Bool(name string) bool {
	switch strings.ToLower(f.Text(name)) {
	case "", "false", "0", "off", "no":
		return false
	}
	return true
}

// Int returns a whole number; absent or empty is otherwise.
func (f Form) Int(name string, otherwise int) (int, error) {
	raw := f.Trimmed(name)
	if raw == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(raw, 10, 32)
	if err != nil {
		return 0, idp.Invalid(name, "A valid integer is required.")
	}
	return int(n), nil
}

// Users returns every value as the key of a user.
func (f Form) Users(name string) ([]idp.UserID, error) {
	out := make([]idp.UserID, 0, len(f[name]))
	for _, raw := range f[name] {
		n, err := strconv.ParseInt(strings.TrimSpace(raw), 10, 32)
		if err != nil || n <= 0 {
			return nil, idp.Invalid(name, "“%.20s” is not the key of a user.", raw)
		}
		out = append(out, idp.UserID(n))
	}
	return out, nil
}
