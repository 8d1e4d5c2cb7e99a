package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// rule is one rule of how programs talk with a flow.
type rule struct {
	fact  string
	flow  anyMap
	parts []part // none = two dummy stages, one and two
	holds func(p program)
}

// program talks with the flow of a rule. me is an account of the rule's own; the
// browser is nobody's until it signs in.
type program struct {
	*site
	*browser
	slug, at string // the flow, and the address of its executor
	me       *idp.User
}

// post answers with a body as it is, from no page of ours.
func (p program) post(body any, header ...string) *answer {
	return p.do(http.MethodPost, p.at, body, append([]string{"Sec-Fetch-Site", ""}, header...)...)
}

// shown is what an address asks at present.
func (p program) shown(at string) anyMap {
	p.site.Helper()
	return p.get(at).json(http.StatusOK)
}

// signedIn is the same program with a session of the account.
func (p program) signedIn() program {
	p.browser = p.with(p.me)
	return p
}

var signsIn = []part{identified, proving, {kind: "user_login"}}

var rules = []rule{
	{fact: "query may be left out, be empty and begin with a question mark", holds: func(p program) {
		for _, query := range []string{"", "?", "?query=", "?query=%3F", "?query=" + url.QueryEscape("?next=/a"), "?query=" + url.QueryEscape("next=/a&x=%C3%A4")} {
			require.Equal(p, p.slug+"/one", p.shown(p.at + query)["name"], query)
		}
	}},
	{fact: "query holds the query string of the page: its next is where the flow leads", parts: []part{{}}, holds: func(p program) {
		got := p.solve(p.slug, anyMap{"component": "ak-stage-dummy"}, "next", "/if/user/?a=b&c=d")
		p.ends(got, "/if/user/?a=b&c=d")
	}},
	{fact: "query that is no query string is refused by its name", holds: func(p program) {
		require.Contains(p, p.get(p.at+"?query=%25zz").json(http.StatusBadRequest), "query")
		require.NotContains(p, p.shown(p.at+"?query=next%3D%252Fa"), "query")
	}},
	{fact: "a solved stage is answered with 302 to the very same address, which then asks the next", holds: func(p program) {
		at := p.at + "?query=" + url.QueryEscape("next=/a&b=%2F")
		a := p.do(http.MethodPost, at, anyMap{"component": "ak-stage-dummy"})
		require.Equal(p, []any{http.StatusFound, at}, []any{a.status, a.location()})
		require.Equal(p, p.slug+"/two", p.shown(a.location())["name"])
		require.Equal(p, p.slug+"/two", p.shown(p.at)["name"], "and without the query too")
		p.ends(p.do(http.MethodPost, at, anyMap{"component": "ak-stage-dummy"}).json(http.StatusOK), "/a")
	}},
	{fact: "a slug that no flow has is not found, with a detail", holds: func(p program) {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			got := p.do(method, "/api/v3"+executor("no-such-flow"), nil).json(http.StatusNotFound)
			require.NotEmpty(p, got["detail"])
			require.NotContains(p, got, "component")
		}
	}},
	{fact: "a body is a JSON object or nothing", holds: func(p program) {
		require.Contains(p, p.post(raw{"application/json", "{"}).json(http.StatusBadRequest), "non_field_errors")
		require.Contains(p, p.post(raw{"application/json", "[]"}).json(http.StatusBadRequest), "non_field_errors")
		require.NotEmpty(p, p.post(form{"component": "ak-stage-dummy"}).json(http.StatusUnsupportedMediaType)["detail"])
		require.Equal(p, p.slug+"/one", p.shown(p.at)["name"], "none of it was an answer")
		require.Equal(p, http.StatusFound, p.post(nil).status)
		require.Equal(p, p.slug+"/two", p.shown(p.at)["name"])
	}},
	{fact: "an answer says its component, the base of all answers, or none", parts: []part{{name: "a"}, {name: "b"}, {name: "c"}, {name: "d"}},
		holds: func(p program) {
			for i, body := range []anyMap{{"component": "ak-stage-dummy"}, {"component": "xak-flow-response-default"}, {}} {
				require.Equal(p, http.StatusFound, p.post(body).status)
				require.Equal(p, fmt.Sprint(p.slug, "/", string("bcd"[i])), p.shown(p.at)["name"])
			}
		}},
	{fact: "an answer to another component changes nothing: 302 to what is asked", holds: func(p program) {
		a := p.post(anyMap{"component": "ak-stage-password", "password": password})
		require.Equal(p, []any{http.StatusFound, p.at}, []any{a.status, a.location()})
		require.Equal(p, p.slug+"/one", p.shown(p.at)["name"])
	}},
	{fact: "a wrong answer is 200 with the same challenge and what is wrong by field, once", parts: signsIn, holds: func(p program) {
		p.solve(p.slug, anyMap{"uid_field": p.me.Username})
		for value, want := range map[any]anyMap{"wrong": {"string": "Failed to authenticate.", "code": "invalid"},
			"": {"string": "This field may not be blank.", "code": "blank"}, 7: {"string": "Not a valid string.", "code": "invalid"}} {
			got := p.post(anyMap{"component": "ak-stage-password", "password": value}).json(http.StatusOK)
			require.Equal(p, "ak-stage-password", got["component"])
			require.Equal(p, anyMap{"password": []any{want}}, got["response_errors"])
		}
		require.NotContains(p, p.shown(p.at), "response_errors")
		p.ends(p.solve(p.slug, anyMap{"password": password}), "/")
	}},
	{fact: "what is wrong with no field alone is under non_field_errors", parts: []part{{kind: "prompt/stages", asks: []string{"a:password", "b:password"}}, {}},
		holds: func(p program) {
			got := p.post(anyMap{"component": "ak-stage-prompt", "a": "1", "b": "2"}).json(http.StatusOK)
			require.Equal(p, anyMap{"non_field_errors": []any{anyMap{"string": "Passwords don't match.", "code": "invalid"}}}, got["response_errors"])
		}},
	{fact: "flow_info has the title, the background, the way out and the layout", parts: []part{{}},
		flow: anyMap{"title": "For %(user)s & co", "layout": "sidebar_left_frame_background", "background": "/static/b.svg"}, holds: func(p program) {
			require.Equal(p, anyMap{"title": "For  & co", "background": "/static/b.svg", "background_themed_urls": nil,
				"cancel_url": "/flows/-/cancel/", "layout": "sidebar_left_frame_background"}, p.shown(p.at)["flow_info"])
			require.Equal(p, "For "+p.me.Username+" & co", p.signedIn().shown(p.at)["flow_info"].(anyMap)["title"])
		}},
	{fact: "the end of a flow has flow_info too", parts: []part{{}}, flow: anyMap{"title": "The end"}, holds: func(p program) {
		require.Equal(p, "The end", p.post(nil).json(http.StatusOK)["flow_info"].(anyMap)["title"])
	}},
	{fact: "strangers need no token against forgery, for there is nothing to forge", holds: func(p program) {
		require.Equal(p, http.StatusFound, p.post(anyMap{}).status)
	}},
	{fact: "whoever has a session sends the value of authentik_csrf in X-authentik-CSRF", holds: func(p program) {
		p = p.signedIn()
		require.Equal(p, p.slug+"/one", p.shown(p.at)["name"], "reading needs none")
		token := p.browser.cookie("authentik_csrf")
		require.NotEmpty(p, token, "and brings it along")
		for _, header := range [][]string{nil, {"X-authentik-CSRF", "another value of the same length"}, {"Sec-Fetch-Site", "cross-site"}} {
			require.NotEmpty(p, p.post(anyMap{}, header...).json(http.StatusForbidden)["detail"], header)
		}
		require.Equal(p, p.slug+"/one", p.shown(p.at)["name"], "none of it was an answer")
		require.Equal(p, http.StatusFound, p.post(anyMap{}, "X-authentik-CSRF", token).status)
		require.Equal(p, p.slug+"/two", p.shown(p.at)["name"])
	}},
	{fact: "whoever holds a token goes by it, without cookies to forge", parts: []part{{kind: "deny"}}, holds: func(p program) {
		_, key := p.site.key(p.me, idp.IntentAPI)
		p.browser = p.program(key)
		require.Equal(p, http.StatusFound, p.post(anyMap{}).status)
		require.Equal(p, p.me.Username, p.shown(p.at)["pending_user"])
		p.browser = p.program("not a key")
		require.Equal(p, "Token invalid/expired", p.post(anyMap{}).json(http.StatusForbidden)["detail"])
	}},
	{fact: "a sign-in sets authentik_session for the browser alone and authentik_csrf for its scripts; before, there is neither",
		parts: signsIn, holds: func(p program) {
			p.solve(p.slug, anyMap{"uid_field": p.me.Username})
			require.Empty(p, p.browser.cookie("authentik_session")+p.browser.cookie("authentik_csrf"))
			a := p.post(anyMap{"component": "ak-stage-password", "password": password})
			p.ends(a.json(http.StatusOK), "/")
			set := map[string]*http.Cookie{}
			for _, c := range (&http.Response{Header: a.header}).Cookies() {
				set[c.Name] = c
			}
			require.True(p, set["authentik_session"].HttpOnly)
			require.False(p, set["authentik_csrf"].HttpOnly)
			p.is(p.me)
		}},
	{fact: "a fault names the request, as its header and its event do", parts: []part{broken}, holds: func(p program) {
		a := p.get(p.at)
		id := a.json(http.StatusOK)["request_id"]
		require.Equal(p, a.header.Get("X-Request-ID"), id)
		found := 0
		for _, e := range p.acted(idp.ActionSystemException) {
			if e.Context["flow"] == p.slug {
				found++
				require.Equal(p, "the dummy stage is told to fail", e.Context["exception"])
				require.Contains(p, fmt.Sprint(e.Context["http_request"]), id)
			}
		}
		require.Equal(p, 1, found)
	}},
	{fact: "a fault is explained to whom the attribute of debugging is given, with an account or a group", parts: []part{broken}, holds: func(p program) {
		debug := anyMap{"goauthentik.io/user/debug": true}
		group := p.make("/core/groups/", anyMap{"name": unique("debuggers"), "attributes": debug})
		p = p.signedIn()
		require.NotContains(p, p.shown(p.at), "traceback")
		p.admin().api(http.StatusNoContent, http.MethodPost, "/core/groups/"+group["pk"].(string)+"/add_user/", anyMap{"pk": p.me.ID})
		require.Contains(p, p.shown(p.at)["traceback"], "told to fail")
		p.patchMe(anyMap{"goauthentik.io/user/debug": false})
		require.NotContains(p, p.shown(p.at), "traceback")
		p.patchMe(debug)
		require.Contains(p, p.shown(p.at)["error"], "told to fail")
	}},
	{fact: "other methods are none", holds: func(p program) {
		for _, method := range []string{http.MethodPut, http.MethodPatch, http.MethodDelete} {
			require.NotEmpty(p, p.do(method, p.at, anyMap{}).json(http.StatusMethodNotAllowed)["detail"])
		}
	}},
	{fact: "a program of an outpost signs in: it identifies, proves, stays, and ends with a redirect and a session", parts: []part{identified, proving,
		{kind: "user_login", settings: anyMap{"remember_me_offset": "days=1"}}}, holds: func(p program) {
		o := p.outpost()
		in, err := o.solves(p.me.Username, password)
		require.NoError(p, err)
		require.True(p, in)
		p.holding(o.cookie("authentik_session")).is(p.me)
	}},
	{fact: "a program of an outpost ends with nothing where access is denied", parts: []part{identified, proving, {kind: "deny"}}, holds: func(p program) {
		in, err := p.outpost().solves(p.me.Username, password)
		require.NoError(p, err)
		require.False(p, in)
	}},
	{fact: "a program of an outpost gives up at the first thing that is wrong", parts: signsIn, holds: func(p program) {
		_, err := p.outpost().solves(p.me.Username, "wrong")
		require.ErrorContains(p, err, "Failed to authenticate.")
	}},
	{fact: "nobody says by a header where somebody else is", parts: signsIn, holds: func(p program) {
		o := p.outpost("X-authentik-remote-ip", "203.0.113.9", "X-authentik-outpost-token", adminToken)
		in, err := o.solves(p.me.Username, password)
		require.NoError(p, err)
		require.True(p, in)
		page, err := p.repos().Events.Find(p.Context(), idp.EventFilter{Actions: []idp.Action{idp.ActionLogin}, Username: &p.me.Username})
		require.NoError(p, err)
		require.Len(p, page.Items, 1)
		require.Equal(p, "127.0.0.1", page.Items[0].ClientIP.String())
	}},
}

