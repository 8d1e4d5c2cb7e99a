package page

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"sort"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// Faults are the messages a form is shown again with. The zero value has none.
type Faults struct {
	fields map[string][]string
	status int
}

// FaultsOf returns what a person can put right in the form they sent: wrong
// input, a rule that refuses, somebody who was faster. ok is false for every
// other error, which the handler returns.
func FaultsOf(err error) (f Faults, ok bool) {
	var e *idp.Error
	if !errors.As(err, &e) {
		return Faults{}, false
	}
	switch e.Code {
	case idp.CodeInvalid, idp.CodeConflict, idp.CodeForbidden, idp.CodeRefused, idp.CodeBusy, idp.CodeRateLimited:
	default:
		return Faults{}, false
	}
	status, message := web.Status(err)
	fields := e.Fields
	if len(fields) == 0 {
		fields = map[string][]string{idp.NonField: {message}}
	}
	return Faults{fields: fields, status: status}, true
}

// Of returns the messages of a field as one text, "" when there are none.
func (f Faults) Of(field string) string { return strings.Join(f.fields[field], " ") }

// Any reports whether there are faults at all.
func (f Faults) Any() bool { return len(f.fields) > 0 }

// Status is what the page is answered with.
func (f Faults) Status() int {
	if f.status == 0 {
		return http.StatusOK
	}
	return f.status
}

// Rest returns the messages that belong to none of the fields the form shows:
// they stand above it.
func (f Faults) Rest(shown ...string) []string {
	var names []string
	for name := range f.fields {
		if !slices.Contains(shown, name) {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	var out []string
	for _, name := range names {
		for _, m := range f.fields[name] {
			if name != idp.NonField {
				m = name + ": " + m
			}
			out = append(out, m)
		}
	}
	return out
}

// Text returns all messages as one sentence, for acts without a form.
func (f Faults) Text() string {
	var names []string
	for name := range f.fields {
		names = append(names, name)
	}
	sort.Strings(names)
	var out []string
	for _, name := range names {
		out = append(out, f.fields[name]...)
	}
	return strings.Join(out, " ")
}

// Refused answers an act that could not be done: a person can understand the
// reason, so they get it as a message on the page they came from. Every other
// error is returned.
func Refused(w http.ResponseWriter, r *http.Request, err error, back string) error {
	f, ok := FaultsOf(err)
	if !ok {
		return err
	}
	web.Flash(r.Context(), web.ToneDanger, f.Text())
	return web.Redirect(w, r, back)
}

// Already answers an act that somebody else has done meanwhile: the page it was
// asked for on says so and shows how things are now.
func Already(w http.ResponseWriter, r *http.Request, text, back string) error {
	web.Flash(r.Context(), web.ToneInfo, text)
	return web.Redirect(w, r, back)
}

// SeenField is the hidden field with what a form of changes was filled from.
const SeenField = "seen"

// Seen marks the state of a thing that a form was filled from. It is no secret
// and no proof: it only tells whether somebody else was faster.
func Seen(state any) string {
	raw, err := json.Marshal(state)
	if err != nil {
		return "" // forms hold plain data
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:8])
}

// Unchanged returns CodeConflict when the form was filled from another state
// than the present one. A form without the mark is let through.
func Unchanged(form web.Form, present any) error {
	if seen := form.Text(SeenField); seen == "" || seen == Seen(present) {
		return nil
	}
	return idp.Conflict("Somebody changed this meanwhile. Below is what you typed; look at the present state before you save it again.")
}
