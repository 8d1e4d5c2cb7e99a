package flowpage

import (
	"strings"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// word is how people read a value of an enumeration.
type word struct{ Label, Help string }

// saying is the word for a value; one that is not known stands for itself.
func saying[T ~string](words map[T]word, value T) word {
	if w, ok := words[value]; ok {
		return w
	}
	return word{Label: string(value)}
}

// options are the choices of a field, in the order of the contract.
func options[T ~string](values []T, words map[T]word) []ui.Option {
	var out []ui.Option
	for _, v := range values {
		w := saying(words, v)
		out = append(out, ui.Option{Value: string(v), Label: w.Label, Hint: w.Help})
	}
	return out
}

var designations = map[idp.Designation]word{
	idp.DesignationAuthentication:     {"Authentication", "Signs people in."},
	idp.DesignationAuthorization:      {"Authorization", "Asks whether an application may know who somebody is."},
	idp.DesignationInvalidation:       {"Invalidation", "Signs people out."},
	idp.DesignationEnrollment:         {"Enrollment", "Lets new people make an account."},
	idp.DesignationUnenrollment:       {"Unenrollment", "Lets people delete their own account."},
	idp.DesignationRecovery:           {"Recovery", "Lets people back in who lost their way; recovery links open it."},
	idp.DesignationStageConfiguration: {"Stage configuration", "Sets something up or does something for one account, such as a lockdown."},
}

var authentications = map[idp.Authentication]word{
	idp.AuthenticationNone:            {"Anybody", "Nothing is asked of whoever opens it."},
	idp.AuthenticationAuthenticated:   {"Only people who are signed in", "Strangers are asked to sign in first."},
	idp.AuthenticationUnauthenticated: {"Only people who are not signed in", "Whoever is signed in is refused, or sent on by an authentication flow."},
	idp.AuthenticationSuperuser:       {"Only superusers", "Strangers are asked to sign in first, everybody else is refused."},
	idp.AuthenticationRedirect:        {"Only people another flow sends here", "A redirect stage leads here; opening the address does not."},
	idp.AuthenticationOutpost:         {"Only outposts", "This version has no outposts, so nobody gets in."},
}

var deniedActions = map[idp.DeniedAction]word{
	idp.DeniedMessageContinue: {"Send them where they were going, or show why", "Goes on to the page the address names in “next”; without one, shows the messages of the policies."},
	idp.DeniedMessage:         {"Show why", "Shows the messages of the policies, and goes nowhere."},
	idp.DeniedContinue:        {"Send them on", "Goes on to the page the address names in “next”, or to the first page."},
}

var layouts = map[idp.Layout]word{
	"stacked": {"Stacked", ""}, "content_left": {"Content on the left", ""}, "content_right": {"Content on the right", ""},
	"sidebar_left": {"Sidebar on the left", ""}, "sidebar_right": {"Sidebar on the right", ""},
	"sidebar_left_frame_background":  {"Sidebar on the left, background framed", ""},
	"sidebar_right_frame_background": {"Sidebar on the right, background framed", ""},
}

var flowModes = map[idp.PolicyMode]word{
	idp.PolicyAny: {"Any policy passes", "One of the bound policies is enough."},
	idp.PolicyAll: {"All policies pass", "Every one of the bound policies must pass."},
}

var invalidActions = map[idp.InvalidAction]word{
	idp.InvalidRetry:              {"Try again", "A wrong answer is asked again. When the stage says no, the flow ends with its message."},
	idp.InvalidRestart:            {"Start over", "The flow begins again, and forgets what was entered."},
	idp.InvalidRestartWithContext: {"Start over with what was entered", "The flow begins again, and remembers what was entered."},
}

// stageIcons are the signs of the kinds of stages; every other kind has the
// same.
var stageIcons = map[string]ui.IconName{
	"identification": ui.IconIdCard, "password": ui.IconKeyRound, "user_login": ui.IconLogIn, "user_logout": ui.IconLogOut,
	"user_write": ui.IconPencil, "user_delete": ui.IconUserX, "prompt": ui.IconTextCursorInput, "account_lockdown": ui.IconGate,
	"deny": ui.IconBan, "redirect": ui.IconArrowRight, "email": ui.IconMail, "consent": ui.IconShieldCheck, "captcha": ui.IconBot,
	"invitation": ui.IconTicket, "dummy": ui.IconCircleHelp, "authenticator_validate": ui.IconShieldUser, "authenticator_totp": ui.IconSmartphone,
	"authenticator_static": ui.IconFileText, "authenticator_webauthn": ui.IconFingerprint,
}

// kindTitle is a kind's name without the word that the whole page says already.
func kindTitle(k flow.Kind) string { return strings.TrimSuffix(k.Verbose, " Stage") }

func stageIcon(kind string) ui.IconName {
	if icon, ok := stageIcons[kind]; ok {
		return icon
	}
	return ui.IconLayers
}
