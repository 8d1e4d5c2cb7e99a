package invitationpage

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/invitation"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// term is how long an invitation can be made to be valid.
type term struct {
	value, label string
	lasts        time.Duration // 0 = for good
}

var terms = []term{{"1", "1 day", 24 * time.Hour}, {"7", "7 days", 7 * 24 * time.Hour}, {"30", "30 days", 30 * 24 * time.Hour},
	{"never", "Until it is used up or withdrawn", 0}}

// typed is what the form holds.
type typed struct {
	Name, Flow, Term, Data string
	Single                 bool
}

// fields are those the form shows beside its messages.
var fields = []string{"name", "flow", "expires", "single_use", "fixed_data"}

type formView struct {
	Page   ui.PageProps
	Form   typed
	Faults page.Faults
	Flows  []ui.Option
	Terms  []ui.Option
}

func (p *Pages) newInvitation(w http.ResponseWriter, r *http.Request) error {
	return p.showForm(w, r, typed{Term: "7", Single: true}, page.Faults{})
}

func (p *Pages) showForm(w http.ResponseWriter, r *http.Request, form typed, faults page.Faults) error {
	inviting, err := p.inviting(r)
	if err != nil {
		return err
	}
	v := formView{Form: form, Faults: faults, Flows: []ui.Option{{Value: "", Label: "Every flow with an invitation stage"}}}
	for _, f := range inviting {
		v.Flows = append(v.Flows, ui.Option{Value: f.ID.String(), Label: f.Name + " (" + f.Slug + ")"})
	}
	for _, t := range terms {
		v.Terms = append(v.Terms, ui.Option{Value: t.value, Label: t.label})
	}
	v.Page = page.Console(r, ui.PageProps{Title: "New invitation", Narrow: true,
		Crumbs: []ui.Crumb{{Label: "Invitations", Href: listPath}, {Label: "New invitation"}}})
	return page.RenderStatus(w, r, faults.Status(), formPage(v))
}

func (p *Pages) create(w http.ResponseWriter, r *http.Request) error {
	raw, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	form := typed{Name: raw.Trimmed("name"), Flow: raw.Trimmed("flow"), Term: raw.Trimmed("expires"), Data: raw.Trimmed("fixed_data"), Single: raw.Bool("single_use")}
	clock, err := p.d.Store.Now(r.Context())
	if err != nil {
		return err
	}
	draft, err := form.draft(clock)
	var made *idp.Invitation
	if err == nil {
		made, err = p.d.Invitations.Create(r.Context(), web.Actor(r), draft)
	}
	if faults, ok := page.FaultsOf(err); ok {
		return p.showForm(w, r, form, faults)
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "The invitation "+made.Name+" was made. Copy its link below.")
	return web.Redirect(w, r, at(made))
}

// draft reads what was typed; clock is the database's.
func (t typed) draft(clock time.Time) (invitation.Draft, error) {
	d := invitation.Draft{Name: t.Name, SingleUse: t.Single}
	var faults idp.Faults
	if t.Flow != "" {
		id, err := idp.ParseID[idp.Flow](t.Flow)
		if err != nil {
			faults.Add("flow", "Choose a flow of the list.")
		}
		d.Flow = &id
	}
	known := false
	for _, choice := range terms {
		if choice.value != t.Term {
			continue
		}
		known = true
		if choice.lasts > 0 {
			ends := clock.Add(choice.lasts)
			d.ExpiresAt = &ends
		}
	}
	if !known {
		faults.Add("expires", "Choose how long it is valid.")
	}
	if t.Data != "" {
		decoder := json.NewDecoder(strings.NewReader(t.Data))
		if err := decoder.Decode(&d.FixedData); err != nil || d.FixedData == nil || decoder.More() {
			faults.Add("fixed_data", "Expected a JSON object, such as {\"email\": \"grace@example.org\"}.")
		}
	}
	return d, faults.Err()
}
