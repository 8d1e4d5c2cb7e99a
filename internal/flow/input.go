package flow

import (
	"encoding/json"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// fieldComponent and fieldStep are the engine's own fields of an Input: which
// challenge it answers, and which step of which run.
const (
	fieldComponent = "component"
	fieldStep      = "_step"
)

// componentAny is the component of answers that name no challenge: what the
// contract calls the base of them all.
const componentAny = "xak-flow-response-default"

// MaxText is the longest text that Input.Text accepts, in bytes.
const MaxText = 64 << 10

// Text returns a text field; absent and null are "". Anything but a valid text
// is an *idp.Error with CodeInvalid that names the field.
func (in Input) Text(name string) (string, error) {
	switch v := in[name].(type) {
	case nil:
		return "", nil
	case string:
		switch {
		case len(v) > MaxText:
			return "", idp.Invalid(name, "Ensure this field has no more than %d characters.", MaxText)
		case !sound(v):
			return "", idp.Invalid(name, "Null characters and invalid UTF-8 are not allowed.")
		}
		return v, nil
	}
	return "", idp.Invalid(name, "Not a valid string.")
}

// Required is Text for a field that must be filled in.
func (in Input) Required(name string) (string, error) {
	v, err := in.Text(name)
	if err != nil {
		return "", err
	}
	if v == "" {
		if _, sent := in[name]; !sent {
			return "", idp.Invalid(name, messageRequired)
		}
		return "", idp.Invalid(name, messageBlank)
	}
	return v, nil
}

// Bool returns a yes or no; absent, null and "" are no, as an unticked box of
// a form is not sent at all.
func (in Input) Bool(name string) (bool, error) {
	switch v := in[name].(type) {
	case nil:
		return false, nil
	case bool:
		return v, nil
	case string:
		switch strings.ToLower(strings.TrimSpace(v)) {
		case "", "false", "off", "no", "0":
			return false, nil
		case "true", "on", "yes", "1":
			return true, nil
		}
	}
	return false, idp.Invalid(name, "Must be a valid boolean.")
}

// Number returns the decimal text of a whole number, whether it was sent as a
// number or as text; absent, null and "" are not ok.
func (in Input) Number(name string) (n int64, ok bool, err error) {
	invalid := idp.Invalid(name, "A valid integer is required.")
	switch v := in[name].(type) {
	case nil:
		return 0, false, nil
	case float64:
		if v != math.Trunc(v) || math.Abs(v) > 1<<53 {
			return 0, false, invalid
		}
		return int64(v), true, nil
	case json.Number:
		n, err := v.Int64()
		if err != nil {
			return 0, false, invalid
		}
		return n, true, nil
	case string:
		if strings.TrimSpace(v) == "" {
			return 0, false, nil
		}
		n, err := json.Number(strings.TrimSpace(v)).Int64()
		if err != nil {
			return 0, false, invalid
		}
		return n, true, nil
	}
	return 0, false, invalid
}

// shown is the input without what must not be drawn back into a form; nil stays
// nil: nothing was sent.
func (in Input) shown() Input {
	if in == nil {
		return nil
	}
	out := Input{}
	for name, v := range in {
		lower := strings.ToLower(name)
		if name == fieldStep || name == fieldComponent || strings.Contains(lower, "password") ||
			strings.Contains(lower, "token") || strings.Contains(lower, "secret") || lower == "code" {
			continue
		}
		if s, ok := v.(string); ok && (len(s) > MaxText || !utf8.ValidString(s)) {
			continue
		}
		out[name] = v
	}
	return out
}

// The wording of the contract for absent values.
const (
	messageRequired = "This field is required."
	messageBlank    = "This field may not be blank."
	messageNull     = "This field may not be null."
)

// fieldErrors turns the messages of an error into response_errors.
func fieldErrors(e *idp.Error) map[string][]FieldError {
	out := map[string][]FieldError{}
	for field, messages := range e.Fields {
		for _, m := range messages {
			out[field] = append(out[field], FieldError{String: m, Code: errorCode(m)})
		}
	}
	if len(out) == 0 {
		out[idp.NonField] = []FieldError{{String: e.Message, Code: "invalid"}}
	}
	return out
}

func errorCode(message string) string {
	switch message {
	case messageRequired:
		return "required"
	case messageBlank:
		return "blank"
	case messageNull:
		return "null"
	}
	return "invalid"
}

// FromForm reports whether the input was sent by a form of ours, which leaves
// out boxes that are not ticked, and not by a program.
func (in Input) FromForm() bool {
	_, sent := in[fieldStep]
	return sent
}
