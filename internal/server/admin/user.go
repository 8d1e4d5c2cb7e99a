package admin

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// dossier is what every tab of a user's page knows.
type dossier struct {
	User *idp.User
	Held idp.Holdings
	// Applications are those that are told when everything ends.
	Applications []idp.HeldApplication
	Refusal      string        // why no lockdown is possible, by the use case
	Last         *idp.Lockdown // the latest, if any
	Open         bool          // Last was not restored
	Sessions     int           // live
	Tokens       int           // live
	Total        int           // lockdowns
	Now          time.Time
	NoRoles      bool      // there are no pages about roles
	Lock         *idp.Lock // that refuses the account now, if any

	Lockouts *lockedOut // nil = nothing may be said of them
	Mail     recoveryMail

	NoFactors bool // there are no pages about second factors
	NoAccess  bool // there are no pages about requests for access
	Granted   int  // groups that it has for a while now
}

// load reads the user of the path afresh: another administrator may have been
// here a second ago.
func (c *Console) load(r *http.Request) (*dossier, error) {
	id, err := web.UserParam(r, "user")
	if err != nil {
		return nil, err
	}
	u, err := c.store.Repos().Users.Get(r.Context(), id)
	if err != nil {
		return nil, err
	}
	targets, err := c.targets(r, []idp.UserID{id})
	if err != nil {
		return nil, fmt.Errorf("counting what user %d holds: %w", id, err)
	}
	withholdControl(r, u)
	records, err := c.store.Repos().Lockdowns.Find(r.Context(), idp.LockdownFilter{UserID: &id, Paging: idp.Paging{Limit: 1}})
	if err != nil {
		return nil, fmt.Errorf("reading the lockdowns of user %d: %w", id, err)
	}
	d := &dossier{User: u, Total: records.Total, Now: now(), Lock: c.badges.User(u), NoRoles: c.roles == nil, NoFactors: c.factors == nil, NoAccess: c.elevations == nil}
	if d.Granted, err = c.granted(r, u); err != nil {
		return nil, err
	}
	for _, t := range targets {
		d.Held, d.Refusal, d.Applications = t.Holdings, t.Refusal, t.Applications
	}
	if d.Lockouts, err = c.lockoutsOf(r, u, d.Now); err != nil {
		return nil, err
	}
	if d.Mail, err = c.recoveryMailOf(r, u); err != nil {
		return nil, err
	}
	d.Sessions, d.Tokens = d.Held.Sessions, d.Held.TokenTotal()
	if len(records.Items) > 0 {
		d.Last = &records.Items[0]
		d.Open = d.Last.RestoredAt == nil
	}
	return d, nil
}

// targets are the users with what they hold, and with what a lockdown of theirs
// would meet for whoever may lock down.
func (c *Console) targets(r *http.Request, ids []idp.UserID) ([]lockdown.Target, error) {
	if web.May(r, idp.VerbCreate, idp.ResourceLockdown) {
		return c.lockdowns.Preview(r.Context(), web.Actor(r), ids)
	}
	repos := c.store.Repos()
	out := make([]lockdown.Target, 0, len(ids))
	for _, id := range ids {
		u, err := repos.Users.Get(r.Context(), id)
		if err != nil {
			return nil, err
		}
		held, err := repos.Holder.Holdings(r.Context(), id)
		if err != nil {
			return nil, err
		}
		at, err := repos.Holder.Applications(r.Context(), id, lockdown.MaxApplications)
		if err != nil {
			return nil, err
		}
		out = append(out, lockdown.Target{User: u, Holdings: held, Applications: at})
	}
	return out, nil
}

// withholdControl leaves out of the page what would give control over an account
// with more rights than the person has (adr/0009).
func withholdControl(r *http.Request, u *idp.User) {
	if web.Actor(r).Is(u.ID) || web.Covers(r, idp.RightsOf(u)) {
		return
	}
	at := userPath(u.ID)
	web.Withhold(r, at+"edit/", at+"password/", at+"recovery/", at+"recovery-email/", at+"activate/", at+"delete/")
}

// state is the account's condition in one tag; after a restore it says so until
// the owner has signed in again.
func (d *dossier) state() ui.State {
	s := page.UserState(d.User, d.Open)
	restored := d.Last != nil && d.Last.RestoredAt != nil
	if s == ui.StateActive && restored && page.At(d.User.LastLoginAt).Before(*d.Last.RestoredAt) {
		return ui.StateRestored
	}
	return s
}

