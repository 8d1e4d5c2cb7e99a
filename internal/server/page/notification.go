package page

import (
	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// The addresses of what is about notifications: somebody's own, and who is told of
// what, and how.
const (
	NotificationsPath     = AccountPath + "notifications/"
	BellPath              = NotificationsPath + "live/"
	NotificationRulesPath = AdminPath + "notification-rules/"
	TransportsPath        = AdminPath + "notification-transports/"
	WebhookMappingsPath   = AdminPath + "property-mappings/"
	DeliveriesPath        = AdminPath + "deliveries/"
)

// NotificationRulePath is the page of a rule.
func NotificationRulePath(id idp.NotificationRuleID) string {
	return NotificationRulesPath + id.String() + "/"
}

// TransportPath is the page of a transport.
func TransportPath(id idp.TransportID) string { return TransportsPath + id.String() + "/" }

// Severities are the severities in words, the least urgent first.
func Severities() []ui.Option {
	var out []ui.Option
	for _, s := range idp.Severities() {
		out = append(out, ui.Option{Value: string(s), Label: severities[s].label, Hint: severities[s].hint})
	}
	return out
}

var severities = map[idp.Severity]struct {
	label, hint string
	tone        ui.Tone
	icon        ui.IconName
}{
	idp.SeverityNotice:  {"Notice", "Worth knowing.", ui.ToneInfo, ui.IconInfo},
	idp.SeverityWarning: {"Warning", "Worth a look today.", ui.ToneWarn, ui.IconTriangleAlert},
	idp.SeverityAlert:   {"Alert", "Somebody should look at once.", ui.ToneBad, ui.IconOctagonAlert},
}

// SeverityTag is the word for a severity.
func SeverityTag(s idp.Severity) templ.Component {
	v, ok := severities[s]
	if !ok {
		return ui.Tag(ui.ToneNeutral, string(s))
	}
	return ui.TagIcon(v.tone, v.icon, v.label)
}
