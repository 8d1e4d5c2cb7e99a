package web

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// WriteJSON answers with a JSON value.
func WriteJSON(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)+1))
	w.WriteHeader(status)
	if _, err := w.Write(append(body, '\n')); err != nil {
		return nil //nolint:nilerr // the client went away; nobody is left to tell
	}
	return nil
}

// Problem is the body of a failed API request that concerns no field.
type Problem struct {
	Detail    string `json:"detail"`
	Code      string `json:"code,omitempty"`
	RequestID string `json:"request_id,omitempty"`
	// StepUpURL is where whoever is signed in proves once more who they are, with
	// CodeStepUp. `next` brings a browser back.
	StepUpURL string `json:"step_up_url,omitempty"`
}

// WriteProblem answers an API request with an error, in the contract's shapes:
// {field: [message]} for input, {detail, code} for everything else.
func WriteProblem(w http.ResponseWriter, r *http.Request, err error) {
	status, message := Status(err)
	SetRetryAfter(w, err)
	var e *idp.Error
	if status == http.StatusBadRequest && errors.As(err, &e) {
		fields := e.Fields
		if len(fields) == 0 {
			fields = map[string][]string{idp.NonField: {message}}
		}
		_ = WriteJSON(w, status, fields)
		return
	}
	if idp.Locked(err) {
		_ = WriteJSON(w, status, lockProblem(err, r))
		return
	}
	problem := Problem{Detail: message, Code: string(idp.CodeOf(err)), RequestID: RequestID(r)}
	if idp.Is(err, idp.CodeStepUp) {
		problem.StepUpURL = StepUpPath
	}
	_ = WriteJSON(w, status, problem)
}

// lockProblem is what programs are told that a lock refuses, or strictness does
// for want of knowing of them all.
func lockProblem(err error, r *http.Request) map[string]any {
	var e *idp.Error
	errors.As(err, &e)
	body := map[string]any{"detail": e.Message, "code": "lock_view_stale", "request_id": RequestID(r)}
	if e.Lock != nil {
		body["code"], body["lock"] = "lock_in_force", e.Lock.Facts()
	}
	return body
}

// SetRetryAfter tells a client that came too often when to come again, in whole
// seconds.
func SetRetryAfter(w http.ResponseWriter, err error) {
	var e *idp.Error
	if !errors.As(err, &e) {
		return
	}
	after := e.RetryAfter
	switch e.Code {
	case idp.CodeRateLimited, idp.CodeBusy, idp.CodeUnavailable:
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(after.Seconds())))))
	}
}
