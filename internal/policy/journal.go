package policy

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Level says how a note is meant.
type Level string

// The levels, by their names on the wire.
const (
	LevelDebug   Level = "debug"
	LevelInfo    Level = "info"
	LevelWarning Level = "warning"
	LevelError   Level = "error"
)

// Note is one line of what happened while a policy was tried.
type Note struct {
	At    time.Time
	Level Level
	Text  string
	Facts map[string]any // plain data
}

// maxNotes bounds a journal.
const maxNotes = 200

// journal collects the notes of a trial. A nil one collects nothing.
// One that was closed takes no more: a policy that took too long may still write.
type journal struct {
	mu     sync.Mutex
	notes  []Note
	closed bool
}

// close returns the notes.
func (j *journal) close() []Note {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = true
	return j.notes
}

func (j *journal) note(level Level, text string, facts map[string]any) {
	if j == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed || len(j.notes) >= maxNotes {
		return
	}
	if facts == nil {
		facts = map[string]any{}
	}
	j.notes = append(j.notes, Note{time.Now().UTC(), level, text, facts})
}

// Trial is what became of trying a policy.
type Trial struct {
	idp.PolicyResult
	// Err is why there was no answer, nil when there was one. Then the result
	// does not pass, and its messages are for whoever wrote the policy.
	Err   error
	Notes []Note
}

// Try evaluates one policy without a binding and tells what happened: every
// policy it asked, every message, and what went wrong where. It writes and sends
// nothing: the notes tell what would have been.
// A policy that gives no answer does not pass, and its fault is the message.
func (e *Engine) Try(ctx context.Context, p *idp.Policy, req idp.PolicyRequest) Trial {
	ctx, cancel := context.WithTimeout(ctx, defaultTimeout)
	defer cancel()
	ctx, a := e.asks(ctx)
	a.journal, a.depth = &journal{}, -1 // asking the policy itself is no call
	result, err := e.ask(ctx, p, req)
	t := Trial{PolicyResult: result, Err: err, Notes: a.journal.close()}
	if err != nil {
		t.PolicyResult = idp.PolicyResult{Messages: []string{faultText(err)}}
	}
	return t
}

// began and ended note the evaluation of one policy.
func (j *journal) began(p *idp.Policy, depth int) {
	j.note(LevelDebug, "Evaluating policy “"+p.Name+"”", map[string]any{"policy": p.Name, "kind": p.Kind, "depth": depth})
}

func (j *journal) ended(p *idp.Policy, depth int, result idp.PolicyResult, err error, took time.Duration) {
	facts := map[string]any{"policy": p.Name, "kind": p.Kind, "depth": depth, "milliseconds": float64(took.Microseconds()) / 1000}
	if err != nil {
		var at *Error
		if errors.As(err, &at) {
			facts["line"], facts["column"], facts["excerpt"] = at.Line, at.Column, at.Excerpt
			if at.Hint != "" {
				facts["hint"] = at.Hint
			}
		}
		j.note(LevelError, "Policy “"+p.Name+"” gave no answer: "+faultText(err), facts)
		return
	}
	for _, message := range result.Messages {
		j.note(LevelInfo, message, map[string]any{"policy": p.Name, "message": true})
	}
	facts["passing"] = result.Passing
	text := "Policy “" + p.Name + "” does not pass"
	if result.Passing {
		text = "Policy “" + p.Name + "” passes"
	}
	j.note(LevelInfo, text, facts)
}

// faultText says what went wrong in the words of whoever knows best.
func faultText(err error) string {
	var at *Error
	var invalid *idp.Error
	switch {
	case errors.As(err, &at):
		return at.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return "The policy took too long."
	case errors.As(err, &invalid) && invalid.Code == idp.CodeInvalid:
		return invalid.Error()
	}
	return err.Error()
}
