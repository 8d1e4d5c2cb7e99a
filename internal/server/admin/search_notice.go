package admin

import (
	"fmt"
	"net/http"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// searchNotices finds notification rules, transports and webhook mappings by text.
func (c *Console) searchNotices(r *http.Request, q string) ([]ui.TableProps, error) {
	repos, ctx, at := c.store.Repos(), r.Context(), idp.Paging{Limit: searchLimit, Search: q}
	rules, err := visible(r, idp.ResourceNotification, func() (idp.Page[idp.NotificationRule], error) {
		return repos.NotificationRules.Find(ctx, idp.NotificationRuleFilter{Paging: at})
	})
	if err != nil {
		return nil, fmt.Errorf("searching notification rules: %w", err)
	}
	transports, err := visible(r, idp.ResourceNotification, func() (idp.Page[idp.Transport], error) {
		return repos.Transports.Find(ctx, idp.TransportFilter{Paging: at})
	})
	if err != nil {
		return nil, fmt.Errorf("searching transports: %w", err)
	}
	mappings, err := visible(r, idp.ResourceNotification, func() (idp.Page[idp.WebhookMapping], error) {
		return repos.WebhookMappings.Find(ctx, idp.WebhookMappingFilter{Paging: at})
	})
	if err != nil {
		return nil, fmt.Errorf("searching webhook mappings: %w", err)
	}
	out := foundTable("rule", page.NotificationRulesPath, "Severity", q, rules, func(n *idp.NotificationRule) found {
		return found{n.ID.String(), n.Name, string(n.Severity)}
	})
	out = append(out, foundTable("transport", page.TransportsPath, "Mode", q, transports, func(t *idp.Transport) found {
		return found{t.ID.String(), t.Name, string(t.Mode)}
	})...)
	return append(out, foundTable("mapping", page.WebhookMappingsPath, "Kind", q, mappings, func(m *idp.WebhookMapping) found {
		return found{m.ID.String(), m.Name, "webhook"}
	})...), nil
}
