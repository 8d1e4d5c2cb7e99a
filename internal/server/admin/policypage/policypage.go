package policypage

import (
	"context"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/portcullis-idp/portcullis/internal/configure"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// Engine knows the kinds of policies and tries one out; policy.Engine is one.
type Engine interface {
	Kinds() *policy.Kinds
	Try(ctx context.Context, p *idp.Policy, req idp.PolicyRequest) policy.Trial
}

// Deps are what the pages need.
type Deps struct {
	Store     idp.Store
	Configure *configure.Service
	Engine    Engine
}

// Pages answers the pages about policies.
type Pages struct {
	store     idp.Store
	configure *configure.Service
	engine    Engine
}

// New returns Pages.
func New(d Deps) *Pages { return &Pages{store: d.Store, configure: d.Configure, engine: d.Engine} }

// The addresses of the lists.
const (
	policiesPath = page.AdminPath + "policies/"
	scoresPath   = policiesPath + "reputation/"
)

func policyPath(id idp.PolicyID) string { return policiesPath + id.String() + "/" }
func kindPath(kind string) string       { return policiesPath + "new/" + kind + "/" }

// Routes adds the pages; it is one of server.Deps.Mounts. Whoever is no superuser
// is refused.
func (p *Pages) Routes(r chi.Router) {
	r.Group(func(r chi.Router) {
		r.Use(web.RequireUser)
		m := page.Mount{Router: r}
		m.Get("policies/", p.policies)
		m.Get("policies/new/", p.chooseKind)
		m.Get("policies/new/{kind}/", p.newPolicy)
		m.Post("policies/new/{kind}/", p.createPolicy)
		m.Post("policies/new/{kind}/check/", p.checkExpression)
		m.Post("policies/new/{kind}/test/", p.tryNew)
		m.Get("policies/{policy}/", p.editPolicy)
		m.Post("policies/{policy}/", p.updatePolicy)
		m.Post("policies/{policy}/test/", p.tryPolicy)
		m.Act("policies/{policy}/delete/", p.deletePolicy)
		m.Get("policies/reputation/", p.scores)
		m.Act("policies/reputation/{score}/delete/", p.deleteScore)
	})
}

// describe lists the settings of a kind. They are written as those of stages are,
// and read in the same way.
func describe(k policy.Kind) []flow.Setting {
	return flow.Kind{Settings: func() any { return k.Settings }}.Describe()
}

// now is the time that "2 minutes ago" is counted from; it decides nothing.
func now() time.Time { return time.Now() }
