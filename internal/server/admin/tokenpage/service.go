package tokenpage

import (
	"net/http"

	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/serviceaccount"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// serviceView is the page with the form for an account of a program.
type serviceView struct {
	Page   ui.PageProps
	Name   string
	Group  bool
	Form   page.TokenForm
	Faults page.Faults
}

var serviceFields = []string{"name", "create_group", "expires", "until", page.StepUpField}

func (p *Pages) newService(w http.ResponseWriter, r *http.Request) error {
	return p.showService(w, r, serviceView{Group: true, Form: page.TokenForm{Term: "365d", StepUpExempt: true}})
}

func (p *Pages) showService(w http.ResponseWriter, r *http.Request, v serviceView) error {
	v.Page = page.Console(r, ui.PageProps{Title: "New service account", Narrow: true,
		Subtitle: "An account for a program. It cannot sign in with a password: it has tokens and app passwords.",
		Crumbs:   []ui.Crumb{{Label: "Users", Href: page.AdminPath + "users/"}, {Label: "New service account"}}})
	return page.RenderStatus(w, r, v.Faults.Status(), servicePage(v))
}

func (p *Pages) createService(w http.ResponseWriter, r *http.Request) error {
	sent, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	v := serviceView{Name: sent.Trimmed("name"), Group: sent.Bool("create_group"), Form: page.ReadTokenForm(sent)}
	made, err := p.makeService(r, v)
	if faults, ok := page.FaultsOf(err); ok {
		v.Faults = faults
		return p.showService(w, r, v)
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "The service account "+made.User.Username+" was made, with an API token.")
	return web.Redirect(w, r, at(made.Token)+"key/")
}

func (p *Pages) makeService(r *http.Request, v serviceView) (*serviceaccount.Made, error) {
	clock, err := p.d.Store.Now(r.Context())
	if err != nil {
		return nil, err
	}
	ends, _, err := v.Form.Expiry(clock)
	if err != nil {
		return nil, err
	}
	return serviceaccount.Maker{Store: p.d.Store, Access: p.d.Access, Accounts: p.d.Accounts, Tokens: p.d.Tokens}.Make(r.Context(), web.Actor(r),
		serviceaccount.Order{Name: v.Name, CreateGroup: v.Group, Expiring: ends != nil, ExpiresAt: ends, StepUpExempt: &v.Form.StepUpExempt})
}
