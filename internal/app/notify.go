package app

import (
	"net"

	"github.com/portcullis-idp/portcullis/internal/cli"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/mail"
	"github.com/portcullis-idp/portcullis/internal/notify"
	"github.com/portcullis-idp/portcullis/internal/policies"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/webhook"
)

// notifier makes what tells people of events. Its policies may look, not act: what
// they did would be an event that they are asked about in turn.
func (a *App) notifier() *notify.Service {
	hooks := webhook.New(webhook.Config{Version: cli.Version, Base: a.base, Sealer: a.Mail.Sealer, Allow: a.Config.WebhookAllow, Resolver: net.DefaultResolver})
	return notify.New(notify.Deps{Store: a.DB, Access: a.Access, Log: a.Log, MailReady: a.Mail.Ready,
		Engine:  policy.NewEngine(a.policyKinds).With(policies.Directory{Store: a.DB}).Locating(a.Geo),
		Senders: map[idp.TransportMode]notify.Sender{idp.TransportWebhook: hooks, idp.TransportSlack: hooks, idp.TransportEmail: mail.Sender{Service: a.Mail}}})
}