// TestFactsProtocol holds the rules of how programs talk with a flow.
func TestFactsProtocol(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	elsewhere := s.lay("elsewhere", scene{parts: []part{{}}}, strings.NewReplacer().Replace)
	for _, r := range rules {
		t.Run(r.fact, func(t *testing.T) {
			t.Parallel()
			p := program{site: s.within(t), slug: unique("talk")}
			if p.browser = p.site.browser(); r.parts == nil {
				r.parts = []part{{name: "one"}, {name: "two"}}
			}
			p.at = "/api/v3" + executor(p.slug)
			p.me = p.user(unique("visitor"))
			p.lay(p.slug, scene{flow: r.flow, parts: r.parts}, strings.NewReplacer("{elsewhere}", elsewhere).Replace)
			r.holds(p)
		})
	}
}

// patchMe replaces the attributes of the program's account.
func (p program) patchMe(attributes anyMap) {
	p.admin().api(http.StatusOK, http.MethodPatch, fmt.Sprint("/core/users/", p.me.ID, "/"), anyMap{"attributes": attributes})
}

// outpost is a program like those that take people of other protocols through a
// flow: it follows redirects, keeps cookies and knows four stages.
type outpost struct {
	program
	client *http.Client
	header []string
}

func (p program) outpost(header ...string) outpost {
	jar, err := cookiejar.New(nil)
	require.NoError(p, err)
	return outpost{program: p, client: &http.Client{Transport: p.transport, Jar: jar}, header: header}
}

