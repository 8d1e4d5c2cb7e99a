package server_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/server"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

func TestCrossSiteRequestsAreRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	cookie := r.cookieOf(r.person)
	api, page := path("/core/users/account_lockdown/"), "/probe/form/"
	csrf := strings.Repeat("c", 26)
	for name, c := range map[string]struct {
		path    string
		header  map[string]string
		refused bool
	}{
		"page, same origin":               {page, map[string]string{"Sec-Fetch-Site": "same-origin"}, false},
		"page, another site":              {page, map[string]string{"Sec-Fetch-Site": "cross-site"}, true},
		"page, a sibling site":            {page, map[string]string{"Sec-Fetch-Site": "same-site"}, true},
		"page, another origin":            {page, map[string]string{"Sec-Fetch-Site": "", "Origin": "https://evil.example"}, true},
		"page, origin null":               {page, map[string]string{"Sec-Fetch-Site": "", "Origin": "null"}, true},
		"page, no browser":                {page, map[string]string{"Sec-Fetch-Site": ""}, false},
		"api, same origin":                {api, map[string]string{"Sec-Fetch-Site": "same-origin"}, false},
		"api, own origin":                 {api, map[string]string{"Sec-Fetch-Site": "", "Origin": "http://localhost"}, false},
		"api, no proof":                   {api, map[string]string{"Sec-Fetch-Site": ""}, true},
		"api, typed into the address bar": {api, map[string]string{"Sec-Fetch-Site": "none"}, true},
		"api, another site":               {api, map[string]string{"Sec-Fetch-Site": "cross-site"}, true},
		"api, header":                     {api, map[string]string{"Sec-Fetch-Site": "", "Cookie": "authentik_csrf=" + csrf, server.CSRFHeader: csrf}, false},
		"api, another header":             {api, map[string]string{"Sec-Fetch-Site": "", "Cookie": "authentik_csrf=" + csrf, server.CSRFHeader: csrf + "x"}, true},
		"api, header without cookie":      {api, map[string]string{"Sec-Fetch-Site": "", server.CSRFHeader: csrf}, true},
		"api, short token":                {api, map[string]string{"Sec-Fetch-Site": "", "Cookie": "authentik_csrf=a", server.CSRFHeader: "a"}, true},
		"api, header from another site":   {api, map[string]string{"Sec-Fetch-Site": "cross-site", "Cookie": "authentik_csrf=" + csrf, server.CSRFHeader: csrf}, true},
	} {
		q := request{method: http.MethodPost, path: c.path, cookie: cookie, header: c.header, body: "{}"}
		if c.path == page {
			q.header["Content-Type"], q.body = "application/x-www-form-urlencoded", "a=b"
		}
		got := r.do(q)
		require.Equal(t, c.refused, got.Code == http.StatusForbidden, "%s: %d %s", name, got.Code, got.Body)
	}
	got := r.do(request{method: http.MethodPost, path: api, as: r.person, body: "{}", header: map[string]string{"Sec-Fetch-Site": "cross-site"}})
	require.NotEqual(t, http.StatusForbidden, got.Code, "a bearer token is not sent by a browser on its own")
}

func TestCSRFTokenIsHandedOut(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	got := r.do(request{path: path("/core/users/me/"), cookie: r.cookieOf(r.person)}).set(web.CSRFCookie)
	require.NotNil(t, got)
	require.False(t, got.HttpOnly)
	require.GreaterOrEqual(t, len(got.Value), 16)
	require.Nil(t, r.do(request{path: path("/core/users/me/"), as: r.person}).set(web.CSRFCookie))
	require.Nil(t, r.do(request{path: path("/root/config/")}).set(web.CSRFCookie))
}

func TestBodyLimit(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	huge := bytes.Repeat([]byte("a"), 10<<20)
	cookie := r.cookieOf(r.admin)
	for _, q := range []request{
		{path: "/probe/form/"}, {path: "/if/flow/sign-in/"}, {path: path("/core/users/"), cookie: cookie},
		{path: path("/flows/executor/sign-in/")}, {path: path("/lockdowns/"), cookie: cookie}, {path: path("/stages/account_lockdown/"), cookie: cookie},
	} {
		q.method, q.body = http.MethodPost, huge
		require.Equal(t, http.StatusRequestEntityTooLarge, r.do(q).Code, q.path)
		q.header = map[string]string{"Content-Length": ""}
		require.Equal(t, http.StatusRequestEntityTooLarge, r.do(q).Code, "announced or not: "+q.path)
	}
}

func TestForms(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for body, want := range map[string]int{"a=b&c=%C3%A9": 200, "": 200, "a=%zz": 400, "a=%ff": 400, "a=%00": 400, "%00=a": 400, "a;b=c": 400} {
		got := r.do(request{method: http.MethodPost, path: "/probe/form/", body: body,
			header: map[string]string{"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}})
		require.Equal(t, want, got.Code, body)
	}
	for _, kind := range []string{"application/json", "text/plain", "", "multipart/form-data", "x;;"} {
		got := r.do(request{method: http.MethodPost, path: "/probe/form/", body: "a=b", header: map[string]string{"Content-Type": kind}})
		require.Equal(t, http.StatusUnsupportedMediaType, got.Code, kind)
	}
}

func TestAddressesAreText(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, p := range []string{"/probe/?a=%ff", "/probe/?a=%00", "/probe/?%zz", "/%ff/", "/%00", path("/core/users/?search=%%ff"),
		path("/core/users/%%00/"), path("/core/users/?%%ff=1"), "/if/flow/%ff/", "/probe/?a;b"} {
		got := r.do(request{path: p})
		require.Equal(t, http.StatusBadRequest, got.Code, "%s: %s", p, got.Body)
	}
}

func TestEveryAnswerCarriesTheHeaders(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, p := range []string{"/probe/", "/nothing/", path("/nothing/"), "/probe/panic/", "/-/health/live/", "/if/flow/sign-in/"} {
		h := r.do(request{path: p}).Header()
		require.Contains(t, h.Get("Content-Security-Policy"), "default-src 'self'; ", p)
		for _, rule := range []string{"frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"} {
			require.Contains(t, h.Get("Content-Security-Policy"), rule)
		}
		require.NotContains(t, h.Get("Content-Security-Policy"), "unsafe")
		require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
		require.Equal(t, "same-origin", h.Get("Referrer-Policy"))
		require.NotEmpty(t, h.Get(server.RequestIDHeader))
		require.Contains(t, h.Get("Cache-Control"), "no-store")
		require.Empty(t, h.Get("Strict-Transport-Security"), "only over https")
	}
	h := r.do(request{path: "/probe/", remote: "10.0.0.1:1", header: map[string]string{"X-Forwarded-Proto": "https"}}).Header()
	require.NotEmpty(t, h.Get("Strict-Transport-Security"))
	public := newRig(t, func(d *server.Deps) { d.PublicURL = "https://id.example.org" })
	got := public.do(request{path: path("/core/users/me/"), cookie: public.cookieOf(public.person)})
	require.NotEmpty(t, got.Header().Get("Strict-Transport-Security"))
	require.True(t, got.set(web.CSRFCookie).Secure)
}
