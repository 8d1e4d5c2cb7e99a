package web

import (
	"net/http"

	"github.com/portcullis-idp/portcullis/internal/flow"
)

// Record collects what the request's one line in the log says beside the
// obvious. It holds no secret and nothing a person typed. A nil Record swallows
// everything.
type Record struct {
	Flow    string // slug
	Stage   string // kind
	Outcome string // asked, passed, denied, done, …
	Code    string // idp.Code of the error, if any
	Err     error  // the cause, for 5xx
	Warning error  // something beside the point that went wrong
}

// Warn notes a fault that did not change the answer.
func (r *Record) Warn(err error) {
	if r != nil {
		r.Warning = err
	}
}

// LogAnswer notes which stage of which flow the request reached, and what came
// of it: done, passed, or the component that is shown.
func LogAnswer(r *http.Request, slug string, a *flow.Answer) {
	rec := From(r.Context()).Record
	if rec == nil {
		return
	}
	if a.Flow != nil {
		slug = a.Flow.Slug
	}
	rec.Flow, rec.Stage = slug, a.Stage
	switch {
	case a.Done:
		rec.Outcome = "done"
	case a.Challenge == nil:
		rec.Outcome = "passed"
	default:
		rec.Outcome = a.Challenge.Component()
	}
	if a.Err != nil {
		rec.Warning = a.Err
	}
}
