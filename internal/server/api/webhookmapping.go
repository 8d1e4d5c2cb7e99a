package api

import (
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// NotificationWebhookMapping makes a part of a webhook from an event, with an
// expression.
type NotificationWebhookMapping struct {
	PK            idp.WebhookMappingID `json:"pk"`
	Managed       *string              `json:"managed"`
	Name          string               `json:"name"`
	Expression    string               `json:"expression"`
	Component     string               `json:"component"`
	VerboseName   string               `json:"verbose_name"`
	VerbosePlural string               `json:"verbose_name_plural"`
	MetaModelName string               `json:"meta_model_name"`
}

func webhookMappingView(m *idp.WebhookMapping) *NotificationWebhookMapping {
	return &NotificationWebhookMapping{PK: m.ID, Name: m.Name, Expression: m.Expression, Component: "ak-property-mapping-notification-form",
		VerboseName: "Webhook Mapping", VerbosePlural: "Webhook Mappings", MetaModelName: "authentik_events.notificationwebhookmapping"}
}

type webhookMappingBody struct {
	Name       Optional[string] `json:"name" api:"required" max:"255"`
	Expression Optional[string] `json:"expression" api:"required" help:"Sees event, notification, rule and user. Gives the body, or a map of header names and values."`
	_          struct{}         `ignore:"pk,managed,component,verbose_name,verbose_name_plural,meta_model_name"`
}

func (b *webhookMappingBody) apply(to *idp.WebhookMapping) {
	assign(&to.Name, b.Name, true, "") // required where it matters
	assign(&to.Expression, b.Expression, true, "")
}

func (a *API) webhookMappings() resource[NotificationWebhookMapping, webhookMappingBody] {
	return resource[NotificationWebhookMapping, webhookMappingBody]{
		path: "/propertymappings/notification/", key: "pm_uuid", name: "NotificationWebhookMapping", id: "propertymappings_notification",
		plural: "webhook mappings", tag: "propertymappings",
		filters: []param{{name: "name", kind: text}}, ordering: []string{"name", "pk"},
		list: a.listWebhookMappings, get: a.getWebhookMapping, create: a.createWebhookMapping, change: a.changeWebhookMapping,
		destroy: a.deleteWebhookMapping, usedBy: a.webhookMappingUsedBy,
	}
}

func (a *API) listWebhookMappings(c *call, p idp.Paging) ([]NotificationWebhookMapping, int, error) {
	if err := a.mayNotify(c, idp.VerbList); err != nil {
		return nil, 0, err
	}
	page, err := a.Store.Repos().WebhookMappings.Find(c, idp.WebhookMappingFilter{Paging: p, Name: c.query.text("name")})
	if err != nil {
		return nil, 0, err
	}
	views := make([]NotificationWebhookMapping, 0, len(page.Items))
	for i := range page.Items {
		views = append(views, *webhookMappingView(&page.Items[i]))
	}
	return views, page.Total, nil
}

func webhookMappingKey(c *call) (idp.WebhookMappingID, error) {
	return web.IDParam[idp.WebhookMapping](c.r, "pm_uuid", "webhook mapping")
}

func (a *API) findWebhookMapping(c *call) (*idp.WebhookMapping, error) {
	if err := a.mayNotify(c, idp.VerbRead); err != nil {
		return nil, err
	}
	id, err := webhookMappingKey(c)
	if err != nil {
		return nil, err
	}
	return a.Store.Repos().WebhookMappings.Get(c, id)
}

func (a *API) getWebhookMapping(c *call, _ string) (*NotificationWebhookMapping, error) {
	m, err := a.findWebhookMapping(c)
	if err != nil {
		return nil, err
	}
	return webhookMappingView(m), nil
}

func (a *API) createWebhookMapping(c *call, b *webhookMappingBody) (*NotificationWebhookMapping, error) {
	var m idp.WebhookMapping
	b.apply(&m)
	made, err := a.Configure.CreateWebhookMapping(c, c.actor, m)
	if err != nil {
		return nil, err
	}
	return webhookMappingView(made), nil
}

func (a *API) changeWebhookMapping(c *call, _ string, b *webhookMappingBody, _ bool) (*NotificationWebhookMapping, error) {
	id, err := webhookMappingKey(c)
	if err != nil {
		return nil, err
	}
	changed, err := a.Configure.UpdateWebhookMapping(c, c.actor, id, func(m *idp.WebhookMapping) error {
		b.apply(m)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return webhookMappingView(changed), nil
}

func (a *API) deleteWebhookMapping(c *call, _ string) error {
	id, err := webhookMappingKey(c)
	if err != nil {
		return err
	}
	return a.Configure.DeleteWebhookMapping(c, c.actor, id)
}

// webhookMappingUsedBy lists the transports that send what is usual without it.
func (a *API) webhookMappingUsedBy(c *call, _ string) ([]UsedBy, error) {
	m, err := a.findWebhookMapping(c)
	if err != nil {
		return nil, err
	}
	transports, err := every(func(p idp.Paging) (idp.Page[idp.Transport], error) {
		return a.Store.Repos().Transports.Find(c, idp.TransportFilter{Mapping: &m.ID, Paging: p})
	})
	var out []UsedBy
	for _, t := range transports {
		out = append(out, UsedBy{App: "authentik_events", ModelName: "notificationtransport", PK: t.ID.String(), Name: t.Name, Action: unset})
	}
	return out, err
}
