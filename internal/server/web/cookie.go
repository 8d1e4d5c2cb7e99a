package web

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"time"
)

// The cookies. The session's name is the contract's.
const (
	SessionCookie = "authentik_session"
	BrowserCookie = "portcullis_browser"
	CSRFCookie    = "authentik_csrf"
)

// browserBytes is the entropy of the browser cookie (256 bit).
const browserBytes = 32

// Cookies writes cookies. Every one but the CSRF token is HttpOnly, and all are
// SameSite=Lax.
type Cookies struct {
	Secure bool // the browser speaks https
}

// Set writes a cookie; zero expires = until the browser closes.
func (c Cookies) Set(w http.ResponseWriter, name, value string, expires time.Time) {
	cookie := &http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: name != CSRFCookie,
		Secure: c.Secure, SameSite: http.SameSiteLaxMode}
	if !expires.IsZero() {
		cookie.Expires = expires.UTC()
		cookie.MaxAge = max(1, int(time.Until(expires).Seconds()))
	}
	http.SetCookie(w, cookie)
	w.Header().Add("Cache-Control", "no-store")
}

// Clear removes a cookie.
func (c Cookies) Clear(w http.ResponseWriter, name string) {
	http.SetCookie(w, &http.Cookie{Name: name, Path: "/", HttpOnly: name != CSRFCookie,
		Secure: c.Secure, SameSite: http.SameSiteLaxMode, MaxAge: -1, Expires: time.Unix(1, 0)})
}

// Browser returns the SHA-256 of this browser's own cookie, which flows under
// way belong to. For a browser that has none, or one that we cannot have made,
// it is that of a fresh value, which the browser gets with KeepBrowser.
func Browser(r *http.Request) []byte {
	s := From(r.Context())
	if s.browser != nil {
		return s.browser
	}
	if c, err := r.Cookie(BrowserCookie); err == nil && wellFormed(c.Value) {
		s.browser = digest(c.Value)
		return s.browser
	}
	s.fresh = secretValue()
	s.browser = digest(s.fresh)
	return s.browser
}

// KeepBrowser gives the browser the cookie of the value that Browser made up
// for it, if it did.
func KeepBrowser(w http.ResponseWriter, r *http.Request) {
	s := From(r.Context())
	if s.fresh != "" {
		s.Cookies.Set(w, BrowserCookie, s.fresh, time.Time{})
		s.fresh = ""
	}
}

// BrowserDigest is Browser and KeepBrowser at once.
func BrowserDigest(w http.ResponseWriter, r *http.Request) []byte {
	sum := Browser(r)
	KeepBrowser(w, r)
	return sum
}

// RotateBrowser gives the browser a new cookie and returns its digest. Flows
// under way are left behind; it is called when a sign-in is complete.
func RotateBrowser(w http.ResponseWriter, r *http.Request) []byte {
	s := From(r.Context())
	value := secretValue()
	s.fresh = ""
	s.Cookies.Set(w, BrowserCookie, value, time.Time{})
	s.browser = digest(value)
	return s.browser
}

func secretValue() string {
	raw := make([]byte, browserBytes)
	rand.Read(raw)
	return base64.RawURLEncoding.EncodeToString(raw)
}

func digest(value string) []byte {
	sum := sha256.Sum256([]byte(value))
	return sum[:]
}

func wellFormed(value string) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(value)
	return err == nil && len(raw) == browserBytes
}
