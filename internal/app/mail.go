package app

import (
	"context"
	"fmt"
	"io"

	"github.com/portcullis-idp/portcullis/internal/config"
	"github.com/portcullis-idp/portcullis/internal/mail"
)

// post makes the service that sends mail.
func (a *App) post() *mail.Service {
	m := a.Config.Mail
	var told mail.Events
	var stages mail.Stages
	if a.DB != nil { // a test of the mail server needs no database
		told, stages = a.DB.Repos().Events, a.DB.Repos().Stages
	}
	return &mail.Service{Events: told, Stages: stages, Orders: a.Tokens, Texts: mail.NewTemplates(m.TemplatesDir), Base: a.base,
		Server: mail.Server{Host: m.Host, Port: m.Port, Username: m.Username, Password: m.Password, TLS: m.TLS, Timeout: m.Timeout, From: m.From}}
}

// MailTest sends a mail to an address, through the configured server and not
// through the queue, and prints what the server answered. It needs no database.
func MailTest(ctx context.Context, cfg *config.Config, out io.Writer, to string) error {
	post := (&App{Config: cfg}).post()
	answer, err := post.Test(ctx, to)
	if err != nil {
		return fmt.Errorf("sending a mail to %s through %s:%d: %w", to, cfg.Mail.Host, cfg.Mail.Port, err)
	}
	_, err = fmt.Fprintf(out, "%s:%d took the mail to %s and answered: %s\n", cfg.Mail.Host, cfg.Mail.Port, to, answer)
	return err
}
