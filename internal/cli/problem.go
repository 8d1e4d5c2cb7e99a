package cli

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// plainError says what somebody has to know of an error, and no more.
type plainError struct {
	text string
	err  error
}

func (e *plainError) Error() string { return e.text }
func (e *plainError) Unwrap() error { return e.err }

// speaking are fields whose messages need no name in front.
var speaking = map[string]bool{idp.NonField: true, "target": true, "locking_mode": true}

// useMarked is what to do about a token that may not do what takes a fresh proof.
const useMarked = "Use a token that is marked “Allowed without a fresh sign-in”: somebody who is signed in marks one in the console under Directory > Tokens, or makes one there. On the server's own shell no token is needed."

// plain leaves out of an error on which way it came, which is nothing to whoever
// asked; faults of ours keep everything.
func plain(err error) error {
	var e *idp.Error
	var usage *usageError
	var already *plainError
	if err == nil || !errors.As(err, &e) || errors.As(err, &usage) || errors.As(err, &already) {
		return err
	}
	var parts []string
	switch e.Code {
	case idp.CodeInternal, idp.CodeUnavailable:
		return err
	case idp.CodeInvalid:
		for _, field := range slices.Sorted(maps.Keys(e.Fields)) {
			for _, message := range e.Fields[field] {
				if !speaking[field] {
					message = field + ": " + message
				}
				parts = append(parts, message)
			}
		}
	}
	if len(parts) == 0 {
		parts = []string{e.Message}
	}
	if e.Code == idp.CodeStepUp {
		parts = append(parts, useMarked)
	}
	for i, text := range parts {
		parts[i] = printableText(text)
	}
	return &plainError{strings.Join(parts, "\n"), err}
}

// printableText keeps a text from steering the terminal.
func printableText(s string) string {
	return strings.Map(func(c rune) rune {
		if c != '\n' && (c < ' ' || c >= 0x7f && c < 0xa0) {
			return '\ufffd'
		}
		return c
	}, s)
}

// absent names what was not found, where the error does not.
func absent(err error, what, name string) error {
	var e *idp.Error
	if errors.As(err, &e) && e.Code == idp.CodeNotFound && (e.Message == "Not found." || strings.HasSuffix(e.Message, " matches.")) {
		return &idp.Error{Code: idp.CodeNotFound, Message: what + " \"" + name + "\" not found"}
	}
	return err
}
