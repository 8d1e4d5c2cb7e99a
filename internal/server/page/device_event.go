package page

import (
	"github.com/portcullis-idp/portcullis/internal/factor"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/session"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// deviceVerbs are what events about browsers and second factors tell, by
// context.action_id: of somebody else, of themselves.
var deviceVerbs = map[string]struct {
	label        string
	icon         ui.IconName
	tone         ui.Tone
	others, self string
}{
	session.ActionForgotten:    {"Browser forgotten", ui.IconLaptop, ui.ToneNeutral, "forgot a browser of", "forgot a browser of theirs"},
	factor.ActionAdded:         {"Second factor added", ui.IconFingerprint, ui.ToneNeutral, "added a second factor to", "added a second factor"},
	factor.ActionRenamed:       {"Second factor renamed", ui.IconFingerprint, ui.ToneNeutral, "renamed a second factor of", "renamed a second factor"},
	factor.ActionRemoved:       {"Second factor removed", ui.IconFingerprint, ui.ToneWarn, "removed a second factor of", "removed a second factor"},
	session.ActionAllForgotten: {"Browsers forgotten", ui.IconLaptop, ui.ToneNeutral, "forgot all browsers of", "forgot all their browsers"},
}

// deviceEvent puts an event about a browser into words; ok is false for all others.
func deviceEvent(e *idp.Event, v *EventView) (ok bool) {
	verb, ok := deviceVerbs[text(e.Context["action_id"])]
	if !ok {
		return false
	}
	v.Label, v.Icon, v.Tone = verb.label, verb.icon, verb.tone
	v.Sentence = first(v.By, v.name()) + " " + verb.self
	if v.By != "" {
		v.Sentence = v.By + " " + verb.others + " " + v.name()
	}
	return true
}
