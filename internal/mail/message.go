package mail

import (
	"context"
	"errors"
	"fmt"
	"html"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/stages/email"
)

// Events takes what became of a message; idp.Events does.
type Events interface {
	Append(ctx context.Context, e *idp.Event) error
}

// messageApp is what speaks in the events of messages.
const messageApp = "authentik.policies"

// DeliverMessage sends a mail in plain text. What can never be delivered is an
// event and no error. An error means that it may be tried again; last says that
// it will not be.
func (s *Service) DeliverMessage(ctx context.Context, m idp.Message, last bool) error {
	if !s.Ready() {
		return s.told(ctx, m, idp.ActionConfigError, map[string]any{
			"message": "A policy's email could not be sent: the configuration is wrong.", "exception": email.NoServer})
	}
	answer, err := s.Server.Send(ctx, Message{To: m.To, Subject: subjectLine(m.Subject), Text: m.Text, HTML: escaped(m.Text)})
	var fault *Error
	switch {
	case err == nil:
		return s.told(ctx, m, idp.ActionEmailSent, map[string]any{"message": "A policy's email was sent.", "answer": answer})
	case last, errors.As(err, &fault) && fault.Permanent:
		return s.told(ctx, m, idp.ActionSystemException, map[string]any{
			"message": "A policy's email could not be delivered.", "exception": err.Error()})
	}
	return fmt.Errorf("sending a mail of policy %q: %w", m.Policy, err)
}

// told writes the event.
func (s *Service) told(ctx context.Context, m idp.Message, action idp.Action, facts map[string]any) error {
	if s.Events == nil {
		return nil
	}
	facts["to_email"], facts["subject"], facts["policy"] = m.To, m.Subject, m.Policy
	e := idp.NewEvent(action, messageApp, idp.SystemActor(), nil, facts)
	if m.User != nil {
		e.User = m.User
	}
	if err := s.Events.Append(ctx, e); err != nil {
		return fmt.Errorf("noting what became of a mail: %w", err)
	}
	return nil
}

// subjectLine leaves no line break to whatever writes the header.
func subjectLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// escaped is a text as HTML that says the same and nothing more.
func escaped(text string) string {
	return `<!DOCTYPE html><html><body><p style="white-space: pre-wrap">` + html.EscapeString(text) + "</p></body></html>\n"
}
