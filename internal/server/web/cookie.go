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

// BrowserDigest returns the SHA-256 of this browser's own cookie, which flows
// under way belong to. A browser that has none, or one that we cannot have
// made, gets a fresh one.
func BrowserDigest(w http.ResponseWriter, r *http.Request) []byte {
	s := From(r.Context())
	if s.browser != nil {
		return s.browser
	}
	if c, err := r.Cookie(BrowserCookie); err == nil && wellFormed(c.Value) {
		s.browser = digest(c.Value)
		return s.browser
	}
	return RotateBrowser(w, r)
}

// RotateBrowser gives the browser a new cookie and returns its digest. Flows
// under way are left behind; it is called when a sign-in is complete.
func RotateBrowser(w http.ResponseWriter, r *http.Request) []byte {
	s := From(r.Context())
	raw := make([]byte, browserBytes)
	rand.Read(raw)
	value := base64.RawURLEncoding.EncodeToString(raw)
	s.Cookies.Set(w, BrowserCookie, value, time.Time{})
	s.browser = digest(value)
	return s.browser
}

func digest(value string) []byte {
	sum := sha256.Sum256([]byte(value))
	return sum[:]
}

func wellFormed(value string) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(value)
	return err == nil && len(raw) == browserBytes
}
