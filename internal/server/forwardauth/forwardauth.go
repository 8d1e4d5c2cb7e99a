package forwardauth

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/portcullis-idp/portcullis/internal/forward"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// Path is under what everything here is, at the server's own host and, handed through by
// the proxy, at the hosts of applications.
const Path = "/outpost/forward-auth/"

// Sessions notes and judges where sessions are used from; *session.Service does.
type Sessions interface {
	Follow(ctx context.Context, actor idp.Actor, found *idp.Session, u *idp.User, to netip.Addr) error
	Seen(ctx context.Context, used *idp.Session, ip netip.Addr, userAgent string) error
}

// Outpost answers reverse proxies.
type Outpost struct {
	Forward  *forward.Service
	Sessions Sessions
	// Public is the server's own address, without a trailing slash; "" = not known, and
	// then nobody can be sent here to sign in.
	Public string
}

// Mount adds the routes.
func (o *Outpost) Mount(r chi.Router) {
	for _, proxy := range []string{"traefik", "caddy", "nginx"} {
		r.Method(http.MethodGet, Path+proxy+"/", web.Handler(o.check(proxy == "nginx")))
	}
	r.Method(http.MethodGet, Path+"start/", web.Handler(o.start))
	r.Method(http.MethodGet, Path+"authorize/", web.Handler(o.authorize))
	r.Method(http.MethodGet, Path+"callback/", web.Handler(o.callback))
	r.Method(http.MethodGet, Path+"sign-out/", web.Handler(o.signOut))
}

// The cookies at an application's host, which no other host is sent. Their names have
// the prefix with which browsers hold them to that where they speak https (RFC 6265bis).
const (
	passCookie  = "portcullis_forward"
	stateCookie = "portcullis_forward_state"
	hostPrefix  = "__Host-"
)

func name(r *http.Request, cookie string) string {
	if web.From(r.Context()).Cookies.Secure {
		return hostPrefix + cookie
	}
	return cookie
}

func carried(r *http.Request, cookie string) string {
	c, err := r.Cookie(name(r, cookie))
	if err != nil {
		return ""
	}
	return c.Value
}

// host is that of the application, as the browser names it: usual ports are left out.
func host(r *http.Request) string {
	h := strings.ToLower(web.RequestInfo(r).Host)
	if web.RequestInfo(r).Secure {
		return strings.TrimSuffix(h, ":443")
	}
	return strings.TrimSuffix(h, ":80")
}

func request(r *http.Request) idp.PolicyRequest {
	info := web.RequestInfo(r)
	return idp.PolicyRequest{ClientIP: info.ClientIP, Path: asked(r), Method: r.Header.Get("X-Forwarded-Method"), Context: map[string]any{}}
}

// asked is the path and query that the browser asked the application for; "/" where
// the proxy does not say, or says something that is none.
func asked(r *http.Request) string {
	uri := r.Header.Get("X-Forwarded-Uri")
	if original := r.Header.Get("X-Original-Url"); uri == "" && original != "" {
		if u, err := url.Parse(original); err == nil {
			uri = u.RequestURI()
		}
	}
	if len(uri) > maxBack || !web.Local(uri) || strings.HasPrefix(uri, Path) {
		return "/"
	}
	return uri
}

// maxBack is how long the address may be that a browser comes back to, in bytes.
const maxBack = 1500

// check answers a proxy: 200 with who it is, or how to go on. For nginx, which knows
// 401 and 403 alone, where to sign in is in a header.
func (o *Outpost) check(bare bool) func(w http.ResponseWriter, r *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Cache-Control", "no-store")
		p, err := o.Forward.Check(r.Context(), host(r), carried(r, passCookie), request(r))
		if err == nil {
			err = o.used(r, p)
		}
		if err == nil {
			identify(w.Header(), p)
			w.WriteHeader(http.StatusOK)
			return nil
		}
		var known *idp.Error
		if !errors.As(err, &known) {
			return err
		}
		switch {
		case known.Code == idp.CodeNotFound:
			return o.refuse(w, r, "No application has the host "+host(r)+". Add it to the forward hosts of one; "+
				"where it has one, add the proxy's address to trusted_proxies.")
		case idp.Locked(err), known.Code == idp.CodeForbidden:
			return o.refuse(w, r, known.Message)
		case known.Code != idp.CodeRefused:
			return err
		}
		return o.strange(w, r, bare)
	}
}

// used judges where a session is used from, and notes that it is.
func (o *Outpost) used(r *http.Request, p *forward.Pass) error {
	info := web.RequestInfo(r)
	if p.Session.Binding.Bound() && !idp.SameAddress(p.Session.IP, info.ClientIP) {
		actor := web.From(r.Context()).Actor
		actor.Session, actor.User = p.Session, p.User
		if err := o.Sessions.Follow(r.Context(), actor, p.Session, p.User, info.ClientIP); err != nil {
			return err
		}
	}
	if err := o.Sessions.Seen(r.Context(), p.Session, info.ClientIP, info.UserAgent); err != nil {
		web.From(r.Context()).Record.Warn(err)
	}
	return nil
}

// browses reports whether the request is of a browser that shows a page.
func browses(r *http.Request) bool {
	method := r.Header.Get("X-Forwarded-Method")
	return (method == "" || method == http.MethodGet || method == http.MethodHead) && strings.Contains(r.Header.Get("Accept"), "text/html")
}

