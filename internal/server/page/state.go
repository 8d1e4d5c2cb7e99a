package page

import (
	"time"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/useragent"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// UserState is the condition of an account; contained says whether it has a
// lockdown that was not restored.
func UserState(u *idp.User, contained bool) ui.State {
	switch {
	case u.IsActive:
		return ui.StateActive
	case contained:
		return ui.StateLockedDown
	}
	return ui.StateInactive
}

// SessionState is the condition of a session.
func SessionState(s *idp.Session) ui.State {
	switch {
	case s.Live:
		return ui.StateActive
	case s.EndedAt == nil && s.Expired:
		return ui.StateExpired
	}
	return ui.StateEnded
}

// TokenState is the condition of a token.
func TokenState(t *idp.Token) ui.State {
	switch {
	case t.Live:
		return ui.StateActive
	case t.RevokedAt == nil && t.Expired:
		return ui.StateExpired
	}
	return ui.StateEnded
}

var userTypes = map[idp.UserType]string{
	idp.UserInternal: "Internal", idp.UserExternal: "External",
	idp.UserServiceAccount: "Service account", idp.UserInternalServiceAccount: "Internal service account",
}

// UserType is the type of an account in words.
func UserType(t idp.UserType) string {
	if s := userTypes[t]; s != "" {
		return s
	}
	return string(t)
}

var intents = map[idp.TokenIntent]string{
	idp.IntentAPI: "API", idp.IntentAppPassword: "App password",
	idp.IntentRecovery: "Recovery link", idp.IntentVerification: "Verification link",
}

// Intent is what a token is good for, in words.
func Intent(i idp.TokenIntent) string {
	if s := intents[i]; s != "" {
		return s
	}
	return string(i)
}

// At is the time behind a pointer; nil is the zero time, shown as "never".
func At(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// When shows an optional time.
func When(t *time.Time, now time.Time) templ.Component { return ui.Time(At(t), now) }

// Device names the browser of a session.
func Device(s *idp.Session) string { return useragent.Parse(s.UserAgent).Label() }

var deviceIcons = map[useragent.Kind]ui.IconName{
	useragent.KindDesktop: ui.IconLaptop, useragent.KindPhone: ui.IconSmartphone,
	useragent.KindTablet: ui.IconSmartphone, useragent.KindProgram: ui.IconBot,
}

// DeviceIcon is the sign for the kind of device of a session.
func DeviceIcon(s *idp.Session) ui.IconName {
	if i, ok := deviceIcons[useragent.Parse(s.UserAgent).Device.Kind]; ok {
		return i
	}
	return ui.IconGlobe
}

// Address is where a session was last used from.
func Address(s *idp.Session) string {
	if !s.IP.IsValid() {
		return ""
	}
	return s.IP.Unmap().String()
}
