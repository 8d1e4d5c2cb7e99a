package tokenpage

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/a-h/templ"
	"github.com/go-chi/chi/v5"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/internal/token"
	"github.com/portcullis-idp/portcullis/web/ui"
)

const (
	listPath    = page.TokensPath
	servicePath = page.ServiceAccountPath
	listName    = "Tokens and App passwords"
)

func at(t *idp.Token) string { return listPath + t.ID.String() + "/" }

func userPath(id idp.UserID) string { return page.AdminPath + "users/" + strconv.Itoa(int(id)) + "/" }

// newPath is the form for a token of a kind, for an account if it is known.
func newPath(k page.TokenKind, username string) string {
	path := listPath + "new/" + k.Slug + "/"
	if username != "" {
		path += "?" + url.Values{"user": {username}}.Encode()
	}
	return path
}

// Deps are what the pages need.
type Deps struct {
	Store    idp.Store
	Access   idp.Access
	Accounts *account.Service
	Tokens   *token.Service
	// Locked shows which tokens a lock refuses; nil = none is known.
	Locked page.LockView
}

// Pages answers the pages about tokens.
type Pages struct {
	d      Deps
	badges page.Badges
}

// New returns Pages.
func New(d Deps) *Pages { return &Pages{d: d, badges: page.Badges{View: d.Locked}} }

// Routes adds the pages; it is one of server.Deps.Mounts. Whoever is not signed
// in is sent to sign in.
func (p *Pages) Routes(r chi.Router) {
	r.Group(func(r chi.Router) {
		r.Use(web.RequireUser)
		m := page.Mount{Router: r}
		m.Get("tokens/", p.list)
		for _, k := range page.TokenKinds {
			m.Get("tokens/new/"+k.Slug+"/", p.newToken(k))
			m.Post("tokens/new/"+k.Slug+"/", p.create(k))
		}
		m.Get("tokens/{token}/", p.show)
		m.Get("tokens/{token}/key/", p.key)
		m.Get("tokens/{token}/edit/", p.edit)
		m.Post("tokens/{token}/edit/", p.update)
		m.Act("tokens/{token}/revoke/", p.revoke)
		m.Get("service-accounts/new/", p.newService)
		m.Post("service-accounts/new/", p.createService)
	})
}

// now is the time that "in 2 days" is counted from; it decides nothing.
func now() time.Time { return time.Now() }

// shown are the choices of the filter by state.
var shown = []ui.Option{{Value: "ended", Label: "Ended"}, {Value: "all", Label: "Live and ended"}}

func (p *Pages) list(w http.ResponseWriter, r *http.Request) error {
	list, err := page.ReadList(r, "-created")
	if err != nil {
		return err
	}
	filter := idp.TokenFilter{Paging: list.Paging()}
	switch live := true; list.Query.Trimmed("show") {
	case "all":
	case "ended":
		live = false
		fallthrough
	default:
		filter.Live = &live
	}
	if intent := idp.TokenIntent(list.Query.Trimmed("intent")); intent != "" {
		filter.Intent = &intent
	}
	found, err := p.d.Tokens.Find(r.Context(), web.Actor(r), filter)
	if err != nil {
		return fmt.Errorf("listing tokens: %w", err)
	}
	if to := list.Beyond(found.Total); to != "" {
		return web.Redirect(w, r, to)
	}
	props := page.Console(r, ui.PageProps{Title: listName, Subtitle: "Secrets with which programs act for accounts.",
		Actions: page.NewTokenButtons(func(k page.TokenKind) string { return newPath(k, "") }, false)})
	return page.Render(w, r, listPage(props, p.table(list, found)))
}

// table is the list.
func (p *Pages) table(list page.List, found idp.Page[idp.Token]) ui.TableProps {
	filters := []string{"intent", "show"}
	var intents []ui.Option
	for _, i := range idp.TokenIntents() {
		intents = append(intents, ui.Option{Value: string(i), Label: page.Intent(i)})
	}
	created := list.Column("Created", "created")
	created.Optional = true
	t := ui.TableProps{ID: "tokens", Caption: listName, Paging: list.Pages(found.Total, "token"),
		Columns: []ui.Column{list.Column("Token", "identifier"), list.Column("Account", "user__username"), list.Column("Kind", "intent"),
			list.Column("Last used", "last_used"), created, list.Column("Expires", "expires")},
		Filter: ui.FilterBar(ui.FilterProps{Action: listPath, Query: list.Search(), Placeholder: "Search tokens",
			Reset: list.Reset(filters...), Hidden: list.Kept(), Swap: "tokens",
			Fields: []ui.FieldProps{list.Choice("intent", "Kind", "Any kind", intents...), list.Choice("show", "State", "Live", shown...)}})}
	clock := now()
	for i := range found.Items {
		it := &found.Items[i]
		t.Rows = append(t.Rows, ui.Row{ID: it.ID.String(), Label: it.Identifier, Muted: !it.Live, Cells: []templ.Component{
			page.Named(it.Identifier, it.Description, at(it), p.tag(it, &idp.User{Username: it.Username})), ui.Two(it.Username, "", userPath(it.UserID)),
			ui.Tag(ui.ToneNeutral, page.Intent(it.Intent)), page.When(it.LastUsedAt, clock), ui.Time(it.CreatedAt, clock), page.TokenEnds(it, clock)}})
	}
	if len(t.Rows) > 0 {
		return t
	}
	t.Empty = ui.Empty(ui.EmptyProps{Icon: ui.IconKeyRound, Title: "No token yet",
		Text: "API tokens and app passwords of all accounts are listed here. People make their own under their settings."})
	if list.Filtered(filters...) {
		t.Empty = ui.NothingFound("token", listPath)
	}
	return t
}

// tag says that a token does not open anything now; nil = it does. A list knows no
// more of the owner than the name: the token's own page finds locks on their roles
// and groups, too.
func (p *Pages) tag(it *idp.Token, owner *idp.User) templ.Component {
	if !it.Live {
		return ui.StateTag(page.TokenState(it))
	}
	if l := p.badges.Token(it, owner); l != nil {
		return page.LockBadge(l)
	}
	return page.StepUpTag(it)
}

func (p *Pages) load(r *http.Request) (*idp.Token, error) {
	id, err := web.IDParam[idp.Token](r, "token", "token")
	if err != nil {
		return nil, err
	}
	return p.d.Tokens.Get(r.Context(), web.Actor(r), id)
}