// strange answers for somebody who is not signed in there.
func (o *Outpost) strange(w http.ResponseWriter, r *http.Request, bare bool) error {
	if browses(r) {
		to := origin(r) + Path + "start/?" + url.Values{"rd": {asked(r)}}.Encode()
		w.Header().Set("X-Portcullis-Sign-In", to)
		if !bare {
			http.Redirect(w, r, to, http.StatusFound)
			return nil
		}
	}
	return say(w, r, http.StatusUnauthorized, "Sign in with a browser first: nobody is signed in here.")
}

// origin is the application's address, as the browser knows it.
func origin(r *http.Request) string {
	if web.RequestInfo(r).Secure {
		return "https://" + host(r)
	}
	return "http://" + host(r)
}

func (o *Outpost) refuse(w http.ResponseWriter, r *http.Request, message string) error {
	return say(w, r, http.StatusForbidden, message)
}

// say answers with a page where one is read, else in plain text.
func say(w http.ResponseWriter, r *http.Request, status int, message string) error {
	if reads(r) {
		return denied(w, status, message)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(message + "\n"))
	return nil
}

// start begins the way to sign in, at the application's host: the browser is given a
// secret without which the code that comes back is worth nothing.
func (o *Outpost) start(w http.ResponseWriter, r *http.Request) error {
	if _, err := o.Forward.Application(r.Context(), host(r)); err != nil {
		return err
	}
	if o.Public == "" {
		return say(w, r, http.StatusServiceUnavailable, "Set public_url (PORTCULLIS_PUBLIC_URL): without it nobody can be sent to sign in.")
	}
	nonce := carried(r, stateCookie) // of another tab that is under way
	if raw, err := base64.RawURLEncoding.DecodeString(nonce); err != nil || len(raw) != nonceSize {
		raw := make([]byte, nonceSize)
		_, _ = rand.Read(raw)
		nonce = base64.RawURLEncoding.EncodeToString(raw)
	}
	web.From(r.Context()).Cookies.Set(w, name(r, stateCookie), nonce, time.Now().Add(10*time.Minute))
	state := forward.State(nonce)
	back := r.URL.Query().Get("rd")
	if len(back) > maxBack || !web.Local(back) || strings.HasPrefix(back, Path) {
		back = "/"
	}
	http.Redirect(w, r, o.Public+Path+"authorize/?"+url.Values{"to": {origin(r)}, "rd": {back},
		"state": {base64.RawURLEncoding.EncodeToString(state[:])}}.Encode(), http.StatusFound)
	return nil
}

const nonceSize = 32

// authorize sends whoever is signed in at the server's own host back to an application
// with a code; whoever is not signs in first.
func (o *Outpost) authorize(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	to, err := url.Parse(q.Get("to"))
	state, bad := base64.RawURLEncoding.DecodeString(q.Get("state"))
	if err != nil || bad != nil || len(state) != 32 || to.Host == "" || to.Path != "" || to.RawQuery != "" || to.User != nil ||
		to.Scheme != "https" && (to.Scheme != "http" || strings.HasPrefix(o.Public, "https://")) {
		return idp.Invalid("to", "This is not the address of an application here: expected https:// and its host.")
	}
	if web.User(r) == nil {
		return web.Unsigned()
	}
	session := web.Actor(r).Session
	if session == nil {
		return idp.Forbidden("Sign in with a browser: a token does not sign anybody in elsewhere.")
	}
	back := q.Get("rd")
	if len(back) > maxBack || !web.Local(back) {
		back = "/"
	}
	code, err := o.Forward.Authorize(r.Context(), session, to.Host, back, [32]byte(state), idp.PolicyRequest{ClientIP: web.RequestInfo(r).ClientIP, Path: back, Context: map[string]any{}})
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return page.Away(w, r, to.Scheme+"://"+strings.ToLower(to.Host)+Path+"callback/?"+url.Values{"code": {code}}.Encode(), page.SignedIn)
}

// callback gives the browser its pass at the application's host.
func (o *Outpost) callback(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Referrer-Policy", "no-referrer")
	pass, back, err := o.Forward.Redeem(r.Context(), host(r), r.URL.Query().Get("code"), carried(r, stateCookie))
	switch {
	case idp.Locked(err):
		return say(w, r, http.StatusForbidden, err.Error())
	case idp.Is(err, idp.CodeRefused):
		return say(w, r, http.StatusForbidden, "This sign-in took too long, or was begun in another browser. Open the application again.")
	case err != nil:
		return err
	}
	cookies := web.From(r.Context()).Cookies
	cookies.Clear(w, name(r, stateCookie))
	cookies.Set(w, name(r, passCookie), pass, time.Time{})
	return web.Redirect(w, r, back)
}

// signOut forgets the pass, and goes on to end the session it hangs on.
func (o *Outpost) signOut(w http.ResponseWriter, r *http.Request) error {
	if _, err := o.Forward.Application(r.Context(), host(r)); err != nil {
		return err
	}
	web.From(r.Context()).Cookies.Clear(w, name(r, passCookie))
	http.Redirect(w, r, o.Public+"/flows/-/default/invalidation/", http.StatusFound)
	return nil
}
