package configure

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

const maxTransports = 50 // of one rule

// CreateNotificationRule makes a rule. Errors: CodeForbidden; CodeInvalid on the field
// concerned.
func (s *Service) CreateNotificationRule(ctx context.Context, actor idp.Actor, r idp.NotificationRule) (*idp.NotificationRule, error) {
	return create(ctx, s, s.notificationRules(), actor, r)
}

// UpdateNotificationRule changes a rule as it is now. mutate may run again. Errors:
// CodeForbidden; CodeNotFound; CodeInvalid on the field concerned; what mutate returns.
func (s *Service) UpdateNotificationRule(ctx context.Context, actor idp.Actor, id idp.NotificationRuleID, mutate func(*idp.NotificationRule) error) (*idp.NotificationRule, error) {
	return update(ctx, s, s.notificationRules(), actor, id, mutate)
}

// DeleteNotificationRule deletes a rule, and what is bound to it; what it has queued is
// sent. Errors: CodeForbidden; CodeNotFound.
func (s *Service) DeleteNotificationRule(ctx context.Context, actor idp.Actor, id idp.NotificationRuleID) error {
	return remove(ctx, s, s.notificationRules(), actor, id)
}

func (s *Service) notificationRules() noun[idp.NotificationRule] {
	return noun[idp.NotificationRule]{
		what: "notification rule", resource: idp.ResourceNotification,
		rows:  func(tx idp.Repos) rows[idp.NotificationRule] { return tx.NotificationRules },
		id:    func(r *idp.NotificationRule) *idp.NotificationRuleID { return &r.ID },
		model: func(*idp.NotificationRule) string { return "authentik_events.notificationrule" },
		name:  func(_ context.Context, _ idp.Repos, r *idp.NotificationRule) (string, error) { return r.Name, nil },
		fields: func(r *idp.NotificationRule) map[string]any {
			return map[string]any{"name": r.Name, "enabled": r.Enabled, "severity": r.Severity, "destination_group": r.DestinationGroup,
				"destination_event_user": r.DestinationEventUser, "destination_affected_user": r.DestinationAffectedUser, "transports": r.Transports}
		},
		judge: judgeNotificationRule,
		// Whoever says who is told of events may read them. A rule that is switched off
		// is judged no more, so what was wrong with it then says nothing.
		room: func(ctx context.Context, tx idp.Repos, actor idp.Actor, was, r *idp.NotificationRule) error {
			if err := s.d.Access.Check(actor, idp.VerbRead, idp.Object{Resource: idp.ResourceEvent}); err != nil {
				return err
			}
			if was == nil || r.Enabled || r.Fault == "" {
				return nil
			}
			r.Fault = ""
			return tx.NotificationRules.Faulted(ctx, r.ID, "")
		},
	}
}

func judgeNotificationRule(ctx context.Context, tx idp.Repos, _, r *idp.NotificationRule) error {
	var faults idp.Faults
	faults.Line("name", r.Name, maxName, false)
	if r.Severity == "" {
		r.Severity = idp.SeverityNotice
	}
	idp.Choice(&faults, "severity", r.Severity, idp.Severities())
	if r.DestinationGroup != nil {
		if _, err := pointing(ctx, &faults, "destination_group", *r.DestinationGroup, tx.Groups.Get); err != nil {
			return err
		}
	}
	if len(r.Transports) > maxTransports {
		faults.Add("transports", "Ensure this list has no more than %d entries.", maxTransports)
		return faults.Err()
	}
	seen := map[idp.TransportID]bool{}
	once := r.Transports[:0:0]
	for _, id := range r.Transports {
		if seen[id] {
			continue
		}
		seen[id] = true
		once = append(once, id)
		if _, err := pointing(ctx, &faults, "transports", id, tx.Transports.Get); err != nil {
			return err
		}
	}
	r.Transports = once
	return faults.Err()
}

// CreateTransport makes a transport. Its secret is in clear, and sealed. Errors:
// CodeForbidden; CodeInvalid on the field concerned.
func (s *Service) CreateTransport(ctx context.Context, actor idp.Actor, t idp.Transport) (*idp.Transport, error) {
	return create(ctx, s, s.transports(), actor, t)
}

