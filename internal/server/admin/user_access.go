package admin

import (
	"net/http"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// granted is how much somebody has for a while now, as far as whoever asks may see it.
func (c *Console) granted(r *http.Request, u *idp.User) (int, error) {
	if c.elevations == nil || web.Check(r, idp.VerbList, idp.ResourceAccessRequest) != nil {
		return 0, nil
	}
	state := idp.AccessGranted
	found, err := c.elevations.Find(r.Context(), web.Actor(r), idp.AccessRequestFilter{UserID: &u.ID, State: &state, Paging: idp.Paging{Limit: 1}})
	return found.Total, err
}

func (c *Console) userAccess(w http.ResponseWriter, r *http.Request) error {
	d, list, err := c.tab(r, "-created")
	if err != nil {
		return err
	}
	paging := list.Paging()
	paging.Order = append([]string{"state"}, paging.Order...)
	found, err := c.elevations.Find(r.Context(), web.Actor(r), idp.AccessRequestFilter{UserID: &d.User.ID, Paging: paging})
	if err != nil {
		return err
	}
	if to := list.Beyond(found.Total); to != "" {
		return web.Redirect(w, r, to)
	}
	t := page.AccessTable(r, page.AccessRequests{Items: found.Items, Console: true, Base: page.AccessRequestsPath, Now: d.Now, Badges: c.badges})
	t.Title, t.Text = "Access for a while", "Groups that sessions of this account have, or that were asked for. The account itself is not in them."
	t.Paging = list.Pages(found.Total, "request")
	t.Empty = ui.Empty(ui.EmptyProps{Icon: ui.IconTicket, Title: "Nothing was asked for", Text: "People ask for groups under their settings."})
	return page.Render(w, r, userTab(d.frame(r, "Access"), nil, t))
}
