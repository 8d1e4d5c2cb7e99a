package cli

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"github.com/portcullis-idp/portcullis/internal/document"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// at says which document an error is about. Who may not is told so without: it
// is not the document's fault.
func at(d document.Document, err error) error {
	var e *idp.Error
	if err == nil || !errors.As(err, &e) || e.Code != idp.CodeInvalid && e.Code != idp.CodeConflict {
		return err
	}
	return &plainError{fmt.Sprintf("%s:%d: %v", d.File, d.Line, plain(err)), nil}
}

// numbered is how lock.Service, and the API in its words, says which of several
// locks a message is about; listed is how the API does for what it cannot read.
var (
	numbered = regexp.MustCompile(`^lock (\d+) of \d+: `)
	listed   = regexp.MustCompile(`^locks\.(\d+)\.`)
)

// blame is at for an error about several documents, which says which one it is
// about.
func blame(err error, of []document.Document) error {
	var e *idp.Error
	if len(of) == 1 {
		return at(of[0], err)
	}
	if !errors.As(err, &e) {
		return err
	}
	number := 0 // from 1; 0 = nobody says
	cut := func(text string) string {
		if m := numbered.FindStringSubmatch(text); m != nil {
			number, _ = strconv.Atoi(m[1])
			return text[len(m[0]):]
		}
		return text
	}
	said := &idp.Error{Code: e.Code, Message: cut(e.Message), Fields: map[string][]string{}, Err: err}
	for field, messages := range e.Fields {
		if m := listed.FindStringSubmatch(field); m != nil {
			i, _ := strconv.Atoi(m[1])
			number, field = i+1, field[len(m[0]):]
		}
		for _, message := range messages {
			said.Fields[field] = append(said.Fields[field], cut(message))
		}
	}
	if number < 1 || number > len(of) {
		return err
	}
	return at(of[number-1], said)
}
