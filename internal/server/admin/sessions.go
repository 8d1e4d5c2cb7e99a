package admin

import (
	"fmt"
	"net/http"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// The choices of what the list of all sessions shows; live ones without any.
const (
	showEnded = "ended"
	showAll   = "all"
)

func (c *Console) allSessions(w http.ResponseWriter, r *http.Request) error {
	list, err := page.ReadList(r, "-last_used")
	if err != nil {
		return err
	}
	filter, err := sessionFilter(list.Query)
	if err != nil {
		return err
	}
	filter.Paging = list.Paging()
	found, err := c.sessions.Find(r.Context(), web.Actor(r), filter)
	if err != nil {
		return fmt.Errorf("listing all sessions: %w", err)
	}
	if to := list.Beyond(found.Total); to != "" {
		return web.Redirect(w, r, to)
	}
	owners, err := c.owners(r, found.Items)
	if err != nil {
		return err
	}
	t := page.SessionTable(r, page.Sessions{Items: found.Items, Base: sessionsPath, Back: page.Back(r.URL.RequestURI()),
		Owners: owners, UserHref: userPath, Atlas: c.atlas, Now: now(), Badges: c.badges})
	t.Paging = list.Pages(found.Total, "session")
	t.Filter = ui.FilterBar(ui.FilterProps{Action: sessionsPath, Query: list.Search(), Placeholder: "Search user, address, browser",
		Reset: list.Reset("show"), Hidden: list.Kept(), Swap: t.ID,
		Fields: []ui.FieldProps{list.Choice("show", "Show", "Live sessions",
			ui.Option{Value: showEnded, Label: "Ended sessions"}, ui.Option{Value: showAll, Label: "All sessions"})}})
	if len(t.Rows) == 0 {
		t.Empty = ui.NothingFound("session", sessionsPath)
	} else if list.Query.Text("show") != showEnded {
		t.Select = sessionSelection(r)
	}
	p := page.Console(r, ui.PageProps{Title: "Sessions", Subtitle: "Where people are signed in, and from where they were last used."})
	return page.Render(w, r, sessionsPage(p, t))
}

func sessionFilter(q web.Form) (f idp.SessionFilter, err error) {
	live := true
	switch show := q.Trimmed("show"); show {
	case "":
		f.Live = &live
	case showEnded:
		live = false
		f.Live = &live
	case showAll:
	default:
		return f, idp.Invalid("show", "“%.40s” is nothing that can be shown: expected ended or all.", show)
	}
	return f, nil
}

// sessionSelection offers to end the ticked sessions.
func sessionSelection(r *http.Request) *ui.Selection {
	return &ui.Selection{Form: "bulk", Action: sessionsPath + "bulk/", Field: "sessions", Noun: "session",
		Hidden: page.Back(r.URL.RequestURI()).Hidden(), Actions: []ui.ButtonProps{{Label: "End sessions", Icon: ui.IconLogOut, Kind: ui.Warning}}}
}

// owners are the users of the sessions.
func (c *Console) owners(r *http.Request, sessions []idp.Session) (map[idp.UserID]*idp.User, error) {
	out := map[idp.UserID]*idp.User{}
	var ids []idp.UserID
	for i := range sessions {
		if _, known := out[sessions[i].UserID]; !known {
			out[sessions[i].UserID] = nil
			ids = append(ids, sessions[i].UserID)
		}
	}
	if len(ids) == 0 {
		return out, nil
	}
	found, err := c.store.Repos().Users.Find(r.Context(), idp.UserFilter{IDs: ids, Paging: idp.Paging{Limit: len(ids)}})
	if err != nil {
		return nil, fmt.Errorf("finding whose sessions they are: %w", err)
	}
	for i := range found.Items {
		out[found.Items[i].ID] = &found.Items[i]
	}
	return out, nil
}

func (c *Console) endSession(w http.ResponseWriter, r *http.Request) error {
	id, err := web.IDParam[idp.Session](r, "session", "session")
	if err != nil {
		return err
	}
	s, err := c.sessions.Get(r.Context(), web.Actor(r), id)
	if err != nil {
		return err
	}
	u, err := c.store.Repos().Users.Get(r.Context(), s.UserID)
	if err != nil {
		return err
	}
	return c.endOne(w, r, s, sessionCrumbs("End session"), page.EndSessionQuestion(r, s, u, sessionsPath))
}

func sessionCrumbs(here string) []ui.Crumb {
	return []ui.Crumb{{Label: "Sessions", Href: sessionsPath}, {Label: here}}
}

// chosenSessions are the ticked ones that still live, the actor's own last:
// nothing could be done after it.
func (c *Console) chosenSessions(r *http.Request, form web.Form) ([]idp.Session, error) {
	raw := form.Texts("sessions")
	if len(raw) > page.PageSize {
		return nil, idp.Invalid("sessions", "%s are selected; one act may end %d.", ui.Count(len(raw), "session"), page.PageSize)
	}
	var out, own []idp.Session
	seen := map[idp.SessionID]bool{}
	for _, text := range raw {
		id, err := idp.ParseID[idp.Session](text)
		if err != nil {
			return nil, idp.Invalid("sessions", "“%.40s” is not the id of a session.", text)
		}
		if seen[id] {
			continue
		}
		seen[id] = true
		s, err := c.sessions.Get(r.Context(), web.Actor(r), id)
		switch {
		case idp.Is(err, idp.CodeNotFound), err == nil && !s.Live:
		case err != nil:
			return nil, err
		case page.Present(r, s):
			own = append(own, *s)
		default:
			out = append(out, *s)
		}
	}
	return append(out, own...), nil
}

// endChosen asks before the ticked sessions are ended, and ends them one by one.
// The question carries the sessions: what is done is what was read.
func (c *Console) endChosen(w http.ResponseWriter, r *http.Request) error {
	form, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	back := page.BackOf(r, form)
	chosen, err := c.chosenSessions(r, form)
	switch {
	case err != nil:
		return page.Refused(w, r, err, back.Or(sessionsPath))
	case len(form.Texts("sessions")) == 0:
		return page.Already(w, r, "No session was selected. Tick the sessions first.", back.Or(sessionsPath))
	case len(chosen) == 0:
		return page.Already(w, r, "The selected sessions had ended already.", back.Or(sessionsPath))
	case !form.Bool("confirmed"):
		return c.askEndChosen(w, r, chosen, back)
	}
	ended, parted := 0, false
	for i := range chosen {
		if err := c.sessions.End(r.Context(), web.Actor(r), chosen[i].ID, ""); err != nil {
			return page.Refused(w, r, err, back.Or(sessionsPath))
		}
		ended, parted = ended+1, page.Present(r, &chosen[i])
	}
	if parted {
		return page.Parted(w, r)
	}
	web.Flash(r.Context(), web.ToneSuccess, ui.Count(ended, "session")+" ended.")
	return web.Redirect(w, r, back.Or(sessionsPath))
}

// askEndChosen names the sessions and counts whose they are.
func (c *Console) askEndChosen(w http.ResponseWriter, r *http.Request, chosen []idp.Session, back page.Back) error {
	owners, err := c.owners(r, chosen)
	if err != nil {
		return err
	}
	v := bulkView{Confirm: ui.ConfirmProps{Action: sessionsPath + "bulk/", Back: back.Or(sessionsPath), Danger: true, Hidden: back.Hidden()}}
	counts, order := map[idp.UserID]int{}, []idp.UserID{}
	names := map[idp.UserID]string{}
	for i := range chosen {
		s := &chosen[i]
		v.Confirm.Hidden = append(v.Confirm.Hidden, ui.Pair{Name: "sessions", Value: s.ID.String()})
		if counts[s.UserID]++; counts[s.UserID] == 1 {
			order = append(order, s.UserID)
			names[s.UserID] = s.Username
			if u := owners[s.UserID]; u != nil {
				names[s.UserID] = u.DisplayName()
			}
		}
		if page.Present(r, s) {
			v.Note = ui.Alert(ui.AlertProps{Tone: ui.ToneWarn, Title: "Your present session is among them",
				Text: "It ends last: you are signed out."})
		}
	}
	for _, id := range order {
		v.Total = append(v.Total, names[id]+": "+page.Ends(idp.Holdings{Sessions: counts[id]})[0])
	}
	whose := ui.Count(len(order), "user")
	if len(order) == 1 {
		whose = names[order[0]]
	}
	many := ui.Count(len(chosen), "session")
	v.Confirm.Title, v.Confirm.Submit = "End "+many+" of "+whose+"?", "End "+many
	v.Text = "They are signed out there at once and can sign in again."
	v.Table = c.chosenTable(r, chosen, owners)
	v.Page = page.Console(r, ui.PageProps{Title: v.Confirm.Title, Crumbs: sessionCrumbs(v.Confirm.Title), Narrow: true})
	v.Page.Path = v.Confirm.Back
	return page.Render(w, r, bulkPage(v))
}

// chosenTable is the list of what is about to end, without acts.
func (c *Console) chosenTable(r *http.Request, chosen []idp.Session, owners map[idp.UserID]*idp.User) ui.TableProps {
	t := page.SessionTable(r, page.Sessions{Items: chosen, Base: sessionsPath, Owners: owners, UserHref: userPath, Atlas: c.atlas, Now: now(), Badges: c.badges})
	t.ID, t.Caption = "targets", "Selected sessions"
	t.Columns = t.Columns[:3]
	for i := range t.Rows {
		t.Rows[i].Cells = t.Rows[i].Cells[:3]
	}
	return t
}
