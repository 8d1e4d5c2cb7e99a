package blueprint

import (
	"errors"
	"fmt"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Options say how a document is applied.
type Options struct {
	// Actor is who applies; idp.SystemActor for files of the server's own disk.
	Actor idp.Actor
	// Context is put over the file's own, key by key.
	Context map[string]any
	// SkipUnsupported applies the rest where a model or the language of an
	// expression is not offered.
	SkipUnsupported bool
}

// Report is what applying a document came to.
type Report struct {
	Changes  []Change  `json:"changes"`
	Problems []Problem `json:"problems"` // what SkipUnsupported left out, and warnings
}

// Change is what one entry came to.
type Change struct {
	Entry  int           `json:"entry"` // from 1
	Line   int           `json:"line"`
	ID     string        `json:"id"` // as the file calls it
	Model  string        `json:"model"`
	PK     string        `json:"pk"`
	Name   string        `json:"name"`
	Effect string        `json:"effect"` // created, changed, removed, unchanged or skipped
	Fields []FieldChange `json:"fields"`

	key any // PK as other entries refer to it; nil = there is no object
}

// The effects.
const (
	EffectCreated   = "created"
	EffectChanged   = "changed"
	EffectRemoved   = "removed"
	EffectUnchanged = "unchanged"
	EffectSkipped   = "skipped" // a condition was not met, or SkipUnsupported left it out
)

// FieldChange is one field before and after. Secrets are shown as "***".
type FieldChange struct {
	Field string `json:"field"`
	From  any    `json:"from"`
	To    any    `json:"to"`
}

// Problem is one thing that is wrong with a file, and where.
type Problem struct {
	File        string `json:"file"`
	Line        int    `json:"line"`   // 0 = the file as a whole
	Column      int    `json:"column"` // 0 = the line as a whole
	Entry       int    `json:"entry"`  // from 1; 0 = no single one
	Model       string `json:"model"`
	Field       string `json:"field"`
	Message     string `json:"message"`
	Unsupported bool   `json:"unsupported"` // SkipUnsupported would pass over it
}

// String is the problem as compilers write theirs.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
		if p.Column > 0 {
			fmt.Fprintf(&b, ":%d", p.Column)
		}
	}
	b.WriteString(": ")
	if p.Entry > 0 {
		fmt.Fprintf(&b, "entry %d", p.Entry)
		if p.Model != "" {
			fmt.Fprintf(&b, " (%s)", p.Model)
		}
		b.WriteString(": ")
	}
	if p.Field != "" {
		b.WriteString(p.Field + ": ")
	}
	return b.String() + p.Message
}

// faulty is the error of a document with problems. It unwraps to an *idp.Error
// with CodeInvalid whose field content holds a line per problem.
type faulty struct {
	problems []Problem
	invalid  *idp.Error
}

func invalid(problems ...Problem) error {
	e := &idp.Error{Code: idp.CodeInvalid, Fields: map[string][]string{}}
	for _, p := range problems {
		e.Fields["content"] = append(e.Fields["content"], p.String())
	}
	e.Message = e.Fields["content"][0]
	return &faulty{problems, e}
}

// Error implements error.
func (f *faulty) Error() string { return strings.Join(f.invalid.Fields["content"], "\n") }

// Unwrap returns the error as the API shows it.
func (f *faulty) Unwrap() error { return f.invalid }

// Problems is all that an error of Parse, Plan or Apply says about the file; nil
// for an error of another kind.
func Problems(err error) []Problem {
	var f *faulty
	if errors.As(err, &f) {
		return f.problems
	}
	return nil
}
