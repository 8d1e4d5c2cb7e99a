package blueprint

import (
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

func notificationRules() model {
	return noun[idp.NotificationRule, idp.NotificationRuleFilter, *notificationRuleWire]{
		model: notificationRuleModel, title: "Notification rule", resource: idp.ResourceNotification, key: []string{"name"},
		help: "Says who is told of which events, and how. Policies bound to it choose the events.",
		table: func(r idp.Repos) idp.HeldTable[idp.NotificationRule, idp.NotificationRuleID, idp.NotificationRuleFilter] {
			return r.NotificationRules
		},
		pk: func(n *idp.NotificationRule) *idp.NotificationRuleID { return &n.ID },
		fresh: func() (*idp.NotificationRule, *notificationRuleWire) {
			return &idp.NotificationRule{Enabled: true, Severity: idp.SeverityNotice, Transports: []idp.TransportID{}}, &notificationRuleWire{}
		},
		narrow: func(fields map[string]any) idp.NotificationRuleFilter {
			return idp.NotificationRuleFilter{Name: word(fields, "name")}
		},
		page: func(f *idp.NotificationRuleFilter) *idp.Paging { return &f.Paging },
	}
}

type notificationRuleWire struct {
	Name                    string            `json:"name" help:"What the console calls the rule; unique."`
	Transports              []idp.TransportID `json:"transports" ref:"transport" help:"The ways to tell; nobody is told without one."`
	Severity                idp.Severity      `json:"severity" enum:"notice,warning,alert" help:"How urgent it is."`
	DestinationGroup        *idp.GroupID      `json:"destination_group" ref:"group" help:"Whose members are told, subgroups' included."`
	DestinationEventUser    bool              `json:"destination_event_user" help:"Tell whoever acted."`
	DestinationAffectedUser bool              `json:"destination_affected_user" help:"Tell whom the act is about."`
	Enabled                 bool              `json:"enabled" help:"Whether it counts."`
}

func (w *notificationRuleWire) from(r *idp.NotificationRule) {
	*w = notificationRuleWire{r.Name, r.Transports, r.Severity, r.DestinationGroup, r.DestinationEventUser, r.DestinationAffectedUser, r.Enabled}
	if w.Transports == nil {
		w.Transports = []idp.TransportID{}
	}
}

func (w *notificationRuleWire) into(r *idp.NotificationRule) error {
	r.Name, r.Transports, r.Severity, r.DestinationGroup = w.Name, w.Transports, w.Severity, w.DestinationGroup
	r.DestinationEventUser, r.DestinationAffectedUser, r.Enabled = w.DestinationEventUser, w.DestinationAffectedUser, w.Enabled
	return nil
}

func transports() model {
	return noun[idp.Transport, idp.TransportFilter, *transportWire]{
		model: transportModel, title: "Notification transport", help: "A way to tell people of events.", resource: idp.ResourceNotification,
		key: []string{"name"},
		table: func(r idp.Repos) idp.HeldTable[idp.Transport, idp.TransportID, idp.TransportFilter] {
			return r.Transports
		},
		pk: func(t *idp.Transport) *idp.TransportID { return &t.ID },
		fresh: func() (*idp.Transport, *transportWire) {
			return &idp.Transport{Mode: idp.TransportLocal}, &transportWire{}
		},
		narrow: func(fields map[string]any) idp.TransportFilter {
			return idp.TransportFilter{Name: word(fields, "name")}
		},
		page: func(f *idp.TransportFilter) *idp.Paging { return &f.Paging },
		hidden: func(was, now *idp.Transport) []string {
			if secret.Equal(was.WebhookSecret, now.WebhookSecret) {
				return nil
			}
			return []string{"webhook_secret"}
		},
	}
}

// transportWire never shows the secret: it is nil unless a file sets it.
type transportWire struct {
	Name                  string                `json:"name" help:"What the console calls the transport; unique."`
	Mode                  idp.TransportMode     `json:"mode" enum:"local,webhook,webhook_slack,email" help:"local: in the console."`
	WebhookURL            string                `json:"webhook_url" help:"Where webhooks go."`
	WebhookSecret         *string               `json:"webhook_secret,omitempty" secret:"true" help:"What the bodies of webhooks are signed with."`
	WebhookMappingBody    *idp.WebhookMappingID `json:"webhook_mapping_body" ref:"mapping" help:"Makes the body of webhooks."`
	WebhookMappingHeaders *idp.WebhookMappingID `json:"webhook_mapping_headers" ref:"mapping" help:"Makes more headers of webhooks."`
	EmailSubjectPrefix    string                `json:"email_subject_prefix" help:"What subjects of mails begin with."`
	EmailTemplate         string                `json:"email_template" help:"The template of mails; empty: the usual one."`
	SendOnce              bool                  `json:"send_once" help:"Send once for each event, not to each recipient."`
}

func (w *transportWire) from(t *idp.Transport) {
	*w = transportWire{t.Name, t.Mode, t.WebhookURL, nil, t.WebhookMappingBody, t.WebhookMappingHeaders, t.EmailSubjectPrefix, t.EmailTemplate, t.SendOnce}
}

func (w *transportWire) into(t *idp.Transport) error {
	t.Name, t.Mode, t.WebhookURL, t.SendOnce = w.Name, w.Mode, w.WebhookURL, w.SendOnce
	t.WebhookMappingBody, t.WebhookMappingHeaders = w.WebhookMappingBody, w.WebhookMappingHeaders
	t.EmailSubjectPrefix, t.EmailTemplate = w.EmailSubjectPrefix, w.EmailTemplate
	if w.WebhookSecret != nil {
		t.WebhookSecret = *w.WebhookSecret
	}
	return nil
}

func webhookMappings() model {
	return noun[idp.WebhookMapping, idp.WebhookMappingFilter, *webhookMappingWire]{
		model: webhookMappingModel, title: "Webhook mapping", help: "Makes a part of a webhook from an event.", resource: idp.ResourceNotification,
		key: []string{"name"},
		table: func(r idp.Repos) idp.HeldTable[idp.WebhookMapping, idp.WebhookMappingID, idp.WebhookMappingFilter] {
			return r.WebhookMappings
		},
		pk:    func(m *idp.WebhookMapping) *idp.WebhookMappingID { return &m.ID },
		fresh: func() (*idp.WebhookMapping, *webhookMappingWire) { return &idp.WebhookMapping{}, &webhookMappingWire{} },
		narrow: func(fields map[string]any) idp.WebhookMappingFilter {
			return idp.WebhookMappingFilter{Name: word(fields, "name")}
		},
		page: func(f *idp.WebhookMappingFilter) *idp.Paging { return &f.Paging },
	}
}

type webhookMappingWire struct {
	Name       string `json:"name" help:"What the console calls the mapping; unique."`
	Expression string `json:"expression" help:"Gives the body of a webhook, or a mapping of header names and values."`
}

func (w *webhookMappingWire) from(m *idp.WebhookMapping) {
	*w = webhookMappingWire{m.Name, m.Expression}
}

func (w *webhookMappingWire) into(m *idp.WebhookMapping) error {
	m.Name, m.Expression = w.Name, w.Expression
	return nil
}
