package web

import (
	"net/http"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// May reports whether whoever makes the request may do this to resources of a
// kind, whoever they belong to. It decides what pages show and which of them
// open; use cases judge again.
func May(r *http.Request, verb idp.Verb, on idp.Resource) bool { return Check(r, verb, on) == nil }

// Check is May with the reason: CodeUnsigned for nobody, else CodeForbidden.
func Check(r *http.Request, verb idp.Verb, on idp.Resource) error {
	s := From(r.Context())
	switch u := s.Actor.User; {
	case s.Access != nil:
		return s.Access.Check(s.Actor, verb, idp.Object{Resource: on, Some: verb != idp.VerbList && verb != idp.VerbRead})
	case u == nil:
		return Unsigned()
	case !u.IsSuperuser:
		return idp.Forbidden("You do not have permission to open this page.")
	}
	return nil
}

// MayConsole reports whether the console has anything to show to whoever makes
// the request.
func MayConsole(r *http.Request) bool {
	if User(r) == nil {
		return false
	}
	for _, on := range idp.Resources() {
		if May(r, idp.VerbRead, on) {
			return true
		}
	}
	return false
}

// Covers reports whether whoever makes the request has all these rights; see
// idp.Access.
func Covers(r *http.Request, rights idp.Rights) bool {
	s := From(r.Context())
	if s.Access == nil {
		return s.Actor.User != nil && s.Actor.User.IsSuperuser
	}
	return s.Access.Covers(s.Actor, rights) == nil
}

// Fresh returns CodeStepUp when whoever makes the request has to prove once more who
// they are before acts that decide over accounts, rights and locks; see idp.Access.
// Pages whose only use is such an act ask before they show their form.
func Fresh(r *http.Request) error {
	if s := From(r.Context()); s.Access != nil {
		return s.Access.Fresh(s.Actor)
	}
	return nil
}

// Withhold makes pages leave out what leads to paths that begin like these, as if
// it were not permitted: it is not, for this object.
func Withhold(r *http.Request, paths ...string) {
	s := From(r.Context())
	s.withheld = append(s.withheld, paths...)
}

// Withheld returns the paths of Withhold.
func Withheld(r *http.Request) []string { return From(r.Context()).withheld }