// UpdateTransport changes a transport as it is now; a secret that mutate sets is in
// clear. mutate may run again. Errors: CodeForbidden; CodeNotFound; CodeInvalid on the
// field concerned; what mutate returns.
func (s *Service) UpdateTransport(ctx context.Context, actor idp.Actor, id idp.TransportID, mutate func(*idp.Transport) error) (*idp.Transport, error) {
	return update(ctx, s, s.transports(), actor, id, mutate)
}

// DeleteTransport deletes a transport and takes it out of rules. Errors: CodeForbidden;
// CodeNotFound.
func (s *Service) DeleteTransport(ctx context.Context, actor idp.Actor, id idp.TransportID) error {
	return remove(ctx, s, s.transports(), actor, id)
}

func (s *Service) transports() noun[idp.Transport] {
	return noun[idp.Transport]{
		what: "transport", resource: idp.ResourceNotification,
		rows:  func(tx idp.Repos) rows[idp.Transport] { return tx.Transports },
		id:    func(t *idp.Transport) *idp.TransportID { return &t.ID },
		model: func(*idp.Transport) string { return "authentik_events.notificationtransport" },
		name:  func(_ context.Context, _ idp.Repos, t *idp.Transport) (string, error) { return t.Name, nil },
		fields: func(t *idp.Transport) map[string]any {
			return map[string]any{"name": t.Name, "mode": t.Mode, "webhook_url": t.WebhookURL, "webhook_secret": t.WebhookSecret,
				"webhook_mapping_body": t.WebhookMappingBody, "webhook_mapping_headers": t.WebhookMappingHeaders,
				"email_subject_prefix": t.EmailSubjectPrefix, "email_template": t.EmailTemplate, "send_once": t.SendOnce}
		},
		judge: s.judgeTransport,
		// Whoever says where events go reads them there.
		room: func(_ context.Context, _ idp.Repos, actor idp.Actor, _, _ *idp.Transport) error {
			return s.d.Access.Check(actor, idp.VerbRead, idp.Object{Resource: idp.ResourceEvent})
		},
	}
}

const (
	maxSecret = 256
)

func (s *Service) judgeTransport(ctx context.Context, tx idp.Repos, was, t *idp.Transport) error {
	var faults idp.Faults
	faults.Line("name", t.Name, maxName, false)
	idp.Choice(&faults, "mode", t.Mode, idp.TransportModes())
	t.WebhookURL = strings.TrimSpace(t.WebhookURL)
	if faults.Line("webhook_url", t.WebhookURL, maxAddress, !t.Mode.Hooks()) && t.WebhookURL != "" {
		switch u, err := url.Parse(t.WebhookURL); {
		case strings.ContainsFunc(t.WebhookURL, blank):
			faults.Add("webhook_url", "An address has no white space and no control characters. Write %%20 for a space.")
		case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
			faults.Add("webhook_url", "Enter a valid URL, such as https://chat.example.com/hooks/security.")
		case u.User != nil:
			faults.Add("webhook_url", "A name and a password in the address would be shown with it. Send them in a header, by a mapping.")
		case u.Fragment != "":
			faults.Add("webhook_url", "What follows # is never sent. Leave it out.")
		}
	}
	faults.Line("email_subject_prefix", t.EmailSubjectPrefix, maxName, true)
	if faults.Line("email_template", t.EmailTemplate, maxName, true) && (was == nil || was.EmailTemplate != t.EmailTemplate) {
		if err := s.judgeTemplate(&faults, t.EmailTemplate); err != nil {
			return err
		}
	}
	for _, m := range []struct {
		field string
		id    *idp.WebhookMappingID
	}{{"webhook_mapping_body", t.WebhookMappingBody}, {"webhook_mapping_headers", t.WebhookMappingHeaders}} {
		if m.id == nil {
			continue
		}
		if _, err := pointing(ctx, &faults, m.field, *m.id, tx.WebhookMappings.Get); err != nil {
			return err
		}
	}
	if was == nil || was.WebhookSecret != t.WebhookSecret {
		faults.Line("webhook_secret", t.WebhookSecret, maxSecret, true)
	}
	if err := faults.Err(); err != nil {
		return err
	}
	s.sealTransport(was, t)
	return nil
}

