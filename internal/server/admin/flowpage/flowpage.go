package flowpage

import (
	"encoding/json"

	"github.com/go-chi/chi/v5"

	"github.com/portcullis-idp/portcullis/internal/configure"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// Stages lists the kinds of stages; flow.Executor does.
type Stages interface {
	Kinds() []flow.Kind
	Kind(name string) (flow.Kind, bool)
}

// Policies finds kinds of policies and judges their settings; policy.Kinds does.
type Policies interface {
	Get(name string) (policy.Kind, bool)
	Check(name string, settings json.RawMessage) error
}

// Deps are what the pages need.
type Deps struct {
	Store     idp.Store
	Configure *configure.Service
	Stages    Stages
	Policies  Policies
	// PublicURL turns the path of a flow into an address that can be sent;
	// "" = the host of the request.
	PublicURL string
}

// Pages answers the pages about flows.
type Pages struct{ d Deps }

// New returns Pages.
func New(d Deps) *Pages { return &Pages{d} }

// Routes adds the pages; it is one of server.Deps.Mounts. Whoever is not signed
// in is sent to sign in, whoever is no superuser is refused.
func (p *Pages) Routes(r chi.Router) {
	r.Group(func(r chi.Router) {
		r.Use(web.RequireUser)
		m := page.Mount{Router: r}
		m.Get("flows/", p.list)
		m.Get("flows/new/", p.newFlow)
		m.Post("flows/new/", p.createFlow)
		m.Get("flows/{flow}/", p.show)
		m.Get("flows/{flow}/edit/", p.editFlow)
		m.Post("flows/{flow}/edit/", p.updateFlow)
		m.Act("flows/{flow}/delete/", p.deleteFlow)
		m.Post("flows/{flow}/order/", p.reorder)
		m.Post("flows/{flow}/stages/", p.addStage)
		m.Post("flows/{flow}/stages/{binding}/", p.updateStage)
		m.Act("flows/{flow}/stages/{binding}/remove/", p.removeStage)
		m.Post("flows/{flow}/policies/", p.bind)
		m.Post("flows/{flow}/policies/{rule}/", p.updateRule)
		m.Act("flows/{flow}/policies/{rule}/unbind/", p.unbind)
		// Where a refused form was sent to can be loaded again.
		for _, path := range []string{"order/", "stages/", "stages/{binding}/", "policies/", "policies/{rule}/"} {
			m.Get("flows/{flow}/"+path, p.home)
		}
	})
}
