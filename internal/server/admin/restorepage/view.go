package restorepage

import (
	"strconv"
	"time"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/restore"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// asked is a form whose answer was wrong.
type asked struct {
	form, step string
	values     web.Form
	faults     page.Faults
}

// of are the faults of a form; those of another one are none.
func (a asked) of(form string) page.Faults {
	if a.form == form {
		return a.faults
	}
	return page.Faults{}
}

// view is what the page shows.
type view struct {
	*restore.Checklist
	page  ui.PageProps
	at    string
	since []ui.Pair // the moment that the address names, for every form
	asked asked
}

func viewOf(c *restore.Checklist, a asked) view {
	return view{Checklist: c, at: Path(c.Lockdown.ID), asked: a}
}

// titles name the steps.
var titles = map[idp.RestoreStep]string{
	idp.RestoreActivate: "Activate the account",
	idp.RestorePassword: "Give it a new password",
	idp.RestoreFactors:  "Review the second factors",
	idp.RestoreChanges:  "Review what was changed",
	idp.RestoreRenew:    "Ask for something new at the next sign-in",
	idp.RestoreTell:     "Tell the person",
}

func name(c *restore.Checklist) string {
	if c.User != nil {
		return c.User.DisplayName()
	}
	return c.Lockdown.Username
}

func crumbs(c *restore.Checklist) []ui.Crumb {
	return []ui.Crumb{{Label: "Lockdowns", Href: page.LockdownsPath}, {Label: c.Lockdown.Username, Href: page.LockdownsPath + c.Lockdown.ID.String() + "/"},
		{Label: "Restore", Href: Path(c.Lockdown.ID)}}
}

// works reports whether steps can be taken at all.
func (v view) works() bool {
	return v.User != nil && v.Newer == nil && v.Lockdown.ClosedAt == nil
}

func (v view) progress() string {
	left := len(v.Left())
	switch {
	case v.User == nil:
		return "The account was deleted."
	case v.Lockdown.ClosedAt != nil:
		return "Closed by " + v.Lockdown.ClosedByName + "."
	case left == 0:
		return "Every step is done or left out."
	}
	return ui.Number(len(v.Items)-left) + " of " + ui.Count(len(v.Items), "step") + " done or left out."
}

func (v view) tag() templ.Component {
	switch {
	case v.Lockdown.ClosedAt != nil:
		return ui.TagIcon(ui.ToneOK, ui.IconCircleCheck, "Closed")
	case len(v.Left()) == 0:
		return ui.TagIcon(ui.ToneOK, ui.IconCircleCheck, "Nothing left")
	}
	return ui.TagIcon(ui.ToneWarn, ui.IconClock, ui.Number(len(v.Left()))+" left")
}

// title is a step with its number.
func (v view) title(i int) string { return strconv.Itoa(i+1) + ". " + titles[v.Items[i].Step] }

func stateTag(s restore.State) templ.Component {
	switch s {
	case restore.Done:
		return ui.TagIcon(ui.ToneOK, ui.IconCircleCheck, "Done")
	case restore.Skipped:
		return ui.TagIcon(ui.ToneNeutral, ui.IconCircleMinus, "Left out")
	}
	return ui.TagIcon(ui.ToneWarn, ui.IconClock, "Open")
}

// hidden is the moment, and more, for a form.
func (v view) hidden(more ...ui.Pair) []ui.Pair {
	return append(append([]ui.Pair{}, v.since...), more...)
}

// moments are choices of the suspected moment.
func (v view) moments() []ui.Link {
	at := v.Lockdown.StartedAt.UTC()
	var out []ui.Link
	for _, m := range []struct {
		label string
		back  time.Duration
	}{{"1 hour before the lockdown", time.Hour}, {"1 day", 24 * time.Hour}, {"1 week", 7 * 24 * time.Hour}, {"30 days", 30 * 24 * time.Hour}} {
		out = append(out, ui.Link{Label: m.label, Href: v.at + "?since=" + at.Add(-m.back).Format("2006-01-02T15:04:05Z")})
	}
	return out
}

// kinds head the groups of changes.
var kinds = map[restore.Kind]string{
	restore.KindToken: "Tokens", restore.KindConsent: "Consents", restore.KindEmail: "E-mail address",
	restore.KindGroup: "Groups", restore.KindRole: "Roles",
}

func (v view) changesOf(k restore.Kind) []restore.Change {
	var out []restore.Change
	for i := range v.Changes {
		if v.Changes[i].Kind == k {
			out = append(out, v.Changes[i])
		}
	}
	return out
}

func (v view) openChanges() (n int) {
	for i := range v.Changes {
		if v.Changes[i].Open {
			n++
		}
	}
	return n
}

func from(ip string) string {
	if ip == "" {
		return ""
	}
	return " from " + ip
}

var factorKinds = map[idp.FactorKind]string{idp.FactorTOTP: "Authenticator app", idp.FactorStatic: "Recovery codes", idp.FactorWebAuthn: "Passkey or security key"}
