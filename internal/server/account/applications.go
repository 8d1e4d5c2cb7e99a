package account

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/application"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

const consentsPath = page.SettingsPath + "applications/"

// manyTiles is how many applications make a search field worth its place.
const manyTiles = 9

// homeView is what somebody's first page shows.
type homeView struct {
	Groups []tileGroup
	Query  string
	Many   bool
	Stats  []ui.StatProps
}

func (v homeView) reset() string {
	if v.Query == "" {
		return ""
	}
	return page.AccountPath
}

type tileGroup struct {
	Name  string
	Tiles []tile
}

func (g tileGroup) label() string {
	if g.Name == "" {
		return "Applications"
	}
	return g.Name
}

// tile is an application that somebody may use.
type tile struct {
	Name, Slug, Href, Icon, Description string
	NewTab                              bool
}

// tiles are the applications that the person may use and can open, by their groups.
func (p *Pages) tiles(w http.ResponseWriter, r *http.Request, search string) ([]tileGroup, error) {
	if p.applications == nil {
		return nil, nil
	}
	u := web.User(r)
	usable, err := p.applications.Usable(r.Context(), u, idp.ApplicationFilter{Paging: idp.Paging{Search: search}}, policyRequest(r))
	if err != nil {
		return nil, fmt.Errorf("listing the applications of user %d: %w", u.ID, err)
	}
	providers, err := p.providers(r, usable)
	if err != nil {
		return nil, err
	}
	var out []tileGroup
	var icons []string
	for _, group := range application.ByGroup(usable) {
		g := tileGroup{Name: group[0].Group}
		for i := range group {
			app := &group[i]
			var provider *idp.OAuthProvider
			if app.ProviderID != nil {
				provider = providers[*app.ProviderID]
			}
			href := application.LaunchURL(app, provider, u)
			if href == "" || href == application.Hidden {
				continue
			}
			icons = append(icons, app.Icon)
			g.Tiles = append(g.Tiles, tile{app.Name, app.Slug, href, app.Icon, app.Description, app.OpenInNew})
		}
		if len(g.Tiles) > 0 {
			out = append(out, g)
		}
	}
	web.AllowImages(w, icons...)
	return out, nil
}

// policyRequest is what policies may look at of a request.
func policyRequest(r *http.Request) idp.PolicyRequest {
	info := web.RequestInfo(r)
	return idp.PolicyRequest{SignedIn: web.User(r), Path: info.Path, Method: info.Method, ClientIP: info.ClientIP, Query: info.Query,
		Context: map[string]any{}, Brand: web.Brand(r).Title}
}

func (p *Pages) providers(r *http.Request, apps []idp.Application) (map[idp.OAuthProviderID]*idp.OAuthProvider, error) {
	wanted := []idp.OAuthProviderID{}
	for i := range apps {
		if apps[i].ProviderID != nil {
			wanted = append(wanted, *apps[i].ProviderID)
		}
	}
	out := map[idp.OAuthProviderID]*idp.OAuthProvider{}
	if len(wanted) == 0 {
		return out, nil
	}
	found, err := p.store.Repos().OAuthProviders.Find(r.Context(), idp.OAuthProviderFilter{IDs: wanted, Paging: idp.Paging{Limit: 1000}})
	for i := range found.Items {
		out[found.Items[i].ID] = &found.Items[i]
	}
	return out, err
}

