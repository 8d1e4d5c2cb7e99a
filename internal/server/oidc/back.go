package oidc

import (
	"encoding/base64"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-chi/chi/v5"

	core "github.com/portcullis-idp/portcullis/internal/oidc"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// bodyLimit is more than any request of a client is long, in bytes.
const bodyLimit = 64 << 10

// Back is what applications themselves ask. Its routes read no cookie and know nobody:
// each request proves what it has to.
type Back struct {
	Service *core.Service
	// Origin is the address that a request came to.
	Origin func(*http.Request) core.Origin
}

// Mount adds the routes. They belong outside of what finds out who is signed in.
func (b *Back) Mount(r chi.Router) {
	for path, answer := range map[string]func(*call) error{core.TokenPath: b.token, core.IntrospectPath: b.introspect, core.RevokePath: b.revoke,
		core.PushPath: b.push, core.DevicePath: b.device} {
		r.Method(http.MethodPost, path, b.posted(answer))
	}
	r.Method(http.MethodGet, core.UserInfoPath, http.HandlerFunc(b.userInfo))
	r.Method(http.MethodPost, core.UserInfoPath, http.HandlerFunc(b.userInfo))
	r.Method(http.MethodGet, "/application/o/{slug}/.well-known/openid-configuration", http.HandlerFunc(b.configuration))
	r.Method(http.MethodGet, "/application/o/{slug}/jwks/", http.HandlerFunc(b.keys))
	for _, path := range []string{core.TokenPath, core.RevokePath, core.UserInfoPath, core.PushPath, core.DevicePath,
		"/application/o/{slug}/.well-known/openid-configuration", "/application/o/{slug}/jwks/"} {
		r.Method(http.MethodOptions, path, http.HandlerFunc(preflight))
	}
}

// call is one request of a client that said who it is.
type call struct {
	w      http.ResponseWriter
	r      *http.Request
	form   map[string]string
	client *core.Client
	origin core.Origin
}

// actor is who does what the client asks for: nobody of ours.
func (c *call) actor() idp.Actor { return idp.Actor{Request: web.RequestInfo(c.r)} }

// text is a parameter as far as it was sent.
func (c *call) text(name string) *string {
	if v, sent := c.form[name]; sent {
		return &v
	}
	return nil
}

// posted reads a form and finds out which client sent it.
func (b *Back) posted(answer func(*call) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{w: w, r: r, origin: b.Origin(r)}
		var err error
		if c.form, err = form(w, r); err == nil {
			if c.client, err = b.client(r, c.form); err == nil {
				allowOrigin(w, r, c.client)
				err = answer(c)
			}
		}
		if err != nil {
			fault(w, r, err)
		}
	})
}

// form reads the body of a request. A parameter that is there twice makes it invalid,
// and one without a value counts as not sent (RFC 6749, section 3.2). What stands in
// the address is not looked at.
func form(w http.ResponseWriter, r *http.Request) (map[string]string, error) {
	invalid := func(text string) error { return core.Fault(core.ErrInvalidRequest, text) }
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/x-www-form-urlencoded" {
		return nil, invalid("Send the parameters as application/x-www-form-urlencoded.")
	}
	r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
	raw, err := web.ReadBody(r)
	if idp.Is(err, idp.CodeTooLarge) {
		return nil, err
	}
	values, faulty := url.ParseQuery(string(raw))
	if err != nil || faulty != nil || web.CheckText(values) != nil {
		return nil, invalid("The parameters are not encoded as they should be.")
	}
	out := make(map[string]string, len(values))
	for name, all := range values {
		if len(all) > 1 {
			return nil, invalid("A parameter is there more than once.")
		}
		if all[0] != "" {
			out[name] = all[0]
		}
	}
	return out, nil
}

