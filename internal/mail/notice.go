package mail

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/notify"
)

const (
	// noticeTemplate tells of an event.
	noticeTemplate = "email/event_notification.html"
	noticePrefix   = "Portcullis: "
	// maxSubject is how long a subject is, in characters: mail programs show less.
	maxSubject = 200
	maxBody    = 500
	maxAnswer  = 1000 // characters of a mail server's
	// maxEvent bounds what templates see of an event, in bytes of JSON.
	maxEvent = 64 << 10
)

// Notice is what the template of a notification is filled in with. It has the names
// that Data has, but for those of links with a key.
type Notice struct {
	Subject  string
	URL      string // of the event in the console; "" = it is a test, which is kept nowhere
	User     Person
	Brand    Brand
	Severity idp.Severity
	Rule     string
	Body     string // one line
	Summary  notify.Summary
	Facts    []Fact
	More     int            // facts that are left out
	Event    map[string]any // whole, by the names of the API
	Test     bool
}

// Sender implements notify.Sender: it mails people what happened.
type Sender struct{ Service *Service }

// Send implements notify.Sender.
func (s Sender) Send(ctx context.Context, m *notify.Message) (string, error) {
	switch {
	case !s.Service.Ready():
		return "", fmt.Errorf("no mail server is configured: set smtp_host (PORTCULLIS_SMTP_HOST): %w", notify.ErrFinal)
	case m.User == nil:
		return "", fmt.Errorf("it is for nobody in particular, so there is no address: %w", notify.ErrFinal)
	case m.User.Email == "":
		return "", fmt.Errorf("the account %s has no e-mail address: %w", line(m.User.Username), notify.ErrFinal)
	}
	n := s.notice(m)
	html, text, err := s.fill(cmp.Or(m.Transport.EmailTemplate, noticeTemplate), n)
	if err != nil {
		return "", fmt.Errorf("the template of the mail cannot be used: %w: %w", err, notify.ErrFinal)
	}
	// Every try of a delivery has the same ID, so that whoever gets two sees one; what
	// somebody had sent once more is another mail.
	id := fmt.Sprintf("notification-%d-%s", m.Delivery, m.Event.ID)
	if m.Redelivery > 0 {
		id = fmt.Sprintf("notification-%d.%d-%s", m.Delivery, m.Redelivery, m.Event.ID)
	}
	answer, err := s.Service.Server.Send(ctx, Message{To: m.User.Email, Subject: n.Subject, HTML: html, Text: text,
		ID: messageID(id, s.Service.Server.From)})
	if err == nil {
		return oneLine(answer, maxAnswer), nil
	}
	said := oneLine(err.Error(), maxAnswer) // also what the server said, which may be anything
	var fault *Error
	if errors.As(err, &fault) && fault.Permanent {
		return "", fmt.Errorf("%s: %w", said, notify.ErrFinal)
	}
	return "", errors.New(said)
}

// fill fills in a template, with a text of its own or one made from the page.
func (s Sender) fill(name string, n Notice) (html, text string, err error) {
	if path.Ext(name) != ".html" {
		return "", "", fmt.Errorf("the name of %.100q does not end in .html", name)
	}
	if html, text, err = s.Service.Texts.fill(name, n, ""); err != nil {
		return "", "", err
	}
	if text == "" {
		text = asText(html)
	}
	return printable(html), printable(text), nil
}

// notice is what a mail says.
func (s Sender) notice(m *notify.Message) Notice {
	e := notify.Summarize(m.Event)
	e.Actor, e.Account, e.Client = line(e.Actor), line(e.Account), oneLine(e.Client, maxFact)
	n := Notice{Severity: m.Severity, Rule: oneLine(m.Rule, maxSubject), Body: oneLine(m.Body, maxBody), Summary: e, Test: m.Test,
		User:  Person{Username: line(m.User.Username), Name: line(cmp.Or(m.User.Name, m.User.Username)), Email: m.User.Email},
		Brand: Brand{Title: "Portcullis"}, Event: idp.CleanEvent(m.Event, maxEvent)}
	if title, ok := m.Event.Brand["name"].(string); ok && title != "" {
		n.Brand.Title = line(title)
	}
	alert := ""
	if m.Severity == idp.SeverityAlert {
		alert = "Alert: "
	}
	n.Subject = oneLine(cmp.Or(m.Transport.EmailSubjectPrefix, noticePrefix)+" "+alert+m.Body, maxSubject)
	if at := m.EventPath(); at != "" {
		n.URL = strings.TrimRight(s.Service.Base(), "/") + at
	}
	n.Facts, n.More = factsOf(m.Event.Context)
	return n
}
