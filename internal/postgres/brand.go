package postgres

import (
	"context"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

var brandTable = newTable(table[idp.Brand]{
	listing: listing{
		noun: "brand",
		columns: `t.id, t.domain, t.is_default AS "default", t.title, t.logo, t.favicon, t.custom_css, t.default_flow_background,
			t.flow_authentication, t.flow_invalidation, t.flow_recovery, t.flow_unenrollment, t.flow_user_settings,
			t.flow_device_code, t.flow_lockdown, t.attributes`,
		orders: map[string]string{"brand_uuid": "t.id", "domain": "t.domain", "default": "t.is_default", "branding_title": "t.title"},
		usual:  []string{"domain"},
	},
	id: func(b *idp.Brand) *idp.BrandID { return &b.ID },
	values: func(b *idp.Brand) pgx.NamedArgs {
		return pgx.NamedArgs{"domain": b.Domain, "is_default": b.Default, "title": b.Title, "logo": b.Logo, "favicon": b.Favicon,
			"custom_css": b.CustomCSS, "default_flow_background": b.DefaultFlowBackground,
			"flow_authentication": b.FlowAuthentication, "flow_invalidation": b.FlowInvalidation,
			"flow_recovery": b.FlowRecovery, "flow_unenrollment": b.FlowUnenrollment,
			"flow_user_settings": b.FlowUserSettings, "flow_device_code": b.FlowDeviceCode,
			"flow_lockdown": b.FlowLockdown, "attributes": object(b.Attributes)}
	},
}, "brands", false, "domain", "is_default", "title", "logo", "favicon", "custom_css", "default_flow_background",
	"flow_authentication", "flow_invalidation", "flow_recovery", "flow_unenrollment", "flow_user_settings",
	"flow_device_code", "flow_lockdown", "attributes")

type brands struct{ rows[idp.Brand] }

func newBrands(q querier) brands { return brands{rows[idp.Brand]{brandTable, q}} }

func (r brands) Find(ctx context.Context, f idp.BrandFilter) (idp.Page[idp.Brand], error) {
	var w where
	if f.Domain != nil {
		w.with("fold(t.domain) = fold(@domain)", "domain", *f.Domain)
	}
	equal(&w, "t.is_default", f.Default)
	if f.IDs != nil {
		w.with("t.id = ANY(@ids)", "ids", f.IDs)
	}
	equal(&w, "t.title", f.Title)
	equal(&w, "t.logo", f.Logo)
	equal(&w, "t.favicon", f.Favicon)
	equal(&w, "t.default_flow_background", f.DefaultFlowBackground)
	equal(&w, "t.flow_authentication", f.FlowAuthentication)
	equal(&w, "t.flow_invalidation", f.FlowInvalidation)
	equal(&w, "t.flow_recovery", f.FlowRecovery)
	equal(&w, "t.flow_unenrollment", f.FlowUnenrollment)
	equal(&w, "t.flow_user_settings", f.FlowUserSettings)
	equal(&w, "t.flow_device_code", f.FlowDeviceCode)
	w.search(f.Search, "t.domain", "t.title")
	return r.find(ctx, w, f.Paging)
}

// ForHost matches whole labels: the brand of example.com answers for
// auth.example.com but not for badexample.com. A port is ignored.
func (r brands) ForHost(ctx context.Context, host string) (*idp.Brand, error) {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.Trim(host, "[]"), ".")
	return one(ctx, r.q, "brand", "choosing the brand of a host", r.scan, `
		SELECT `+r.columns+` FROM brands t,
		       LATERAL (SELECT '.' || fold(ltrim(t.domain, '.')) AS suffix) d,
		       LATERAL (SELECT right('.' || fold($1), length(d.suffix)) = d.suffix AS matches) m
		 WHERE m.matches OR t.is_default
		 ORDER BY m.matches DESC, length(d.suffix) DESC, t.id
		 LIMIT 1`, host)
}
