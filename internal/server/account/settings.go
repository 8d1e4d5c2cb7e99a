package account

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

func (p *Pages) home(w http.ResponseWriter, r *http.Request) error {
	u, err := p.accounts.Get(r.Context(), web.Actor(r), web.User(r).ID)
	if err != nil {
		return err
	}
	props := page.Account(r, ui.PageProps{Title: "Welcome, " + u.DisplayName(), Subtitle: "Your applications and your account in one place."})
	held, err := p.held(r, u)
	if err != nil {
		return err
	}
	search := strings.TrimSpace(r.URL.Query().Get("search"))
	groups, err := p.tiles(w, r, search)
	if err != nil {
		return err
	}
	shown := 0
	for _, g := range groups {
		shown += len(g.Tiles)
	}
	return page.Render(w, r, homePage(props, homeView{Groups: groups, Query: search, Many: shown >= manyTiles, Stats: []ui.StatProps{
		{Label: "Sessions", Value: ui.Number(held.Holdings.Sessions), Icon: ui.IconLaptop, Href: sessionsPath, Note: "where you are signed in"},
		{Label: "Tokens", Value: ui.Number(held.Holdings.TokenTotal()), Icon: ui.IconKeyRound, Href: tokensPath, Note: "with which programs act for you"},
	}}))
}

// held is what the own account holds, and why it could not be locked down.
func (p *Pages) held(r *http.Request, u *idp.User) (lockdown.Target, error) {
	targets, err := p.lockdowns.Preview(r.Context(), web.Actor(r), []idp.UserID{u.ID})
	if err != nil || len(targets) == 0 {
		return lockdown.Target{}, err
	}
	return targets[0], nil
}

type detailsForm struct{ Name, Email string }

type settingsView struct {
	Page     ui.PageProps
	User     *idp.User
	Form     detailsForm
	Faults   page.Faults
	Theme    ui.Theme
	Password string // address of the flow; "" = there is none
	Details  string // address of the brand's flow; "" = the form of this page
	Leave    string // address of the brand's flow; "" = people cannot delete their account
	Facts    []ui.Item
	Lock     lockView
}

// lockView is the section Account Lockdown.
type lockView struct {
	Ends   []string
	Reason string // why it is not possible
}

func (p *Pages) settings(w http.ResponseWriter, r *http.Request) error {
	return p.showSettings(w, r, nil, page.Faults{})
}

// showSettings draws the page; typed is what a faulty form brought.
func (p *Pages) showSettings(w http.ResponseWriter, r *http.Request, typed *detailsForm, faults page.Faults) error {
	u, err := p.accounts.Get(r.Context(), web.Actor(r), web.User(r).ID)
	if err != nil {
		return err
	}
	v := settingsView{User: u, Form: detailsForm{Name: u.Name, Email: u.Email}, Faults: faults, Theme: page.Theme(r)}
	if typed != nil {
		v.Form = *typed
	}
	if v.Lock, err = p.lockSection(r, u); err != nil {
		return err
	}
	if v.Password, err = p.passwordFlow(r); err != nil {
		return err
	}
	brand := web.Brand(r)
	if v.Details, err = p.flowPath(r, brand.FlowUserSettings, page.SettingsPath); err != nil {
		return err
	}
	if v.Leave, err = p.flowPath(r, brand.FlowUnenrollment, ""); err != nil {
		return err
	}
	v.Facts = []ui.Item{{Label: "Username", Value: ui.Mono(u.Username)},
		{Label: "Password", Value: passwordFact(u.HasUsablePassword(), page.At(u.PasswordChangedAt), now())}}
	v.Page = settingsFrame(r, "Account")
	return page.RenderStatus(w, r, faults.Status(), settingsPage(v))
}