// client finds out which client sent a request, by one way of saying it alone (RFC
// 6749, section 2.3).
func (b *Back) client(r *http.Request, form map[string]string) (*core.Client, error) {
	by := core.Credentials{ID: form["client_id"]}
	by.Secret, by.Given = form["client_secret"], form["client_secret"] != ""
	if form["client_assertion"] != "" || form["client_assertion_type"] != "" {
		return nil, core.Fault(core.ErrInvalidClient, "Assertions of clients are not offered.")
	}
	if headers := r.Header.Values("Authorization"); len(headers) > 0 {
		id, secret, ok := basic(headers)
		switch {
		case !ok:
			return nil, core.Fault(core.ErrInvalidClient, "The Authorization header is not one of a client.")
		case by.Given:
			return nil, core.Fault(core.ErrInvalidRequest, "The client authenticated in two ways at once.")
		case by.ID != "" && by.ID != id:
			return nil, core.Fault(core.ErrInvalidRequest, "client_id is not the one of the Authorization header.")
		}
		by = core.Credentials{ID: id, Secret: secret, Given: true}
	}
	if by.ID == "" {
		return nil, core.Fault(core.ErrInvalidClient, "The client did not say which one it is: client_id is missing.")
	}
	return b.Service.Authenticate(r.Context(), by)
}

// basic reads a header whose name and password are encoded as in forms (RFC 6749,
// section 2.3.1).
func basic(headers []string) (id, secret string, ok bool) {
	scheme, encoded, _ := strings.Cut(headers[0], " ")
	if len(headers) > 1 || !strings.EqualFold(scheme, "Basic") || len(encoded) > 4096 {
		return "", "", false
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return "", "", false
	}
	id, secret, ok = strings.Cut(string(raw), ":")
	if id, err = url.QueryUnescape(id); err != nil {
		return "", "", false
	}
	if secret, err = url.QueryUnescape(secret); err != nil {
		return "", "", false
	}
	return id, secret, ok && web.TextProblem(id) == "" && web.TextProblem(secret) == ""
}

// problem is the body of an error (RFC 6749, section 5.2).
type problem struct {
	Error       string `json:"error"`
	Description string `json:"error_description,omitempty"`
}

// fault answers with an error. What went wrong here goes to the log alone.
func fault(w http.ResponseWriter, r *http.Request, err error) {
	status, body := told(err)
	if rec := web.From(r.Context()).Record; rec != nil {
		rec.Code = body.Error
		if status >= http.StatusInternalServerError {
			rec.Err = err
		}
	}
	note(r, err)
	web.SetRetryAfter(w, err)
	if body.Error == core.ErrInvalidClient && r.Header.Get("Authorization") != "" {
		w.Header().Set("WWW-Authenticate", `Basic realm="clients"`)
	}
	write(w, status, body)
}

// note writes down in the log why a door stayed shut, which clients are not told.
func note(r *http.Request, err error) {
	var e *idp.Error
	if rec := web.From(r.Context()).Record; rec != nil && errors.As(err, &e) {
		rec.Outcome = string(e.Reason)
	}
}

func told(err error) (int, problem) {
	var e *core.Error
	if errors.As(err, &e) {
		body := problem{Error: e.Code, Description: e.Description}
		switch e.Code {
		case core.ErrInvalidClient, core.ErrInvalidToken:
			return http.StatusUnauthorized, body
		case core.ErrInsufficientScope:
			return http.StatusForbidden, body
		case core.ErrServerError:
			return http.StatusInternalServerError, body
		}
		return http.StatusBadRequest, body
	}
	switch status, message := web.Status(err); status {
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		return status, problem{"temporarily_unavailable", "Try again in a moment."}
	case http.StatusRequestEntityTooLarge:
		return status, problem{core.ErrInvalidRequest, message}
	case web.StatusClientGone:
		return status, problem{core.ErrServerError, ""}
	}
	return http.StatusInternalServerError, problem{core.ErrServerError, "Something went wrong on our side."}
}

// write answers with JSON that nobody keeps (RFC 6749, section 5.1).
func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
	if err := web.WriteJSON(w, status, body); err != nil {
		w.WriteHeader(http.StatusInternalServerError)
	}
}

// seconds is a duration as the protocols write it.
func seconds[D ~int64](d D) int64 { return int64(d) / 1e9 }