// blank reports whether a character shows as nothing.
func blank(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
}

// judgeTemplate refuses a template that there is none of; "" is the usual one.
func (s *Service) judgeTemplate(faults *idp.Faults, name string) error {
	if name == "" || s.d.NoticeTemplates == nil {
		return nil
	}
	all, err := s.d.NoticeTemplates()
	if err == nil && !slices.Contains(all, name) {
		faults.Add("email_template", "There is no such template. Expected one of: %s; or nothing, for the usual one.", strings.Join(all, ", "))
	}
	return err
}

// transportUse is what secrets of transports are sealed for.
const transportUse = "transport "

// sealTransport seals a secret that is new. Only what this transport held already is
// believed to be sealed: anybody can type a text that looks so.
func (s *Service) sealTransport(was, t *idp.Transport) {
	if s.d.Sealer == nil || t.WebhookSecret == "" || was != nil && was.WebhookSecret == t.WebhookSecret {
		return
	}
	if t.ID.IsZero() {
		t.ID = idp.NewID[idp.Transport]()
	}
	purpose := TransportSecretUse(t.ID)
	if was != nil && secret.IsSealed(was.WebhookSecret) {
		if plain, err := s.d.Sealer.OpenText(purpose, was.WebhookSecret); err == nil && secret.Equal(plain, t.WebhookSecret) {
			t.WebhookSecret = was.WebhookSecret
			return
		}
	}
	t.WebhookSecret = s.d.Sealer.SealText(purpose, t.WebhookSecret)
}

// TransportSecretUse is what the secret of a transport is sealed for.
func TransportSecretUse(id idp.TransportID) string { return transportUse + id.String() }

// CreateWebhookMapping makes a mapping. Errors: CodeForbidden; CodeInvalid on the field
// concerned, also when the expression cannot be compiled.
func (s *Service) CreateWebhookMapping(ctx context.Context, actor idp.Actor, m idp.WebhookMapping) (*idp.WebhookMapping, error) {
	return create(ctx, s, s.webhookMappings(), actor, m)
}

// UpdateWebhookMapping changes a mapping as it is now. mutate may run again. Errors:
// CodeForbidden; CodeNotFound; CodeInvalid on the field concerned; what mutate returns.
func (s *Service) UpdateWebhookMapping(ctx context.Context, actor idp.Actor, id idp.WebhookMappingID, mutate func(*idp.WebhookMapping) error) (*idp.WebhookMapping, error) {
	return update(ctx, s, s.webhookMappings(), actor, id, mutate)
}

// DeleteWebhookMapping deletes a mapping; transports that used it send what is usual.
// Errors: CodeForbidden; CodeNotFound.
func (s *Service) DeleteWebhookMapping(ctx context.Context, actor idp.Actor, id idp.WebhookMappingID) error {
	return remove(ctx, s, s.webhookMappings(), actor, id)
}

func (s *Service) webhookMappings() noun[idp.WebhookMapping] {
	return noun[idp.WebhookMapping]{
		what: "webhook mapping", resource: idp.ResourceNotification,
		rows:  func(tx idp.Repos) rows[idp.WebhookMapping] { return tx.WebhookMappings },
		id:    func(m *idp.WebhookMapping) *idp.WebhookMappingID { return &m.ID },
		model: func(*idp.WebhookMapping) string { return "authentik_events.notificationwebhookmapping" },
		name:  func(_ context.Context, _ idp.Repos, m *idp.WebhookMapping) (string, error) { return m.Name, nil },
		fields: func(m *idp.WebhookMapping) map[string]any {
			return map[string]any{"name": m.Name, "expression": m.Expression}
		},
		judge: func(_ context.Context, _ idp.Repos, _, m *idp.WebhookMapping) error {
			var faults idp.Faults
			faults.Line("name", m.Name, maxName, false)
			if faults.Text("expression", m.Expression, maxText, false) {
				if err := policy.CheckMapping(m.Expression); err != nil {
					return err
				}
			}
			return faults.Err()
		},
	}
}