// ownConsents lists what the person has agreed to.
func (p *Pages) ownConsents(w http.ResponseWriter, r *http.Request) error {
	list, err := page.ReadList(r, "application")
	if err != nil {
		return err
	}
	u := web.User(r)
	found, err := p.consents.Find(r.Context(), web.Actor(r), idp.ConsentFilter{UserID: &u.ID, Paging: list.Paging()})
	if err != nil {
		return fmt.Errorf("listing the consents of user %d: %w", u.ID, err)
	}
	if to := list.Beyond(found.Total); to != "" {
		return web.Redirect(w, r, to)
	}
	used, err := p.lastUses(r, u.ID)
	if err != nil {
		return err
	}
	t := ui.TableProps{ID: "consents", Caption: "Applications you have agreed to", Title: "What you have agreed to", Paging: list.Pages(found.Total, "consent"),
		Text:    "These applications may sign you in and see what you have agreed to. Without your consent an application has to ask you again.",
		Columns: []ui.Column{list.Column("Application", "application"), {Label: "May"}, {Label: "Last used", Optional: true}, list.Column("Agreed", "created"), list.Column("Until", "expires")},
		Empty: ui.Empty(ui.EmptyProps{Icon: ui.IconLayoutGrid, Title: "Nothing yet",
			Text: "When an application asks for your consent and you agree, it is listed here, and you can take it back."})}
	for i := range found.Items {
		k := &found.Items[i]
		q := withdrawQuestion(k)
		until := templ.Component(ui.Muted("For good"))
		if k.ExpiresAt != nil {
			until = ui.Time(*k.ExpiresAt, now())
		}
		last := templ.Component(ui.None())
		if at, ok := used[k.Application]; ok {
			last = ui.Time(at, now())
		}
		may := templ.Component(ui.Muted("Sign you in"))
		if len(k.Permissions) > 0 {
			may = ui.Tags(k.Permissions)
		}
		t.Rows = append(t.Rows, ui.Row{ID: k.ID.String(), Label: k.ApplicationName, Cells: []templ.Component{ui.Two(k.ApplicationName, "", ""), may, last, ui.Time(k.CreatedAt, now()), until},
			Actions: []ui.MenuItem{{Label: "Revoke", Icon: ui.IconTrash, Href: q.Action, Danger: true}}})
	}
	return page.Render(w, r, listPage(settingsFrame(r, "Applications"), t))
}

func withdrawQuestion(k *idp.Consent) ui.ConfirmProps {
	return ui.ConfirmProps{Title: "Revoke your consent for " + k.ApplicationName + "?", Submit: "Revoke consent", Danger: true,
		Text: "What it was given ends at once, and it asks you again the next time you sign in there.", Action: consentsPath + k.ID.String() + "/revoke/", Back: consentsPath}
}

func (p *Pages) withdraw(w http.ResponseWriter, r *http.Request) error {
	n, err := strconv.ParseInt(web.Param(r, "consent"), 10, 32)
	if err != nil {
		return idp.NotFound("consent")
	}
	k, err := p.consents.Get(r.Context(), web.Actor(r), idp.ConsentID(n))
	if err != nil {
		return err
	}
	if err := own(r, k.UserID, "consent"); err != nil {
		return err
	}
	switch yes, err := confirmed(r); {
	case err != nil:
		return err
	case !yes:
		return page.AskInAccount(w, r, []ui.Crumb{settingsCrumb, {Label: "Applications", Href: consentsPath}, {Label: "Revoke"}}, withdrawQuestion(k))
	}
	if err := p.consents.Withdraw(r.Context(), web.Actor(r), k.ID); err != nil {
		return page.Refused(w, r, err, consentsPath)
	}
	web.Flash(r.Context(), web.ToneSuccess, "Your consent for "+k.ApplicationName+" was revoked.")
	return web.Redirect(w, r, consentsPath)
}

// lastUses is when each application last used what the person let it have, by the
// application's key.
func (p *Pages) lastUses(r *http.Request, user idp.UserID) (map[string]time.Time, error) {
	found, err := p.store.Repos().OAuthGrants.Find(r.Context(), idp.OAuthGrantFilter{UserID: &user, Paging: idp.Paging{Limit: 1000}})
	if err != nil {
		return nil, fmt.Errorf("listing the grants of user %d: %w", user, err)
	}
	out := map[string]time.Time{}
	for i := range found.Items {
		g := &found.Items[i]
		at := g.CreatedAt
		if g.LastUsedAt != nil {
			at = *g.LastUsedAt
		}
		if key := g.ApplicationID.String(); at.After(out[key]) {
			out[key] = at
		}
	}
	return out, nil
}
