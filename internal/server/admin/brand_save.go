package admin

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// domain is a host name, in the form that requests have it, or one label.
var domain = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9_-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9_-]*[a-zA-Z0-9])?)*$`)

const maxBrandText = 1024 // characters

func checkBrand(f brandForm, faults *idp.Faults) {
	switch {
	case f.Domain == "":
		faults.Add("domain", "This field may not be blank.")
	case len(f.Domain) > 253 || !domain.MatchString(f.Domain):
		faults.Add("domain", "Expected a host name such as auth.example.com, without a port.")
	}
	for field, v := range map[string]string{"branding_title": f.Title, "branding_logo": f.Logo, "branding_favicon": f.Favicon,
		"branding_default_flow_background": f.Background} {
		if utf8.RuneCountInString(v) > maxBrandText {
			faults.Add(field, "Ensure this field has no more than %d characters.", maxBrandText)
		}
	}
	for field, v := range map[string]string{"branding_logo": f.Logo, "branding_favicon": f.Favicon,
		"branding_default_flow_background": f.Background} {
		if v == "" {
			continue
		}
		u, err := url.Parse(v)
		if err != nil || u.Scheme != "" && u.Scheme != "https" && u.Scheme != "http" || u.Scheme == "" && !strings.HasPrefix(v, "/") {
			faults.Add(field, "Expected an address that starts with https:// or /.")
		}
	}
}

// brandActions are the events of what is done with a brand.
var brandActions = map[idp.Verb]idp.Action{
	idp.VerbCreate: idp.ActionModelCreated, idp.VerbUpdate: idp.ActionModelUpdated, idp.VerbDelete: idp.ActionModelDeleted,
}

// saveBrand creates, changes or deletes a brand, with its event, in one
// transaction that judges the actor again. A brand that becomes the default
// takes the place of the former one.
func (c *Console) saveBrand(r *http.Request, b *idp.Brand, verb idp.Verb) error {
	ctx, actor, on := r.Context(), web.Actor(r), idp.Object{Resource: idp.ResourceBrand}
	err := c.store.InTx(ctx, func(tx idp.Repos) error {
		now, err := actor.Renew(ctx, tx)
		if err != nil {
			return err
		}
		if err := c.access.Check(now, verb, on); err != nil {
			return err
		}
		if b.Default && verb != idp.VerbDelete {
			if err := stepDown(ctx, tx, b.ID); err != nil {
				return err
			}
		}
		row := *b
		switch verb {
		case idp.VerbCreate:
			row.ID = idp.NewID[idp.Brand]()
			err = tx.Brands.Create(ctx, &row)
		case idp.VerbUpdate:
			err = tx.Brands.Update(ctx, &row)
		case idp.VerbDelete:
			err = tx.Brands.Delete(ctx, row.ID)
		}
		if err != nil {
			return err
		}
		b.ID = row.ID
		return tx.Events.Append(ctx, idp.NewEvent(brandActions[verb], "admin", now, nil, map[string]any{
			"model": map[string]any{"app": "authentik_brands", "model_name": "brand", "pk": row.ID.String(), "name": row.Domain}}))
	})
	if err != nil {
		return fmt.Errorf("saving brand %s: %w", b.Domain, err)
	}
	return nil
}

// stepDown makes room for another default brand.
func stepDown(ctx context.Context, tx idp.Repos, successor idp.BrandID) error {
	yes := true
	found, err := tx.Brands.Find(ctx, idp.BrandFilter{Default: &yes})
	if err != nil {
		return err
	}
	for i := range found.Items {
		if old := &found.Items[i]; old.ID != successor {
			old.Default = false
			if err := tx.Brands.Update(ctx, old); err != nil {
				return err
			}
		}
	}
	return nil
}
