package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
)

// routes lists every route of the API with its parameters filled in, from the
// document, and the pages of the server itself.
func (r *rig) routes(fill map[string]string) []request {
	var document struct {
		Paths map[string]map[string]struct {
			RequestBody any `json:"requestBody"`
		} `json:"paths"`
	}
	require.NoError(r.t, json.Unmarshal(r.do(request{path: path("/schema/")}).Body.Bytes(), &document))
	var out []request
	for p, methods := range document.Paths {
		if strings.Contains(p, "/stages/question/") {
			continue // a kind of these tests: the contract does not know it
		}
		for name, value := range fill {
			p = strings.ReplaceAll(p, "{"+name+"}", value)
		}
		for i := strings.IndexByte(p, '{'); i >= 0; i = strings.IndexByte(p, '{') {
			p = p[:i] + fill["*"] + p[strings.IndexByte(p, '}')+1:]
		}
		for method := range methods {
			out = append(out, request{method: strings.ToUpper(method), path: p})
		}
	}
	require.Greater(r.t, len(out), 50)
	for _, p := range []string{"/", "/if/flow/sign-in/", "/flows/-/default/authentication/", "/flows/-/cancel/", "/if/lockdown-complete/",
		"/if/flow/" + fill["*"] + "/", "/flows/-/default/" + fill["*"] + "/", "/static/x", "/-/health/ready/", "/probe/"} {
		out = append(out, request{method: http.MethodGet, path: p}, request{method: http.MethodPost, path: p})
	}
	return out
}

// TestStrangeInputIsNeverOurFault sends what strangers send to every route. The
// contract check in front reports every answer of 500 and above.
func TestStrangeInputIsNeverOurFault(t *testing.T) {
	t.Parallel()
	r := newRig(t).withLockdown(idp.AuthenticationAuthenticated)
	cookie := r.cookieOf(r.admin)
	long := strings.Repeat("x", 25_000)
	bodies := map[string]string{
		"nothing": "", "empty": "{}", "a list": "[]", "null": "null", "text": `"x"`, "number": "7", "half": `{"a":`, "bytes": "\xff\xfe\x00",
		"unknown": `{"zzz":1}`, "deep": strings.Repeat("[", 12_000), "deeper": strings.Repeat(`{"name":`, 12_000) + "1" + strings.Repeat("}", 12_000),
		"form": "a=b&c=%ff",
	}
	for _, value := range []string{"null", "true", "-1", "1e400", "99999999999999999999", `""`, `"\u0000"`, `"\ud800"`, `"` + long + `"`, `[null]`, `{"a":{"b":"\u0000"}}`, `["` + long + `"]`, "\"\xff\""} {
		fields := []string{}
		for _, f := range []string{"username", "name", "email", "attributes", "groups", "users", "user", "parents", "is_active", "path", "type", "password",
			"identifier", "expires", "intent", "domain", "flow_lockdown", "pk", "reason", "idempotency_key", "token_duration", "self_service_completion_flow", "component"} {
			fields = append(fields, fmt.Sprintf("%q:%s", f, value))
		}
		bodies["all "+value[:min(len(value), 20)]] = "{" + strings.Join(fields, ",") + "}"
	}
	real := r.identifiers()
	for _, fill := range []map[string]string{
		real,
		{"*": "00000000-0000-0000-0000-00000000000f", "id": "2147483647", "flow_slug": "sign-in"},
		{"*": "%27%22%3C", "id": "99999999999999999999", "flow_slug": "a%2Fb"},
		{"*": "-1", "id": "-1", "flow_slug": "%E2%80%AE"},
		{"*": strings.Repeat("a", 4_000), "id": "0x10", "flow_slug": strings.Repeat("b", 4_000)},
	} {
		for _, q := range r.routes(fill) {
			if strings.Contains(q.path, "{") {
				t.Fatalf("unfilled: %s", q.path)
			}
			if q.method == http.MethodDelete && fill["id"] == real["id"] {
				continue // they would be gone
			}
			if q.method == http.MethodGet || q.method == http.MethodDelete {
				for _, query := range []string{"", "?page=-1&page_size=x&ordering=" + long[:500], "?search=%25%5C_'%22&ordering=pk,-pk,", "?user_pks=2147483647&query=%3D%26", "?next=//evil"} {
					q.cookie, q.path = cookie, strings.SplitN(q.path, "?", 2)[0]+query
					if code := r.do(q).Code; code >= 500 {
						t.Errorf("%s %s: %d", q.method, q.path, code)
					}
				}
				continue
			}
			for name, body := range bodies {
				if fill["id"] != real["id"] && name != "empty" && name != "bytes" && !strings.HasPrefix(name, "all n") {
					continue // where nothing is, the body hardly matters
				}
				q.cookie, q.body = cookie, body
				if name == "form" {
					q.header = map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
				} else {
					q.header = nil
				}
				if code := r.do(q).Code; code >= 500 {
					t.Errorf("%s %s %s: %d", q.method, q.path, name, code)
				}
			}
		}
		cookie = r.cookieOf(r.admin) // one of the requests may have ended it
	}
	for _, u := range []*idp.User{r.admin, r.person} {
		require.True(t, r.fresh(u).IsActive, "nothing half-done")
	}
}