// reasons say why an act is not possible on this user for this administrator;
// "" means it is.
type reasons struct{ Deactivate, Lock, Lockdown, Recovery, Delete, Password string }

func (d *dossier) reasons(r *http.Request) reasons {
	var out reasons
	own, brand := web.Actor(r).Is(d.User.ID), web.Brand(r)
	switch {
	case own:
		out.Lockdown = "This is your own account. Lock it under your settings, in the section Account Lockdown."
		out.Deactivate = "You cannot deactivate your own account here."
		out.Delete = "You cannot delete your own account here."
	case d.Refusal != "":
		out.Lockdown = d.Refusal
	case brand.FlowLockdown == nil:
		out.Lockdown = page.NoLockdownFlow + " on this brand. Choose one under System > Brands."
	}
	if d.User.IsAnonymous() {
		const nobody = "The anonymous user stands for nobody and stays as it is."
		out = reasons{Deactivate: nobody, Lock: nobody, Lockdown: d.User.Protected(), Recovery: nobody, Delete: nobody, Password: nobody}
	}
	switch {
	case out.Recovery != "":
	case brand.FlowRecovery == nil:
		out.Recovery = "No recovery flow set on this brand. Choose one under System > Brands."
	case !d.User.IsActive:
		out.Recovery = "Activate the account first: a link would not work before."
	}
	return out
}

// actions are the buttons in the order of the documents: Edit, Deactivate or
// Activate, Lock…, Account Lockdown, Set password, Create recovery link.
func (d *dossier) actions(r *http.Request) templ.Component {
	at, why := userPath(d.User.ID), d.reasons(r)
	parts := []templ.Component{ui.Button(ui.ButtonProps{Label: "Edit", Icon: ui.IconPencil, Href: at + "edit/"})}
	if d.User.IsActive {
		q := d.deactivateQuestion()
		parts = append(parts, ui.Action(ui.ActionProps{Action: q.Action, Confirm: &q,
			Button: ui.ButtonProps{Label: "Deactivate", Icon: ui.IconUserX, Reason: why.Deactivate}}))
	} else {
		q := d.activateQuestion()
		parts = append(parts, ui.Action(ui.ActionProps{Action: q.Action, Confirm: &q,
			Button: ui.ButtonProps{Label: "Activate", Icon: ui.IconUserCheck, Kind: ui.Primary}}))
	}
	lock := ui.ButtonProps{Label: "Account Lockdown", Icon: ui.IconGate, Kind: ui.Danger, Reason: why.Lockdown}
	if d.state() == ui.StateLockedDown {
		lock.Kind = ui.Warning // it is done; what is wanted now stands beside it
	}
	parts = append(parts,
		ui.Button(ui.ButtonProps{Label: "Lock…", Icon: ui.IconLock, Reason: why.Lock, Href: page.LockWizard(idp.LockKey{Kind: idp.LockUser, Value: d.User.Username})}),
		ui.Action(ui.ActionProps{Action: at + "lockdown/", Button: lock}),
		ui.Button(ui.ButtonProps{Label: "Set password", Icon: ui.IconKeyRound, Href: at + "password/", Reason: why.Password}),
		ui.Button(ui.ButtonProps{Label: "Create recovery link", Icon: ui.IconLink, Href: at + "recovery/", Reason: why.Recovery}),
		ui.Button(ui.ButtonProps{Label: "Email recovery link", Icon: ui.IconMail, Href: at + "recovery-email/", Reason: cmp.Or(why.Recovery, d.Mail.Reason)}))
	return buttons(parts)
}

