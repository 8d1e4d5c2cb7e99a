package api

import (
	"net/http"
	"reflect"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// Brand is how the product shows itself on a domain.
type Brand struct {
	BrandUUID                     idp.BrandID    `json:"brand_uuid"`
	Domain                        string         `json:"domain"`
	Default                       bool           `json:"default"`
	BrandingTitle                 string         `json:"branding_title"`
	BrandingLogo                  string         `json:"branding_logo"`
	BrandingFavicon               string         `json:"branding_favicon"`
	BrandingCustomCSS             string         `json:"branding_custom_css"`
	BrandingDefaultFlowBackground string         `json:"branding_default_flow_background"`
	FlowAuthentication            *idp.FlowID    `json:"flow_authentication"`
	FlowInvalidation              *idp.FlowID    `json:"flow_invalidation"`
	FlowRecovery                  *idp.FlowID    `json:"flow_recovery"`
	FlowUnenrollment              *idp.FlowID    `json:"flow_unenrollment"`
	FlowUserSettings              *idp.FlowID    `json:"flow_user_settings"`
	FlowDeviceCode                *idp.FlowID    `json:"flow_device_code"`
	FlowLockdown                  *idp.FlowID    `json:"flow_lockdown"`
	DefaultApplication            *string        `json:"default_application"`
	WebCertificate                *string        `json:"web_certificate"`
	ClientCertificates            []string       `json:"client_certificates"`
	Attributes                    idp.Attributes `json:"attributes"`
}

func brandView(b *idp.Brand) *Brand {
	return &Brand{BrandUUID: b.ID, Domain: b.Domain, Default: b.Default, BrandingTitle: b.Title, BrandingLogo: b.Logo,
		BrandingFavicon: b.Favicon, BrandingCustomCSS: b.CustomCSS, BrandingDefaultFlowBackground: b.DefaultFlowBackground,
		FlowAuthentication: b.FlowAuthentication, FlowInvalidation: b.FlowInvalidation, FlowRecovery: b.FlowRecovery,
		FlowUnenrollment: b.FlowUnenrollment, FlowUserSettings: b.FlowUserSettings, FlowDeviceCode: b.FlowDeviceCode,
		FlowLockdown: b.FlowLockdown, ClientCertificates: []string{}, Attributes: b.Attributes}
}

type brandBody struct {
	Domain                        Optional[string]         `json:"domain" api:"required" max:"255"`
	Default                       Optional[bool]           `json:"default"`
	BrandingTitle                 Optional[string]         `json:"branding_title" api:"blank" max:"255"`
	BrandingLogo                  Optional[string]         `json:"branding_logo" api:"blank" max:"2048"`
	BrandingFavicon               Optional[string]         `json:"branding_favicon" api:"blank" max:"2048"`
	BrandingCustomCSS             Optional[string]         `json:"branding_custom_css" api:"blank" max:"100000"`
	BrandingDefaultFlowBackground Optional[string]         `json:"branding_default_flow_background" api:"blank" max:"2048"`
	FlowAuthentication            Optional[idp.FlowID]     `json:"flow_authentication" api:"null"`
	FlowInvalidation              Optional[idp.FlowID]     `json:"flow_invalidation" api:"null"`
	FlowRecovery                  Optional[idp.FlowID]     `json:"flow_recovery" api:"null"`
	FlowUnenrollment              Optional[idp.FlowID]     `json:"flow_unenrollment" api:"null"`
	FlowUserSettings              Optional[idp.FlowID]     `json:"flow_user_settings" api:"null"`
	FlowDeviceCode                Optional[idp.FlowID]     `json:"flow_device_code" api:"null"`
	FlowLockdown                  Optional[idp.FlowID]     `json:"flow_lockdown" api:"null"`
	Attributes                    Optional[idp.Attributes] `json:"attributes"`
	_                             struct{}                 `ignore:"brand_uuid,default_application,web_certificate,client_certificates"`
}

// apply puts the body on a brand; in a full replacement what is absent gets its
// default.
func (b *brandBody) apply(to *idp.Brand, partial bool) {
	assign(&to.Domain, b.Domain, true, to.Domain) // required where it matters
	assign(&to.Default, b.Default, partial, false)
	assign(&to.Title, b.BrandingTitle, partial, defaultTitle)
	assign(&to.Logo, b.BrandingLogo, partial, "")
	assign(&to.Favicon, b.BrandingFavicon, partial, "")
	assign(&to.CustomCSS, b.BrandingCustomCSS, partial, "")
	assign(&to.DefaultFlowBackground, b.BrandingDefaultFlowBackground, partial, "")
	assign(&to.Attributes, b.Attributes, partial, idp.Attributes{})
	for _, f := range []struct {
		to   **idp.FlowID
		from Optional[idp.FlowID]
	}{
		{&to.FlowAuthentication, b.FlowAuthentication}, {&to.FlowInvalidation, b.FlowInvalidation}, {&to.FlowRecovery, b.FlowRecovery},
		{&to.FlowUnenrollment, b.FlowUnenrollment}, {&to.FlowUserSettings, b.FlowUserSettings},
		{&to.FlowDeviceCode, b.FlowDeviceCode}, {&to.FlowLockdown, b.FlowLockdown},
	} {
		if f.from.Set || !partial {
			*f.to = f.from.Ptr()
		}
	}
}

const defaultTitle = "Portcullis"

func assign[T any](to *T, from Optional[T], partial bool, otherwise T) {
	if v := from.Patch(partial, otherwise); v != nil {
		*to = *v
	}
}

func (a *API) brands() resource[Brand, brandBody] {
	return resource[Brand, brandBody]{
		path: "/core/brands/", key: "brand_uuid", name: "Brand", id: "core_brands", plural: "brands", tag: "core",
		filters:  brandFilters,
		ordering: []string{"domain", "default", "branding_title", "brand_uuid"},
		list:     a.listBrands, get: a.getBrand, create: a.createBrand, change: a.changeBrand, destroy: a.deleteBrand, usedBy: a.brandUsedBy,
	}
}

// brandFilters are by equality.
var brandFilters = []param{{name: "domain", kind: text}, {name: "default", kind: boolean}, {name: "brand_uuid", kind: id},
	{name: "branding_title", kind: text}, {name: "branding_logo", kind: text}, {name: "branding_favicon", kind: text},
	{name: "branding_default_flow_background", kind: text}, {name: "flow_authentication", kind: id},
	{name: "flow_invalidation", kind: id}, {name: "flow_recovery", kind: id}, {name: "flow_unenrollment", kind: id},
	{name: "flow_user_settings", kind: id}, {name: "flow_device_code", kind: id},
	{name: "web_certificate", kind: id, help: "Brands have no certificates here: nothing is found."},
	{name: "client_certificates", kind: id, many: true, help: "Brands have no certificates here: nothing is found."}}

func brandFilter(q query) idp.BrandFilter {
	flow := func(name string) *idp.FlowID {
		if one := ids[idp.Flow](q, name); len(one) > 0 {
			return &one[0]
		}
		return nil
	}
	return idp.BrandFilter{Domain: q.text("domain"), Default: q.bool("default"), IDs: ids[idp.Brand](q, "brand_uuid"),
		Title: q.text("branding_title"), Logo: q.text("branding_logo"), Favicon: q.text("branding_favicon"),
		DefaultFlowBackground: q.text("branding_default_flow_background"), FlowAuthentication: flow("flow_authentication"),
		FlowInvalidation: flow("flow_invalidation"), FlowRecovery: flow("flow_recovery"),
		FlowUnenrollment: flow("flow_unenrollment"), FlowUserSettings: flow("flow_user_settings"),
		FlowDeviceCode: flow("flow_device_code")}
}

func (a *API) listBrands(c *call, p idp.Paging) ([]Brand, int, error) {
	if err := a.Access.Check(c.actor, idp.VerbList, idp.Object{Resource: idp.ResourceBrand}); err != nil {
		return nil, 0, err
	}
	if len(c.query.texts("web_certificate"))+len(c.query.texts("client_certificates")) > 0 {
		return nil, 0, nil // no brand has certificates
	}
	f := brandFilter(c.query)
	f.Paging = p
	page, err := a.Store.Repos().Brands.Find(c, f)
	if err != nil {
		return nil, 0, err
	}
	views := make([]Brand, 0, len(page.Items))
	for i := range page.Items {
		views = append(views, *brandView(&page.Items[i]))
	}
	return views, page.Total, nil
}

func brandKey(c *call) (idp.BrandID, error) {
	return web.IDParam[idp.Brand](c.r, "brand_uuid", "brand")
}

func (a *API) getBrand(c *call, _ string) (*Brand, error) {
	id, err := brandKey(c)
	if err != nil {
		return nil, err
	}
	if err := a.Access.Check(c.actor, idp.VerbRead, idp.Object{Resource: idp.ResourceBrand}); err != nil {
		return nil, err
	}
	b, err := a.Store.Repos().Brands.Get(c, id)
	if err != nil {
		return nil, err
	}
	return brandView(b), nil
}

func (a *API) createBrand(c *call, body *brandBody) (*Brand, error) {
	b := idp.Brand{Domain: body.Domain.Value}
	body.apply(&b, false)
	made, err := a.Configure.CreateBrand(c, c.actor, b)
	if err != nil {
		return nil, err
	}
	return brandView(made), nil
}

func (a *API) changeBrand(c *call, _ string, body *brandBody, partial bool) (*Brand, error) {
	id, err := brandKey(c)
	if err != nil {
		return nil, err
	}
	changed, err := a.Configure.UpdateBrand(c, c.actor, id, func(b *idp.Brand) error {
		body.apply(b, partial)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return brandView(changed), nil
}

func (a *API) deleteBrand(c *call, _ string) error {
	id, err := brandKey(c)
	if err != nil {
		return err
	}
	return a.Configure.DeleteBrand(c, c.actor, id)
}

func (a *API) brandUsedBy(c *call, _ string) ([]UsedBy, error) {
	_, err := a.getBrand(c, "")
	return nil, err // nothing refers to a brand
}

// CurrentBrand is the brand of the host that was asked for, as anybody may see
// it. Flows are slugs.
type CurrentBrand struct {
	MatchedDomain             string          `json:"matched_domain"`
	BrandingTitle             string          `json:"branding_title"`
	BrandingLogo              string          `json:"branding_logo"`
	BrandingLogoThemedURLs    *ThemedURLs     `json:"branding_logo_themed_urls"`
	BrandingFavicon           string          `json:"branding_favicon"`
	BrandingFaviconThemedURLs *ThemedURLs     `json:"branding_favicon_themed_urls"`
	BrandingCustomCSS         string          `json:"branding_custom_css"`
	UIFooterLinks             []FooterLink    `json:"ui_footer_links"`
	UITheme                   string          `json:"ui_theme" enum:"automatic,light,dark"`
	FlowAuthentication        string          `json:"flow_authentication,omitempty"`
	FlowInvalidation          string          `json:"flow_invalidation,omitempty"`
	FlowRecovery              string          `json:"flow_recovery,omitempty"`
	FlowUnenrollment          string          `json:"flow_unenrollment,omitempty"`
	FlowUserSettings          string          `json:"flow_user_settings,omitempty"`
	FlowDeviceCode            string          `json:"flow_device_code,omitempty"`
	FlowLockdown              string          `json:"flow_lockdown,omitempty"`
	DefaultLocale             string          `json:"default_locale"`
	Flags                     map[string]bool `json:"flags"`
}

// ThemedURLs are the addresses of an image per theme.
type ThemedURLs struct {
	Light *string `json:"light,omitempty"`
	Dark  *string `json:"dark,omitempty"`
}

// FooterLink is a link below every flow.
type FooterLink struct {
	Href *string `json:"href"`
	Name string  `json:"name"`
}

func (a *API) mountCurrentBrand() {
	a.kit.add(operation{method: http.MethodGet, path: "/core/brands/current/", id: "core_brands_current_retrieve", tag: "core",
		summary: "The brand of this host", response: reflect.TypeFor[CurrentBrand](), anonymous: true, run: a.currentBrand})
}

func (a *API) currentBrand(c *call) (any, error) {
	b := web.Brand(c.r)
	v := CurrentBrand{MatchedDomain: b.Domain, BrandingTitle: b.Title, BrandingLogo: b.Logo, BrandingFavicon: b.Favicon,
		BrandingCustomCSS: b.CustomCSS, UIFooterLinks: []FooterLink{}, UITheme: "automatic",
		Flags: map[string]bool{"enterprise_audit_include_expanded_diff": false, "policies_buffered_access_view": false,
			"flows_continuous_login": false, "flows_refresh_others": false}}
	var wanted []idp.FlowID
	slots := map[*string]*idp.FlowID{&v.FlowAuthentication: b.FlowAuthentication, &v.FlowInvalidation: b.FlowInvalidation,
		&v.FlowRecovery: b.FlowRecovery, &v.FlowUnenrollment: b.FlowUnenrollment, &v.FlowUserSettings: b.FlowUserSettings,
		&v.FlowDeviceCode: b.FlowDeviceCode, &v.FlowLockdown: b.FlowLockdown}
	for _, id := range slots {
		if id != nil {
			wanted = append(wanted, *id)
		}
	}
	if len(wanted) == 0 {
		return v, nil
	}
	page, err := a.Store.Repos().Flows.Find(c, idp.FlowFilter{IDs: wanted, Paging: idp.Paging{Limit: len(wanted)}})
	if err != nil {
		return nil, err
	}
	for slot, id := range slots {
		for i := range page.Items {
			if id != nil && page.Items[i].ID == *id {
				*slot = page.Items[i].Slug
			}
		}
	}
	return v, nil
}
