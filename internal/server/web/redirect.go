package web

import (
	"net/http"
	"net/url"
	"strings"
)

// SignInPath is where a browser goes to sign in; `next` brings it back.
const SignInPath = "/flows/-/default/authentication/"

// Redirect sends the browser to a path of this server with GET (303). A target
// that is not such a path is replaced by "/": no caller can make an open
// redirect by mistake.
func Redirect(w http.ResponseWriter, r *http.Request, to string) error {
	if !Local(to) {
		to = "/"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// Local reports whether the target stays on this server, however a browser
// reads it: one leading slash, no backslash, no control character, no scheme,
// no host.
func Local(target string) bool {
	if !strings.HasPrefix(target, "/") || len(target) > 4096 {
		return false
	}
	for _, c := range target {
		if c < 0x20 || c == 0x7f || c == '\\' || c == '\uFFFD' {
			return false
		}
	}
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil {
		return false
	}
	// "//host" has a host and is refused above; "/%2f" and "/." followed by a
	// slash are normalised by some proxies into it.
	path := strings.ToLower(u.EscapedPath())
	for _, bad := range []string{"//", "/%2f", "/%5c", "/./", "/../"} {
		if strings.HasPrefix(path, bad) {
			return false
		}
	}
	return true
}

// Next returns the target of a `next` parameter when it is Local, else "".
func Next(values url.Values) string {
	if next := values.Get("next"); Local(next) {
		return next
	}
	return ""
}

// SignInURL is where to sign in and come back to what r asked for. Only what
// was read with GET can be come back to.
func SignInURL(r *http.Request) string {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return SignInPath
	}
	back := r.URL.RequestURI()
	if !Local(back) {
		return SignInPath
	}
	return SignInPath + "?" + url.Values{"next": {back}}.Encode()
}

// StepUpPath is where whoever is signed in proves once more who they are; `next`
// brings the browser back.
const StepUpPath = "/flows/-/step-up/"

// StepUpURL is StepUpPath with where to go afterwards; "" = nowhere in particular.
func StepUpURL(next string) string {
	if next == "" || !Local(next) {
		return StepUpPath
	}
	return StepUpPath + "?" + url.Values{"next": {next}}.Encode()
}

// Site reports whether an address is of a web site, and not of an app of a device.
func Site(u *url.URL) bool { return u.Scheme == "https" || u.Scheme == "http" }

// AllowFormTo lets forms of this page lead to apps of a device, by way of the redirects
// that answer them: browsers hold redirects to the policy of the page that sent the form.
// scheme is theirs, with its colon.
func AllowFormTo(w http.ResponseWriter, scheme string) {
	h := w.Header()
	h.Set("Content-Security-Policy", strings.Replace(h.Get("Content-Security-Policy"), "form-action 'self'", "form-action 'self' "+scheme, 1))
}

// FormsAway lets the form of this page lead to other sites, and on to where these redirect.
func FormsAway(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Security-Policy", strings.Replace(h.Get("Content-Security-Policy"), "form-action 'self'", "form-action https: http:", 1))
}