// frame is the page around a tab.
func (d *dossier) frame(r *http.Request, tab string) ui.PageProps {
	at := userPath(d.User.ID)
	tabs := []ui.Tab{{Label: "Overview", Href: at},
		{Label: "Sessions", Href: at + "sessions/", Count: count(d.Sessions)},
		{Label: "Two-factor", Href: at + "factors/"},
		{Label: "Browsers", Href: at + "devices/"},
		{Label: "Tokens", Href: at + "tokens/", Count: count(d.Tokens)},
		{Label: "Groups", Href: at + "groups/", Count: count(len(d.User.Groups))},
		{Label: "Roles", Href: at + "roles/", Count: count(len(d.User.RoleNames))},
		{Label: "Access", Href: at + "access/", Count: count(d.Granted)},
		{Label: "Events", Href: at + "events/"},
		{Label: "Lockdowns", Href: at + "lockdowns/", Count: count(d.Total)}}
	for i := range tabs {
		tabs[i].Current = tabs[i].Label == tab
	}
	if d.NoAccess {
		tabs = slices.DeleteFunc(tabs, func(t ui.Tab) bool { return t.Label == "Access" })
	}
	if d.NoFactors {
		tabs = slices.DeleteFunc(tabs, func(t ui.Tab) bool { return t.Label == "Two-factor" })
	}
	if d.NoRoles {
		tabs = slices.DeleteFunc(tabs, func(t ui.Tab) bool { return t.Label == "Roles" })
	}
	title := d.User.DisplayName()
	p := ui.PageProps{Title: title, Subtitle: d.User.Username, Tabs: tabs, Tags: d.Lockouts.with(page.With(ui.StateTag(d.state()), d.Lock)), Flashes: d.Lockouts.toast(),
		Lead: ui.AvatarLarge(title, d.User.Username), Actions: d.actions(r), Banner: d.banner(r),
		Crumbs: userCrumbs(d.User, "")}
	if tab != "Overview" {
		p.Crumbs = userCrumbs(d.User, tab)
	}
	return page.Console(r, p)
}

// banner says what an administrator must know first.
func (d *dossier) banner(r *http.Request) templ.Component {
	switch d.state() {
	case ui.StateLockedDown:
		return ui.Alert(ui.AlertProps{Tone: ui.ToneBad, Title: "This account is locked down",
			Text: "To restore access: press Activate, then Set password or Create recovery link, and advise the person to re-enrol their MFA devices. The checklist leads through it, and through what was changed since.",
			Action: ui.Join(ui.Button(ui.ButtonProps{Label: "Restore…", Icon: ui.IconRotateCcw, Small: true, Href: page.RestorePath(d.Last.ID)}),
				ui.Button(ui.ButtonProps{Label: "Open the record", Small: true, Href: lockdownPath(d.Last.ID)}))})
	case ui.StateRestored:
		text := "Advise the person to re-enrol their MFA devices: whoever had the account may hold one."
		if !d.User.HasUsablePassword() {
			text = "There is no password yet: use Set password or Create recovery link. " + text
		}
		a := ui.AlertProps{Tone: ui.ToneWarn, Title: "Access was restored", Text: text}
		if d.Last.ClosedAt == nil {
			a.Action = ui.Button(ui.ButtonProps{Label: "Finish the restore…", Icon: ui.IconRotateCcw, Small: true, Href: page.RestorePath(d.Last.ID)})
		}
		return ui.Alert(a)
	case ui.StateInactive:
		return ui.Alert(ui.AlertProps{Tone: ui.ToneInfo, Title: "This account is inactive",
			Text: "It cannot sign in, and its sessions and tokens have ended. Press Activate to let it in again."})
	}
	if d.Lock != nil {
		return page.LockBanner(d.Lock)
	}
	return nil
}

func count(n int) string {
	if n == 0 {
		return ""
	}
	return ui.Number(n)
}

func (c *Console) user(w http.ResponseWriter, r *http.Request) error {
	d, err := c.load(r)
	if err != nil {
		return err
	}
	groups, err := c.allGroups(r)
	if err != nil {
		return err
	}
	seesEvents, events := web.May(r, idp.VerbList, idp.ResourceEvent), idp.Page[idp.Event]{}
	if seesEvents {
		if events, err = c.store.Repos().Events.Find(r.Context(), idp.EventFilter{UserID: &d.User.ID, Paging: idp.Paging{Limit: 6}}); err != nil {
			return fmt.Errorf("reading the events of user %d: %w", d.User.ID, err)
		}
	}
	var moments []ui.Moment
	for i := range events.Items {
		moments = append(moments, eventMoment(&events.Items[i]))
	}
	told, err := c.toldLately(r, d.User.ID)
	if err != nil {
		return err
	}
	v := userView{Told: told, Page: d.frame(r, "Overview"), D: d, Facts: d.facts(groups), Held: d.held(), Moments: moments, SeesEvents: seesEvents,
		HeldText: "Account Lockdown ends all of it at once, on every device and in every application."}
	if d.state() == ui.StateLockedDown {
		v.HeldText = "The lockdown ended everything. What appears here was made since."
	}
	q := d.deleteQuestion()
	v.Danger = []ui.DangerRow{{Title: "Delete this user", Text: "Everything the account holds ends, then the account is gone for good. Its events and lockdown records stay.",
		Action: ui.Action(ui.ActionProps{Action: q.Action, Confirm: &q,
			Button: ui.ButtonProps{Label: "Delete user", Kind: ui.Warning, Icon: ui.IconTrash, Reason: d.reasons(r).Delete}})}}
	return page.Render(w, r, userPage(v))
}

