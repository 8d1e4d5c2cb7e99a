package lockoutpage

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockout"
	"github.com/portcullis-idp/portcullis/internal/server/live"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

const (
	// shown is how many lockouts one page lists.
	shown = 500
	// shownEnded is how many of the past.
	shownEnded = 50
	// tableID and bannerID are what is kept up to date of the page.
	tableID, bannerID = "lockouts", "lockouts-note"
	// formOne is the form that the buttons of the rows belong to.
	formOne = "unlock-one"
)

// listView is the page with a list.
type listView struct {
	Page   ui.PageProps
	Table  ui.TableProps
	Banner string        // "" = none
	Fresh  ui.FreshProps // At is zero where nothing is kept up to date
	Back   page.Back
}

func (p *Pages) list(w http.ResponseWriter, r *http.Request) error {
	l, err := readListing(r, shown)
	if err != nil {
		return err
	}
	f, err := l.filter(true)
	if err != nil {
		return err
	}
	found, err := p.d.Lockouts.Find(r.Context(), web.Actor(r), f)
	if err != nil {
		return err
	}
	items, total := found.Items, len(found.Items)
	if len(items) > l.Size || l.before != nil || l.Page > 1 {
		if total, err = p.total(r, f); err != nil {
			return err
		}
	}
	v := listView{Back: page.Back(l.here())}
	if total > shown {
		v.Banner = "Showing " + strconv.Itoa(shown) + " of " + strconv.Itoa(total) + " locked accounts. Some accounts may not be displayed."
	}
	v.Table = p.table(r, l, &items, total)
	v.Fresh = ui.FreshProps{Table: tableID, More: []string{bannerID}, At: now(), Href: l.here()}
	if p.d.Live != nil {
		v.Fresh.Src = livePath
	}
	v.Page = p.frame(r, "Locked out now", ui.PageProps{Flashes: page.UnlockToast(r, p.d.Lockouts, v.Back), Actions: ui.FreshTable(v.Fresh)})
	return page.Render(w, r, listPage(v))
}

// total counts all that match, not only from the place on where the page begins.
func (p *Pages) total(r *http.Request, f idp.LockoutFilter) (int, error) {
	f.Before = nil
	if f.Search == "" && f.Accounts == nil {
		return p.d.Lockouts.Total(r.Context(), web.Actor(r))
	}
	return p.d.Lockouts.Count(r.Context(), web.Actor(r), f, math.MaxInt32)
}

// frame is the page around a list.
func (p *Pages) frame(r *http.Request, tab string, with ui.PageProps) ui.PageProps {
	with.Title, with.Subtitle = "Locked accounts", "Blocked for a while after too many failed attempts. Each ends by itself."
	with.Tabs = []ui.Tab{{Label: "Locked out now", Href: listPath}, {Label: "History", Href: historyPath}}
	for i := range with.Tabs {
		with.Tabs[i].Current = with.Tabs[i].Label == tab
	}
	return page.Console(r, with)
}

func (l listing) bar(placeholder string) templ.Component {
	fresh := l.List
	fresh.Query = web.Form{"search": l.Query["search"], "of": l.Query["of"], "ordering": l.Query["ordering"]}
	return ui.FilterBar(ui.FilterProps{Action: l.Path, Query: l.Search(), Placeholder: placeholder, Swap: tableID, Hidden: fresh.Kept(),
		Reset: fresh.Reset("of"), Fields: []ui.FieldProps{l.Choice("of", "Whose", "Accounts and unknown names",
			ui.Option{Value: "accounts", Label: "Accounts only"}, ui.Option{Value: "unknown", Label: "Unknown names only"})}})
}

const searchHint = "Search name, e-mail or address"

func (p *Pages) table(r *http.Request, l listing, items *[]idp.Lockout, total int) ui.TableProps {
	t := ui.TableProps{ID: tableID, Caption: "Locked accounts", Paging: l.paging(items, "locked account", total), Filter: l.bar(searchHint),
		Columns: []ui.Column{l.column("Identifier", "identifier"), {Label: "Reason"}, l.column("Source IP", "trigger_ip"), l.column("Failed Attempts", "attempts"),
			l.column("Locked At", "locked_at"), l.column("Expires", "locked_until"), {Label: "Actions", Numeric: true}}}
	can, at := web.May(r, idp.VerbUpdate, idp.ResourceLockout), now()
	for i := range *items {
		it := &(*items)[i]
		t.Rows = append(t.Rows, ui.Row{ID: it.ID.String(), Label: it.Identifier, Cells: []templ.Component{
			identifier(it), reason(it.Reason), address(it), attempts(it), ui.Time(it.LockedAt, at), page.Expires(it.LockedUntil, at), unlockButton(it, can)}})
	}
	if len(t.Rows) > 0 {
		t.Select = selection(l, total)
		return t
	}
	t.Empty = ui.NothingFound("locked account", listPath)
	if !l.Filtered("of") && l.before == nil && l.Page == 1 {
		t.Filter, t.Paging = nil, nil
		t.Empty = ui.Empty(ui.EmptyProps{Icon: ui.IconShieldCheck, Title: "Nobody is locked out",
			Text: "Whoever fails to sign in too often appears here, with a button to let them in again."})
	}
	return t
}

