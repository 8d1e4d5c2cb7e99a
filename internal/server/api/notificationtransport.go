package api

import (
	"net/http"
	"reflect"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// NotificationTransport is one configured way to tell somebody. Its secret is written
// and never shown.
type NotificationTransport struct {
	PK                    idp.TransportID       `json:"pk"`
	Name                  string                `json:"name"`
	Mode                  idp.TransportMode     `json:"mode"`
	ModeVerbose           string                `json:"mode_verbose"`
	WebhookURL            string                `json:"webhook_url" doc:"Without what follows the host, for whoever may not change the transport: that is often what proves who posts."`
	WebhookMappingBody    *idp.WebhookMappingID `json:"webhook_mapping_body"`
	WebhookMappingHeaders *idp.WebhookMappingID `json:"webhook_mapping_headers"`
	EmailSubjectPrefix    string                `json:"email_subject_prefix"`
	EmailTemplate         string                `json:"email_template"`
	SendOnce              bool                  `json:"send_once"`

	WebhookSecretSet bool `json:"webhook_secret_set" doc:"Bodies of webhooks are signed."`
}

// transportView shows a transport to whoever asks.
func (a *API) transportView(c *call, t *idp.Transport) *NotificationTransport {
	address := t.WebhookURL
	if a.mayNotify(c, idp.VerbUpdate) != nil {
		address = t.ShownURL()
	}
	return &NotificationTransport{PK: t.ID, Name: t.Name, Mode: t.Mode, ModeVerbose: t.Mode.Verbose(), WebhookURL: address,
		WebhookMappingBody: t.WebhookMappingBody, WebhookMappingHeaders: t.WebhookMappingHeaders, EmailSubjectPrefix: t.EmailSubjectPrefix,
		EmailTemplate: t.EmailTemplate, SendOnce: t.SendOnce, WebhookSecretSet: t.WebhookSecret != ""}
}

type notificationTransportBody struct {
	Name                  Optional[string]               `json:"name" api:"required" max:"255"`
	Mode                  Optional[string]               `json:"mode" enum:"local,webhook,webhook_slack,email" help:"local, in the console, unless said otherwise."`
	WebhookURL            Optional[string]               `json:"webhook_url" api:"blank" help:"Where webhooks go."`
	WebhookSecret         Optional[string]               `json:"webhook_secret" api:"blank" help:"What the bodies of webhooks are signed with. Never shown; it stays unless it is sent, and an empty one ends signing."`
	WebhookMappingBody    Optional[idp.WebhookMappingID] `json:"webhook_mapping_body" api:"null" help:"Makes the body of webhooks; null: the usual one."`
	WebhookMappingHeaders Optional[idp.WebhookMappingID] `json:"webhook_mapping_headers" api:"null" help:"Makes more headers of webhooks."`
	EmailSubjectPrefix    Optional[string]               `json:"email_subject_prefix" api:"blank" max:"255"`
	EmailTemplate         Optional[string]               `json:"email_template" api:"blank" max:"255" help:"Empty: the usual one."`
	SendOnce              Optional[bool]                 `json:"send_once" help:"Once for each event, not to each recipient."`
	_                     struct{}                       `ignore:"pk,mode_verbose,webhook_secret_set"`
}

// apply puts the body on a transport; in a full replacement what is absent gets its
// default, but for the secret: nobody can send back what is never shown.
func (b *notificationTransportBody) apply(to *idp.Transport, partial bool) {
	assign(&to.Name, b.Name, true, "") // required where it matters
	mode := string(to.Mode)
	assign(&mode, b.Mode, partial, string(idp.TransportLocal))
	to.Mode = idp.TransportMode(mode)
	assign(&to.WebhookURL, b.WebhookURL, partial, "")
	assign(&to.WebhookSecret, b.WebhookSecret, true, "")
	for _, m := range []struct {
		to   **idp.WebhookMappingID
		from Optional[idp.WebhookMappingID]
	}{{&to.WebhookMappingBody, b.WebhookMappingBody}, {&to.WebhookMappingHeaders, b.WebhookMappingHeaders}} {
		if m.from.Set || !partial {
			*m.to = m.from.Ptr()
		}
	}
	assign(&to.EmailSubjectPrefix, b.EmailSubjectPrefix, partial, "")
	assign(&to.EmailTemplate, b.EmailTemplate, partial, "")
	assign(&to.SendOnce, b.SendOnce, partial, false)
}

func (a *API) notificationTransports() resource[NotificationTransport, notificationTransportBody] {
	var modes []string
	for _, m := range idp.TransportModes() {
		modes = append(modes, string(m))
	}
	return resource[NotificationTransport, notificationTransportBody]{
		path: "/events/transports/", key: "uuid", name: "NotificationTransport", id: "events_transports", plural: "transports", tag: "events",
		filters: []param{{name: "name", kind: text}, {name: "mode", kind: text, enum: modes}, {name: "webhook_url", kind: text},
			{name: "send_once", kind: boolean}},
		ordering: []string{"name", "mode", "webhook_url", "send_once", "pk"},
		list:     a.listTransports, get: a.getTransport, create: a.createTransport, change: a.changeTransport,
		destroy: a.deleteTransport, usedBy: a.transportUsedBy,
	}
}

func (a *API) listTransports(c *call, p idp.Paging) ([]NotificationTransport, int, error) {
	if err := a.mayNotify(c, idp.VerbList); err != nil {
		return nil, 0, err
	}
	page, err := a.Store.Repos().Transports.Find(c, idp.TransportFilter{Paging: p, Name: c.query.text("name"),
		Mode: word[idp.TransportMode](c.query, "mode"), WebhookURL: c.query.text("webhook_url"), SendOnce: c.query.bool("send_once")})
	if err != nil {
		return nil, 0, err
	}
	views := make([]NotificationTransport, 0, len(page.Items))
	for i := range page.Items {
		views = append(views, *a.transportView(c, &page.Items[i]))
	}
	return views, page.Total, nil
}

func transportKey(c *call) (idp.TransportID, error) {
	return web.IDParam[idp.Transport](c.r, "uuid", "transport")
}

func (a *API) findTransport(c *call) (*idp.Transport, error) {
	if err := a.mayNotify(c, idp.VerbRead); err != nil {
		return nil, err
	}
	id, err := transportKey(c)
	if err != nil {
		return nil, err
	}
	return a.Store.Repos().Transports.Get(c, id)
}

func (a *API) getTransport(c *call, _ string) (*NotificationTransport, error) {
	t, err := a.findTransport(c)
	if err != nil {
		return nil, err
	}
	return a.transportView(c, t), nil
}

func (a *API) createTransport(c *call, b *notificationTransportBody) (*NotificationTransport, error) {
	var t idp.Transport
	b.apply(&t, false)
	made, err := a.Configure.CreateTransport(c, c.actor, t)
	if err != nil {
		return nil, err
	}
	return a.transportView(c, made), nil
}

func (a *API) changeTransport(c *call, _ string, b *notificationTransportBody, partial bool) (*NotificationTransport, error) {
	id, err := transportKey(c)
	if err != nil {
		return nil, err
	}
	changed, err := a.Configure.UpdateTransport(c, c.actor, id, func(t *idp.Transport) error {
		b.apply(t, partial)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return a.transportView(c, changed), nil
}

func (a *API) deleteTransport(c *call, _ string) error {
	id, err := transportKey(c)
	if err != nil {
		return err
	}
	return a.Configure.DeleteTransport(c, c.actor, id)
}

// transportUsedBy lists the rules that tell over a transport: they go on without it.
func (a *API) transportUsedBy(c *call, _ string) ([]UsedBy, error) {
	t, err := a.findTransport(c)
	if err != nil {
		return nil, err
	}
	return a.rulesOf(c, idp.NotificationRuleFilter{Transport: &t.ID}, leaves)
}

// NotificationTransportTest says what came of trying a transport.
type NotificationTransportTest struct {
	Messages []string `json:"messages"`
}

func (a *API) mountTransportTest() {
	a.kit.add(operation{method: http.MethodPost, path: "/events/transports/{uuid}/test/", id: "events_transports_test_create", tag: "events",
		summary:  "Send a message to the caller over one of the transports, at once",
		response: reflect.TypeFor[NotificationTransportTest](), run: a.testTransport})
}

// testTransport tells what the receiver said, also when it refused: as the messages
// of a 400 then.
func (a *API) testTransport(c *call) (any, error) {
	if err := a.mayNotify(c, idp.VerbUpdate); err != nil {
		return nil, err
	}
	id, err := transportKey(c)
	if err != nil {
		return nil, err
	}
	answer, err := a.Notify.Test(c, c.actor, id)
	if err != nil {
		return nil, err
	}
	if answer == "" {
		answer = "It was delivered; the receiver said nothing."
	}
	return NotificationTransportTest{Messages: []string{answer}}, nil
}
