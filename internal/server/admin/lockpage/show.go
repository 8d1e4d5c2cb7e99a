package lockpage

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lock"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

func (p *Pages) load(r *http.Request) (*idp.Lock, error) {
	id, err := web.IDParam[idp.Lock](r, "lock", "lock")
	if err != nil {
		// Without the right, nobody learns what there is.
		if refused := p.d.Access.Check(web.Actor(r), idp.VerbRead, idp.Object{Resource: idp.ResourceLock}); refused != nil {
			return nil, refused
		}
		return nil, err
	}
	return p.d.Locks.Get(r.Context(), web.Actor(r), id)
}

type showView struct {
	Page    ui.PageProps
	It      *idp.Lock
	Facts   []ui.Item
	Hits    *lock.Preview // nil = not to be said
	Moments []ui.Moment
}

func (p *Pages) show(w http.ResponseWriter, r *http.Request) error {
	it, err := p.load(r)
	if err != nil {
		return err
	}
	v := showView{It: it, Facts: facts(it)}
	if it.InForce {
		v.Hits, err = p.d.Locks.Preview(r.Context(), web.Actor(r), it.Target.Map())
		if _, ok := page.FaultsOf(err); err != nil && !ok { // whoever may only read locks is not told whom they hit
			return err
		}
	}
	if v.Moments, err = p.moments(r, it); err != nil {
		return err
	}
	v.Page = page.Console(r, ui.PageProps{Title: "Lock on " + plain(it.Target), Crumbs: page.Crumbs("Locks", listPath, plain(it.Target), "", ""),
		Tags: state(it), Actions: p.actions(r, it), Banner: p.banner(r, it)})
	return page.Render(w, r, showPage(v))
}

func facts(it *idp.Lock) []ui.Item {
	items := []ui.Item{
		{Label: "Locked items", Value: page.LockTarget(it.Target)},
		{Label: "Message", Value: message(it.Message)},
		{Label: "Locked by", Value: by(it.CreatedBy)},
		{Label: "Start", Value: ui.TimeFull(it.CreatedAt, now())},
		{Label: "Expiration", Value: expiryFull(it)},
	}
	if it.LiftedAt != nil {
		items = append(items, ui.Item{Label: "Lifted", Value: ui.TimeFull(*it.LiftedAt, now())}, ui.Item{Label: "Lifted by", Value: by(it.LiftedBy)})
	}
	return append(items, ui.Item{Label: "Refused with", Value: refusal(it.Text())}, ui.Item{Label: "Name", Value: ui.CopyID(it.ID.String())})
}

func state(it *idp.Lock) templ.Component {
	switch {
	case it.InForce:
		return ui.TagIcon(ui.ToneBad, ui.IconLock, "In force")
	case it.LiftedAt != nil:
		return ui.TagIcon(ui.ToneNeutral, ui.IconLockOpen, "Lifted")
	}
	return ui.TagIcon(ui.ToneNeutral, ui.IconClock, "Expired")
}

func (p *Pages) actions(r *http.Request, it *idp.Lock) templ.Component {
	actor := web.Actor(r)
	if !it.InForce {
		return againButton(it, p.may(actor, idp.VerbCreate), false)
	}
	var parts []templ.Component
	if p.may(actor, idp.VerbUpdate) {
		parts = append(parts, ui.Button(ui.ButtonProps{Label: "Change", Icon: ui.IconPencil, Href: page.LockPath(it.ID) + "edit/"}))
	}
	if p.may(actor, idp.VerbDelete) {
		q := liftQuestion(it)
		parts = append(parts, ui.Action(ui.ActionProps{Action: q.Action, Confirm: &q,
			Button: ui.ButtonProps{Label: "Lift lock", Icon: ui.IconLockOpen, Kind: ui.Primary}}))
	}
	return row(parts)
}

