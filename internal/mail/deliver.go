package mail

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/portcullis-idp/portcullis/internal/config"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
	"github.com/portcullis-idp/portcullis/internal/stages/email"
	"github.com/portcullis-idp/portcullis/internal/token"
)

// Orders are the links that are to be sent; token.Service keeps them.
type Orders interface {
	MailLink(ctx context.Context, id idp.LinkID) (*token.Letter, error)
	MailSent(ctx context.Context, letter *token.Letter, facts map[string]any) error
	MailFailed(ctx context.Context, letter *token.Letter, action idp.Action, facts map[string]any) error
}

// Service sends mail.
type Service struct {
	Orders Orders
	Texts  *Templates
	Server Server         // of the installation; without a host, only stages with one of their own send
	Sealer *secret.Sealer // opens passwords of stages; nil = only those that are not sealed open
	Events Events         // of messages; nil = they are told to nobody
	Stages Stages         // that messages may go through
	Base   func() string  // put in front of links, such as https://id.example.org; never what a request said
}

// Ready reports whether the installation has a mail server.
func (s *Service) Ready() bool { return s.Server.Host != "" }

// Templates lists the texts that a stage can name, and what they are.
func (s *Service) Templates() (names, descriptions []string, err error) {
	list, err := s.Texts.List()
	for _, c := range list {
		names, descriptions = append(names, c.Name), append(descriptions, c.Description)
	}
	return names, descriptions, err
}

// Has implements email.Post.
func (s *Service) Has(template string) bool { return s.Texts.Has(template) }

// Deliver sends the mail of a link, if it is still to be sent: the key is made
// now, and that of an earlier try stops working. What can never be delivered is
// an event and no error. An error means that it may be tried again; last says
// that it will not be.
func (s *Service) Deliver(ctx context.Context, id idp.LinkID, last bool) error {
	letter, err := s.Orders.MailLink(ctx, id)
	if err != nil || letter == nil {
		return err
	}
	settings, err := email.Read(letter.Stage.Settings)
	if err != nil {
		return s.misconfigured(ctx, letter, err)
	}
	server, err := s.server(letter.Stage, settings)
	if err != nil {
		return s.misconfigured(ctx, letter, err)
	}
	if server.Host == "" {
		return s.misconfigured(ctx, letter, errors.New(email.NoServer))
	}
	m := Message{To: letter.To, Subject: settings.Subject}
	if m.HTML, m.Text, err = s.Texts.Fill(settings.Template, s.data(letter, settings)); err != nil {
		return s.misconfigured(ctx, letter, err)
	}
	answer, err := server.Send(ctx, m)
	var fault *Error
	switch {
	case err == nil:
		return s.Orders.MailSent(ctx, letter, map[string]any{"message": "An email with a link was sent.", "to_email": letter.To,
			"subject": settings.Subject, "template": settings.Template, "answer": answer})
	case last, errors.As(err, &fault) && fault.Permanent:
		return s.Orders.MailFailed(ctx, letter, idp.ActionSystemException, map[string]any{
			"message": "An email with a link could not be delivered.", "to_email": letter.To, "exception": err.Error()})
	}
	return fmt.Errorf("sending the mail of link %s: %w", id, err)
}

func (s *Service) misconfigured(ctx context.Context, letter *token.Letter, cause error) error {
	return s.Orders.MailFailed(ctx, letter, idp.ActionConfigError, map[string]any{
		"message": "An email with a link could not be sent: the configuration is wrong.", "exception": cause.Error()})
}

// server is where a stage's mail goes.
func (s *Service) server(stage *idp.Stage, settings *email.Settings) (Server, error) {
	if settings.UseGlobalSettings {
		return s.Server, nil
	}
	password, err := s.password(stage, settings.Password)
	if err != nil {
		return Server{}, err
	}
	own := Server{Host: settings.Host, Port: settings.Port, Username: settings.Username, Password: password,
		TLS: config.TLSNone, Timeout: settings.Wait(), From: settings.FromAddress, Roots: s.Server.Roots}
	switch {
	case settings.UseSSL:
		own.TLS = config.TLSImplicit
	case settings.UseTLS:
		own.TLS = config.TLSStart
	}
	return own, nil
}

func (s *Service) data(letter *token.Letter, settings *email.Settings) Data {
	base := strings.TrimRight(s.Base(), "/")
	u := letter.User
	d := Data{Subject: settings.Subject, URL: base + letter.Path, Expires: email.InWords(letter.Link.Lifetime), Once: !letter.Link.Reusable,
		User:  Person{Username: line(u.Username), Name: line(u.DisplayName()), Email: letter.To},
		Brand: Brand{Title: "Portcullis"}}
	if b := letter.Brand; b != nil {
		if b.Title != "" {
			d.Brand.Title = line(b.Title)
		}
		switch {
		case strings.HasPrefix(b.Logo, "https://"), strings.HasPrefix(b.Logo, "http://"):
			d.Brand.Logo = b.Logo
		case strings.HasPrefix(b.Logo, "/") && !strings.HasPrefix(b.Logo, "//"):
			d.Brand.Logo = base + b.Logo
		}
	}
	return d
}

// maxName is how much of a name goes into a mail, in characters: names are
// chosen by people, and must not tell a story.
const maxName = 64

// line makes one short line of a name.
func line(s string) string { return oneLine(s, maxName) }

// oneLine makes one line of a text, of no more than so many characters.
func oneLine(s string, most int) string {
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "\uFFFD"), unshown), " ")
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// unshown reports whether a character has no place in a line: what separates words,
// and what changes how the rest is read.
func unshown(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
}

// Test sends a mail that says that mail works, and returns the server's answer.
func (s *Service) Test(ctx context.Context, to string) (string, error) {
	if !s.Ready() {
		return "", errors.New(email.NoServer)
	}
	return s.Server.Send(ctx, Message{To: to, Subject: "Test of Portcullis",
		Text: "Mail from Portcullis arrives here.\n\n" + s.Base() + "\n"})
}
