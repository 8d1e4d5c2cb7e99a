package cli

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
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

var (
	numbered = regexp.MustCompile(`\block (\d+) of \d+\b`) // of lock.Service
	listed   = regexp.MustCompile(`^locks\.(\d+)\.(.+)$`)  // of the API
)

// blame is at for an error about several documents, which says which one it is
// about.
func blame(err error, of []document.Document) error {
	if len(of) == 1 {
		return at(of[0], err)
	}
	if m := numbered.FindStringSubmatch(err.Error()); m != nil {
		if n, _ := strconv.Atoi(m[1]); n >= 1 && n <= len(of) {
			return at(of[n-1], err)
		}
	}
	var e *idp.Error
	if !errors.As(err, &e) {
		return err
	}
	for _, field := range slices.Sorted(maps.Keys(e.Fields)) {
		m := listed.FindStringSubmatch(field)
		if m == nil {
			continue
		}
		if n, _ := strconv.Atoi(m[1]); n < len(of) {
			return at(of[n], &idp.Error{Code: e.Code, Fields: map[string][]string{m[2]: e.Fields[field]}})
		}
	}
	return err
}
