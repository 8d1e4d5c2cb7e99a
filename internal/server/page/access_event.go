package page

import (
	"github.com/portcullis-idp/portcullis/internal/elevate"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// accessVerbs are what events about requests for access tell, by context.action_id: of
// what somebody else did, and of what the person did, with the group between verb and
// rest.
var accessVerbs = map[string]struct {
	label              string
	tone               ui.Tone
	others, self, rest string
}{
	elevate.ActionMade:      {"Access asked for", ui.ToneNeutral, "asked for", "asked for", " for "},
	elevate.ActionGranted:   {"Access granted", ui.ToneOK, "granted", "was granted", " to "},
	elevate.ActionDenied:    {"Access denied", ui.ToneWarn, "denied", "was denied", " to "},
	elevate.ActionWithdrawn: {"Request withdrawn", ui.ToneNeutral, "withdrew the request for", "withdrew their request for", " of "},
	elevate.ActionEnded:     {"Access ended", ui.ToneNeutral, "ended", "ended their time in", " for "},
	elevate.ActionExpired:   {"Access over", ui.ToneNeutral, "closed", "is over with", " for "},
	elevate.ActionUsed:      {"Access used", ui.ToneNeutral, "used", "took into one more session", " for "},
}

// accessEvent puts an event about a request for access into words; ok is false for all
// others.
func accessEvent(e *idp.Event, v *EventView) (ok bool) {
	verb, ok := accessVerbs[text(e.Context["action_id"])]
	if !ok {
		return false
	}
	group, _ := e.Context["group"].(map[string]any)
	v.Label, v.Icon, v.Tone = verb.label, ui.IconTicket, verb.tone
	v.Sentence = v.name() + " " + verb.self + " " + text(group["name"])
	if v.By != "" {
		v.Sentence = v.By + " " + verb.others + " " + text(group["name"]) + verb.rest + v.name()
	}
	return true
}
