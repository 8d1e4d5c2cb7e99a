package restorepage

import (
	"slices"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// said is what a deed is called on pages, and how it looks.
var said = map[idp.RestoreDeed]struct {
	text string
	icon ui.IconName
	tone ui.Tone
}{
	idp.DeedActivated:     {"Activated by ", ui.IconUserCheck, ui.ToneOK},
	idp.DeedPasswordSet:   {"Password set by ", ui.IconKeyRound, ui.ToneOK},
	idp.DeedLinkMade:      {"Recovery link made by ", ui.IconLink, ui.ToneOK},
	idp.DeedLinkMailed:    {"Recovery link ordered by mail by ", ui.IconMail, ui.ToneOK},
	idp.DeedFactorRemoved: {"Second factor removed by ", ui.IconTrash, ui.ToneWarn},
	idp.DeedReverted:      {"Reverted by ", ui.IconRotateCcw, ui.ToneWarn},
	idp.DeedReviewed:      {"Reviewed by ", ui.IconCheck, ui.ToneOK},
	idp.DeedRequired:      {"Asked for something new at the next sign-in by ", ui.IconShieldCheck, ui.ToneOK},
	idp.DeedTold:          {"Told by mail by ", ui.IconSend, ui.ToneOK},
	idp.DeedSkipped:       {"Left out by ", ui.IconCircleMinus, ui.ToneNeutral},
}

// Moments shows what was done on a timeline, newest first.
func Moments(acts []idp.RestoreAct) []ui.Moment {
	out := make([]ui.Moment, 0, len(acts))
	for i := range acts {
		a := &acts[i]
		s := said[a.Deed]
		text := a.Note
		switch {
		case a.Deed == idp.DeedSkipped:
			text = titles[a.Step] + ": " + a.Note
		case a.Deed == idp.DeedReviewed:
			text = titles[a.Step]
		case a.Deed == idp.DeedRequired:
			text = required(a.Facts)
		}
		out = append(out, ui.Moment{At: a.CreatedAt, Icon: s.icon, Tone: s.tone, Title: ui.Text(s.text + a.ActorName), Text: text})
	}
	slices.Reverse(out)
	return out
}

func required(facts map[string]any) string {
	switch {
	case facts["password"] == true && facts["factor"] == true:
		return "A new password and a new second factor"
	case facts["factor"] == true:
		return "A new second factor"
	}
	return "A new password"
}
