package stagepage

import (
	"github.com/go-chi/chi/v5"

	"github.com/portcullis-idp/portcullis/internal/configure"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// Kinds lists the kinds of stages; flow.Executor does.
type Kinds interface {
	Kinds() []flow.Kind
	Kind(name string) (flow.Kind, bool)
}

// Deps are what the pages need.
type Deps struct {
	Store     idp.Store
	Configure *configure.Service
	Kinds     Kinds
}

// Pages answers the pages about stages and prompts.
type Pages struct {
	store     idp.Store
	configure *configure.Service
	kinds     Kinds
}

// New returns Pages.
func New(d Deps) *Pages { return &Pages{store: d.Store, configure: d.Configure, kinds: d.Kinds} }

// The addresses of the lists.
const (
	stagesPath  = page.AdminPath + "stages/"
	promptsPath = page.AdminPath + "prompts/"
	flowsPath   = page.AdminPath + "flows/" // elsewhere
)

func stagePath(id idp.StageID) string   { return stagesPath + id.String() + "/" }
func promptPath(id idp.PromptID) string { return promptsPath + id.String() + "/" }

// Routes adds the pages; it is one of server.Deps.Mounts. Whoever is no superuser
// is refused.
func (p *Pages) Routes(r chi.Router) {
	r.Group(func(r chi.Router) {
		r.Use(web.RequireUser)
		m := page.Mount{Router: r}
		m.Get("stages/", p.stages)
		m.Get("stages/new/", p.chooseKind)
		m.Get("stages/new/{kind}/", p.newStage)
		m.Post("stages/new/{kind}/", p.createStage)
		m.Get("stages/{stage}/", p.editStage)
		m.Post("stages/{stage}/", p.updateStage)
		m.Act("stages/{stage}/delete/", p.deleteStage)
		m.Get("prompts/", p.prompts)
		m.Get("prompts/new/", p.newPrompt)
		m.Post("prompts/new/", p.createPrompt)
		m.Post("prompts/new/preview/", p.previewNew)
		m.Get("prompts/{prompt}/", p.editPrompt)
		m.Post("prompts/{prompt}/", p.updatePrompt)
		m.Post("prompts/{prompt}/preview/", p.previewPrompt)
		m.Act("prompts/{prompt}/delete/", p.deletePrompt)
	})
}
