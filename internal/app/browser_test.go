package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

const (
	signInFlow   = "default-authentication-flow"
	lockdownFlow = "default-account-lockdown"
	completeFlow = "default-account-lockdown-complete"
	recoveryFlow = "default-recovery-flow"
)

// browser keeps cookies, or a program a key; it follows nothing by itself.
type browser struct {
	site   *site
	base   string
	client *http.Client
	key    string // bearer token, or with a name an app password; "" = none
	name   string
}

// browser is a fresh one at the first replica.
func (s *site) browser() *browser {
	jar, err := cookiejar.New(nil)
	require.NoError(s, err)
	return &browser{site: s, base: s.replicas[0].base, client: &http.Client{Transport: s.transport, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// with is a browser that has a session of the user.
func (s *site) with(u *idp.User) *browser {
	s.Helper()
	_, value := s.cookie(u)
	return s.holding(value)
}

// holding is a browser with that session cookie.
func (s *site) holding(cookie string) *browser {
	b := s.browser()
	b.setCookie(web.SessionCookie, cookie)
	return b
}

// program calls the API with a key.
func (s *site) program(key string) *browser {
	b := s.browser()
	b.key = key
	return b
}

// basic calls the API with a name and an app password.
func (s *site) basic(name, key string) *browser {
	b := s.program(key)
	b.name = name
	return b
}

// admin is a program of the first administrator.
func (s *site) admin() *browser { return s.program(adminToken) }

func (b *browser) setCookie(name, value string) {
	u, _ := url.Parse(b.base)
	b.client.Jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/"}})
}

func (b *browser) cookie(name string) string {
	u, _ := url.Parse(b.base)
	for _, c := range b.client.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// at is the same browser, sent to another replica by a load balancer.
func (b *browser) at(r *replica) *browser {
	moved := *b
	moved.base = r.base
	return &moved
}

// answer is what came back.
type answer struct {
	site   *site
	status int
	header http.Header
	body   []byte
	path   string
}

// form is a body that browsers send from a page.
type form map[string]string

// raw is a body as it is, with its media type.
type raw struct{ media, body string }

// send makes one request. It may be called from any goroutine.
func (b *browser) send(method, path string, body any, header ...string) (*answer, error) {
	var reader io.Reader
	media := ""
	switch v := body.(type) {
	case nil:
	case form:
		values := url.Values{}
		for name, value := range v {
			values.Set(name, value)
		}
		reader, media = strings.NewReader(values.Encode()), "application/x-www-form-urlencoded"
	case raw:
		reader, media = strings.NewReader(v.body), v.media
	default:
		encoded, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		reader, media = bytes.NewReader(encoded), "application/json"
	}
	r, err := http.NewRequestWithContext(b.site.Context(), method, b.base+path, reader)
	if err != nil {
		return nil, err
	}
	if media != "" {
		r.Header.Set("Content-Type", media)
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	b.authorize(r)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := b.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return &answer{b.site, response.StatusCode, response.Header, content, method + " " + path}, err
}

// authorize puts on a request what programs send with each.
func (b *browser) authorize(r *http.Request) {
	switch {
	case b.name != "":
		r.SetBasicAuth(b.name, b.key)
	case b.key != "":
		r.Header.Set("Authorization", "Bearer "+b.key)
	}
}

// do is send for the test's own goroutine.
func (b *browser) do(method, path string, body any, header ...string) *answer {
	b.site.Helper()
	a, err := b.send(method, path, body, header...)
	require.NoError(b.site, err, "%s %s", method, path)
	return a
}

func (b *browser) get(path string) *answer { b.site.Helper(); return b.do(http.MethodGet, path, nil) }

// api calls the JSON API and checks the status.
func (b *browser) api(status int, method, path string, body any, header ...string) map[string]any {
	b.site.Helper()
	return b.do(method, "/api/v3"+path, body, header...).json(status)
}

// json decodes an object after checking the status.
func (a *answer) json(status int) map[string]any {
	a.site.Helper()
	require.Equal(a.site, status, a.status, "%s: %s", a.path, a.body)
	out := map[string]any{}
	if len(a.body) > 0 {
		require.NoError(a.site, json.Unmarshal(a.body, &out), "%s: %s", a.path, a.body)
	}
	return out
}

func (a *answer) location() string { return a.header.Get("Location") }

// executor is the address of a flow for programs. Pairs make the inner query.
func executor(slug string, query ...string) string {
	values := url.Values{}
	for i := 0; i+1 < len(query); i += 2 {
		values.Set(query[i], query[i+1])
	}
	path := "/flows/executor/" + slug + "/"
	if len(values) > 0 {
		path += "?" + url.Values{"query": {values.Encode()}}.Encode()
	}
	return path
}

// challenge is what the flow asks at present.
func (b *browser) challenge(slug string, query ...string) map[string]any {
	b.site.Helper()
	c, err := b.step(http.MethodGet, executor(slug, query...), nil)
	require.NoError(b.site, err)
	return c
}

// solve answers the present challenge and returns the next one.
func (b *browser) solve(slug string, fields map[string]any, query ...string) map[string]any {
	b.site.Helper()
	c, err := b.step(http.MethodPost, executor(slug, query...), fields)
	require.NoError(b.site, err)
	return c
}

// step makes one request to a flow and goes on to where it sends the program:
// to the same address for the next challenge.
func (b *browser) step(method, path string, fields map[string]any) (map[string]any, error) {
	var body any
	if fields != nil {
		body = fields
	}
	for range 5 {
		a, err := b.send(method, "/api/v3"+path, body)
		if err != nil {
			return nil, err
		}
		if a.status == http.StatusFound {
			method, path, body = http.MethodGet, strings.TrimPrefix(a.location(), "/api/v3"), nil
			continue
		}
		out := map[string]any{}
		if err := json.Unmarshal(a.body, &out); err != nil || a.status != http.StatusOK {
			return nil, fmt.Errorf("%s %s: %d %s", method, path, a.status, a.body)
		}
		return out, nil
	}
	return nil, fmt.Errorf("%s turns in circles", path)
}

// tryToSignIn takes the default flow and reports whether it ended in a session.
func (b *browser) tryToSignIn(username, password string) (bool, error) {
	c, err := b.step(http.MethodPost, executor(signInFlow), map[string]any{"component": "ak-stage-identification", "uid_field": username})
	if err != nil || c["component"] != "ak-stage-password" {
		return false, fmt.Errorf("identifying %s: %v: %w", username, c, err)
	}
	c, err = b.step(http.MethodPost, executor(signInFlow), map[string]any{"component": "ak-stage-password", "password": password})
	if err != nil {
		return false, err
	}
	return c["component"] == "xak-flow-redirect", nil
}

// signIn must succeed.
func (b *browser) signIn(u *idp.User) *browser {
	b.site.Helper()
	in, err := b.tryToSignIn(u.Username, password)
	require.NoError(b.site, err)
	require.True(b.site, in, "%s cannot sign in", u.Username)
	return b
}

// me is the status of asking who one is: 200 for somebody, 403 for nobody.
func (b *browser) me() int {
	b.site.Helper()
	return b.get("/api/v3/core/users/me/").status
}

// works reports whether the browser, or the program, is somebody.
func (b *browser) works() bool {
	b.site.Helper()
	status := b.me()
	require.Contains(b.site, []int{http.StatusOK, http.StatusForbidden}, status)
	return status == http.StatusOK
}
