package admin

import (
	"fmt"
	"net/http"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

func (c *Console) brands(w http.ResponseWriter, r *http.Request) error {
	list, err := page.ReadList(r, "domain")
	if err != nil {
		return err
	}
	found, err := c.store.Repos().Brands.Find(r.Context(), idp.BrandFilter{Paging: list.Paging()})
	if err != nil {
		return fmt.Errorf("listing brands: %w", err)
	}
	if to := list.Beyond(found.Total); to != "" {
		return web.Redirect(w, r, to)
	}
	flows, err := c.allFlows(r)
	if err != nil {
		return err
	}
	create := ui.ButtonProps{Label: "New brand", Kind: ui.Primary, Icon: ui.IconPlus, Href: brandsPath + "new/"}
	t := ui.TableProps{ID: "brands", Caption: "Brands", Paging: list.Pages(found.Total, "brand"),
		Columns: []ui.Column{list.Column("Domain", "domain"), list.Column("Title", "branding_title"), {Label: "Lockdown flow"}, {Label: "Recovery flow", Optional: true}},
		Empty: ui.Empty(ui.EmptyProps{Icon: ui.IconPalette, Title: "No brand yet", Action: ui.Button(create),
			Text: "A brand decides how a domain looks and which flows run there."})}
	if list.Filtered() {
		t.Empty = ui.NothingFound("brand", brandsPath)
	}
	if found.Total > list.Size || list.Filtered() {
		t.Filter = ui.FilterBar(ui.FilterProps{Action: brandsPath, Query: list.Search(), Placeholder: "Search brands",
			Reset: list.Reset(), Hidden: list.Kept(), Swap: "brands"})
	}
	for i := range found.Items {
		b := &found.Items[i]
		name := templ.Component(ui.Two(b.Domain, "", brandPath(b.ID)))
		if b.Default {
			name = ui.Join(name, ui.Tag(ui.ToneInfo, "Default"))
		}
		lock := templ.Component(ui.Tag(ui.ToneWarn, "Not configured"))
		if b.FlowLockdown != nil {
			lock = flowName(flows, b.FlowLockdown)
		}
		t.Rows = append(t.Rows, ui.Row{ID: b.ID.String(), Label: b.Domain, Cells: []templ.Component{
			name, ui.Maybe(b.Title), lock, flowName(flows, b.FlowRecovery)}})
	}
	p := page.Console(r, ui.PageProps{Title: "Brands", Subtitle: "How each domain looks, and which flows run there.", Actions: ui.Button(create)})
	return page.Render(w, r, brandsPage(p, t))
}

func (c *Console) allFlows(r *http.Request) ([]idp.Flow, error) {
	found, err := c.store.Repos().Flows.Find(r.Context(), idp.FlowFilter{Paging: idp.Paging{Limit: 1000, Order: []string{"slug"}}})
	if err != nil {
		return nil, fmt.Errorf("listing flows: %w", err)
	}
	return found.Items, nil
}

func flowName(flows []idp.Flow, id *idp.FlowID) templ.Component {
	for i := range flows {
		if id != nil && flows[i].ID == *id {
			return ui.Mono(flows[i].Slug)
		}
	}
	return ui.None()
}

type brandFormView struct {
	Page   ui.PageProps
	Form   brandForm
	Faults page.Faults
	Flows  []ui.FieldProps
	Action string
	Submit string
	Seen   string // marks the state the form was filled from
	New    bool
	Danger []ui.DangerRow
}

func (c *Console) showBrandForm(w http.ResponseWriter, r *http.Request, v brandFormView) error {
	flows, err := c.allFlows(r)
	if err != nil {
		return err
	}
	for _, choice := range brandFlows() {
		chosen := v.Form.Flows[choice.Field]
		field := ui.FieldProps{Name: choice.Field, Label: choice.Label, Hint: choice.Hint, Type: ui.FieldSelect, Value: chosen,
			NoOptional: true, Error: v.Faults.Of(choice.Field), Options: []ui.Option{{Value: "", Label: "None"}}}
		for i := range flows {
			if f := &flows[i]; f.Designation == choice.Designation || f.ID.String() == chosen {
				field.Options = append(field.Options, ui.Option{Value: f.ID.String(), Label: f.Name + " (" + f.Slug + ")"})
			}
		}
		v.Flows = append(v.Flows, field)
	}
	v.Page.Narrow = true
	v.Page = page.Console(r, v.Page)
	return page.RenderStatus(w, r, v.Faults.Status(), brandFormPage(v))
}

func (c *Console) newBrand(w http.ResponseWriter, r *http.Request) error {
	return c.newBrandForm(w, r, brandForm{}, page.Faults{})
}

func (c *Console) newBrandForm(w http.ResponseWriter, r *http.Request, form brandForm, faults page.Faults) error {
	return c.showBrandForm(w, r, brandFormView{Form: form, Faults: faults, New: true, Action: brandsPath + "new/", Submit: "Create brand",
		Page: ui.PageProps{Title: "New brand", Crumbs: []ui.Crumb{{Label: "Brands", Href: brandsPath}, {Label: "New brand"}}}})
}

func (c *Console) createBrand(w http.ResponseWriter, r *http.Request) error {
	raw, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	form := readBrandForm(raw)
	b := idp.Brand{}
	if err = form.apply(&b); err == nil {
		_, err = c.configure.CreateBrand(r.Context(), web.Actor(r), b)
	}
	if faults, ok := page.FaultsOf(err); ok {
		return c.newBrandForm(w, r, form, faults)
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "The brand "+b.Domain+" was created.")
	return web.Redirect(w, r, brandsPath)
}

func (c *Console) loadBrand(r *http.Request) (*idp.Brand, error) {
	id, err := web.IDParam[idp.Brand](r, "brand", "brand")
	if err != nil {
		return nil, err
	}
	return c.store.Repos().Brands.Get(r.Context(), id)
}

func (c *Console) editBrand(w http.ResponseWriter, r *http.Request) error {
	b, err := c.loadBrand(r)
	if err != nil {
		return err
	}
	return c.editBrandForm(w, r, b, brandFormOf(b), page.Faults{})
}

func (c *Console) editBrandForm(w http.ResponseWriter, r *http.Request, b *idp.Brand, form brandForm, faults page.Faults) error {
	q := deleteBrandQuestion(b)
	v := brandFormView{Form: form, Faults: faults, Action: brandPath(b.ID), Submit: "Save changes", Seen: page.Seen(brandFormOf(b)),
		Page: ui.PageProps{Title: "Brand " + b.Domain, Crumbs: []ui.Crumb{{Label: "Brands", Href: brandsPath}, {Label: b.Domain}}},
		Danger: []ui.DangerRow{{Title: "Delete this brand", Text: q.Text,
			Action: ui.Action(ui.ActionProps{Action: q.Action, Confirm: &q,
				Button: ui.ButtonProps{Label: "Delete brand", Kind: ui.Warning, Icon: ui.IconTrash}})}}}
	if b.Default {
		v.Page.Tags = ui.Tag(ui.ToneInfo, "Default")
	}
	return c.showBrandForm(w, r, v)
}

func (c *Console) updateBrand(w http.ResponseWriter, r *http.Request) error {
	b, err := c.loadBrand(r)
	if err != nil {
		return err
	}
	raw, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	form := readBrandForm(raw)
	changed, err := c.configure.UpdateBrand(r.Context(), web.Actor(r), b.ID, func(now *idp.Brand) error {
		present := *now
		b = &present // what the form is shown again beside
		if err := page.Unchanged(raw, brandFormOf(now)); err != nil {
			return err
		}
		return form.apply(now)
	})
	if faults, ok := page.FaultsOf(err); ok {
		return c.editBrandForm(w, r, b, form, faults)
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "The brand "+changed.Domain+" was saved.")
	return web.Redirect(w, r, brandPath(b.ID))
}

func deleteBrandQuestion(b *idp.Brand) ui.ConfirmProps {
	q := ui.ConfirmProps{Title: "Delete the brand " + b.Domain + "?", Text: "Its domain falls back to the default brand, with that one's flows.",
		Submit: "Delete brand", Danger: true, Action: brandPath(b.ID) + "delete/", Back: brandPath(b.ID)}
	if b.Default {
		q.Text = "This is the default brand: hosts without one of their own are left without flows, and nobody can lock an account down there."
	}
	return q
}

func (c *Console) deleteBrand(w http.ResponseWriter, r *http.Request) error {
	b, err := c.loadBrand(r)
	if err != nil {
		return err
	}
	q := deleteBrandQuestion(b)
	switch yes, err := page.Confirmed(r); {
	case err != nil:
		return err
	case !yes:
		return page.AskInConsole(w, r, page.Crumbs("Brands", brandsPath, b.Domain, brandPath(b.ID), "Delete"), q)
	}
	if err := c.configure.DeleteBrand(r.Context(), web.Actor(r), b.ID); err != nil {
		return page.Refused(w, r, err, q.Back)
	}
	web.Flash(r.Context(), web.ToneSuccess, "The brand "+b.Domain+" was deleted.")
	return web.Redirect(w, r, brandsPath)
}
