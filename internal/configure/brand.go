package configure

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// domain is a host name, in the form that requests have it, or one label.
var domain = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9_-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9_-]*[a-zA-Z0-9])?)*$`)

const maxDomain = 253 // RFC 1035, section 2.3.4, as text

// defaultBrand names the lock under which another brand becomes the default.
const defaultBrand = "brand.default"

// CreateBrand makes a brand; as the default it takes the place of the former
// one. Errors: CodeForbidden; CodeInvalid on the field concerned.
func (s *Service) CreateBrand(ctx context.Context, actor idp.Actor, b idp.Brand) (*idp.Brand, error) {
	return create(ctx, s, s.brands(), actor, b)
}

// UpdateBrand changes a brand as it is now; as the default it takes the place of
// the former one. mutate may run again. Errors: CodeForbidden; CodeNotFound;
// CodeInvalid on the field concerned; what mutate returns.
func (s *Service) UpdateBrand(ctx context.Context, actor idp.Actor, id idp.BrandID, mutate func(*idp.Brand) error) (*idp.Brand, error) {
	return update(ctx, s, s.brands(), actor, id, mutate)
}

// DeleteBrand deletes a brand. Errors: CodeForbidden; CodeNotFound.
func (s *Service) DeleteBrand(ctx context.Context, actor idp.Actor, id idp.BrandID) error {
	return remove(ctx, s, s.brands(), actor, id)
}

func (s *Service) brands() noun[idp.Brand] {
	return noun[idp.Brand]{
		what: "brand", resource: idp.ResourceBrand,
		rows:  func(tx idp.Repos) rows[idp.Brand] { return tx.Brands },
		id:    func(b *idp.Brand) *idp.BrandID { return &b.ID },
		model: func(*idp.Brand) string { return "authentik_brands.brand" },
		name:  func(_ context.Context, _ idp.Repos, b *idp.Brand) (string, error) { return b.Domain, nil },
		fields: func(b *idp.Brand) map[string]any {
			out := map[string]any{"domain": b.Domain, "default": b.Default, "branding_title": b.Title, "branding_logo": b.Logo,
				"branding_favicon": b.Favicon, "branding_custom_css": b.CustomCSS,
				"branding_default_flow_background": b.DefaultFlowBackground, "attributes": b.Attributes}
			for field, id := range flowsOf(b) {
				out[field] = id
			}
			return out
		},
		judge: judgeBrand, room: s.stepDown,
	}
}

// flowsOf are the flows that a brand chooses, by field.
func flowsOf(b *idp.Brand) map[string]*idp.FlowID {
	return map[string]*idp.FlowID{"flow_authentication": b.FlowAuthentication, "flow_invalidation": b.FlowInvalidation,
		"flow_recovery": b.FlowRecovery, "flow_unenrollment": b.FlowUnenrollment, "flow_user_settings": b.FlowUserSettings,
		"flow_device_code": b.FlowDeviceCode, "flow_lockdown": b.FlowLockdown}
}

func judgeBrand(ctx context.Context, tx idp.Repos, _, b *idp.Brand) error {
	var faults idp.Faults
	b.Domain = strings.TrimSpace(b.Domain)
	if faults.Line("domain", b.Domain, maxDomain, false) && !domain.MatchString(b.Domain) {
		faults.Add("domain", "Expected a host name such as auth.example.com, without a port.")
	}
	faults.Line("branding_title", b.Title, maxName, true)
	checkAddress(&faults, "branding_logo", b.Logo)
	checkAddress(&faults, "branding_favicon", b.Favicon)
	checkAddress(&faults, "branding_default_flow_background", b.DefaultFlowBackground)
	faults.Text("branding_custom_css", b.CustomCSS, maxText, true)
	faults.Attributes("attributes", b.Attributes)
	chosen := flowsOf(b)
	maps.DeleteFunc(chosen, func(_ string, id *idp.FlowID) bool { return id == nil })
	if len(chosen) == 0 {
		return faults.Err()
	}
	ids := make([]idp.FlowID, 0, len(chosen))
	for _, id := range chosen {
		ids = append(ids, *id)
	}
	found, err := tx.Flows.Find(ctx, idp.FlowFilter{IDs: ids, Paging: idp.Paging{Limit: len(ids)}})
	if err != nil {
		return err
	}
	for field, id := range chosen {
		if !slices.ContainsFunc(found.Items, func(f idp.Flow) bool { return f.ID == *id }) {
			absent(&faults, field, id.String())
		}
	}
	return faults.Err()
}

// stepDown makes the former default brand an ordinary one when another becomes
// the default. Two that become it at once take turns; the later one stays.
func (s *Service) stepDown(ctx context.Context, tx idp.Repos, actor idp.Actor, was, b *idp.Brand) error {
	if !b.Default || was != nil && was.Default {
		return nil
	}
	if err := tx.Settings.Hold(ctx, defaultBrand); err != nil {
		return err
	}
	yes := true
	found, err := tx.Brands.Find(ctx, idp.BrandFilter{Default: &yes})
	if err != nil {
		return err
	}
	for i := range found.Items {
		if found.Items[i].ID == b.ID {
			continue
		}
		former, err := tx.Brands.Hold(ctx, found.Items[i].ID)
		if idp.Is(err, idp.CodeNotFound) {
			continue // deleted while this waited for it
		}
		if err != nil {
			return err
		}
		before := printed(s.brands().fields(former))
		former.Default = false
		if err := keep(ctx, tx, s.brands(), actor, before, former); err != nil {
			return err
		}
	}
	return nil
}