func (o outpost) cookie(name string) string {
	u, _ := url.Parse(o.base)
	for _, c := range o.client.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// solves goes through the flow; in is false where access is denied.
func (o outpost) solves(username, password string) (in bool, err error) {
	got, err := o.ask(http.MethodGet, nil)
	for range 10 {
		component := fmt.Sprint(got["component"])
		body := anyMap{"component": component}
		switch {
		case err != nil:
			return false, err
		case len(got["response_errors"].(anyMap)) > 0:
			return false, fmt.Errorf("%s: %v", component, got["response_errors"])
		}
		switch component {
		case "ak-stage-access-denied":
			return false, nil
		case "xak-flow-redirect":
			return true, nil
		case "ak-stage-identification":
			body["uid_field"] = username
		case "ak-stage-password":
			body["password"] = password
		case "ak-stage-user-login":
			body["remember_me"] = true
		default:
			return false, fmt.Errorf("unsupported challenge %s", component)
		}
		got, err = o.ask(http.MethodPost, body)
	}
	return false, fmt.Errorf("the flow is too deep")
}

// ask makes one request. A challenge without faults has none of them.
func (o outpost) ask(method string, body anyMap) (anyMap, error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(o.Context(), method, o.base+o.at+"?query=", strings.NewReader(string(encoded)))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(o.header); i += 2 {
		r.Header.Set(o.header[i], o.header[i+1])
	}
	response, err := o.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	out := anyMap{"response_errors": anyMap{}}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", method, response.Status)
	}
	return out, json.NewDecoder(response.Body).Decode(&out)
}
