package configure

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Bounds of where answers are sent.
const (
	maxRedirectURIs = 100
	maxPattern      = 1000 // characters of a regular expression
)

// refusedSchemes are those by which a browser runs or shows what it was sent itself,
// or that lead nowhere.
var refusedSchemes = []string{"javascript", "data", "vbscript", "blob", "file", "filesystem", "about", "view-source", "ws", "wss", "ftp", "mailto", "tel", "urn"}

// anywhere are addresses that no application has: an expression that matches one
// matches everybody's.
var anywhere = []string{"https://elsewhere.invalid/", "http://elsewhere.invalid/callback", "https://elsewhere.invalid", "javascript:alert(1)", "data:text/html,x", "//elsewhere.invalid/"}

// checkRedirectURIs judges where a client may have answers sent (RFC 6749, section
// 3.1.2; RFC 8252; RFC 9700, section 2.1), and returns each once.
func checkRedirectURIs(faults *idp.Faults, all []idp.RedirectURI) []idp.RedirectURI {
	if len(all) > maxRedirectURIs {
		faults.Add("redirect_uris", "Ensure this list has no more than %d entries.", maxRedirectURIs)
		return all
	}
	out := []idp.RedirectURI{}
	for _, r := range all {
		r.URL = strings.TrimSpace(r.URL)
		if r.Mode == "" {
			r.Mode = idp.MatchStrict
		}
		if slices.Contains(out, r) {
			continue
		}
		out = append(out, r)
		if !idp.Choice(faults, "redirect_uris", r.Mode, idp.MatchingModes()) {
			continue
		}
		if r.Mode == idp.MatchRegex {
			checkPattern(faults, "redirect_uris", r.URL)
		} else {
			checkTarget(faults, "redirect_uris", r.URL)
		}
	}
	return out
}

// checkTarget asks for an absolute address without a fragment. One of the web has a
// host; other schemes are those of applications on people's devices.
func checkTarget(faults *idp.Faults, field, s string) {
	if !faults.Line(field, s, maxAddress, false) {
		return
	}
	u, err := url.Parse(s)
	switch {
	case strings.ContainsFunc(s, blank):
		faults.Add(field, "%q has white space in it. Write %%20 for a space.", shortened(s))
	case strings.Contains(s, `\`):
		faults.Add(field, "%q has a backslash in it, which browsers read as a slash.", shortened(s))
	case err != nil || u.Scheme == "":
		faults.Add(field, "%q is not an absolute address. Expected one such as https://wiki.example.org/callback.", shortened(s))
	case slices.Contains(refusedSchemes, strings.ToLower(u.Scheme)):
		faults.Add(field, "Nothing is sent to an address that starts with %s:.", strings.ToLower(u.Scheme))
	case strings.Contains(s, "#"):
		faults.Add(field, "%q has a fragment (#…). Leave it out.", shortened(s))
	case strings.Contains(s, "*"):
		faults.Add(field, "%q has a * in it, which stands for nothing here. Name the whole address, or choose the mode regex.", shortened(s))
	case (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() == "":
		faults.Add(field, "%q names no host.", shortened(s))
	case u.User != nil:
		faults.Add(field, "%q has a name or a password in it. Leave them out.", shortened(s))
	case strings.TrimPrefix(s, u.Scheme+":") == "":
		faults.Add(field, "%q says nothing after its scheme.", shortened(s))
	}
}

// checkPattern asks for a regular expression that is about addresses of somebody.
func checkPattern(faults *idp.Faults, field, s string) {
	if !faults.Line(field, s, maxPattern, false) {
		return
	}
	pattern, err := Whole(s)
	if err != nil {
		faults.Add(field, "%q is not a valid regular expression: %s.", shortened(s), strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		return
	}
	for _, address := range anywhere {
		if pattern.MatchString(address) {
			faults.Add(field, "%q matches addresses of anybody, such as %s. Begin it with the scheme and the host, such as https://wiki\\.example\\.org/.", shortened(s), address)
			return
		}
	}
}

// Whole compiles the regular expression of a redirect URI, which has to match the whole
// of an address.
func Whole(pattern string) (*regexp.Regexp, error) {
	if _, err := regexp.Compile(pattern); err != nil { // by itself: what follows adds parentheses
		return nil, err
	}
	return regexp.Compile(`\A(?:` + pattern + `)\z`)
}

// checkWebAddress asks for an address of the web that the server or a browser may be
// sent to; "" = none.
func checkWebAddress(faults *idp.Faults, field, s string) {
	if s == "" || !faults.Line(field, s, maxAddress, false) {
		return
	}
	u, err := url.Parse(s)
	switch {
	case strings.ContainsFunc(s, blank), err != nil, u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "":
		faults.Add(field, "Enter a valid URL that starts with https:// or http://.")
	case u.User != nil:
		faults.Add(field, "Leave names and passwords out of the address.")
	case strings.Contains(s, "#"):
		faults.Add(field, "Leave the fragment (#…) out of the address.")
	}
}