// banner says what became of a lock of the past, and of one that hits whoever
// looks at it.
func (p *Pages) banner(r *http.Request, it *idp.Lock) templ.Component {
	if it.InForce || it.LiftedAt == nil {
		return nil
	}
	a := ui.AlertProps{Tone: ui.ToneOK, Title: "This lock was lifted", Text: "What it refused is allowed again."}
	if p.canAgain(r, it) {
		a.Action = againButton(it, true, true)
	}
	return ui.Alert(a)
}

// canAgain reports whether one click can put a lock in force again, for whoever
// asks: it was lifted, and its time is not over.
func (p *Pages) canAgain(r *http.Request, it *idp.Lock) bool {
	return it.LiftedAt != nil && !over(it) && p.may(web.Actor(r), idp.VerbCreate)
}

// over reports whether the time of a lock is over; for offers only, the use case
// asks the database's clock.
func over(it *idp.Lock) bool { return it.ExpiresAt != nil && !it.ExpiresAt.After(now()) }

// moments are what happened to a lock, newest first.
func (p *Pages) moments(r *http.Request, it *idp.Lock) ([]ui.Moment, error) {
	found, err := p.d.Store.Repos().Events.Find(r.Context(), idp.EventFilter{Lock: &it.ID, Paging: idp.Paging{Limit: 50, Order: []string{"-created"}}})
	if err != nil {
		return nil, fmt.Errorf("reading what happened to lock %s: %w", it.ID, err)
	}
	var out []ui.Moment
	for i := range found.Items {
		e := &found.Items[i]
		d := page.DescribeEvent(e)
		out = append(out, ui.Moment{At: e.CreatedAt, Icon: d.Icon, Tone: d.Tone, Title: ui.Text(d.Sentence), Text: page.LockEventText(e)})
	}
	if !it.InForce && it.LiftedAt == nil && it.ExpiresAt != nil {
		out = append([]ui.Moment{{At: *it.ExpiresAt, Icon: ui.IconClock, Title: ui.Text("It expired")}}, out...)
	}
	return out, nil
}

// liftedField is the parameter of a list with the lock that was lifted on it.
const liftedField = "lifted"

func liftQuestion(it *idp.Lock) ui.ConfirmProps {
	return ui.ConfirmProps{Title: "Lift the lock on " + plain(it.Target) + "?", Submit: "Lift lock",
		Text:   "What it refused is allowed again at once, on every server. You can put it in force again.",
		Action: page.LockPath(it.ID) + "lift/", Back: page.LockPath(it.ID)}
}

// liftButton lifts a lock of a list, and leads back to the same part of it.
func liftButton(it *idp.Lock, can bool, here page.Back) templ.Component {
	if !can {
		return ui.Text("")
	}
	q := liftQuestion(it)
	return ui.Action(ui.ActionProps{Action: q.Action, Confirm: &q, Hidden: here.Hidden(),
		Button: ui.ButtonProps{Label: "Lift", Icon: ui.IconLockOpen, Small: true, Attrs: templ.Attributes{"aria-label": "Lift the lock on " + plain(it.Target)}}})
}

func (p *Pages) lift(w http.ResponseWriter, r *http.Request) error {
	it, err := p.load(r)
	if err != nil {
		return err
	}
	var form web.Form
	if r.Method == http.MethodPost {
		if form, err = web.DecodeForm(r); err != nil {
			return err
		}
	}
	q, from := liftQuestion(it), page.BackOf(r, form)
	q.Back, q.Hidden = from.Or(q.Back), from.Hidden()
	if !form.Bool("confirmed") {
		return page.AskInConsole(w, r, page.Crumbs("Locks", listPath, plain(it.Target), page.LockPath(it.ID), "Lift"), q)
	}
	if it.InForce {
		_, err = p.d.Locks.Lift(r.Context(), web.Actor(r), it.ID)
	}
	switch {
	case !it.InForce, idp.Is(err, idp.CodeNotFound):
		return page.Already(w, r, "That lock was not in force any more.", q.Back)
	case err != nil:
		return page.Refused(w, r, err, q.Back)
	case from != "":
		return web.Redirect(w, r, from.Telling(liftedField, it.ID.String()))
	}
	return web.Redirect(w, r, q.Back)
}

