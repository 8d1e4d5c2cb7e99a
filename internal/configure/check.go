package configure

import (
	"context"
	"math"
	"net/url"
	"regexp"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Bounds of the fields, in characters.
const (
	maxName    = 255
	maxAddress = 2048
	maxText    = 100_000 // style sheets, texts and expressions of prompts
)

// slug is what may stand in the path of a flow.
var slug = regexp.MustCompile(`^[-a-zA-Z0-9_]+$`)

// checkAddress asks for something a page can load: a path of this server, or an
// address of the web.
func checkAddress(faults *idp.Faults, field, s string) {
	if !faults.Line(field, s, maxAddress, true) || s == "" {
		return
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "" && u.Scheme != "https" && u.Scheme != "http" || u.Scheme == "" && !strings.HasPrefix(s, "/") {
		faults.Add(field, "Expected an address that starts with https:// or /.")
	}
}

// checkOrder asks for what an integer column holds.
func checkOrder(faults *idp.Faults, order int) {
	switch {
	case order > math.MaxInt32:
		faults.Add("order", "Ensure this value is less than or equal to %d.", math.MaxInt32)
	case order < math.MinInt32:
		faults.Add("order", "Ensure this value is greater than or equal to %d.", math.MinInt32)
	}
}

// fallback sets what is unset.
func fallback[T ~string](field *T, value T) {
	if *field == "" {
		*field = value
	}
}

// absent notes that a field names an object that does not exist, in the words
// of the contract.
func absent(faults *idp.Faults, field, pk string) {
	faults.Add(field, "Invalid pk %q - object does not exist.", pk)
}

// pointing notes the field when what it names does not exist.
func pointing[T any, I interface{ String() string }](ctx context.Context, faults *idp.Faults, field string, id I,
	get func(context.Context, I) (*T, error)) (*T, error) {
	found, err := get(ctx, id)
	if idp.Is(err, idp.CodeNotFound) {
		absent(faults, field, id.String())
		return nil, nil
	}
	return found, err
}
