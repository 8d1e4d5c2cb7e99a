package account

import (
	"fmt"
	"net/http"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

func (p *Pages) ownSessions(w http.ResponseWriter, r *http.Request) error {
	list, err := page.ReadList(r, "-last_used")
	if err != nil {
		return err
	}
	u, live := web.User(r), true
	found, err := p.sessions.Find(r.Context(), web.Actor(r), idp.SessionFilter{UserID: &u.ID, Live: &live, Paging: list.Paging()})
	if err != nil {
		return fmt.Errorf("listing the sessions of user %d: %w", u.ID, err)
	}
	if to := list.Beyond(found.Total); to != "" {
		return web.Redirect(w, r, to)
	}
	t := page.SessionTable(r, page.Sessions{Items: found.Items, Base: sessionsPath, Owner: u, Atlas: p.atlas, Now: now()})
	t.Title, t.Text = "Where you are signed in", "If you do not know one of these, end it and change your password."
	t.Paging = list.Pages(found.Total, "session")
	var acts []templ.Component
	if found.Total > 1 {
		q := page.EndOthersQuestion(found.Total-1, sessionsPath)
		acts = append(acts, ui.Action(ui.ActionProps{Action: q.Action, Confirm: &q,
			Button: ui.ButtonProps{Label: "End all others", Kind: ui.Warning, Small: true}}))
	}
	q := page.EndAllQuestion(r, u, found.Total, sessionsPath)
	acts = append(acts, ui.Action(ui.ActionProps{Action: q.Action, Confirm: &q,
		Button: ui.ButtonProps{Label: "End all", Kind: ui.Warning, Small: true}}))
	t.Actions = row(acts)
	return page.Render(w, r, listPage(settingsFrame(r, "Sessions"), t))
}

// sessionCrumbs is the way to a question about sessions.
func sessionCrumbs(here string) []ui.Crumb {
	return []ui.Crumb{settingsCrumb, {Label: "Sessions", Href: sessionsPath}, {Label: here}}
}

// live counts the sessions of the person.
func (p *Pages) live(r *http.Request) (int, error) {
	u, live := web.User(r), true
	found, err := p.sessions.Find(r.Context(), web.Actor(r), idp.SessionFilter{UserID: &u.ID, Live: &live, Paging: idp.Paging{Limit: 1}})
	if err != nil {
		return 0, fmt.Errorf("counting the sessions of user %d: %w", u.ID, err)
	}
	return found.Total, nil
}

func (p *Pages) endOthers(w http.ResponseWriter, r *http.Request) error {
	u := web.User(r)
	switch yes, err := confirmed(r); {
	case err != nil:
		return err
	case !yes:
		n, err := p.live(r)
		if err != nil {
			return err
		}
		return page.AskInAccount(w, r, sessionCrumbs("End all others"), page.EndOthersQuestion(n-1, sessionsPath))
	}
	n, err := p.sessions.EndOthers(r.Context(), web.Actor(r), u.ID)
	switch {
	case err != nil:
		return page.Refused(w, r, err, sessionsPath)
	case n == 0:
		return page.Already(w, r, "You are signed in nowhere else.", sessionsPath)
	}
	web.Flash(r.Context(), web.ToneSuccess, page.HaveEnded(n, "other session"))
	return web.Redirect(w, r, sessionsPath)
}

func (p *Pages) endAll(w http.ResponseWriter, r *http.Request) error {
	u := web.User(r)
	switch yes, err := confirmed(r); {
	case err != nil:
		return err
	case !yes:
		n, err := p.live(r)
		if err != nil {
			return err
		}
		return page.AskInAccount(w, r, sessionCrumbs("End all"), page.EndAllQuestion(r, u, n, sessionsPath))
	}
	if _, err := p.sessions.EndAll(r.Context(), web.Actor(r), u.ID); err != nil {
		return page.Refused(w, r, err, sessionsPath)
	}
	return page.Parted(w, r)
}

func (p *Pages) endSession(w http.ResponseWriter, r *http.Request) error {
	id, err := web.IDParam[idp.Session](r, "session", "session")
	if err != nil {
		return err
	}
	s, err := p.sessions.Get(r.Context(), web.Actor(r), id)
	if err != nil {
		return err
	}
	if err := own(r, s.UserID, "session"); err != nil {
		return err
	}
	switch yes, err := confirmed(r); {
	case err != nil:
		return err
	case !yes:
		return page.AskInAccount(w, r, sessionCrumbs("End session"), page.EndSessionQuestion(r, s, web.User(r), sessionsPath))
	case !s.Live:
		return page.Already(w, r, "That session had ended already.", sessionsPath)
	}
	if err := p.sessions.End(r.Context(), web.Actor(r), id, ""); err != nil {
		return page.Refused(w, r, err, sessionsPath)
	}
	if page.Present(r, s) {
		return page.Parted(w, r)
	}
	web.Flash(r.Context(), web.ToneSuccess, "The session on "+page.Device(s)+" ended.")
	return web.Redirect(w, r, sessionsPath)
}
