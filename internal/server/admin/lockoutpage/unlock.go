package lockoutpage

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockout"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// unlock ends the lockouts that were chosen, by their keys, so that no address has
// an identifier. It takes effect at once; the page that it was done on offers to take
// it back. Only for all that match a filter it asks first.
func (p *Pages) unlock(w http.ResponseWriter, r *http.Request) error {
	form, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	from := page.BackOf(r, form)
	back := from.Or(listPath)
	ids, err := p.chosen(r, form)
	if err != nil {
		return page.Refused(w, r, err, back)
	}
	if len(ids) == 0 {
		return page.Already(w, r, "Nobody was selected. Tick the locked accounts first.", back)
	}
	if form.Bool("all_matching") && !form.Bool("confirmed") {
		return p.ask(w, r, ids, from)
	}
	ended, err := p.d.Lockouts.UnlockAll(r.Context(), web.Actor(r), ids)
	if idp.Is(err, idp.CodeNotFound) {
		text := "That account was already unlocked, or its lockout is over."
		if len(ids) > 1 {
			text = "Those accounts were already unlocked, or their lockouts are over."
		}
		return page.Already(w, r, text, back)
	}
	if err != nil {
		return page.Refused(w, r, err, back)
	}
	if late := missing(ids, ended); late > 0 && len(ids) > 1 {
		web.Flash(r.Context(), web.ToneInfo, ui.Count(late, "other lockout")+" had ended already.")
	}
	return web.Redirect(w, r, page.Back(back).Telling(page.UnlockedField, ended[0].ID.String()))
}

// missing counts what was asked for and had ended before.
func missing(ids []idp.LockoutID, ended []idp.Lockout) (n int) {
	for _, id := range ids {
		if !slices.ContainsFunc(ended, func(l idp.Lockout) bool { return l.ID == id }) {
			n++
		}
	}
	return n
}

// chosen are the ticked lockouts, or all that the list's filters match.
func (p *Pages) chosen(r *http.Request, form web.Form) ([]idp.LockoutID, error) {
	if form.Bool("all_matching") && !form.Bool("confirmed") {
		return p.matching(r, form)
	}
	var ids []idp.LockoutID
	for _, text := range form["lockouts"] {
		id, err := idp.ParseID[idp.Lockout](text)
		if err != nil {
			return nil, idp.Invalid("lockouts", "“%.40s” is not the key of a lockout.", text)
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
		if len(ids) > lockout.MaxUnlock {
			return nil, tooMany()
		}
	}
	return ids, nil
}

func (p *Pages) matching(r *http.Request, form web.Form) ([]idp.LockoutID, error) {
	active := true
	f := idp.LockoutFilter{Active: &active, Uncounted: true, Paging: idp.Paging{Limit: lockout.MaxUnlock + 1, Search: form.Trimmed("search")}}
	var err error
	if f.Accounts, err = ofAccounts(form.Trimmed("of")); err != nil {
		return nil, err
	}
	found, err := p.d.Lockouts.Find(r.Context(), web.Actor(r), f)
	if err != nil {
		return nil, err
	}
	if len(found.Items) > lockout.MaxUnlock {
		return nil, tooMany()
	}
	ids := make([]idp.LockoutID, len(found.Items))
	for i := range found.Items {
		ids[i] = found.Items[i].ID
	}
	return ids, nil
}

func tooMany() error {
	return idp.Invalid(idp.NonField, "Unlock %d accounts at most at once. Narrow the list down first.", lockout.MaxUnlock)
}

// ask counts whom it would unlock. The question carries them one by one: what is done
// is what was counted.
func (p *Pages) ask(w http.ResponseWriter, r *http.Request, ids []idp.LockoutID, from page.Back) error {
	q := ui.ConfirmProps{Title: "Unlock " + ui.Count(len(ids), "locked account") + "?", Submit: "Unlock " + strconv.Itoa(len(ids)),
		Text:   "Each has the full number of attempts again, on every server at once: whoever is guessing, too. You can take it back for as long as the lockouts would have lasted.",
		Action: page.UnlockPath, Back: from.Or(listPath), Hidden: from.Hidden()}
	for _, id := range ids {
		q.Hidden = append(q.Hidden, ui.Pair{Name: "lockouts", Value: id.String()})
	}
	return page.AskInConsole(w, r, []ui.Crumb{{Label: "Locked accounts", Href: listPath}, {Label: "Unlock"}}, q)
}

// undo takes an unlock back.
func (p *Pages) undo(w http.ResponseWriter, r *http.Request) error {
	form, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	back := plain(page.BackOf(r, form).Or(listPath))
	id, err := idp.ParseID[idp.Lockout](form.Text("lockout"))
	if err != nil {
		return idp.Invalid("lockout", "“%.40s” is not the key of a lockout.", form.Text("lockout"))
	}
	again, err := p.d.Lockouts.Resume(r.Context(), web.Actor(r), id)
	if err != nil {
		return page.Refused(w, r, err, back)
	}
	text := again[0].Identifier + " is locked out again until " + ui.Absolute(again[0].LockedUntil) + "."
	if len(again) > 1 {
		text = strconv.Itoa(len(again)) + " lockouts are in force again, until the ends they had."
	}
	web.Flash(r.Context(), web.ToneSuccess, text)
	return web.Redirect(w, r, back)
}

// plain leaves out of an address what tells of an unlock.
func plain(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return listPath
	}
	q := u.Query()
	q.Del(page.UnlockedField)
	u.RawQuery = q.Encode()
	return u.String()
}
