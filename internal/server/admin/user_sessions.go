package admin

import (
	"fmt"
	"net/http"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

func (c *Console) userSessions(w http.ResponseWriter, r *http.Request) error {
	d, list, err := c.tab(r, "-last_used")
	if err != nil {
		return err
	}
	filter := idp.SessionFilter{UserID: &d.User.ID, Paging: list.Paging()}
	if list.Query.Text("show") != "all" {
		live := true
		filter.Live = &live
	}
	found, err := c.sessions.Find(r.Context(), web.Actor(r), filter)
	if err != nil {
		return fmt.Errorf("listing the sessions of user %d: %w", d.User.ID, err)
	}
	if to := list.Beyond(found.Total); to != "" {
		return web.Redirect(w, r, to)
	}
	at := userPath(d.User.ID) + "sessions/"
	told, err := c.sessionsTold(r, found.Items)
	if err != nil {
		return err
	}
	t := page.SessionTable(r, page.Sessions{Items: found.Items, Base: at, Owner: d.User, Atlas: c.atlas, Now: d.Now, Badges: c.badges, Told: told})
	t.Paging, t.Title = list.Pages(found.Total, "session"), "Sessions"
	toggle := ui.ButtonProps{Label: "Show ended sessions, too", Href: list.Href("show", "all"), Small: true}
	if filter.Live == nil {
		t.Text = "Ended sessions are kept for 30 days, those that expired for one."
		toggle = ui.ButtonProps{Label: "Show live sessions only", Href: list.Href("show", ""), Small: true}
	}
	parts := []templ.Component{ui.Button(toggle)}
	if others := d.Sessions - 1; web.Actor(r).Is(d.User.ID) && others > 0 {
		q := page.EndOthersQuestion(others, at)
		parts = append(parts, ui.Action(ui.ActionProps{Action: q.Action, Confirm: &q,
			Button: ui.ButtonProps{Label: "End all others", Kind: ui.Warning, Small: true}}))
	}
	if d.Sessions > 0 {
		q := page.EndAllQuestion(r, d.User, d.Sessions, at)
		parts = append(parts, ui.Action(ui.ActionProps{Action: q.Action, Confirm: &q,
			Button: ui.ButtonProps{Label: "End all", Kind: ui.Warning, Small: true}}))
	}
	t.Actions = buttons(parts)
	return page.Render(w, r, userTab(d.frame(r, "Sessions"), nil, t))
}

// sessionsTold says of sessions that are over what applications were told.
func (c *Console) sessionsTold(r *http.Request, items []idp.Session) (map[idp.SessionID]string, error) {
	over := []idp.SessionID{}
	for i := range items {
		if !items[i].Live {
			over = append(over, items[i].ID)
		}
	}
	if len(over) == 0 {
		return nil, nil
	}
	found, err := c.store.Repos().LogoutNotices.Find(r.Context(), idp.LogoutNoticeFilter{SessionIDs: over, Paging: idp.Paging{Limit: idp.CountLimit}})
	if err != nil {
		return nil, fmt.Errorf("reading what applications were told of sessions: %w", err)
	}
	return page.SessionsTold(found.Items), nil
}

func (c *Console) endSessions(w http.ResponseWriter, r *http.Request) error {
	d, err := c.load(r)
	if err != nil {
		return err
	}
	q := page.EndAllQuestion(r, d.User, d.Sessions, userPath(d.User.ID)+"sessions/")
	switch yes, err := page.Confirmed(r); {
	case err != nil:
		return err
	case !yes:
		return page.AskInConsole(w, r, userCrumbs(d.User, "End all sessions"), q)
	}
	n, err := c.sessions.EndAll(r.Context(), web.Actor(r), d.User.ID)
	switch {
	case err != nil:
		return page.Refused(w, r, err, q.Back)
	case web.Actor(r).Is(d.User.ID):
		return page.Parted(w, r)
	case n == 0:
		return page.Already(w, r, "There was no session to end.", q.Back)
	}
	web.Flash(r.Context(), web.ToneSuccess, page.HaveEnded(n, "session"))
	return web.Redirect(w, r, q.Back)
}

// endOthers is about one's own sessions: of somebody else's all are others.
func (c *Console) endOthers(w http.ResponseWriter, r *http.Request) error {
	d, err := c.load(r)
	if err != nil {
		return err
	}
	if !web.Actor(r).Is(d.User.ID) {
		return c.endSessions(w, r)
	}
	q := page.EndOthersQuestion(d.Sessions-1, userPath(d.User.ID)+"sessions/")
	switch yes, err := page.Confirmed(r); {
	case err != nil:
		return err
	case !yes:
		return page.AskInConsole(w, r, userCrumbs(d.User, "End all others"), q)
	}
	n, err := c.sessions.EndOthers(r.Context(), web.Actor(r), d.User.ID)
	switch {
	case err != nil:
		return page.Refused(w, r, err, q.Back)
	case n == 0:
		return page.Already(w, r, "You are signed in nowhere else.", q.Back)
	}
	web.Flash(r.Context(), web.ToneSuccess, page.HaveEnded(n, "other session"))
	return web.Redirect(w, r, q.Back)
}

func (c *Console) endUserSession(w http.ResponseWriter, r *http.Request) error {
	d, err := c.load(r)
	if err != nil {
		return err
	}
	id, err := web.IDParam[idp.Session](r, "session", "session")
	if err != nil {
		return err
	}
	s, err := c.sessions.Get(r.Context(), web.Actor(r), id)
	if err != nil {
		return err
	}
	if s.UserID != d.User.ID {
		return idp.NotFound("session")
	}
	at := userPath(d.User.ID) + "sessions/"
	return c.endOne(w, r, s, userCrumbs(d.User, "End session"), page.EndSessionQuestion(r, s, d.User, at))
}

// endOne asks before a session is ended, and ends it.
func (c *Console) endOne(w http.ResponseWriter, r *http.Request, s *idp.Session, crumbs []ui.Crumb, q ui.ConfirmProps) error {
	var form web.Form
	if r.Method == http.MethodPost {
		var err error
		if form, err = web.DecodeForm(r); err != nil {
			return err
		}
	}
	from := page.BackOf(r, form)
	q.Back, q.Hidden = from.Or(q.Back), from.Hidden()
	switch {
	case !form.Bool("confirmed"):
		return page.AskInConsole(w, r, crumbs, q)
	case !s.Live:
		return page.Already(w, r, "That session had ended already.", q.Back)
	}
	if err := c.sessions.End(r.Context(), web.Actor(r), s.ID, ""); err != nil {
		return page.Refused(w, r, err, q.Back)
	}
	if page.Present(r, s) {
		return page.Parted(w, r)
	}
	web.Flash(r.Context(), web.ToneSuccess, "The session on "+page.Device(s)+" ended.")
	return web.Redirect(w, r, q.Back)
}
