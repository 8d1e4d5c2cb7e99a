package oidc

import (
	"net/http"
	"net/url"
	"strings"

	core "github.com/portcullis-idp/portcullis/internal/oidc"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// allowOrigin lets scripts of a client's own pages read the answer: of the origins of
// its redirect URIs, those that are compared by characters. No cookie is ever read
// here, so none is allowed to come along.
func allowOrigin(w http.ResponseWriter, r *http.Request, c *core.Client) {
	w.Header().Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" || origin == "null" {
		return
	}
	for _, allowed := range c.Provider.RedirectURIs {
		u, err := url.Parse(allowed.URL)
		if err == nil && allowed.Mode == idp.MatchStrict && u.Host != "" && strings.EqualFold(u.Scheme+"://"+u.Host, origin) {
			w.Header().Set("Access-Control-Allow-Origin", origin)
			return
		}
	}
}

// preflight answers a browser that asks whether a page may send something. That says
// nothing of who may read the answer, which is decided when the client is known.
func preflight(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Add("Vary", "Origin")
	if origin := r.Header.Get("Origin"); origin != "" && origin != "null" {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Methods", "GET, POST")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
		h.Set("Access-Control-Max-Age", "600")
	}
	w.WriteHeader(http.StatusNoContent)
}
