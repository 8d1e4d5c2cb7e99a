package postgres

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// seconds reads a column that holds seconds as a duration.
func seconds(column string) string { return "t." + column + " * 1000000000 AS " + column }

var applicationTable = newTable(table[idp.Application]{
	listing: listing{
		noun: "application",
		columns: `t.id, t.name, t.slug, t.app_group AS "group", t.provider_id, t.policy_mode, t.launch_url, t.open_in_new,
			t.icon, t.description, t.publisher, t.forward_hosts, ` + seconds("cookie_lifetime") + `, t.created_at, t.updated_at`,
		orders: map[string]string{"pk": "t.id", "name": "fold(t.name)", "slug": "t.slug", "group": "fold(t.app_group)", "provider": "(SELECT fold(p.name) FROM oauth_providers p WHERE p.id = t.provider_id)",
			"meta_description": "t.description", "meta_launch_url": "t.launch_url", "meta_publisher": "t.publisher",
			"policy_engine_mode": "t.policy_mode", "open_in_new_tab": "t.open_in_new"},
		usual: []string{"name"},
	},
	id: func(a *idp.Application) *idp.ApplicationID { return &a.ID },
	values: func(a *idp.Application) pgx.NamedArgs {
		return pgx.NamedArgs{"name": a.Name, "slug": a.Slug, "app_group": a.Group, "provider_id": a.ProviderID, "policy_mode": a.PolicyMode,
			"launch_url": a.LaunchURL, "open_in_new": a.OpenInNew, "icon": a.Icon, "description": a.Description, "publisher": a.Publisher,
			"forward_hosts": list(a.ForwardHosts), "cookie_lifetime": int64(a.CookieLifetime.Seconds())}
	},
}, "applications", true, "name", "slug", "app_group", "provider_id", "policy_mode", "launch_url", "open_in_new", "icon", "description",
	"publisher", "forward_hosts", "cookie_lifetime")

type applications struct{ rows[idp.Application] }

func newApplications(q querier) applications {
	return applications{rows[idp.Application]{applicationTable, q}}
}

// Create fills in what is unset with the default of the contract.
func (r applications) Create(ctx context.Context, a *idp.Application) error {
	fallback(&a.PolicyMode, idp.PolicyAny)
	return r.rows.Create(ctx, a)
}

func (r applications) GetBySlug(ctx context.Context, slug string) (*idp.Application, error) {
	return one(ctx, r.q, r.noun, "reading application “"+slug+"”", r.scan, `SELECT `+r.columns+` FROM applications t WHERE t.slug = $1`, slug)
}

func (r applications) ForHost(ctx context.Context, host string) (*idp.Application, error) {
	return one(ctx, r.q, r.noun, "reading the application of host “"+host+"”", r.scan, `SELECT `+r.columns+` FROM applications t
		WHERE t.id = (SELECT h.application_id FROM application_hosts h WHERE h.host = $1)`, strings.ToLower(host))
}

func (r applications) Find(ctx context.Context, f idp.ApplicationFilter) (idp.Page[idp.Application], error) {
	var w where
	if f.IDs != nil {
		w.with("t.id = ANY(@ids)", "ids", f.IDs)
	}
	if f.ProviderIDs != nil {
		w.with("t.provider_id = ANY(@provider_ids)", "provider_ids", f.ProviderIDs)
	}
	equal(&w, "t.name", f.Name)
	equal(&w, "t.slug", f.Slug)
	equal(&w, "t.app_group", f.Group)
	equal(&w, "t.provider_id", f.ProviderID)
	equal(&w, "t.launch_url", f.LaunchURL)
	equal(&w, "t.description", f.Description)
	equal(&w, "t.publisher", f.Publisher)
	w.search(f.Search, "t.name", "t.slug", "t.launch_url", "t.description", "t.publisher", "t.app_group")
	return r.find(ctx, w, f.Paging)
}
