package account

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// Bells tells browsers how much is not seen; live.Bells is one.
type Bells interface {
	Serve(w http.ResponseWriter, r *http.Request, most int, draw func(int) ([]byte, error)) error
	// Ring has the count read again.
	Ring(user idp.UserID)
}

type noticesView struct {
	Page   ui.PageProps
	Items  []notice
	Unseen int
	Paging *ui.Paging
	Only   bool // those not seen alone are shown
	Here   string
}

type notice struct {
	idp.Notification
	Event string // address of the event; "" = none, or none of theirs to read
	Gone  bool   // it was of an event that is not kept any more
}

func (p *Pages) notifications(w http.ResponseWriter, r *http.Request) error {
	list, err := page.ReadList(r, "-created")
	if err != nil {
		return err
	}
	u := web.User(r)
	filter := idp.NotificationFilter{Paging: list.Paging(), UserID: &u.ID}
	v := noticesView{}
	switch only := list.Query.Trimmed("seen"); only {
	case "":
	case "false":
		no := false
		filter.Seen, v.Only = &no, true
	default:
		return idp.Invalid("seen", "“%.40s” is nothing to filter by: expected false, or nothing.", only)
	}
	found, err := p.store.Repos().Notifications.Find(r.Context(), filter)
	if err != nil {
		return fmt.Errorf("listing the notifications of user %d: %w", u.ID, err)
	}
	if to := list.Beyond(found.Total); to != "" {
		return web.Redirect(w, r, to)
	}
	reads := web.May(r, idp.VerbRead, idp.ResourceEvent)
	for _, n := range found.Items {
		it := notice{Notification: n}
		switch {
		case n.EventID == nil || !reads:
		case !n.EventKept:
			it.Gone = true
		default:
			it.Event = page.AdminPath + "events/" + n.EventID.String() + "/"
		}
		v.Items = append(v.Items, it)
	}
	v.Paging, v.Here = list.Pages(found.Total, "notification"), list.Href("page", pageOf(list))
	v.Page = page.Account(r, ui.PageProps{Title: "Notifications", Subtitle: "What you were told. Old ones are deleted by themselves.",
		Tabs: []ui.Tab{{Label: "All", Href: page.NotificationsPath, Current: !v.Only}, {Label: "Not seen", Href: page.NotificationsPath + "?seen=false", Current: v.Only}}})
	if v.Page.Bell != nil {
		v.Unseen = v.Page.Bell.Unseen
	}
	return page.Render(w, r, noticesPage(v))
}

// short is what it says, as the buttons about it name it.
func (n notice) short() string {
	if r := []rune(n.Body); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return n.Body
}

func pageOf(l page.List) string {
	if l.Page == 1 {
		return ""
	}
	return strconv.Itoa(l.Page)
}

func noticePath(id idp.NotificationID) string { return page.NotificationsPath + id.String() + "/" }

// noticed goes back to the list after an act, and has bells count again.
func (p *Pages) noticed(w http.ResponseWriter, r *http.Request, form web.Form) error {
	if p.bells != nil {
		p.bells.Ring(web.User(r).ID)
	}
	return web.Redirect(w, r, page.BackOf(r, form).Or(page.NotificationsPath))
}

func (p *Pages) see(w http.ResponseWriter, r *http.Request) error {
	return p.onNotice(w, r, func(id idp.NotificationID, form web.Form) (bool, error) {
		return p.store.Repos().Notifications.See(r.Context(), web.User(r).ID, id, form.Text("seen") != "false")
	})
}

func (p *Pages) dropNotice(w http.ResponseWriter, r *http.Request) error {
	return p.onNotice(w, r, func(id idp.NotificationID, _ web.Form) (bool, error) {
		return p.store.Repos().Notifications.Delete(r.Context(), web.User(r).ID, id)
	})
}

// onNotice does something with a notification of the person's own: others have none.
func (p *Pages) onNotice(w http.ResponseWriter, r *http.Request, act func(idp.NotificationID, web.Form) (bool, error)) error {
	id, err := web.IDParam[idp.Notification](r, "notification", "notification")
	if err != nil {
		return err
	}
	form, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	switch done, err := act(id, form); {
	case err != nil:
		return err
	case !done:
		return idp.NotFound("notification")
	}
	return p.noticed(w, r, form)
}

func (p *Pages) seeAll(w http.ResponseWriter, r *http.Request) error {
	form, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	n, err := p.store.Repos().Notifications.SeeAll(r.Context(), web.User(r).ID)
	if err != nil {
		return err
	}
	if n > 0 {
		web.Flash(r.Context(), web.ToneSuccess, ui.Count(n, "notification")+" marked as seen.")
	}
	return p.noticed(w, r, form)
}

// ring keeps the bell of a page that is open up to date.
func (p *Pages) ring(w http.ResponseWriter, r *http.Request) error {
	return p.bells.Serve(w, r, ui.BellMost+1, func(n int) ([]byte, error) { return json.Marshal(ui.Bell{Unseen: n}.State()) })
}
