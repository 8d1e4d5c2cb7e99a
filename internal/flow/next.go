package flow

import (
	"net/url"
	"strings"
	"unicode/utf8"
)

// maxURL is the longest address that a browser is sent to, in bytes.
const maxURL = 2048

// Relative reports whether a browser sent to the URL stays on this site,
// whatever it makes of odd characters: one slash, no host, no scheme, no
// backslash, no control characters, no white space.
func Relative(s string) bool {
	if s == "" || len(s) > maxURL || s[0] != '/' || !utf8.ValidString(s) {
		return false
	}
	if len(s) > 1 && s[1] == '/' {
		return false
	}
	for _, r := range s {
		if r <= ' ' || r == '\\' || (r >= 0x7f && r <= 0xa0) || r == 0x2028 || r == 0x2029 || r == 0xfeff {
			return false
		}
	}
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "" && u.Host == "" && u.User == nil && u.Opaque == "" && strings.HasPrefix(u.Path, "/") &&
		!strings.HasPrefix(u.Path, "//") && !strings.Contains(u.Path, "\\")
}

// External reports whether the URL is an absolute http(s) one. Only code and
// operators may name such a target, never a visitor.
func External(s string) bool {
	if len(s) > maxURL || !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == '\\' || r == 0x7f }) {
		return false
	}
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil
}

// Path is the page of a flow.
func Path(slug string) string { return "/if/flow/" + url.PathEscape(slug) + "/" }

// address is the page of a flow with a query string, in a stable order.
func address(slug string, query map[string]string) string {
	values := url.Values{}
	for k, v := range query {
		values.Set(k, v)
	}
	if len(values) == 0 {
		return Path(slug)
	}
	return Path(slug) + "?" + values.Encode()
}

// CancelURL is where a browser drops its runs.
const CancelURL = "/flows/-/cancel/"

// over is where a browser drops the run of one flow and begins it again.
func over(slug string, query map[string]string) string {
	return CancelURL + "?" + url.Values{"flow": {slug}, "next": {address(slug, query)}}.Encode()
}
