package story

import (
	"time"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/web/ui"
)

type person struct {
	id, name, username, email string
	kind                      string
	groups                    []string
	state                     ui.State
	seen                      time.Time
}

func people() []person {
	return []person{
		{"12", "Ada Lovelace", "ada", "ada@analytical.example", "Internal", []string{"Admins", "Engineering"}, ui.StateActive, ago(2 * time.Minute)},
		{"17", "Grace Hopper", "grace", "grace.hopper@navy.example", "Internal", []string{"Engineering"}, ui.StateActive, ago(time.Hour)},
		{"23", "Alan Turing", "alan", "alan@bletchley.example", "Internal", []string{"Research"}, ui.StateLockedDown, ago(3 * 24 * time.Hour)},
		{"24", "Katherine Johnson", "kjohnson", "katherine@langley.example", "Internal", []string{"Research", "Auditors"}, ui.StateActive, ago(26 * time.Hour)},
		{"31", "Edsger Dijkstra", "edsger", "", "External", nil, ui.StateInactive, time.Time{}},
		{"35", "Barbara Liskov", "bliskov", "barbara@mit.example", "Internal", []string{"Engineering"}, ui.StateRestored, ago(5 * time.Hour)},
		{"38", "", "ldap-outpost", "", "Service account", []string{"Outposts"}, ui.StateActive, ago(12 * time.Second)},
		{"41", "Radia Perlman", "radia", "radia@bridges.example", "Internal", []string{"Networking"}, ui.StateLockedOut, ago(8 * 24 * time.Hour)},
		{"44", "Margaret Hamilton", "mhamilton", "margaret@apollo.example", "Internal", []string{"Engineering", "Auditors", "On call"}, ui.StateActive, ago(14 * time.Minute)},
	}
}

func nav(path string) []ui.NavGroup {
	return ui.MarkCurrent([]ui.NavGroup{
		{Items: []ui.NavItem{{Label: "Overview", Href: "/if/admin/overview/", Icon: ui.IconHouse}}},
		{Label: "Directory", Items: []ui.NavItem{
			{Label: "Users", Href: "/if/admin/users/", Icon: ui.IconUser},
			{Label: "Groups", Href: "/if/admin/groups/", Icon: ui.IconUsers},
			{Label: "Roles", Href: "/if/admin/roles/", Icon: ui.IconIdCard},
		}},
		{Label: "Security", Items: []ui.NavItem{
			{Label: "Locks", Href: "/if/admin/locks/", Icon: ui.IconLock},
			{Label: "Locked accounts", Href: "/if/admin/lockouts/", Icon: ui.IconUserLock, Badge: "2"},
			{Label: "Lockdowns", Href: "/if/admin/lockdowns/", Icon: ui.IconGate},
			{Label: "Audit", Href: "/if/admin/audit/", Icon: ui.IconScrollText},
		}},
		{Label: "Applications", Items: []ui.NavItem{{Label: "Applications", Href: "/if/admin/applications/", Icon: ui.IconLayoutGrid}}},
		{Label: "Flows", Items: []ui.NavItem{
			{Label: "Flows", Href: "/if/admin/flows/", Icon: ui.IconWorkflow},
			{Label: "Stages", Href: "/if/admin/stages/", Icon: ui.IconLayers},
			{Label: "Prompts", Href: "/if/admin/prompts/", Icon: ui.IconTextCursorInput},
			{Label: "Policies", Href: "/if/admin/policies/", Icon: ui.IconScale},
			{Label: "Blueprints", Href: "/if/admin/blueprints/", Icon: ui.IconFileCode},
		}},
		{Label: "Events", Items: []ui.NavItem{
			{Label: "Log", Href: "/if/admin/events/", Icon: ui.IconActivity},
			{Label: "Rules", Href: "/if/admin/rules/", Icon: ui.IconBell},
			{Label: "Transports", Href: "/if/admin/transports/", Icon: ui.IconSend},
		}},
		{Label: "System", Items: []ui.NavItem{
			{Label: "Brands", Href: "/if/admin/brands/", Icon: ui.IconPalette},
			{Label: "Settings", Href: "/if/admin/settings/", Icon: ui.IconSettings},
			{Label: "Replicas", Href: "/if/admin/replicas/", Icon: ui.IconServer},
		}},
	}, path)
}

var admin = &ui.Person{Username: "mhamilton", Name: "Margaret Hamilton", Email: "margaret@apollo.example"}

func shell(title, path string) ui.PageProps {
	return ui.PageProps{Title: title, User: admin, Nav: nav(path), Path: path, CanAdmin: true, Bell: &ui.Bell{Href: "/if/user/notifications/", Unseen: 3}}
}

func settings(title, path string) ui.PageProps {
	p := shell(title, path)
	p.Nav = ui.MarkCurrent([]ui.NavGroup{{Items: []ui.NavItem{
		{Label: "Details", Href: "/if/user/", Icon: ui.IconUser},
		{Label: "Sessions", Href: "/if/user/sessions/", Icon: ui.IconLaptop},
		{Label: "Tokens", Href: "/if/user/tokens/", Icon: ui.IconKeyRound},
		{Label: "Account Lockdown", Href: "/if/user/lockdown/", Icon: ui.IconGate},
	}}}, path)
	return p
}

func lockdownConfirm(name string) *ui.ConfirmProps {
	return &ui.ConfirmProps{
		Title: "Lock down " + name + "?", Danger: true, Submit: "Lock down",
		Text:         "The account is closed at once. You can restore it later; what ends now does not come back.",
		Consequences: []string{"3 sessions end", "4 tokens and 2 application grants are revoked", "The password stops working"},
	}
}

func rowActions(p person) []ui.MenuItem {
	base := "/if/admin/users/" + p.id
	items := []ui.MenuItem{
		{Label: "Edit", Icon: ui.IconPencil, Href: base + "/edit"},
		{Label: "Set password", Icon: ui.IconKeyRound, Href: base + "/password"},
	}
	lock := ui.MenuItem{Label: "Account Lockdown", Icon: ui.IconGate, Post: base + "/lockdown", Danger: true, Divider: true}
	if p.username == admin.Username {
		lock.Reason = "Your own account is locked in Settings."
	}
	return append(items, lock)
}

func rows(ps []person) []ui.Row {
	var out []ui.Row
	for _, p := range ps {
		r := ui.Row{ID: p.id, Label: p.username, Actions: rowActions(p), Muted: p.state == ui.StateInactive, Cells: []templ.Component{
			ui.PersonCell(p.name, p.username, "/if/admin/users/"+p.id+"/"),
			ui.Maybe(p.email), ui.Text(p.kind), ui.Tags(p.groups), ui.StateTag(p.state), ui.Time(p.seen, now),
		}}
		if p.username == admin.Username {
			r.Fixed = "this is your own account"
		}
		out = append(out, r)
	}
	return out
}