// selection offers to unlock the ticked ones, or all that match.
func selection(l listing, total int) *ui.Selection {
	s := &ui.Selection{Form: "unlock-several", Action: page.UnlockPath, Field: "lockouts", Noun: "locked account", Matching: total,
		Actions: []ui.ButtonProps{{Label: "Unlock", Icon: ui.IconLockOpen}}, Hidden: page.Back(l.here()).Hidden()}
	if total > lockout.MaxUnlock {
		s.Matching = 0 // more than one act may touch: narrow the list first
	}
	for _, name := range []string{"search", "of"} {
		if v := l.Query.Trimmed(name); v != "" {
			s.Hidden = append(s.Hidden, ui.Pair{Name: name, Value: v})
		}
	}
	return s
}

func unlockButton(it *idp.Lockout, can bool) templ.Component {
	if !can {
		return ui.Text("")
	}
	return ui.Button(ui.ButtonProps{Label: "Unlock", Icon: ui.IconLockOpen, Small: true, Form: formOne, Name: "lockouts", Value: it.ID.String(),
		Attrs: templ.Attributes{"aria-label": "Unlock " + it.Identifier}})
}

func (p *Pages) history(w http.ResponseWriter, r *http.Request) error {
	l, err := readListing(r, shownEnded)
	if err != nil {
		return err
	}
	f, err := l.filter(false)
	if err != nil {
		return err
	}
	found, err := p.d.Lockouts.Find(r.Context(), web.Actor(r), f)
	if err != nil {
		return err
	}
	items := found.Items
	t := ui.TableProps{ID: tableID, Caption: "Lockouts of the past", Paging: l.paging(&items, "lockout", -1), Filter: l.bar(searchHint),
		Columns: []ui.Column{l.column("Identifier", "identifier"), {Label: "Reason"}, l.column("Source IP", "trigger_ip"), l.column("Failed Attempts", "attempts"),
			l.column("Locked At", "locked_at"), {Label: "How it ended"}}}
	at := now()
	for i := range items {
		it := &items[i]
		t.Rows = append(t.Rows, ui.Row{ID: it.ID.String(), Label: it.Identifier, Cells: []templ.Component{
			identifier(it), reason(it.Reason), address(it), attempts(it), ui.Time(it.LockedAt, at), page.LockoutEnd(it, at)}})
	}
	if len(t.Rows) == 0 {
		t.Empty = ui.NothingFound("lockout", historyPath)
		if !l.Filtered("of") && l.before == nil && l.Page == 1 {
			t.Filter, t.Paging = nil, nil
			t.Empty = ui.Empty(ui.EmptyProps{Icon: ui.IconHistory, Title: "No lockout has ended yet",
				Text: "Lockouts that are over are kept here for a while, with how they ended and who ended them."})
		}
	}
	return page.Render(w, r, listPage(listView{Page: p.frame(r, "History", ui.PageProps{}), Table: t}))
}

// live tells pages that are open that something has changed; what, they ask for.
func (p *Pages) live(w http.ResponseWriter, r *http.Request) error {
	return p.d.Live.Serve(w, r, live.Wish{
		Filter: idp.EventFilter{ActionIDs: []string{lockout.ActionLocked, lockout.ActionUnlocked, lockout.ActionUndone}},
		After:  web.Query(r).Trimmed("after"),
		May: func(actor idp.Actor) error {
			_, err := p.d.Lockouts.Count(r.Context(), actor, idp.LockoutFilter{}, 0)
			return err
		},
		Render: func(e *idp.Event) ([]byte, error) {
			raw, err := json.Marshal(map[string]string{"pk": e.ID.String()})
			if err != nil {
				return nil, fmt.Errorf("telling of event %s: %w", e.ID, err)
			}
			return raw, nil
		}})
}
