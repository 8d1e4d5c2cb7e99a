package page

import (
	"strings"

	"github.com/portcullis-idp/portcullis/internal/audit"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/session"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// actions are the actions of events in words.
var actions = map[idp.Action]string{
	idp.ActionLogin: "Sign-in", idp.ActionLoginFailed: "Failed sign-in", idp.ActionLogout: "Sign-out",
	idp.ActionUserWrite: "User changed", idp.ActionPasswordSet: "Password set",
	idp.ActionSecretView: "Secret viewed", idp.ActionSecretRotate: "Secret changed",
	idp.ActionFlowExecution: "Flow run", idp.ActionPolicyExecution: "Policy run",
	idp.ActionPolicyException: "Policy failed", idp.ActionSystemException: "System fault",
	idp.ActionConfigError: "Configuration error", idp.ActionConfigWarning: "Configuration warning",
	idp.ActionModelCreated: "Object created", idp.ActionModelUpdated: "Object changed",
	idp.ActionModelDeleted: "Object deleted", idp.ActionSuspicious: "Suspicious request",
	idp.ActionInvitationUsed: "Invitation used",
}

// Action is the action of an event in words.
func Action(a idp.Action) string {
	if s := actions[a]; s != "" {
		return s
	}
	return strings.ReplaceAll(string(a), "_", " ")
}

// Refusal reports whether the action tells of something turned away.
func Refusal(a idp.Action) bool {
	switch a {
	case idp.ActionLoginFailed, idp.ActionSuspicious, idp.ActionPolicyException, idp.ActionSystemException:
		return true
	}
	return false
}

// EventView is an event in words.
type EventView struct {
	Sentence string
	Label    string // the kind of event in two words
	Icon     ui.IconName
	Tone     ui.Tone
	User     string // username of whom it concerns, "" = nobody
	UserID   int    // 0 = nobody
	By       string // username of who did it, when that is another
	ByID     int    // 0 = the system

	inPerson bool // it came with a request: whom it concerns did it themselves, unless By says otherwise
}

// DescribeEvent puts an event into words.
func DescribeEvent(e *idp.Event) EventView {
	v := EventView{Label: Action(e.Action), User: text(e.User["username"]), UserID: number(e.User["pk"])}
	if by, ok := e.User["authenticated_as"].(map[string]any); ok {
		v.By, v.ByID = text(by["username"]), number(by["pk"])
		if v.By == idp.SystemName && v.ByID == 0 {
			v.By = "The system"
		}
	}
	_, v.inPerson = e.Context["http_request"]
	v.Icon, v.Tone = eventIcon(e.Action)
	v.Sentence = sentence(e, v)
	if lockEvent(e, &v) || lockoutEvent(e, &v) || deviceEvent(e, &v) || accessEvent(e, &v) {
		return v
	}
	switch text(e.Context["action_id"]) {
	case audit.ActionPurged:
		v.Label, v.Icon, v.Tone = "Retention", ui.IconHistory, ui.ToneNeutral
		v.Sentence = "Retention removed " + ui.Count(number(e.Context["count"]), "event") + ", the newest of " + date(text(e.Context["until"]))
	case session.ActionProved:
		v.Label, v.Icon, v.Tone = "Proof", ui.IconKeyRound, ui.ToneNeutral
		v.Sentence = v.name() + " proved once more who they are"
	case idp.ActionIDLockdown:
		v.Label, v.Icon, v.Tone = "Lockdown", ui.IconGate, ui.ToneBad
		v.Sentence = v.who("locked down", "locked their own account", "was locked down")
	case idp.ActionIDRestore:
		v.Label, v.Icon, v.Tone = "Restore", ui.IconRotateCcw, ui.ToneOK
		v.Sentence = v.who("restored", "restored their own account", "was restored")
	case idp.ActionIDRestoreStep:
		v.Label, v.Icon, v.Tone = "Restore", ui.IconRotateCcw, ui.ToneNeutral
		v.Sentence = restoreSentence(e, v)
	}
	return v
}

// who says what happened to somebody: by another, by themselves, or by nobody
// who can be named (the system).
func (v EventView) who(done, self, passive string) string {
	switch {
	case v.By != "":
		return v.By + " " + done + " " + v.name()
	case v.inPerson:
		return v.name() + " " + self
	}
	return v.name() + " " + passive
}

func (v EventView) name() string { return first(v.User, "somebody") }

func sentence(e *idp.Event, v EventView) string {
	switch e.Action {
	case idp.ActionLogin:
		return v.name() + " signed in"
	case idp.ActionLogout:
		return logoutSentence(e, v)
	case idp.ActionLoginFailed:
		return "Sign-in as " + first(v.User, text(e.Context["username"]), text(e.Context["identifier"]), "an unknown account") + " failed"
	case idp.ActionUserWrite:
		return v.who("changed", "changed their account", "was changed")
	case idp.ActionPasswordSet:
		if v.By == "" && !v.inPerson {
			return "The password of " + v.name() + " was set"
		}
		return v.who("set the password of", "changed their password", "")
	case idp.ActionModelCreated, idp.ActionModelUpdated, idp.ActionModelDeleted:
		return objectSentence(e, v)
	case idp.ActionInvitationUsed:
		return v.name() + " made an account with the invitation " + first(text(object(e.Context["model"])["name"]), "of somebody")
	case idp.ActionFlowExecution:
		return join(v.name()+" ran a flow", text(object(e.Context["flow"])["name"]))
	}
	return join(v.Label, text(e.Context["message"]))
}

// logoutSentence tells whether somebody signed out, or sessions of theirs were
// ended, and by whom. What ended them beside people is the reason beside it.
func logoutSentence(e *idp.Event, v EventView) string {
	reason := text(e.Context["logout_reason"])
	sessions := ui.Count(max(number(e.Context["sessions"]), 1), "session")
	switch {
	case reason == "" || reason == session.ReasonSignedOut:
		return v.who("signed out", "signed out", "signed out")
	case v.By != "":
		return v.By + " ended " + sessions + " of " + v.name()
	case reason == session.ReasonByOwner, reason == session.ReasonOthersEnded, reason == session.ReasonAllEnded:
		return v.name() + " ended " + sessions + " of theirs"
	}
	return sessions + " of " + v.name() + " ended"
}

var objectVerbs = map[idp.Action]string{
	idp.ActionModelCreated: "created", idp.ActionModelUpdated: "changed", idp.ActionModelDeleted: "deleted",
}

// objectSentence names the object; "ada changed user ada" is not what people
// say of themselves.
func objectSentence(e *idp.Event, v EventView) string {
	model := object(e.Context["model"])
	kind, name := first(text(model["model_name"]), "object"), text(model["name"])
	what, done := strings.TrimSpace(kind+" "+name), objectVerbs[e.Action]
	switch {
	case v.By != "":
		return v.By + " " + done + " " + what
	case v.inPerson && kind == "user" && name == v.User:
		return name + " " + done + " their account"
	case v.inPerson && v.User != "":
		return v.User + " " + done + " " + what
	}
	return strings.ToUpper(what[:1]) + what[1:] + " was " + done
}

func eventIcon(a idp.Action) (ui.IconName, ui.Tone) {
	switch a {
	case idp.ActionLogin:
		return ui.IconLogIn, ui.ToneOK
	case idp.ActionLogout:
		return ui.IconLogOut, ui.ToneNeutral
	case idp.ActionLoginFailed, idp.ActionSuspicious:
		return ui.IconShieldAlert, ui.ToneWarn
	case idp.ActionUserWrite:
		return ui.IconUser, ui.ToneNeutral
	case idp.ActionPasswordSet, idp.ActionSecretRotate, idp.ActionSecretView:
		return ui.IconKeyRound, ui.ToneInfo
	case idp.ActionModelCreated:
		return ui.IconPlus, ui.ToneNeutral
	case idp.ActionModelUpdated:
		return ui.IconPencil, ui.ToneNeutral
	case idp.ActionModelDeleted:
		return ui.IconTrash, ui.ToneNeutral
	case idp.ActionSystemException, idp.ActionPolicyException, idp.ActionConfigError:
		return ui.IconOctagonAlert, ui.ToneBad
	case idp.ActionInvitationUsed:
		return ui.IconTicket, ui.ToneOK
	case idp.ActionConfigWarning:
		return ui.IconTriangleAlert, ui.ToneWarn
	}
	return ui.IconActivity, ui.ToneNeutral
}

func object(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// date is the day of a time as events have it.
func date(written string) string {
	day, _, _ := strings.Cut(written, "T")
	return first(day, "an unknown day")
}

// number reads a number as JSON or as Go holds it.
func number(v any) int {
	switch n := v.(type) {
	case float64:
		return int(n)
	case int:
		return n
	}
	return 0
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

func join(a, b string) string {
	if b == "" {
		return a
	}
	return a + ": " + b
}
