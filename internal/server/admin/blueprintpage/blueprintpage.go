package blueprintpage

import (
	"context"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/portcullis-idp/portcullis/internal/blueprint"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// Library keeps blueprints; blueprint.Library is one.
type Library interface {
	Find(ctx context.Context, actor idp.Actor, f idp.BlueprintFilter) (idp.Page[idp.Blueprint], error)
	Get(ctx context.Context, actor idp.Actor, id idp.BlueprintID) (*idp.Blueprint, error)
	Create(ctx context.Context, actor idp.Actor, draft idp.Blueprint) (*idp.Blueprint, error)
	Update(ctx context.Context, actor idp.Actor, id idp.BlueprintID, mutate func(*idp.Blueprint) error) (*idp.Blueprint, error)
	Delete(ctx context.Context, actor idp.Actor, id idp.BlueprintID) error
	Apply(ctx context.Context, actor idp.Actor, id idp.BlueprintID) (*idp.Blueprint, *blueprint.Report, error)
	Plan(ctx context.Context, actor idp.Actor, id idp.BlueprintID) (*blueprint.Report, error)
	Import(ctx context.Context, actor idp.Actor, u blueprint.Upload) (*blueprint.Report, error)
	Source(ctx context.Context, actor idp.Actor, b *idp.Blueprint) (string, error)
	Files(ctx context.Context, actor idp.Actor) ([]blueprint.File, error)
}

// Pages answers the pages about blueprints.
type Pages struct{ library Library }

// New returns Pages.
func New(library Library) *Pages { return &Pages{library} }

const listPath = page.AdminPath + "blueprints/"

const (
	newPath    = listPath + "new/"
	importPath = listPath + "import/"
)

func path(id idp.BlueprintID) string { return listPath + id.String() + "/" }

// Routes adds the pages; it is one of server.Deps.Mounts. Whoever is no superuser
// is refused.
func (p *Pages) Routes(r chi.Router) {
	r.Group(func(r chi.Router) {
		r.Use(web.RequireUser)
		m := page.Mount{Router: r}
		m.Get("blueprints/", p.list)
		m.Get("blueprints/new/", p.newForm)
		m.Post("blueprints/new/", p.create)
		m.Get("blueprints/import/", p.importForm)
		m.Post("blueprints/import/", p.importDocument)
		m.Get("blueprints/{blueprint}/", p.show)
		m.Get("blueprints/{blueprint}/plan/", p.plan)
		m.Post("blueprints/{blueprint}/apply/", p.apply)
		m.Get("blueprints/{blueprint}/edit/", p.editForm)
		m.Post("blueprints/{blueprint}/edit/", p.update)
		m.Post("blueprints/{blueprint}/enable/", p.enable)
		m.Post("blueprints/{blueprint}/disable/", p.disable)
		m.Act("blueprints/{blueprint}/delete/", p.delete)
	})
}

// now is the time that "2 minutes ago" is counted from; it decides nothing.
func now() time.Time { return time.Now() }
