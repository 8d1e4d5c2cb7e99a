package mail

import (
	"context"

	"github.com/google/uuid"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// restoredTemplate is the mail to whose account is back after a lockdown.
const restoredTemplate = "email/account_restored.html"

// Restored implements restore.Post. The mail holds no secret: a recovery link comes in
// one of its own. Errors: CodeInvalid when the installation's own template cannot be used;
// CodeRateLimited.
func (s *Service) Restored(ctx context.Context, tx idp.Repos, u *idp.User, link bool) error {
	said := map[string]any{"link": link, "password": u.RenewPassword, "factor": u.RenewFactor, "sign_in": s.Base() + "/"}
	if s.Base() == "" {
		said["sign_in"] = ""
	}
	d := idp.Draft{Subject: "You can use your account again", Template: restoredTemplate, Context: said}
	html, text, err := s.Fill(d, idp.Addressee{Address: u.Email, Username: u.Username, Name: u.Name})
	if err != nil {
		return idp.Invalid("", "The template of the mail cannot be used: %s", err.Error())
	}
	return tx.Jobs.Enqueue(ctx, idp.Job{Kind: idp.JobMessage, Message: &idp.Message{To: u.Email, Subject: d.Subject, Text: text, HTML: html,
		Number: uuid.New(), User: idp.EventUser(u)}})
}
