package oidc

import (
	"net/url"
	"slices"
	"strings"
)

// ResponseMode is how an answer comes to the application.
type ResponseMode string

// The response modes that are offered (OAuth 2.0 Multiple Response Type Encoding
// Practices, section 2.1; OAuth 2.0 Form Post Response Mode).
const (
	ModeQuery    ResponseMode = "query"
	ModeFragment ResponseMode = "fragment"
	ModeForm     ResponseMode = "form_post"
)

// ResponseModes lists them.
func ResponseModes() []ResponseMode { return []ResponseMode{ModeQuery, ModeFragment, ModeForm} }

// modeOf is the mode that was asked for, or that of the answer which says that there is
// none such: forms lead to servers, not to programs that have a scheme of their own.
func modeOf(asked, redirect string) ResponseMode {
	mode := ResponseMode(asked)
	if !slices.Contains(ResponseModes(), mode) {
		return ModeQuery
	}
	if u, err := url.Parse(redirect); mode == ModeForm && (err != nil || u.Scheme != "https" && u.Scheme != "http") {
		return ModeQuery
	}
	return mode
}

// Answer is what a browser brings to the application.
type Answer struct {
	Mode   ResponseMode
	To     string // the redirect URI, as it is registered
	Values url.Values
}

// answerTo is an answer to the redirect URI, with the state of the request.
func answerTo(mode ResponseMode, uri string, values url.Values, state string) *Answer {
	if state != "" {
		values.Set("state", state)
	}
	return &Answer{Mode: mode, To: uri, Values: values}
}

// URL is where the browser goes, in the modes whose answers stand in the address. What
// the redirect URI has for a query stays as it is (RFC 6749, section 3.1.2).
func (a *Answer) URL() string {
	separator := "?"
	switch {
	case a.Mode == ModeFragment:
		separator = "#" // registered addresses have none
	case strings.Contains(a.To, "?"):
		separator = "&"
	}
	return a.To + separator + a.Values.Encode()
}

// Refusal is an error that goes to the application.
type Refusal struct {
	RedirectURI, State, Issuer string
	Mode                       ResponseMode
	Code, Description          string
}

// Error implements error.
func (r *Refusal) Error() string { return r.Code + ": " + r.Description }

// Answer is what the browser brings to the application.
func (r *Refusal) Answer() *Answer {
	return answerTo(r.Mode, r.RedirectURI, url.Values{"error": {r.Code}, "error_description": {r.Description}, "iss": {r.Issuer}}, r.State)
}

// Refuse is an answer to the application instead of a code.
func (a *Authorization) Refuse(code, description string) *Refusal {
	return &Refusal{RedirectURI: a.RedirectURI, Mode: a.Mode, State: a.State, Issuer: a.Origin.Issuer(a.Client), Code: code, Description: description}
}
