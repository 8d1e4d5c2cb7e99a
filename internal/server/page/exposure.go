package page

import (
	"fmt"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// TellAgainPath is where somebody has a notice told once more.
func TellAgainPath(id idp.LogoutNoticeID) string {
	return AdminPath + "lockdowns/notices/" + id.String() + "/tell/"
}

// NoticeTable lists what applications were told, and what is left there.
func NoticeTable(items []idp.LogoutNotice, now time.Time) ui.TableProps {
	t := ui.TableProps{ID: "applications", Caption: "Applications",
		Columns: []ui.Column{{Label: "Application"}, {Label: "Was it told?"}, {Label: "What may still work there"}, {Label: "Action", HideHead: true, Numeric: true}}}
	for i := range items {
		n := &items[i]
		again := ui.Text("")
		if n.State == idp.NoticeFailed || n.State == idp.NoticeDelivered {
			label := "Tell again"
			if n.State == idp.NoticeFailed {
				label = "Try again"
			}
			again = ui.Action(ui.ActionProps{Action: TellAgainPath(n.ID), Button: ui.ButtonProps{Label: label, Small: true,
				Attrs: templ.Attributes{"aria-label": label + ": " + n.ApplicationName}}})
		}
		t.Rows = append(t.Rows, ui.Row{ID: n.ID.String(), Label: n.ApplicationName,
			Cells: []templ.Component{applicationName(n), noticeTold(n, now), leftAt(n, now), again}})
	}
	return t
}

// noticeWords are the state of a notice in a tag, and what it means.
func noticeWords(n *idp.LogoutNotice, now time.Time) (tag templ.Component, text string) {
	switch n.State {
	case idp.NoticeDelivered:
		return ui.TagIcon(ui.ToneOK, ui.IconCheck, "Told"), "It answered " + n.Answer + "."
	case idp.NoticeFailed:
		return ui.TagIcon(ui.ToneBad, ui.IconCircleX, "Could not be told"), tried(n) + ": " + n.Answer
	case idp.NoticeNoAddress:
		if n.URI != "" {
			return ui.Tag(ui.ToneNeutral, "Cannot be told"), "It hears of logouts by the person's own browser when they sign out there, and only then."
		}
		return ui.Tag(ui.ToneNeutral, "Cannot be told"), "It has no address for it."
	}
	if n.Tries == 0 {
		return ui.TagIcon(ui.ToneInfo, ui.IconClock, "Being told"), "Nothing was heard of it yet."
	}
	next := "the next try is due"
	if n.NextAt.After(now) {
		next = "the next try is " + ui.Relative(n.NextAt, now)
	}
	return ui.TagIcon(ui.ToneWarn, ui.IconClock, "Not told yet"), tried(n) + ", " + next + ": " + n.Answer
}

func tried(n *idp.LogoutNotice) string {
	if n.Tries == 1 {
		return "Tried once"
	}
	return fmt.Sprintf("Tried %s times", ui.Number(n.Tries))
}

// leftWords say what is left at an application.
func leftWords(n *idp.LogoutNotice, now time.Time) (tag templ.Component, text string) {
	e := n.Exposure(now)
	own := "whoever is signed in there"
	switch {
	case e.Over() && n.State == idp.NoticeDelivered:
		return ui.TagIcon(ui.ToneOK, ui.IconCheck, "Nothing"), "It was told to sign the person out."
	case e.Over():
		return ui.TagIcon(ui.ToneOK, ui.IconCheck, "Nothing"), "The time is over for which it keeps people signed in."
	case e.Unknown && e.Until != nil:
		return ui.TagIcon(ui.ToneWarn, ui.IconClock, until(*e.Until, now)), "Signed access tokens, at programs that do not ask here. Not known: how long it keeps people signed in itself."
	case e.Unknown:
		return ui.Tag(ui.ToneNeutral, "Not known"), "Nobody said how long it keeps people signed in by itself."
	case e.Tokens && n.State == idp.NoticeDelivered:
		own = "signed access tokens, at programs that do not ask here"
	case e.Tokens:
		own += ", and signed access tokens at programs that do not ask here"
	}
	return ui.TagIcon(ui.ToneWarn, ui.IconClock, until(*e.Until, now)), strings.ToUpper(own[:1]) + own[1:] + "."
}

// until is a moment to come, short: its clock, and how far that is.
func until(at, now time.Time) string {
	clock := at.UTC().Format("15:04 UTC")
	if at.Sub(now) > 20*time.Hour {
		clock = at.UTC().Format("2 Jan, 15:04 UTC")
	}
	return "Until " + clock + ", " + ui.Relative(at, now)
}

// NoticeSummary says in one sentence how far telling the applications has come and what
// may be left, with the tone of the worst of it.
func NoticeSummary(items []idp.LogoutNotice, now time.Time) (ui.Tone, string) {
	var told, open, unknown, waiting int
	var last time.Time
	for i := range items {
		n := &items[i]
		e := n.Exposure(now)
		switch n.State {
		case idp.NoticeDelivered:
			told++
		case idp.NoticePending:
			waiting++
		}
		if e.Until != nil {
			open++
			if e.Until.After(last) {
				last = *e.Until
			}
		} else if e.Unknown {
			unknown++
		}
	}
	text := ui.Count(told, "application") + " of " + ui.Number(len(items)) + " told."
	if told == len(items) {
		text = "All of them were told."
		if told == 1 {
			text = "It was told."
		}
	} else if waiting > 0 {
		text += " " + ui.Number(waiting) + " still to be told."
	}
	tone := ui.ToneOK
	if unknown > 0 {
		text += " At " + ui.Number(unknown) + " it is not known how long people stay signed in."
		tone = ui.ToneInfo
	}
	if open > 0 {
		text += " At " + ui.Number(open) + " something may still work, at the latest until " + ui.Absolute(last) + "."
		tone = ui.ToneWarn
	}
	if open+unknown == 0 {
		text += " Nothing is left there, as far as is known."
	}
	return tone, text
}

// SessionsTold says, for sessions that are over, how far telling their applications has
// come: "2 applications told, 1 not".
func SessionsTold(items []idp.LogoutNotice) map[idp.SessionID]string {
	type tally struct{ told, not int }
	tallies := map[idp.SessionID]tally{}
	for i := range items {
		if items[i].SessionID == nil {
			continue
		}
		t := tallies[*items[i].SessionID]
		if items[i].State == idp.NoticeDelivered {
			t.told++
		} else {
			t.not++
		}
		tallies[*items[i].SessionID] = t
	}
	out := map[idp.SessionID]string{}
	for id, t := range tallies {
		switch {
		case t.not == 0:
			out[id] = ui.Count(t.told, "application") + " told"
		case t.told == 0:
			out[id] = ui.Count(t.not, "application") + " not told"
		default:
			out[id] = ui.Count(t.told, "application") + " told, " + ui.Number(t.not) + " not"
		}
	}
	return out
}

// Names joins names for a sentence: "Wiki, Mail and Files", at most so many.
func Names(names []string, most int) string {
	if len(names) > most {
		return strings.Join(names[:most], ", ") + " and " + ui.Number(len(names)-most) + " more"
	}
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return strings.Join(names, "")
}

// HeldNames are the names of applications.
func HeldNames(held []idp.HeldApplication) []string {
	out := make([]string, len(held))
	for i := range held {
		out[i] = held[i].Name
	}
	return out
}

// EndsAt is Ends with the applications by name: "3 applications lose access: Wiki, Mail
// and Files".
func EndsAt(h idp.Holdings, held []idp.HeldApplication) []string {
	h.Applications = 0
	out := Ends(h)
	if n := len(held); n > 0 {
		word := " are told: "
		if n == 1 {
			word = " is told: "
		}
		out = append(out, ui.Count(n, "application")+word+Names(HeldNames(held), 8))
	}
	return out
}
