package lockpage

import (
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lock"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

const (
	listPath    = page.LocksPath
	historyPath = page.LocksPath + "history/"
	newPath     = page.LocksPath + "new/"
)

// Deps are what the pages need.
type Deps struct {
	Store  idp.Store
	Locks  *lock.Service
	Access idp.Access // says whose lists may be shown to choose from
}

// Pages answers the pages about locks.
type Pages struct{ d Deps }

// New returns Pages.
func New(d Deps) *Pages { return &Pages{d} }

// Routes adds the pages; it is one of server.Deps.Mounts. Whoever is not signed
// in is sent to sign in; whoever may do nothing with locks is refused by the use
// cases.
func (p *Pages) Routes(r chi.Router) {
	r.Group(func(r chi.Router) {
		r.Use(web.RequireUser)
		m := page.Mount{Router: r}
		m.Get("locks/", p.list)
		m.Get("locks/history/", p.history)
		m.Get("locks/new/", p.begin)
		m.Post("locks/new/", p.goOn)
		m.Get("locks/{lock}/", p.show)
		m.Get("locks/{lock}/edit/", p.edit)
		m.Post("locks/{lock}/edit/", p.update)
		m.Act("locks/{lock}/lift/", p.lift)
		m.Act("locks/{lock}/again/", p.again)
	})
}

// now is the time that "in 2 days" is counted from; it decides nothing.
func now() time.Time { return time.Now() }

// may reports whether whoever asks may do that with locks at all, so that pages
// offer only what would work.
func (p *Pages) may(actor idp.Actor, verb idp.Verb) bool {
	return p.d.Access.Check(actor, verb, idp.Object{Resource: idp.ResourceLock, Some: verb != idp.VerbList && verb != idp.VerbRead}) == nil
}