// settingsFrame is the page around a tab of the settings.
func settingsFrame(r *http.Request, tab string) ui.PageProps {
	tabs := []ui.Tab{{Label: "Account", Href: page.SettingsPath}, {Label: "Two-factor", Href: factorsPath}, {Label: "Sessions", Href: sessionsPath}, {Label: "Browsers", Href: devicesPath}, {Label: "Tokens", Href: tokensPath}, {Label: "Access", Href: accessPath}, {Label: "Applications", Href: consentsPath}}
	for i := range tabs {
		tabs[i].Current = tabs[i].Label == tab
	}
	return page.Account(r, ui.PageProps{Title: "Settings", Tabs: tabs})
}

// passwordFlow is where the password is changed, "" where the flow is missing.
func (p *Pages) passwordFlow(r *http.Request) (string, error) {
	f, err := p.store.Repos().Flows.GetBySlug(r.Context(), PasswordFlow)
	if idp.Is(err, idp.CodeNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading the flow that changes passwords: %w", err)
	}
	return "/if/flow/" + url.PathEscape(f.Slug) + "/?" + url.Values{"next": {page.SettingsPath}}.Encode(), nil
}

// flowPath is the page of a flow that the brand chooses, "" where it chooses
// none; next is where the flow ends, "" = where it likes.
func (p *Pages) flowPath(r *http.Request, id *idp.FlowID, next string) (string, error) {
	if id == nil {
		return "", nil
	}
	f, err := p.store.Repos().Flows.Get(r.Context(), *id)
	if idp.Is(err, idp.CodeNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading a flow of the brand: %w", err)
	}
	to := "/if/flow/" + url.PathEscape(f.Slug) + "/"
	if next != "" {
		to += "?" + url.Values{"next": {next}}.Encode()
	}
	return to, nil
}

// lockSection tells what a lockdown of the own account would end.
func (p *Pages) lockSection(r *http.Request, u *idp.User) (lockView, error) {
	held, err := p.held(r, u)
	if err != nil {
		return lockView{}, fmt.Errorf("counting what user %d holds: %w", u.ID, err)
	}
	v := lockView{Ends: page.EndsAt(held.Holdings, held.Applications), Reason: held.Refusal}
	if v.Reason == "" && web.Brand(r).FlowLockdown == nil {
		v.Reason = page.NoLockdownFlow + ". Ask your administrator to set one up."
	}
	return v, nil
}

// text is what a lockdown means, and what it ends, counted.
func (v lockView) text() string {
	s := "If somebody else may be in your account, close it now: it is switched off, the password stops working, " +
		"and you are signed out everywhere, here too. Only an administrator can open it again."
	switch {
	case v.Reason != "":
		s += " Not possible now: " + v.Reason
	case len(v.Ends) > 0:
		s += " What ends: " + strings.Join(v.Ends, ", ") + "."
	}
	return s
}

func (p *Pages) saveDetails(w http.ResponseWriter, r *http.Request) error {
	form, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	to, err := p.flowPath(r, web.Brand(r).FlowUserSettings, page.SettingsPath)
	if err != nil {
		return err
	}
	if to != "" {
		return web.Redirect(w, r, to) // the brand's flow has its own rules
	}
	u := web.User(r)
	typed := detailsForm{Name: form.Trimmed("name"), Email: form.Trimmed("email")}
	patch := account.Patch{}
	if typed.Name != u.Name {
		patch.Name = &typed.Name
	}
	if typed.Email != u.Email {
		patch.Email = &typed.Email
	}
	if patch.Name != nil || patch.Email != nil {
		_, err = p.accounts.Update(r.Context(), web.Actor(r), u.ID, patch)
	}
	if faults, ok := page.FaultsOf(err); ok {
		return p.showSettings(w, r, &typed, faults)
	}
	if err != nil {
		return err
	}
	web.Flash(r.Context(), web.ToneSuccess, "Your details were saved.")
	return web.Redirect(w, r, page.SettingsPath)
}

// lockDown starts the brand's lockdown flow for the own account; the flow asks
// for the reason.
func (p *Pages) lockDown(w http.ResponseWriter, r *http.Request) error {
	to, err := p.flow.Begin(w, r, []idp.UserID{web.User(r).ID}, "")
	if err != nil {
		return page.Refused(w, r, err, page.SettingsPath)
	}
	return web.Redirect(w, r, to)
}