// undo offers to put the lock in force again that was lifted on this list a
// moment ago.
func (p *Pages) undo(r *http.Request) templ.Component {
	id, err := idp.ParseID[idp.Lock](web.Query(r).Text(liftedField))
	if err != nil {
		return nil
	}
	it, err := p.d.Locks.Get(r.Context(), web.Actor(r), id)
	if err != nil || it.InForce || it.LiftedAt == nil {
		return nil
	}
	a := ui.AlertProps{Tone: ui.ToneOK, Live: true, Title: "The lock on " + plain(it.Target) + " was lifted", Text: "What it refused is allowed again."}
	if p.canAgain(r, it) {
		a.Action = againButton(it, true, true)
	}
	return ui.Alert(a)
}

// againButton puts a lifted lock in force again; one whose time is over needs
// another end, so it becomes a new lock.
func againButton(it *idp.Lock, can, small bool) templ.Component {
	switch {
	case !can:
		return ui.Text("")
	case it.LiftedAt == nil || over(it):
		return ui.Button(ui.ButtonProps{Label: "Lock again…", Icon: ui.IconLock, Small: small, Href: prefilled(it),
			Attrs: templ.Attributes{"aria-label": "Lock " + plain(it.Target) + " again…"}})
	}
	return ui.Action(ui.ActionProps{Action: page.LockPath(it.ID) + "again/", Hidden: []ui.Pair{{Name: "confirmed", Value: "1"}},
		Button: ui.ButtonProps{Label: "Put in force again", Icon: ui.IconRotateCcw, Small: small,
			Attrs: templ.Attributes{"aria-label": "Put in force again: the lock on " + plain(it.Target)}}})
}

// again takes back that a lock was lifted.
func (p *Pages) again(w http.ResponseWriter, r *http.Request) error {
	it, err := p.load(r)
	if err != nil {
		return err
	}
	at := page.LockPath(it.ID)
	switch yes, err := page.Confirmed(r); {
	case err != nil:
		return err
	case !yes:
		return page.AskInConsole(w, r, page.Crumbs("Locks", listPath, plain(it.Target), at, "Put in force again"),
			ui.ConfirmProps{Title: "Put the lock on " + plain(it.Target) + " in force again?", Submit: "Put in force again", Action: at + "again/", Back: at,
				Text: "Whoever matches it is refused at once, everywhere, with the message it had."})
	case it.InForce:
		return page.Already(w, r, "That lock is in force.", at)
	}
	_, warnings, err := p.d.Locks.Create(r.Context(), web.Actor(r), lock.Draft{ID: it.ID, Target: it.Target.Map(), Message: it.Message, Expires: it.ExpiresAt})
	var e *idp.Error
	switch {
	case idp.Is(err, idp.CodeConflict):
		return page.Already(w, r, "That lock is in force.", at)
	case errors.As(err, &e) && e.Fields["expires"] != nil:
		web.Flash(r.Context(), web.ToneInfo, "The time of that lock is over. Choose when the new one ends.")
		return web.Redirect(w, r, prefilled(it))
	case err != nil:
		return page.Refused(w, r, err, at)
	}
	for _, text := range warnings {
		web.Flash(r.Context(), web.ToneWarning, text)
	}
	web.Flash(r.Context(), web.ToneSuccess, "The lock on "+plain(it.Target)+" is in force again.")
	return web.Redirect(w, r, at)
}

func by(name string) templ.Component { return ui.Maybe(name) }

func expiry(it *idp.Lock) templ.Component {
	if it.ExpiresAt == nil {
		return ui.Muted("Never")
	}
	return ui.Time(*it.ExpiresAt, now())
}

func expiryFull(it *idp.Lock) templ.Component {
	if it.ExpiresAt == nil {
		return ui.Muted("Never")
	}
	return ui.TimeFull(*it.ExpiresAt, now())
}
