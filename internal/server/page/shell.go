package page

import (
	"net/http"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// The addresses that pages link to across packages.
const (
	AdminPath    = "/if/admin/"
	AccountPath  = "/if/user/"
	SettingsPath = "/if/user/settings/"
	SearchPath   = "/if/admin/search/"
	RolesPath    = "/if/admin/roles/"
	ThemePath    = "/if/theme/"
	SignOutPath  = "/flows/-/default/invalidation/"
)

// consoleNav is the navigation of the console. It names only what exists.
var consoleNav = []ui.NavGroup{
	{Items: []ui.NavItem{{Label: "Overview", Href: AdminPath, Icon: ui.IconGauge}}},
	{Label: "Applications", Items: []ui.NavItem{
		{Label: "Applications", Href: ApplicationsPath, Icon: ui.IconAppWindow},
		{Label: "Providers", Href: ProvidersPath, Icon: ui.IconLink},
	}},
	{Label: "Directory", Items: []ui.NavItem{
		{Label: "Users", Href: AdminPath + "users/", Icon: ui.IconUser},
		{Label: "Groups", Href: AdminPath + "groups/", Icon: ui.IconUsers},
		{Label: "Tokens", Href: TokensPath, Icon: ui.IconKeyRound},
		{Label: "Access requests", Href: AccessRequestsPath, Icon: ui.IconTicket},
	}},
	{Label: "Access", Items: []ui.NavItem{
		{Label: "Roles", Href: RolesPath, Icon: ui.IconShieldUser},
	}},
	{Label: "Security", Items: []ui.NavItem{
		{Label: "Locks", Href: LocksPath, Icon: ui.IconLock},
		{Label: "Locked accounts", Href: LockoutsPath, Icon: ui.IconUserLock},
		{Label: "Sessions", Href: AdminPath + "sessions/", Icon: ui.IconLaptop},
		{Label: "Lockdowns", Href: AdminPath + "lockdowns/", Icon: ui.IconGate},
		{Label: "Settings", Href: SecuritySettingsPath, Icon: ui.IconSettings},
	}},
	{Label: "Flows and Stages", Items: []ui.NavItem{
		{Label: "Flows", Href: AdminPath + "flows/", Icon: ui.IconWorkflow},
		{Label: "Stages", Href: AdminPath + "stages/", Icon: ui.IconLayers},
		{Label: "Prompts", Href: AdminPath + "prompts/", Icon: ui.IconTextCursorInput},
		{Label: "Invitations", Href: AdminPath + "invitations/", Icon: ui.IconTicket},
	}},
	{Label: "Customization", Items: []ui.NavItem{
		{Label: "Policies", Href: AdminPath + "policies/", Icon: ui.IconScale},
		{Label: "Property Mappings", Href: WebhookMappingsPath, Icon: ui.IconFileText},
		{Label: "Scope Mappings", Href: ScopeMappingsPath, Icon: ui.IconFileText},
		{Label: "Blueprints", Href: AdminPath + "blueprints/", Icon: ui.IconFileCode},
	}},
	{Label: "Events", Items: []ui.NavItem{
		{Label: "Log", Href: AdminPath + "events/", Icon: ui.IconScrollText},
		{Label: "Notification Rules", Href: NotificationRulesPath, Icon: ui.IconBell},
		{Label: "Notification Transports", Href: TransportsPath, Icon: ui.IconSend},
		{Label: "Deliveries", Href: DeliveriesPath, Icon: ui.IconInbox},
	}},
	{Label: "System", Items: []ui.NavItem{
		{Label: "Brands", Href: AdminPath + "brands/", Icon: ui.IconPalette},
		{Label: "Locking mode", Href: AdminPath + "locking-mode/", Icon: ui.IconSettings},
	}},
}

var accountNav = []ui.NavGroup{{Items: []ui.NavItem{
	{Label: "Home", Href: AccountPath, Icon: ui.IconHouse},
	{Label: "Notifications", Href: NotificationsPath, Icon: ui.IconBell},
	{Label: "Settings", Href: SettingsPath, Icon: ui.IconSettings},
}}}

// Console fills in what every page of the console shows around its content.
// It takes the messages kept for the next page, so call it once a request.
func Console(r *http.Request, p ui.PageProps) ui.PageProps {
	p = frame(r, p, permitted(r, consoleNav))
	if notice := web.Notice(r); notice != "" {
		warning := ui.Alert(ui.AlertProps{Tone: ui.ToneBad, Title: "Break-glass is in force", Text: notice})
		if p.Banner != nil {
			warning = ui.Join(warning, p.Banner)
		}
		p.Banner = warning
	}
	p.Routes.Settings = SettingsPath
	return p
}

// Account fills in what every page of the person's own pages shows around its
// content. Like Console it takes the messages.
func Account(r *http.Request, p ui.PageProps) ui.PageProps {
	p = frame(r, p, accountNav)
	p.Routes.Settings = AccountPath
	p.CanAdmin = web.MayConsole(r)
	return p
}

func frame(r *http.Request, p ui.PageProps, nav []ui.NavGroup) ui.PageProps {
	p.Brand, p.Theme = Brand(web.Brand(r)), Theme(r)
	if u := web.User(r); u != nil {
		p.User = Person(u)
		if count := web.From(r.Context()).Unseen; count != nil {
			p.Bell = &ui.Bell{Href: NotificationsPath, Src: BellPath, Unseen: count()}
		}
	}
	p.Nav = ui.MarkCurrent(nav, r.URL.Path)
	p.Path = r.URL.RequestURI()
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		p.Path = r.URL.Path
	}
	p.Flashes = append(p.Flashes, Flashes(r)...)
	p.Routes.Admin, p.Routes.Search = AdminPath, SearchPath
	p.Routes.Theme, p.Routes.SignOut = ThemePath, SignOutPath
	return p
}

// Brand is how the brand presents itself.
func Brand(b *idp.Brand) ui.Brand {
	return ui.Brand{Title: b.Title, LogoURL: b.Logo, FaviconURL: b.Favicon, BackgroundURL: b.DefaultFlowBackground}
}

// Person is the account as a frame shows it.
func Person(u *idp.User) *ui.Person {
	return &ui.Person{Username: u.Username, Name: u.Name, Email: u.Email}
}

var tones = map[web.Tone]ui.Tone{
	web.ToneSuccess: ui.ToneOK, web.ToneInfo: ui.ToneInfo,
	web.ToneWarning: ui.ToneWarn, web.ToneDanger: ui.ToneBad,
}

// Flashes takes the messages kept for this page.
func Flashes(r *http.Request) []ui.Flash {
	var out []ui.Flash
	for _, m := range web.Flashes(r.Context()) {
		out = append(out, ui.Flash{Tone: tones[m.Tone], Title: m.Text})
	}
	return out
}
