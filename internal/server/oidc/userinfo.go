package oidc

import (
	"errors"
	"mime"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	core "github.com/portcullis-idp/portcullis/internal/oidc"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// userInfo tells what an access token says of its account.
func (b *Back) userInfo(w http.ResponseWriter, r *http.Request) {
	token, err := bearer(w, r)
	if err != nil {
		challenge(w, r, err)
		return
	}
	if token == "" { // it did not try (RFC 6750, section 3.1)
		w.Header().Set("WWW-Authenticate", `Bearer realm="userinfo"`)
		write(w, http.StatusUnauthorized, problem{core.ErrInvalidToken, "An access token is missing."})
		return
	}
	claims, client, err := b.Service.UserInfo(r.Context(), (&call{r: r}).actor(), token)
	if client != nil {
		allowOrigin(w, r, client)
	}
	if err != nil {
		challenge(w, r, err)
		return
	}
	write(w, http.StatusOK, claims)
}

// bearer reads the access token of a request, from the header or the body and by one
// way alone (RFC 6750, section 2). One in the address is not looked at: addresses are
// written down everywhere.
func bearer(w http.ResponseWriter, r *http.Request) (string, error) {
	headers := r.Header.Values("Authorization")
	var token string
	if len(headers) > 0 {
		scheme, rest, _ := strings.Cut(headers[0], " ")
		if token = strings.TrimSpace(rest); len(headers) > 1 || !strings.EqualFold(scheme, "Bearer") || token == "" || web.TextProblem(token) != "" {
			return "", core.Fault(core.ErrInvalidRequest, "The Authorization header has to be one bearer token.")
		}
	}
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if r.Method != http.MethodPost || media != "application/x-www-form-urlencoded" {
		return token, nil
	}
	fields, err := form(w, r)
	if err != nil {
		return "", err
	}
	if sent := fields["access_token"]; sent != "" {
		if token != "" {
			return "", core.Fault(core.ErrInvalidRequest, "The access token is there twice.")
		}
		token = sent
	}
	return token, nil
}

// challenge answers with an error as RFC 6750 (section 3) says it.
func challenge(w http.ResponseWriter, r *http.Request, err error) {
	var e *core.Error
	if errors.As(err, &e) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="userinfo", error="`+e.Code+`", error_description="`+e.Description+`"`)
	}
	fault(w, r, err)
}

// configuration is the discovery document of an application.
func (b *Back) configuration(w http.ResponseWriter, r *http.Request) {
	c, err := b.named(r)
	if err == nil {
		var found *core.Metadata
		if found, err = b.Service.Metadata(r.Context(), b.Origin(r), c); err == nil {
			public(w)
			_ = web.WriteJSON(w, http.StatusOK, found)
			return
		}
	}
	missing(w, r, err)
}

// keys are the keys with which everything is signed.
func (b *Back) keys(w http.ResponseWriter, r *http.Request) {
	_, err := b.named(r)
	if err == nil {
		set, failed := b.Service.Keys(r.Context())
		if err = failed; err == nil {
			public(w)
			_ = web.WriteJSON(w, http.StatusOK, set)
			return
		}
	}
	missing(w, r, err)
}

// named is the client of the application in the path.
func (b *Back) named(r *http.Request) (*core.Client, error) {
	return b.Service.ClientOfSlug(r.Context(), chi.URLParam(r, "slug"))
}

func missing(w http.ResponseWriter, r *http.Request, err error) {
	if idp.Is(err, idp.CodeNotFound) {
		write(w, http.StatusNotFound, problem{"not_found", "No application has this name, or it has no provider."})
		return
	}
	fault(w, r, err)
}

// remembered is how long anybody may keep what is public. A key is published many times
// that long before it signs.
const remembered = "public, max-age=300"

func public(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", remembered)
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
}
