package admin

import (
	"cmp"
	"fmt"
	"net/http"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/internal/stages/identification"
	"github.com/portcullis-idp/portcullis/internal/token"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// recoveryMail is how a recovery link is sent to somebody.
type recoveryMail struct {
	Stage  idp.StageID // of the brand's recovery flow
	Reason string      // why none can be sent; "" = it can
}

// recoveryMailOf finds the stage of the brand's recovery flow that sends links.
func (c *Console) recoveryMailOf(r *http.Request, u *idp.User) (recoveryMail, error) {
	id := web.Brand(r).FlowRecovery
	if id == nil {
		return recoveryMail{Reason: "No recovery flow set on this brand. Choose one under System > Brands."}, nil
	}
	mailing, err := identification.MailingOf(r.Context(), c.store.Repos(), *id)
	if err != nil {
		return recoveryMail{}, fmt.Errorf("looking for the stage that sends recovery links: %w", err)
	}
	switch {
	case mailing == nil:
		return recoveryMail{Reason: "The recovery flow of this brand has no email stage."}, nil
	case mailing.Global && !c.mailReady():
		return recoveryMail{Reason: "No mail server is configured: set smtp_host (PORTCULLIS_SMTP_HOST)."}, nil
	case u.Email == "":
		return recoveryMail{Reason: "This account has no e-mail address."}, nil
	}
	return recoveryMail{Stage: mailing.Stage}, nil
}

func (c *Console) mailReady() bool { return c.mails == nil || c.mails() }

// recoveryMail asks before a recovery link is sent, and orders the mail.
func (c *Console) recoveryMail(w http.ResponseWriter, r *http.Request) error {
	d, err := c.load(r)
	if err != nil {
		return err
	}
	at := userPath(d.User.ID)
	if why := cmp.Or(d.reasons(r).Recovery, d.Mail.Reason); why != "" {
		return page.Refused(w, r, idp.Invalid("", "%s", why), at)
	}
	switch yes, err := page.Confirmed(r); {
	case err != nil:
		return err
	case !yes:
		return page.AskInConsole(w, r, userCrumbs(d.User, "Email recovery link"), ui.ConfirmProps{
			Title: "Email a recovery link to " + d.User.DisplayName() + "?", Submit: "Email recovery link", Action: at + "recovery-email/", Back: at,
			Text: "It goes to " + d.User.Email + ". Whoever reads that mailbox can set a new password, once and within " + hours(recoveryLifetime) + ". A link that was mailed before stops working."})
	}
	err = c.tokens.RecoveryMail(r.Context(), web.Actor(r), d.User.ID, web.Brand(r), d.Mail.Stage, token.LinkTerms{Lifetime: recoveryLifetime})
	if err != nil {
		return page.Refused(w, r, err, at)
	}
	web.Flash(r.Context(), web.ToneSuccess, "A recovery link is on its way to "+d.User.Email+".")
	return web.Redirect(w, r, at)
}

// recoveryWarning says that people cannot recover their accounts by themselves for want
// of a mail server; strangers are not told. nil = they can, or are offered nothing.
func (c *Console) recoveryWarning(r *http.Request) (templ.Component, error) {
	id := web.Brand(r).FlowRecovery
	if c.mailReady() || id == nil || !web.May(r, idp.VerbList, idp.ResourceStage) {
		return nil, nil
	}
	mailing, err := identification.MailingOf(r.Context(), c.store.Repos(), *id)
	if err != nil || mailing == nil || !mailing.Global {
		return nil, err
	}
	return ui.Alert(ui.AlertProps{Tone: ui.ToneInfo, Title: "“Forgot your password?” is not offered",
		Text: "No mail server is configured, so nobody can be sent a link. Set smtp_host (PORTCULLIS_SMTP_HOST), or make recovery links on the pages of users."}), nil
}