type userView struct {
	Page     ui.PageProps
	D        *dossier
	Held     []ui.StatProps
	HeldText string
	Facts    []ui.Item
	Moments  []ui.Moment
	Danger   []ui.DangerRow

	SeesEvents bool
	Told       *toldView // nil = nothing, or it is not for them to see
}

// toldLately is what applications were told of the account's sessions, the latest.
func (c *Console) toldLately(r *http.Request, id idp.UserID) (*toldView, error) {
	if !web.May(r, idp.VerbList, idp.ResourceLockdown) {
		return nil, nil
	}
	found, err := c.store.Repos().LogoutNotices.Find(r.Context(), idp.LogoutNoticeFilter{UserID: &id, Paging: idp.Paging{Limit: 5}})
	if err != nil || len(found.Items) == 0 {
		return nil, err
	}
	t := page.NoticeTable(found.Items, now())
	t.Title, t.Text = "What applications were told", "The latest of what they were told of sessions of this account that are over."
	return &toldView{Table: t}, nil
}

// held counts what a lockdown would end.
func (d *dossier) held() []ui.StatProps {
	at := userPath(d.User.ID)
	return []ui.StatProps{
		{Label: "Sessions", Value: ui.Number(d.Held.Sessions), Icon: ui.IconLaptop, Href: at + "sessions/"},
		{Label: "Tokens", Value: ui.Number(d.Held.TokenTotal()), Icon: ui.IconKeyRound, Href: at + "tokens/"},
		{Label: "Consents", Value: ui.Number(d.Held.Consents), Icon: ui.IconUserCheck},
		{Label: "Invitations", Value: ui.Number(d.Held.Invitations), Icon: ui.IconMail},
		{Label: "Grants", Value: ui.Number(d.Held.Grants), Icon: ui.IconTicket},
		{Label: "Applications", Value: ui.Number(max(d.Held.Applications, len(d.Applications))), Icon: ui.IconLayoutGrid},
	}
}

func (d *dossier) facts(groups []idp.Group) []ui.Item {
	u := d.User
	password := templ.Component(ui.Text("None usable"))
	if u.HasUsablePassword() {
		password = ui.Join(ui.Text("Set"), page.When(u.PasswordChangedAt, d.Now))
	}
	items := []ui.Item{
		{Label: "Username", Value: ui.Mono(u.Username)},
		{Label: "Name", Value: ui.Maybe(u.Name)},
		{Label: "E-mail", Value: ui.Maybe(u.Email)},
		{Label: "Active", Value: ui.YesNo(u.IsActive)},
		{Label: "Superuser", Value: ui.YesNo(u.IsSuperuser)},
		{Label: "Type", Value: ui.Text(page.UserType(u.Type))},
		{Label: "Groups", Value: groupTags(u.Groups, groups)},
		{Label: "Roles", Value: roleTags(u.RoleNames)},
		{Label: "Password", Value: password},
		{Label: "Last sign-in", Value: page.When(u.LastLoginAt, d.Now)},
		{Label: "Joined", Value: ui.Time(u.JoinedAt, d.Now)},
		{Label: "Path", Value: ui.Mono(u.Path)},
		{Label: "Key", Value: ui.CopyID(u.ID.String())},
		{Label: "UUID", Value: ui.CopyID(u.UUID.String())},
	}
	return items
}

func groupTags(ids []idp.GroupID, groups []idp.Group) templ.Component {
	var links []templ.Component
	for _, id := range ids {
		for i := range groups {
			if groups[i].ID == id {
				links = append(links, ui.Anchor(groups[i].Name, groupPath(id)))
			}
		}
	}
	if len(links) == 0 {
		return ui.None()
	}
	return ui.Join(links...)
}
