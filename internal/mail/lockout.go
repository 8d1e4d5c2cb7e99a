package mail

import (
	"context"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// lockoutTemplate is the mail to whose account is locked out.
const lockoutTemplate = "email/account_locked.html"

// What came of telling the owner.
const (
	ownerTold       = "ordered"
	ownerNoServer   = "no mail server is configured"
	ownerNoAddress  = "the account has no e-mail address"
	ownerToldEnough = "the owner was written to often enough"
)

// LockedOut implements lockout.Told. The mail holds no secret: it leads to where the
// owner can ask for a link of their own.
func (s *Service) LockedOut(ctx context.Context, tx idp.Repos, u *idp.User, l *idp.Lockout) (string, error) {
	switch {
	case !s.Ready():
		return ownerNoServer, nil
	case u.Email == "":
		return ownerNoAddress, nil
	}
	said := map[string]any{"until": l.LockedUntil.UTC().Format("15:04 UTC on 2 January 2006"), "attempts": l.Attempts,
		"known": l.DeviceID != nil, "ip": ""}
	if l.TriggerIP.IsValid() {
		said["ip"] = l.TriggerIP.Unmap().String()
	}
	recovery := idp.DesignationRecovery
	flows, err := tx.Flows.Find(ctx, idp.FlowFilter{Designation: &recovery, Paging: idp.Paging{Limit: 1}})
	if err != nil {
		return "", err
	}
	if len(flows.Items) > 0 {
		said["recovery"] = s.Base() + "/flows/-/default/recovery/"
	}
	d := idp.Draft{Subject: "Your account is locked for a while", Template: lockoutTemplate, Context: said}
	html, text, err := s.Fill(d, idp.Addressee{Address: u.Email, Username: u.Username, Name: u.Name})
	if err != nil { // an installation's own template may be broken: nobody is to be let in or kept out by it
		return "the template of the mail cannot be used: " + err.Error(), nil
	}
	err = tx.Jobs.Enqueue(ctx, idp.Job{Kind: idp.JobMessage, Message: &idp.Message{To: u.Email, Subject: d.Subject, Text: text, HTML: html,
		Number: l.ID.UUID(), User: idp.EventUser(u)}})
	if idp.Is(err, idp.CodeRateLimited) {
		return ownerToldEnough, nil
	}
	return ownerTold, err
}
