package modepage

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lock"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// path is where the page is.
const path = page.AdminPath + "locking-mode/"

// Pages answers the page.
type Pages struct {
	locks  *lock.Service
	access idp.Access
}

// New returns Pages.
func New(locks *lock.Service, access idp.Access) *Pages { return &Pages{locks, access} }

// Routes adds the page; it is one of server.Deps.Mounts.
func (p *Pages) Routes(r chi.Router) {
	r.Group(func(r chi.Router) {
		r.Use(web.RequireUser)
		m := page.Mount{Router: r}
		m.Get("locking-mode/", p.show)
		m.Post("locking-mode/", p.change)
	})
}

type view struct {
	Page   ui.PageProps
	Mode   string
	Faults page.Faults
	Seen   string
	// Managed is why nothing can be changed; "" = it can.
	Managed string
	Action  string
}

func (p *Pages) show(w http.ResponseWriter, r *http.Request) error {
	now, err := p.locks.Preference(r.Context(), web.Actor(r))
	if err != nil {
		return err
	}
	return p.render(w, r, now, string(now.LockingMode), page.Faults{})
}

func (p *Pages) render(w http.ResponseWriter, r *http.Request, now *lock.Preference, chosen string, faults page.Faults) error {
	v := view{Mode: chosen, Faults: faults, Seen: page.Seen(now), Action: path}
	switch {
	case now.Managed:
		v.Managed = "The server's configuration sets it: " + now.Origin + ". It can only be changed there."
	case p.access.Check(web.Actor(r), idp.VerbUpdate, idp.Object{Resource: idp.ResourcePreference}) != nil:
		v.Managed = "You may see this, not change it."
	}
	v.Page = page.Console(r, ui.PageProps{Title: "Locking mode", Narrow: true,
		Subtitle: "What counts while a server cannot be sure to know of every lock."})
	return page.RenderStatus(w, r, faults.Status(), modePage(v))
}

func (p *Pages) change(w http.ResponseWriter, r *http.Request) error {
	raw, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	actor, chosen := web.Actor(r), raw.Trimmed("locking_mode")
	now, err := p.locks.Preference(r.Context(), actor)
	if err != nil {
		return err
	}
	if err = page.Unchanged(raw, now); err == nil {
		_, err = p.locks.SetPreference(r.Context(), actor, idp.LockingMode(chosen))
	}
	if faults, ok := page.FaultsOf(err); ok {
		return p.render(w, r, now, chosen, faults)
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "The locking mode was saved. It counts on every server now.")
	return web.Redirect(w, r, path)
}
