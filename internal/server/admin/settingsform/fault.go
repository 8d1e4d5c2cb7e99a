package settingsform

import (
	"errors"

	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// python introduces what somebody meant who wrote Python.
const python = "This looks like Python, which is not the language of expressions here. It means the same as:"

// Offer adds an equivalent that may take the place of what was written.
func Offer(f *ui.Fault, instead string) *ui.Fault {
	f.Instead, f.Hint = instead, python
	return f
}

// FaultOf is what a page shows of an error in an expression, nil without one.
func FaultOf(err error) *ui.Fault {
	if err == nil {
		return nil
	}
	var at *policy.Error
	if !errors.As(err, &at) {
		return &ui.Fault{Message: "The expression could not be evaluated."}
	}
	return &ui.Fault{Message: at.Message, Line: at.Line, Column: at.Column, Excerpt: at.Excerpt, Hint: at.Hint}
}
