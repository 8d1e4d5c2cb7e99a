package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/mail"
	"net/textproto"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/portcullis-idp/portcullis/internal/config"
)

// Server is an SMTP server that takes mail from us.
type Server struct {
	Host     string // "" = none
	Port     int
	Username string // "" = without authentication
	Password string
	TLS      string // config.TLSNone, config.TLSStart or config.TLSImplicit
	Timeout  time.Duration
	From     string         // address, or name and address
	Roots    *x509.CertPool // who may have signed its certificate; nil = the system's
}

// patience is how long one mail may take altogether: a job has a minute.
const patience = 50 * time.Second

// Message is a mail about to be sent.
type Message struct {
	To, Subject, HTML, Text string
	Named, CC               []string // whom it says it is to, and who has a copy; none = To, nobody
	ID                      string   // of the mail, without its brackets; "" = a new one
}

// Error says why a mail was not taken.
type Error struct {
	// Permanent means that trying again would end the same way: the server said
	// so (a code of 500 and above, RFC 5321 section 4.2.1), or the mail cannot be
	// written at all.
	Permanent bool
	Err       error
}

// Error implements error.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Send hands the message over and returns the server's answer. Errors are
// *Error.
func (s Server) Send(ctx context.Context, m Message) (answer string, err error) {
	msg, err := s.write(m)
	if err != nil {
		return "", &Error{Permanent: true, Err: err}
	}
	client, err := s.client()
	if err != nil {
		return "", &Error{Permanent: true, Err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, min(3*s.Timeout, patience))
	defer cancel()
	smtp, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return "", fault(err)
	}
	err = client.SendWithSMTPClient(smtp, msg)
	closing := client.CloseWithSMTPClient(smtp)
	if msg.IsDelivered() { // what goes wrong after the server has taken it is not worth a second mail
		return strings.TrimSpace(msg.ServerResponse()), nil
	}
	return "", fault(errors.Join(err, closing))
}

// write makes a message of two alternatives.
func (s Server) write(m Message) (*gomail.Msg, error) {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := msg.From(s.From); err != nil {
		return nil, fmt.Errorf("sender %q: %w", s.From, err)
	}
	if err := address(msg, m); err != nil {
		return nil, fmt.Errorf("recipient: %w", err)
	}
	msg.Subject(m.Subject)
	if m.ID == "" {
		msg.SetMessageID()
	} else {
		msg.SetMessageIDWithValue(m.ID)
	}
	msg.SetDate()
	// Nobody's holiday notice answers (RFC 3834).
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	}
	return msg, nil
}

// address says whom the message goes to, and whom it names.
func address(msg *gomail.Msg, m Message) error {
	if len(m.Named) == 0 {
		return msg.AddTo(m.To)
	}
	// What is blind is the only recipient: each copy goes to one of those it
	// names, or to somebody it does not.
	if err := msg.AddBcc(m.To); err != nil {
		return err
	}
	for name, list := range map[gomail.Header][]string{"To": m.Named, "Cc": m.CC} {
		var written []string
		for _, one := range list {
			parsed, err := mail.ParseAddress(one)
			if err != nil {
				return fmt.Errorf("%.100q: %w", one, err)
			}
			written = append(written, parsed.String())
		}
		if len(written) > 0 {
			msg.SetGenHeader(name, written...)
		}
	}
	return nil
}

func (s Server) client() (*gomail.Client, error) {
	options := []gomail.Option{gomail.WithPort(s.Port), gomail.WithTimeout(s.Timeout),
		gomail.WithTLSConfig(&tls.Config{ServerName: s.Host, RootCAs: s.Roots, MinVersion: tls.VersionTLS12})}
	switch s.TLS {
	case config.TLSImplicit:
		options = append(options, gomail.WithSSL())
	case config.TLSStart:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case config.TLSNone:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		return nil, fmt.Errorf("there is no transport security %q", s.TLS)
	}
	if s.Username != "" {
		// Of what the server offers, the safest; never a password in clear text
		// over an open line.
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(s.Username), gomail.WithPassword(s.Password))
	}
	return gomail.NewClient(s.Host, options...)
}

// fault sorts what went wrong by whether trying again may help. Only what the
// server itself calls permanent is: a refused connection may be a restart, a
// refused login a password that is being changed.
func fault(err error) error {
	var sent *gomail.SendError
	var reply *textproto.Error
	permanent := false
	switch {
	case errors.As(err, &sent):
		permanent = sent.ErrorCode() >= 500 || sent.Reason == gomail.ErrGetRcpts || sent.Reason == gomail.ErrGetSender
	case errors.As(err, &reply):
		permanent = reply.Code >= 550 && reply.Code < 560
	}
	return &Error{Permanent: permanent, Err: err}
}
