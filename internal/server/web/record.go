package web

import "context"

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

// LogFlow notes which stage of which flow the request reached and what came of
// it.
func LogFlow(ctx context.Context, flow, stage, outcome string) {
	if rec := From(ctx).Record; rec != nil {
		rec.Flow, rec.Stage, rec.Outcome = flow, stage, outcome
	}
}
