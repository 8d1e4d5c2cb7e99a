package page

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockout"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// The addresses of the pages about lockouts.
const (
	LockoutsPath         = AdminPath + "lockouts/"
	LockoutHistoryPath   = LockoutsPath + "history/"
	UnlockPath           = LockoutsPath + "unlock/"
	UndoUnlockPath       = LockoutsPath + "undo/"
	SecuritySettingsPath = AdminPath + "security-settings/"
)

// UnlockedField is the parameter of a page with a lockout that was unlocked on it,
// which stands for all that ended with it.
const UnlockedField = "unlocked"

// undoOffered is how long after an unlock it is offered to take it back.
const undoOffered = 10 * time.Minute

// UnlockToast says on the page that somebody unlocked from what was done, and offers
// to take it back; none when nothing was.
func UnlockToast(r *http.Request, lockouts *lockout.Service, here Back) []ui.Flash {
	id, err := idp.ParseID[idp.Lockout](web.Query(r).Text(UnlockedField))
	if err != nil {
		return nil
	}
	ended, err := lockouts.Find(r.Context(), web.Actor(r), idp.LockoutFilter{EndedWith: &id, Uncounted: true, Paging: idp.Paging{Limit: 2 * lockout.MaxUnlock}})
	if err != nil || len(ended.Items) == 0 {
		return nil
	}
	now := time.Now()
	first := &ended.Items[0]
	if first.EndReason != idp.LockoutUnlocked || now.Sub(At(first.EndedAt)) > undoOffered {
		return nil
	}
	var until time.Time
	var who []string
	for i := range ended.Items {
		l := &ended.Items[i]
		if l.LockedUntil.After(until) {
			until = l.LockedUntil
		}
		if !slices.Contains(who, l.Identifier) {
			who = append(who, l.Identifier)
		}
	}
	f := ui.Flash{Tone: ui.ToneInfo, Title: first.Identifier + " was unlocked", Text: "The full number of attempts is back."}
	if len(who) > 1 {
		f.Title = strconv.Itoa(len(who)) + " accounts were unlocked"
	}
	if until.After(now) {
		f.Action = ui.Action(ui.ActionProps{Action: UndoUnlockPath, Hidden: append(here.Hidden(), ui.Pair{Name: "lockout", Value: id.String()}),
			Button: ui.ButtonProps{Label: "Undo: lock out again until " + until.UTC().Format("15:04 UTC"), Icon: ui.IconRotateCcw, Small: true}})
	}
	return []ui.Flash{f}
}

// lockoutVerbs are what events about lockouts tell, by context.action_id.
var lockoutVerbs = map[string]struct {
	label string
	icon  ui.IconName
	tone  ui.Tone
}{
	lockout.ActionLocked:   {"Lockout", ui.IconClock, ui.ToneWarn},
	lockout.ActionUnlocked: {"Unlock", ui.IconLockOpen, ui.ToneOK},
	lockout.ActionUndone:   {"Unlock undone", ui.IconRotateCcw, ui.ToneWarn},
	lockout.ActionCrowded:  {"Address refused", ui.IconShieldBan, ui.ToneWarn},
	lockout.ActionCodes:    {"Codes refused", ui.IconShieldBan, ui.ToneWarn},
	lockout.ActionSetting:  {"Setting", ui.IconSettings, ui.ToneNeutral},
}

// lockoutEvent puts an event about lockouts, or about what bounds attempts, into
// words; ok is false for all others.
func lockoutEvent(e *idp.Event, v *EventView) (ok bool) {
	action := text(e.Context["action_id"])
	verb, ok := lockoutVerbs[action]
	if !ok {
		return false
	}
	v.Label, v.Icon, v.Tone = verb.label, verb.icon, verb.tone
	who, whom := first(v.By, v.User, "The system"), first(text(e.Context["identifier"]), v.User, "somebody")
	switch action {
	case lockout.ActionLocked:
		v.Sentence = whom + " was locked out after " + ui.Count(number(e.Context["attempts"]), "failed attempt")
	case lockout.ActionUnlocked:
		v.Sentence = who + " unlocked " + whom
	case lockout.ActionUndone:
		v.Sentence = who + " took the unlock of " + whom + " back"
	case lockout.ActionCrowded:
		v.Sentence = "The address " + first(text(e.Context["network"]), "of somebody") + " is refused: " + ui.Count(number(e.Context["accounts"]), "account") + " failed from it"
	case lockout.ActionCodes:
		v.Sentence = who + " may type no codes of devices for a while: " + ui.Count(number(e.Context["attempts"]), "wrong one") + " from " + first(text(e.Context["network"]), "somewhere")
	case lockout.ActionSetting:
		v.Sentence = who + " set " + first(text(object(e.Context["model"])["name"]), text(e.Context["key"])) + " from " +
			first(text(e.Context["was"]), "nothing") + " to " + first(text(e.Context["value"]), "nothing")
	}
	return true
}
