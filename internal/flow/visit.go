package flow

import (
	"context"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Visit is one request to a flow.
type Visit struct {
	Slug string
	// Browser is the SHA-256 of the browser cookie's value. For a browser
	// without the cookie it is that of a fresh random value; the cookie needs
	// to be set only where Answer.Stored says so.
	Browser []byte
	Actor   idp.Actor         // who is signed in in this browser, if anybody
	Device  Device            // what the browser is known by
	Query   map[string]string // the page's own query string (`next`, `flow_token`, …)
	Brand   *idp.Brand
	// Revision is the state of the configuration that the request began with;
	// zero = ask.
	Revision idp.Revision
	// Dress returns Actor and Brand once the revision is known; nil = they are set.
	Dress func(idp.Revision) (idp.Actor, *idp.Brand)
	// Inspect asks for an Inspection beside every answer, which whoever may not
	// inspect flows does not get.
	Inspect bool

	found *found // nil = not looked for yet
}

// found is the browser's run of the flow; nil = it has none.
type found struct{ run *idp.Run }

// look asks for the state of the configuration and for the browser's run at once.
func (x *Executor) look(ctx context.Context, v *Visit) error {
	if v.Revision != (idp.Revision{}) || len(v.Browser) == 0 {
		return nil
	}
	revision, run, err := x.store.Repos().Runs.Present(ctx, v.Browser, v.Slug)
	v.Revision, v.found = revision, &found{run}
	return err
}

// Answer is what a visit leads to. Exactly one of Challenge and Redirect is
// set.
type Answer struct {
	Flow      *idp.Flow
	Stage     string // the current stage's kind, for the log
	Challenge Challenge
	View      View  // the challenge's HTML; nil for challenges of the engine itself (denied, error)
	Frame     Frame // what the page around View shows
	Info      Info
	Errors    map[string][]FieldError // the last answer's faults
	// Redirect is where the browser goes: out of the flow (Done), or back to
	// the same flow after a solved stage.
	Redirect string
	Done     bool
	Effects  Effects
	// Stored reports that the next request needs the browser cookie.
	Stored bool
	// Inspection is for the panel beside the page; nil = nobody watches who may.
	Inspection *Inspection
	// Err is for the log: the cause behind a FlowError or AccessDenied
	// challenge, and faults that did not stop the run. Mostly nil.
	Err error
}

// Effects are what stages did to the browser itself; the server turns them
// into cookies.
type Effects struct {
	SignedIn   *SignedIn
	SignedOut  bool
	Remembered *Remembered
	Messages   []string // informational messages of passing policies
}

// Device is what a browser is known by to accounts that have signed in there.
type Device struct {
	Value string // its cookie's; "" = it has none, or one that we cannot have made
	Keeps bool   // whether it can be given one
}

// Remembered is a browser that is known from now on, by the cookie's value.
type Remembered struct {
	Cookie  string
	Expires time.Time
}

// SignedIn is a session just begun. Cookie is the secret for the browser.
type SignedIn struct {
	Session *idp.Session
	Cookie  string
	Expires time.Time // zero = until the browser closes
}

// Input is what a browser or a program sent: JSON values, or strings from a
// form. Names are as in the challenge's response.
type Input map[string]any
