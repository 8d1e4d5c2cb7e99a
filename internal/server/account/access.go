package account

import (
	"net/http"
	"strconv"
	"time"

	"github.com/portcullis-idp/portcullis/internal/elevate"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

const accessPath = page.SettingsPath + "access/"

// accessForm holds what was typed.
type accessForm struct{ Group, Minutes, Reason string }

var accessFields = []string{"group", "duration", "reason"}

type accessView struct {
	Page   ui.PageProps
	Form   accessForm
	Faults page.Faults
	Groups []ui.Option
	Terms  []ui.Option
	Table  ui.TableProps
}

// terms are the durations that are offered, in minutes.
var terms = []int{15, 30, 60, 120, 240, 480, 1440, 4320, 10080}

func (p *Pages) ownAccess(w http.ResponseWriter, r *http.Request) error {
	return p.showAccess(w, r, accessForm{Minutes: "60"}, page.Faults{})
}

func (p *Pages) showAccess(w http.ResponseWriter, r *http.Request, form accessForm, faults page.Faults) error {
	list, err := page.ReadList(r, "-created")
	if err != nil {
		return err
	}
	list.Path = accessPath
	u := web.User(r)
	paging := list.Paging()
	paging.Order = append([]string{"state"}, paging.Order...)
	found, err := p.elevations.Find(r.Context(), web.Actor(r), idp.AccessRequestFilter{UserID: &u.ID, Paging: paging})
	if err != nil {
		return err
	}
	if to := list.Beyond(found.Total); to != "" {
		return web.Redirect(w, r, to)
	}
	groups, err := p.elevations.Groups(r.Context(), web.Actor(r))
	if err != nil && !idp.Is(err, idp.CodeForbidden) {
		return err
	}
	v := accessView{Form: form, Faults: faults, Page: settingsFrame(r, "Access")}
	var longest time.Duration
	for _, g := range groups {
		if !g.Member {
			v.Groups = append(v.Groups, ui.Option{Value: g.ID.String(), Label: g.Name + " (up to " + elevate.Words(g.Maximum) + ")"})
			longest = max(longest, g.Maximum)
		}
	}
	for _, m := range terms {
		if d := time.Duration(m) * time.Minute; d <= longest {
			v.Terms = append(v.Terms, ui.Option{Value: strconv.Itoa(m), Label: elevate.Words(d)})
		}
	}
	if len(v.Groups) > 0 && len(v.Terms) == 0 {
		v.Terms = []ui.Option{{Value: strconv.Itoa(int(longest / time.Minute)), Label: elevate.Words(longest.Truncate(time.Minute))}}
	}
	v.Table = page.AccessTable(r, page.AccessRequests{Items: found.Items, Base: accessPath, Now: now(), Badges: p.badges})
	v.Table.Title, v.Table.Text = "What you asked for", "What is granted is had by the session that asked, and by those that you tell to use it."
	v.Table.Paging = list.Pages(found.Total, "request")
	v.Table.Empty = ui.Empty(ui.EmptyProps{Icon: ui.IconTicket, Title: "Nothing yet", Text: "What you ask for is listed here, with what became of it."})
	return page.RenderStatus(w, r, faults.Status(), accessPage(v))
}

func (p *Pages) askAccess(w http.ResponseWriter, r *http.Request) error {
	sent, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	form := accessForm{Group: sent.Trimmed("group"), Minutes: sent.Trimmed("duration"), Reason: sent.Trimmed("reason")}
	d := elevate.Draft{Reason: form.Reason}
	var faults idp.Faults
	if d.Group, err = idp.ParseID[idp.Group](form.Group); err != nil {
		faults.Add("group", "Choose one of the groups that can be asked for.")
	}
	minutes, err := strconv.Atoi(form.Minutes)
	if err != nil || minutes < 1 || minutes > 1<<20 {
		faults.Add("duration", "Choose for how long.")
	}
	d.Duration = time.Duration(minutes) * time.Minute
	var asked *idp.AccessRequest
	if err = faults.Err(); err == nil {
		asked, err = p.elevations.Ask(r.Context(), web.Actor(r), d)
	}
	if faults, ok := page.FaultsOf(err); ok {
		return p.showAccess(w, r, form, faults)
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "You asked for "+asked.GroupName+". Somebody else decides; it is shown here.")
	return web.Redirect(w, r, accessPath)
}

// ownRequest is a request of the path, if it is the person's own.
func (p *Pages) ownRequest(r *http.Request) (*idp.AccessRequest, error) {
	id, err := web.IDParam[idp.AccessRequest](r, "request", "access request")
	if err != nil {
		return nil, err
	}
	it, err := p.elevations.Get(r.Context(), web.Actor(r), id)
	if err != nil {
		return nil, err
	}
	return it, own(r, it.UserID, "access request")
}

func accessCrumbs(here string) []ui.Crumb {
	return []ui.Crumb{settingsCrumb, {Label: "Access", Href: accessPath}, {Label: here}}
}

func (p *Pages) useAccess(w http.ResponseWriter, r *http.Request) error {
	it, err := p.ownRequest(r)
	if err != nil {
		return err
	}
	if _, err := p.elevations.Use(r.Context(), web.Actor(r), it.ID); err != nil {
		return page.Refused(w, r, err, accessPath)
	}
	web.Flash(r.Context(), web.ToneSuccess, "You have "+it.GroupName+" in this session now.")
	return web.Redirect(w, r, accessPath)
}

func (p *Pages) withdrawAccess(w http.ResponseWriter, r *http.Request) error {
	it, err := p.ownRequest(r)
	if err != nil {
		return err
	}
	q := ui.ConfirmProps{Title: "Withdraw your request for " + it.GroupName + "?", Submit: "Withdraw request", Text: "Nobody decides it any more. You can ask again.",
		Action: accessPath + it.ID.String() + "/withdraw/", Back: accessPath}
	switch yes, err := confirmed(r); {
	case err != nil:
		return err
	case !yes:
		return page.AskInAccount(w, r, accessCrumbs("Withdraw"), q)
	}
	if _, err := p.elevations.Withdraw(r.Context(), web.Actor(r), it.ID); err != nil {
		return page.Refused(w, r, err, accessPath)
	}
	web.Flash(r.Context(), web.ToneSuccess, "Your request for "+it.GroupName+" was withdrawn.")
	return web.Redirect(w, r, accessPath)
}

func (p *Pages) endAccess(w http.ResponseWriter, r *http.Request) error {
	it, err := p.ownRequest(r)
	if err != nil {
		return err
	}
	switch yes, err := confirmed(r); {
	case err != nil:
		return err
	case !yes:
		return page.AskInAccount(w, r, accessCrumbs("End"), page.EndAccessQuestion(it, accessPath, accessPath))
	}
	if _, err := p.elevations.End(r.Context(), web.Actor(r), it.ID); err != nil {
		return page.Refused(w, r, err, accessPath)
	}
	web.Flash(r.Context(), web.ToneSuccess, "You do not have "+it.GroupName+" any more.")
	return web.Redirect(w, r, accessPath)
}
