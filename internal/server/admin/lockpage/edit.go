package lockpage

import (
	"fmt"
	"net/http"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lock"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

type editView struct {
	Page                ui.PageProps
	It                  *idp.Lock
	Message, TTL, Until string
	Last                bool // ask whether the last administrator may be shut out
	Seen                string
	Faults              page.Faults
}

// stateOf is what the form of changes is filled from.
func stateOf(it *idp.Lock) any {
	return []any{it.Target.Map(), it.Message, it.ExpiresAt, it.InForce}
}

func (p *Pages) edit(w http.ResponseWriter, r *http.Request) error {
	it, err := p.loadToChange(w, r)
	if it == nil {
		return err
	}
	return p.showEdit(w, r, editView{It: it, Message: it.Message, Until: typedTime(it.ExpiresAt)})
}

// loadToChange returns a lock in force that whoever asks may change; nil when the
// answer is written or the error says why.
func (p *Pages) loadToChange(w http.ResponseWriter, r *http.Request) (*idp.Lock, error) {
	it, err := p.load(r)
	if err != nil {
		return nil, err
	}
	if err := p.d.Access.Check(web.Actor(r), idp.VerbUpdate, idp.Object{Resource: idp.ResourceLock, Lock: it}); err != nil {
		return nil, err
	}
	if !it.InForce {
		return nil, page.Already(w, r, "That lock is not in force any more, so there is nothing to change.", page.LockPath(it.ID))
	}
	return it, nil
}

func (p *Pages) showEdit(w http.ResponseWriter, r *http.Request, v editView) error {
	v.Seen = page.Seen(stateOf(v.It))
	v.Page = page.Console(r, ui.PageProps{Title: "Change the lock on " + plain(v.It.Target), Narrow: true,
		Crumbs: page.Crumbs("Locks", listPath, plain(v.It.Target), page.LockPath(v.It.ID), "Change")})
	return page.RenderStatus(w, r, v.Faults.Status(), editPage(v))
}

func (p *Pages) update(w http.ResponseWriter, r *http.Request) error {
	it, err := p.loadToChange(w, r)
	if it == nil {
		return err
	}
	form, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	v := editView{It: it, Message: form.Trimmed("message"), TTL: form.Trimmed("ttl"), Until: form.Trimmed("until")}
	err = page.Unchanged(form, stateOf(it))
	if err == nil {
		err = p.change(r, v, form.Bool("force_last_admin"))
	}
	if idp.Is(err, idp.CodeNotFound) {
		return page.Already(w, r, "That lock is not in force any more, so there is nothing to change.", page.LockPath(it.ID))
	}
	if faults, ok := page.FaultsOf(err); ok {
		v.Faults, v.Last = faults, faults.Of(idp.NonField) == lock.LastAdministrator
		return p.showEdit(w, r, v)
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "The lock on "+plain(it.Target)+" was changed.")
	return web.Redirect(w, r, page.LockPath(it.ID))
}

// change changes what differs from what is stored: an end that nobody touched
// keeps its seconds.
func (p *Pages) change(r *http.Request, v editView, force bool) error {
	clock, err := p.d.Store.Now(r.Context())
	if err != nil {
		return fmt.Errorf("asking for the time: %w", err)
	}
	patch := lock.Patch{ForceLastAdmin: force}
	if v.Message != v.It.Message {
		patch.Message = &v.Message
	}
	if v.TTL != "" && v.Until == typedTime(v.It.ExpiresAt) {
		v.Until = "" // it was filled in, and the duration was typed
	}
	if v.TTL != "" || v.Until != typedTime(v.It.ExpiresAt) {
		at, lasts, err := ends(v.TTL, v.Until, clock)
		if err != nil {
			return err
		}
		if lasts > 0 {
			end := clock.Add(lasts).Truncate(time.Second)
			at = &end
		}
		patch.Expires = &at
	}
	_, _, err = p.d.Locks.Change(r.Context(), web.Actor(r), v.It.ID, patch)
	return err
}
