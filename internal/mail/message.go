package mail

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/mail"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/stages/email"
)

// Events takes what became of a message; idp.Events does.
type Events interface {
	Append(ctx context.Context, e *idp.Event) error
}

// What speaks in the events of messages: of policies, and of the product.
const (
	messageApp = "authentik.policies"
	noticeApp  = "portcullis.mail"
)

// Stages has the stages through whose mail server a message may go; idp.Stages
// does.
type Stages interface {
	Get(ctx context.Context, id idp.StageID) (*idp.Stage, error)
}

// DeliverMessage sends a mail that a policy ordered. What can never be delivered
// is an event and no error. An error means that it may be tried again; last says
// that it will not be.
func (s *Service) DeliverMessage(ctx context.Context, m idp.Message, last bool) error {
	server, err := s.serverOf(ctx, m)
	switch {
	case errors.Is(err, errMisconfigured):
		return s.told(ctx, m, idp.ActionConfigError, map[string]any{
			"message": "A policy's email could not be sent: the configuration is wrong.", "exception": err.Error()})
	case err != nil && !last:
		return fmt.Errorf("finding the mail server for a mail of policy %q: %w", m.Policy, err)
	}
	var answer string
	if err == nil {
		answer, err = server.Send(ctx, out(m, server.From))
	}
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

// errMisconfigured is the cause of whatever trying again does not mend.
var errMisconfigured = errors.New("")

// serverOf is the mail server for a message.
func (s *Service) serverOf(ctx context.Context, m idp.Message) (Server, error) {
	if m.Stage == (idp.StageID{}) {
		if !s.Ready() {
			return Server{}, fmt.Errorf("%s%w", email.NoServer, errMisconfigured)
		}
		return s.Server, nil
	}
	stage, err := s.Stages.Get(ctx, m.Stage)
	switch {
	case idp.Is(err, idp.CodeNotFound):
		return Server{}, fmt.Errorf("the email stage that it was to go through is not there any more%w", errMisconfigured)
	case err != nil:
		return Server{}, err
	}
	settings, err := email.Read(stage.Settings)
	if err != nil {
		return Server{}, fmt.Errorf("stage %q: %w%w", stage.Name, err, errMisconfigured)
	}
	server, err := s.server(stage, settings)
	switch {
	case err != nil:
		return Server{}, fmt.Errorf("%w%w", err, errMisconfigured)
	case server.Host == "":
		return Server{}, fmt.Errorf("%s%w", email.NoServer, errMisconfigured)
	}
	return server, nil
}

// out is a message as it is sent. Every copy and every try has the same ID, so
// that whoever gets two sees one.
func out(m idp.Message, from string) Message {
	sent := Message{To: m.To, Named: m.Named, CC: m.CC, Subject: subjectLine(m.Subject), Text: m.Text, HTML: m.HTML}
	if sent.HTML == "" {
		sent.HTML = escaped(m.Text)
	}
	if m.Number != (idp.UUID{}) {
		sent.ID = messageID(m.Number.String(), from)
	}
	return sent
}

// messageID is the ID of a mail by its sender; "" where that is no address.
func messageID(name, from string) string {
	parsed, err := mail.ParseAddress(from)
	if err != nil {
		return ""
	}
	_, domain, _ := strings.Cut(parsed.Address, "@")
	return name + "@" + domain
}

// told writes the event.
func (s *Service) told(ctx context.Context, m idp.Message, action idp.Action, facts map[string]any) error {
	if s.Events == nil {
		return nil
	}
	facts["to_email"], facts["subject"] = m.To, m.Subject
	app := messageApp
	if m.Policy != "" {
		facts["policy"] = m.Policy
	} else {
		app = noticeApp
		facts["message"] = strings.Replace(facts["message"].(string), "A policy's email", "An email", 1)
	}
	if len(m.CC) > 0 {
		facts["cc"] = m.CC
	}
	e := action.Event(app, idp.SystemActor(), nil, facts)
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
