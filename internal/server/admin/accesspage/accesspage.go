package accesspage

import (
	"context"
	"net/http"
	"time"

	"github.com/a-h/templ"
	"github.com/go-chi/chi/v5"

	"github.com/portcullis-idp/portcullis/internal/elevate"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

const listPath = page.AccessRequestsPath

// Deps are what the pages need.
type Deps struct {
	Store      idp.Store
	Elevations *elevate.Service
	Locked     page.LockView // nil = pages show no badges
}

// Pages answers the pages about requests for access.
type Pages struct {
	d      Deps
	badges page.Badges
}

// New returns Pages.
func New(d Deps) *Pages { return &Pages{d, page.Badges{View: d.Locked}} }

// Routes adds the pages; it is one of server.Deps.Mounts.
func (p *Pages) Routes(r chi.Router) {
	r.Group(func(r chi.Router) {
		r.Use(web.RequireUser)
		m := page.Mount{Router: r}
		m.Get("access-requests/", p.list)
		m.Get("access-requests/{request}/", p.show)
		m.Act("access-requests/{request}/grant/", p.decide(grant))
		m.Act("access-requests/{request}/deny/", p.decide(deny))
		m.Act("access-requests/{request}/end/", p.end)
	})
}

// now is the time that "in 2 hours" is counted from; it decides nothing.
func now() time.Time { return time.Now() }

func (p *Pages) list(w http.ResponseWriter, r *http.Request) error {
	list, err := page.ReadList(r, "-created")
	if err != nil {
		return err
	}
	paging := list.Paging()
	paging.Order = append([]string{"state"}, paging.Order...) // what waits comes first, then what is in force
	found, err := p.d.Elevations.Find(r.Context(), web.Actor(r), idp.AccessRequestFilter{Paging: paging})
	if err != nil {
		return err
	}
	if to := list.Beyond(found.Total); to != "" {
		return web.Redirect(w, r, to)
	}
	t := page.AccessTable(r, page.AccessRequests{Items: found.Items, Console: true, Who: true, Base: listPath, Now: now(), Badges: p.badges})
	t.Paging = list.Pages(found.Total, "request")
	t.Empty = ui.Empty(ui.EmptyProps{Icon: ui.IconTicket, Title: "Nobody has asked for anything",
		Text: "People ask under Settings, Access. They can ask for groups that allow it: edit a group to let people ask for it."})
	if list.Filtered() {
		t.Empty = ui.NothingFound("request", listPath)
	}
	if found.Total > list.Size || list.Filtered() {
		t.Filter = ui.FilterBar(ui.FilterProps{Action: listPath, Query: list.Search(), Placeholder: "Search requests", Reset: list.Reset(), Hidden: list.Kept(), Swap: "access-requests"})
	}
	props := page.Console(r, ui.PageProps{Title: "Access requests", Subtitle: "Who wants to be in a group for a while, and who is. Sessions carry what is granted; accounts do not."})
	return page.Render(w, r, listPage(props, t))
}

func (p *Pages) load(r *http.Request) (*idp.AccessRequest, error) {
	id, err := web.IDParam[idp.AccessRequest](r, "request", "access request")
	if err != nil {
		return nil, err
	}
	return p.d.Elevations.Get(r.Context(), web.Actor(r), id)
}

type showView struct {
	Page  ui.PageProps
	It    *idp.AccessRequest
	Facts []ui.Item
	Own   bool
}

func (p *Pages) show(w http.ResponseWriter, r *http.Request) error {
	it, err := p.load(r)
	if err != nil {
		return err
	}
	v := showView{It: it, Own: web.Actor(r).Is(it.UserID)}
	rights := idp.Rights{}
	if !it.GroupID.IsZero() {
		if rights, err = p.d.Store.Repos().Roles.GroupRights(r.Context(), it.GroupID); err != nil {
			return err
		}
	}
	until := "Lapses"
	switch it.State {
	case idp.AccessGranted:
		until = "Over"
	case idp.AccessPending:
	default:
		until = "Ended"
	}
	group := ui.Text(it.GroupName + " (deleted)")
	if !it.GroupID.IsZero() {
		group = ui.Anchor(it.GroupName, page.AdminPath+"groups/"+it.GroupID.String()+"/")
	}
	v.Facts = []ui.Item{{Label: "State", Value: page.AccessState(it, p.badges)},
		{Label: "Person", Value: ui.Anchor(it.Username, page.AdminPath+"users/"+it.UserID.String()+"/")},
		{Label: "Group", Value: group}, {Label: "What it gives", Value: gives(rights)}, {Label: "For", Value: ui.Text(elevate.Words(it.Duration))},
		{Label: "Reason", Value: ui.Text(it.Reason)}, {Label: "Asked", Value: ui.TimeFull(it.CreatedAt, now())}, {Label: until, Value: ui.TimeFull(it.ExpiresAt, now())}}
	if it.DecidedAt != nil {
		v.Facts = append(v.Facts, ui.Item{Label: "Decided", Value: ui.TimeFull(*it.DecidedAt, now())}, ui.Item{Label: "Decided by", Value: ui.Maybe(it.DecidedBy)},
			ui.Item{Label: "Note", Value: ui.Maybe(it.Note)})
	}
	if it.State == idp.AccessGranted {
		v.Facts = append(v.Facts, ui.Item{Label: "Sessions that have it", Value: ui.Text(ui.Number(len(it.Carried)))})
	}
	v.Facts = append(v.Facts, ui.Item{Label: "UUID", Value: ui.CopyID(it.ID.String())})
	v.Page = page.Console(r, ui.PageProps{Title: it.GroupName + " for " + it.Username, Narrow: true, Actions: p.acts(it, v.Own),
		Crumbs: []ui.Crumb{{Label: "Access requests", Href: listPath}, {Label: it.GroupName + " for " + it.Username}}})
	return page.Render(w, r, showPage(v))
}

// gives says what rights a group carries.
func gives(rights idp.Rights) templ.Component {
	var parts []templ.Component
	if rights.Superuser {
		parts = append(parts, ui.TagIcon(ui.ToneInfo, ui.IconShieldUser, "Superusers"))
	}
	for _, name := range rights.Roles {
		parts = append(parts, ui.Tag(ui.ToneNeutral, name))
	}
	if len(parts) == 0 {
		return ui.Muted("No roles")
	}
	return ui.Join(parts...)
}

// acts are the buttons of the page.
func (p *Pages) acts(it *idp.AccessRequest, own bool) templ.Component {
	at := page.AccessRequestPath(it.ID)
	var parts []templ.Component
	if it.State == idp.AccessPending && !own {
		parts = append(parts, ui.Button(ui.ButtonProps{Label: "Deny…", Href: at + "deny/"}), ui.Button(ui.ButtonProps{Label: "Grant…", Kind: ui.Primary, Icon: ui.IconCheck, Href: at + "grant/"}))
	}
	if it.State == idp.AccessGranted {
		parts = append(parts, ui.Button(ui.ButtonProps{Label: "Lock…", Icon: ui.IconLock, Href: page.LockWizard(idp.LockKey{Kind: idp.LockAccessRequest, Value: it.ID.String()})}),
			ui.Button(ui.ButtonProps{Label: "End…", Kind: ui.Warning, Href: at + "end/"}))
	}
	if len(parts) == 0 {
		return nil
	}
	return ui.Join(parts...)
}

// decision is granting or denying.
type decision struct {
	verb, done, text string
	do               func(s *elevate.Service, ctx context.Context, actor idp.Actor, id idp.AccessRequestID, note string) (*idp.AccessRequest, error)
}

var (
	grant = decision{verb: "Grant", done: "granted", text: "The clock begins at once. The session that asked has it if it still lives; the person’s other sessions can be told to use it.", do: (*elevate.Service).Grant}
	deny  = decision{verb: "Deny", done: "denied", text: "The person can ask again.", do: (*elevate.Service).Deny}
)

func (p *Pages) decide(d decision) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		it, err := p.load(r)
		if err != nil {
			return err
		}
		at := page.AccessRequestPath(it.ID)
		note := ""
		var yes bool
		if r.Method == http.MethodPost {
			form, err := web.DecodeForm(r)
			if err != nil {
				return err
			}
			note, yes = form.Trimmed("note"), form.Bool("confirmed")
		}
		if !yes {
			q := ui.ConfirmProps{Title: d.verb + " " + it.GroupName + " for " + it.Username + "?", Submit: d.verb, Text: "For " + elevate.Words(it.Duration) + ": “" + it.Reason + "” " + d.text,
				Action: at + d.path(), Back: at,
				Body: ui.Field(ui.FieldProps{Name: "note", Label: "Note", Type: ui.FieldTextArea, Rows: 2, Value: note, MaxLength: 1000, Hint: "For the person and the event log."})}
			return page.AskInConsole(w, r, page.Crumbs("Access requests", listPath, it.GroupName+" for "+it.Username, at, d.verb), q)
		}
		if _, err := d.do(p.d.Elevations, r.Context(), web.Actor(r), it.ID, note); err != nil {
			return page.Refused(w, r, err, at)
		}
		web.Flash(r.Context(), web.ToneSuccess, it.GroupName+" was "+d.done+" to "+it.Username+".")
		return web.Redirect(w, r, at)
	}
}

func (d decision) path() string {
	if d.done == "granted" {
		return "grant/"
	}
	return "deny/"
}

func (p *Pages) end(w http.ResponseWriter, r *http.Request) error {
	it, err := p.load(r)
	if err != nil {
		return err
	}
	at := page.AccessRequestPath(it.ID)
	switch yes, err := page.Confirmed(r); {
	case err != nil:
		return err
	case !yes:
		return page.AskInConsole(w, r, page.Crumbs("Access requests", listPath, it.GroupName+" for "+it.Username, at, "End"), page.EndAccessQuestion(it, listPath, at))
	}
	if _, err := p.d.Elevations.End(r.Context(), web.Actor(r), it.ID); err != nil {
		return page.Refused(w, r, err, at)
	}
	web.Flash(r.Context(), web.ToneSuccess, it.Username+" does not have "+it.GroupName+" any more.")
	return web.Redirect(w, r, at)
}
