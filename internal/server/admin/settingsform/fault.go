package settingsform

import (
	"errors"

	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// FaultOf is what a page shows of an error in an expression, nil without one.
// source is the expression.
func FaultOf(err error, source string) *ui.Fault {
	if err == nil {
		return nil
	}
	var at *policy.Error
	if !errors.As(err, &at) {
		return &ui.Fault{Message: "The expression could not be evaluated."}
	}
	return &ui.Fault{Message: at.Message, Line: at.Line, Column: at.Column, Excerpt: at.Excerpt, Hint: at.Hint}
}
