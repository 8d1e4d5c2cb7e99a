package admin

import (
	"slices"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lock"
	"github.com/portcullis-idp/portcullis/internal/lockout"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// preset is a choice of events that belong together, by what context.action_id says.
type preset struct {
	value, option string // in the filter
	tab           string // "" = none
	ids           []string
}

var (
	lockoutActs = []string{lockout.ActionLocked, lockout.ActionUnlocked, lockout.ActionUndone, lockout.ActionCrowded, lockout.ActionCodes}
	lockActs    = []string{lock.ActionCreated, lock.ActionUpdated, lock.ActionDeleted}
)

var presets = []preset{
	{"security", "Security acts", "Security acts", slices.Concat([]string{idp.ActionIDLockdown, idp.ActionIDRestore, lockout.ActionSetting}, lockActs, lockoutActs)},
	{"lockouts", "Lockouts and unlocks", "Lockouts", lockoutActs},
	{"locks", "Locks", "Locks", lockActs},
	{"lockdowns", "Lockdowns and restores", "Lockdowns", []string{idp.ActionIDLockdown, idp.ActionIDRestore}},
	{"settings", "Settings changed", "Settings", []string{lockout.ActionSetting}},
}

// presetOf are the values of context.action_id that a choice stands for; nil = it is
// no preset.
func presetOf(value string) []string {
	for _, p := range presets {
		if p.value == value {
			return p.ids
		}
	}
	return nil
}

// presetTabs lead to what is looked for most. The other filters stay.
func presetTabs(list page.List) []ui.Tab {
	now := list.Query.Trimmed("action")
	tab := func(label, value string) ui.Tab {
		return ui.Tab{Label: label, Href: list.Href("action", value), Current: now == value}
	}
	tabs := []ui.Tab{tab("All", ""), tab("Failed sign-ins", string(idp.ActionLoginFailed))}
	for _, p := range presets {
		tabs = append(tabs, tab(p.tab, p.value))
	}
	return tabs
}

// exportButtons lead to files of what the list's filters match.
func exportButtons(list page.List) templ.Component {
	at := page.List{Path: exportPath, Query: list.Query}
	button := func(label, format string) templ.Component {
		return ui.Button(ui.ButtonProps{Label: label, Icon: ui.IconDownload, Href: at.Href("format", format, "ordering", "")})
	}
	return ui.Join(button("Export CSV", "csv"), button("Export JSON", "json"))
}