// identifiers are keys of things that exist.
func (r *rig) identifiers() map[string]string {
	ctx, repos := r.t.Context(), r.db.Repos()
	r.keyOf(r.person)
	r.cookieOf(r.person)
	_, err := r.lockdowns.Contain(ctx, idp.SystemActor(), lockdown.Request{Users: []idp.UserID{r.addUser("contained").ID}})
	require.NoError(r.t, err)
	tokens, err := repos.Tokens.Find(ctx, idp.TokenFilter{UserID: &r.person.ID})
	require.NoError(r.t, err)
	sessions, err := repos.Sessions.Find(ctx, idp.SessionFilter{UserID: &r.person.ID})
	require.NoError(r.t, err)
	events, err := repos.Events.Find(ctx, idp.EventFilter{})
	require.NoError(r.t, err)
	stages, err := repos.Stages.Find(ctx, idp.StageFilter{Kind: ptr("account_lockdown")})
	require.NoError(r.t, err)
	records, err := repos.Lockdowns.Find(ctx, idp.LockdownFilter{})
	require.NoError(r.t, err)
	return map[string]string{"id": r.person.ID.String(), "group_uuid": r.adminGroups()[0], "brand_uuid": r.brand.ID.String(),
		"identifier": tokens.Items[0].Identifier, "uuid": sessions.Items[0].ID.String(), "event_uuid": events.Items[0].ID.String(),
		"stage_uuid": stages.Items[0].ID.String(), "lockdown_uuid": records.Items[0].ID.String(), "flow_slug": "sign-in", "*": "sign-in"}
}

func TestStrangeHeadersAreNeverOurFault(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for name, values := range map[string][]string{
		"X-Forwarded-For":   {"", ",", ",,,,", "::1, %", strings.Repeat("1.1.1.1,", 5_000), "\x00", "[::1", "1.2.3.4:99999", "unix:", "é"},
		"X-Forwarded-Proto": {"", "\xff", strings.Repeat("s", 10_000)},
		"X-Forwarded-Host":  {"", "a b", "[", "[::1]:x", strings.Repeat("h", 10_000), "\x00", "-", "..."},
		"Host":              {"", "..", "[", strings.Repeat("h", 10_000)},
		"Cookie":            {"", "=", strings.Repeat("a=b;", 2_000), "authentik_session=\"", "portcullis_browser=x", "portcullis_browser=" + strings.Repeat("A", 43), "\xff\xfe"},
		"Content-Type":      {"", "/", "application/json; charset=\xff", strings.Repeat("x", 10_000)},
		"User-Agent":        {"", "\xff\xfe\x00", strings.Repeat("Mozilla/5.0 ", 5_000)},
		"Origin":            {"null", "://", "http://[", "\xff"},
		"Sec-Fetch-Site":    {"\xff", "everywhere"},
		"X-Request-Id":      {"\r\n", strings.Repeat("x", 64), "\xff"},
		"Accept-Encoding":   {"\xff", "gzip;q=x"},
		"Idempotency-Key":   {"\xff", "\x00", strings.Repeat("k", 5_000)},
	} {
		for _, value := range values {
			for _, q := range []request{{path: "/probe/"}, {path: "/if/flow/sign-in/"}, {path: path("/core/users/"), as: r.admin},
				{method: http.MethodPost, path: path("/lockdowns/"), body: `{"users":[]}`, as: r.admin},
				{method: http.MethodPost, path: path("/flows/executor/sign-in/"), body: `{"password":"open sesame"}`}} {
				q.remote, q.header = "10.0.0.1:1", map[string]string{name: value}
				if code := r.do(q).Code; code >= 500 {
					t.Errorf("%s %q at %s: %d", name, value, q.path, code)
				}
			}
		}
	}
}
