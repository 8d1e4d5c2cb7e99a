package app_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/api/contract"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// gauntlet sends strange requests to every route of the product, without the
// network between: it would refuse some of them first.
type gauntlet struct {
	*site
	handler http.Handler
	held    string // the administrator's session
	names   map[string]string
	codes   map[int]int // how often each status came back
}

// routes lists every route of the product, as it was registered.
func (r *replica) routes() (out []string) {
	field := reflect.ValueOf(r.Server).Elem().FieldByName("router")
	router := *(**chi.Mux)(unsafe.Pointer(field.UnsafeAddr())) //nolint:gosec // nobody else needs to see it
	_ = chi.Walk(router, func(method, pattern string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		out = append(out, method+" "+pattern)
		return nil
	})
	slices.Sort(out)
	return out
}

func newGauntlet(t *testing.T) *gauntlet {
	s := newSite(t, 1)
	g := &gauntlet{site: s, handler: contract.Watch(t, s.replicas[0].Handler()), codes: map[int]int{}}
	rules, err := s.repos().NotificationRules.Find(t.Context(), idp.NotificationRuleFilter{})
	require.NoError(t, err)
	for _, rule := range rules.Items { // what they do, they do later
		require.NoError(t, s.repos().NotificationRules.Delete(t.Context(), rule.ID))
	}
	g.furnish()
	return g
}

// furnish makes one of everything that routes name.
func (g *gauntlet) furnish() {
	g.Helper()
	ctx, repos := g.Context(), g.repos()
	_, g.held = g.cookie(g.named("admin"))
	ada, eve := g.user(unique("ada")), g.user(unique("eve"))
	session, _ := g.cookie(ada)
	token, _ := g.key(ada, idp.IntentAPI)
	done := g.admin().contain(map[string]any{"users": []idp.UserID{eve.ID}})
	group, err := g.replicas[0].Accounts.CreateGroup(ctx, idp.SystemActor(), account.NewGroup{Name: unique("group")})
	require.NoError(g, err)
	kind := "account_lockdown"
	stages, err := repos.Stages.Find(ctx, idp.StageFilter{Kind: &kind})
	require.NoError(g, err)
	brand := &idp.Brand{Domain: unique("brand") + ".example"}
	require.NoError(g, repos.Brands.Create(ctx, brand))
	events := g.events(idp.ActionIDLockdown)
	rule := g.admin().api(http.StatusCreated, http.MethodPost, "/events/rules/", anyMap{"name": unique("rule")})
	mapping := g.admin().api(http.StatusCreated, http.MethodPost, "/propertymappings/notification/", anyMap{"name": unique("mapping"), "expression": "{}"})
	g.names = map[string]string{"id": ada.ID.String(), "user": ada.ID.String(), "uuid": session.ID.String(), "session": session.ID.String(),
		"identifier": token.Identifier, "token": token.ID.String(), "group": group.ID.String(), "group_uuid": group.ID.String(),
		"brand": brand.ID.String(), "brand_uuid": brand.ID.String(), "stage_uuid": stages.Items[0].ID.String(),
		"lockdown": fmt.Sprint(done[0]["lockdown"]), "lockdown_uuid": fmt.Sprint(done[0]["lockdown"]),
		"event": events[0].ID.String(), "event_uuid": events[0].ID.String(),
		"flow_slug": signInFlow, "slug": signInFlow, "designation": "authentication", "*": "app.css",
		"pbm_uuid": rule["pk"].(string), "pm_uuid": mapping["pk"].(string)}
}

// fill puts names into a pattern; what is not named becomes other.
func fill(pattern string, names map[string]string, other string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(pattern, "{")
		b.WriteString(before)
		if !found {
			return strings.ReplaceAll(b.String(), "*", url.PathEscape(nonEmpty(names["*"], other)))
		}
		name, after, _ := strings.Cut(rest, "}")
		b.WriteString(url.PathEscape(nonEmpty(names[name], other)))
		pattern = after
	}
}

func nonEmpty(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// shot is one strange request.
type shot struct {
	method, path, query, media, body string
	cookie                           string // session; "" = nobody
	header                           map[string]string
}

// patient is a client that goes away when the answer is a stream.
type patient struct {
	*httptest.ResponseRecorder
	hangUp func()
}

func (p *patient) WriteHeader(status int) {
	if strings.HasPrefix(p.Header().Get("Content-Type"), "text/event-stream") {
		p.hangUp()
	}
	p.ResponseRecorder.WriteHeader(status)
}

// fire sends it and fails on a fault of ours, and on a way out to strangers.
func (g *gauntlet) fire(s shot) int {
	g.Helper()
	var body io.Reader
	if s.body != "" {
		body = strings.NewReader(s.body)
	}
	ctx, hangUp := context.WithCancel(g.Context())
	defer hangUp()
	r := httptest.NewRequest(s.method, "/", body).WithContext(ctx)
	path, err := url.PathUnescape(s.path)
	require.NoError(g, err)
	r.URL = &url.URL{Path: path, RawPath: s.path, RawQuery: s.query}
	r.Host = "localhost"
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if s.media != "" {
		r.Header.Set("Content-Type", s.media)
	}
	if s.cookie != "" {
		r.Header.Set("Cookie", web.SessionCookie+"="+s.cookie)
	}
	for name, value := range s.header {
		r.Header.Set(name, value)
	}
	w := &patient{httptest.NewRecorder(), hangUp}
	g.handler.ServeHTTP(w, r)
	g.codes[w.Code]++
	if w.Code >= 500 {
		g.Errorf("%s %.200s?%.100s with %.80q: %d", s.method, s.path, s.query, s.body, w.Code)
	}
	if to := w.Header().Get("Location"); to != "" {
		u, err := url.Parse(to)
		if err != nil || u.Host != "" && u.Host != "localhost" || u.Scheme == "javascript" || strings.HasPrefix(to, "/\\") {
			g.Errorf("%s %s?%s leads to %q", s.method, s.path, s.query, to)
		}
	}
	return w.Code
}

const (
	asForm = "application/x-www-form-urlencoded"
	asJSON = "application/json"
)

// fields are the names that forms and bodies know.
var fields = strings.Fields(`username name email path type attributes groups is_active password password_repeat repeat act users user
	all_matching search page ordering group parents is_superuser domain default branding_title branding_logo branding_custom_css
	flow_authentication flow_lockdown identifier intent description expiring expires reason deactivate_user idempotency_key dry_run
	token_duration self_service_completion_flow uid_field component _step remember_me lockdown_reason theme pk next
	severity transports destination_group enabled mode webhook_url webhook_secret webhook_mapping_body expression seen cursor`)

// strange are values that no field expects, as forms carry them and as JSON.
var strange = map[string]struct{ form, json string }{
	"very long":     {strings.Repeat("x", 300_000), `"` + strings.Repeat("x", 300_000) + `"`},
	"NUL":           {"a%00b", `"a\u0000b"`},
	"invalid UTF-8": {"%ff%fe", "\"\xff\xfe\""},
	"surrogate":     {"%ed%a0%80", `"\ud800"`},
	"number":        {"-1", "-1"},
	"huge number":   {"99999999999999999999", "99999999999999999999"},
	"fraction":      {"1e400", "1e400"},
	"null":          {"", "null"},
	"list":          {"[]", `[null, {}, [], "x", 1.5]`},
	"object":        {"{}", `{"a": {"b": "\u0000"}}`},
	"quotes":        {"%27%22%3Cscript%3E%25%5C", `"'\"<script>%\\"`},
	"absolute":      {"https://evil.example/", `"https://evil.example/"`},
	"boolean":       {"true", "true"},
}

// bodies of each kind: every field with the strange value, a few at a time so
// that one bad field does not hide the others, and bodies that are no bodies.
func bodies(media string) map[string]string {
	out := map[string]string{}
	for name, value := range strange {
		if media == asJSON {
			var all []string
			for _, f := range fields {
				v := value.json
				if name == "very long" && len(all) > 1 {
					v = `"x"` // under the limit of a body
				}
				all = append(all, fmt.Sprintf("%q:%s", f, v))
			}
			out[name] = "{" + strings.Join(all, ",") + "}"
			continue
		}
		var all []string
		for _, f := range fields {
			v := value.form
			if name == "very long" && len(all) > 1 {
				v = "x"
			}
			all = append(all, f+"="+v)
		}
		out[name] = strings.Join(all, "&")
	}
	for name, body := range map[string]string{"unknown": `{"zzz":1}`, "half": `{"a":`, "nothing": "", "text": `"x"`, "two": "{}{}",
		"twice": `{"name":"a","name":"b"}`, "deep": strings.Repeat("[", 20_000), "not a form": "a=%zz&;=%", "bytes": "\xff\xfe\x00"} {
		out[name] = body
	}
	return out
}

// TestStrangeInputOnEveryRoute sends strange keys, queries, forms and JSON to
// every route of the product, pages included, as an administrator: what comes
// back is a page or a refusal, never a fault of ours, never a way out; and a
// route that refused everything left everything as it was.
func TestStrangeInputOnEveryRoute(t *testing.T) {
	t.Parallel()
	g := newGauntlet(t)
	routes := g.replicas[0].routes()
	require.Greater(t, len(routes), 120)
	queries := []string{"", "next=https://evil.example/&page=-1&page_size=x", "next=//evil.example&page=99999999999&ordering=password",
		"next=/%5Cevil.example&search=%25%5C_'&ordering=-,", "query=next%3Dhttps://evil.example&user=x&user_pks=2147483647", "a=%ff", "a=%00", "%zz",
		"search=" + strings.Repeat("y", 300_000), "flow_token=" + strings.Repeat("k", 10_000), "flow=x&is_active=maybe&type=x&group=x&action=x&after=x"}
	others := []map[string]string{nil, {"other": "00000000-0000-0000-0000-00000000000f"}, {"other": "2147483647"}, {"other": "99999999999999999999"},
		{"other": "-1"}, {"other": "\xff"}, {"other": "a\x00b"}, {"other": "'\"<>/..%"}, {"other": strings.Repeat("z", 5_000)}}
	for _, route := range routes {
		method, pattern, _ := strings.Cut(route, " ")
		var before map[string]string
		refused, writes := true, method != http.MethodGet
		if writes {
			before = g.contents()
		}
		for i, other := range others {
			if i > 0 && !strings.ContainsAny(pattern, "{*") || i == 0 && method == http.MethodDelete {
				continue
			}
			names := g.names
			if other != nil {
				names = nil
			}
			g.volley(method, fill(pattern, names, other["other"]), i, queries, &refused)
		}
		if refused && writes {
			require.Equal(t, g.forgetful(before), g.forgetful(g.contents()), "%s refused everything and did something", route)
		}
		if s, _, err := g.replicas[0].Sessions.Visit(t.Context(), g.held); err != nil || s == nil {
			g.furnish() // the route ended the session, as it should
		}
	}
	t.Logf("%d routes answered %v", len(routes), g.codes)
	for _, code := range []int{http.StatusOK, http.StatusSeeOther, http.StatusBadRequest, http.StatusNotFound, http.StatusUnsupportedMediaType} {
		require.Positive(t, g.codes[code], "every kind of answer is reached")
	}
}

// forgetful leaves out what reading changes too: flows under way, when a session
// was last seen, and the log of refusals with how far others have read it.
func (g *gauntlet) forgetful(contents map[string]string) map[string]string {
	for _, table := range []string{"runs", "sessions", "events", "notification_jobs"} {
		delete(contents, table)
	}
	return contents
}

// volley fires everything at one address.
func (g *gauntlet) volley(method, path string, nth int, queries []string, refused *bool) {
	g.Helper()
	note := func(code int) { *refused = *refused && code >= 400 }
	if method == http.MethodGet || method == http.MethodDelete {
		for i, query := range queries {
			if nth == 0 || i < 2 {
				note(g.fire(shot{method: method, path: path, query: query, cookie: g.held}))
			}
		}
		return
	}
	media := asForm
	if strings.HasPrefix(path, "/api/") {
		media = asJSON
	}
	for name, body := range bodies(media) {
		if nth > 0 && name != "boolean" && name != "NUL" {
			continue
		}
		note(g.fire(shot{method: method, path: path, media: media, body: body, cookie: g.held}))
	}
	if nth == 0 {
		for _, other := range []string{"", "text/plain", "multipart/form-data; boundary=x", asJSON, asForm, ";;\xff"} {
			if other != media {
				note(g.fire(shot{method: method, path: path, media: other, body: "{}", cookie: g.held}))
			}
		}
		body := enormous()
		if path == "/api/v3/locks/bulk/" { // takes more than others
			body = strings.Repeat(body, 4)
		}
		code := g.fire(shot{method: method, path: path, media: media, body: body, cookie: g.held})
		require.Equal(g, http.StatusRequestEntityTooLarge, code, "%s %s: %d bytes", method, path, len(body))
	}
}

// enormous is a body of 10 MB.
var enormous = sync.OnceValue(func() string { return "name=" + strings.Repeat("x", 10<<20) })

// Strangers get the same treatment: no route does anything for nobody that it
// should not, and none is a fault of ours.
func TestStrangersOnEveryRoute(t *testing.T) {
	t.Parallel()
	g := newGauntlet(t)
	good := g.held
	before := g.forgetful(g.contents())
	cookies := map[string]string{"none": "", "forged": strings.Repeat("A", len(good)), "truncated": good[:len(good)-1], "longer": good + "A",
		"oversized": strings.Repeat("x", 300_000), "bytes": "\xff\xfe\x00", "encoded": "%00%ff", "quoted": `"` + good[:10] + `"`, "several": good[:5] + "; authentik_session=x"}
	for _, route := range g.replicas[0].routes() {
		method, pattern, _ := strings.Cut(route, " ")
		path := fill(pattern, g.names, "x")
		for name, cookie := range cookies {
			s := shot{method: method, path: path, cookie: cookie, header: map[string]string{}}
			if method != http.MethodGet {
				s.media, s.body = asForm, "confirmed=true&act=deactivate&users="+g.names["user"]
				if strings.HasPrefix(path, "/api/") {
					s.media, s.body = asJSON, `{"confirmed": true, "users": [`+g.names["user"]+`], "pk": 1, "user": `+g.names["user"]+`}`
				}
			}
			code := g.fire(s)
			anybody := strings.HasPrefix(path, "/-/") || strings.HasPrefix(path, "/static/") || strings.HasPrefix(path, "/if/flow/") ||
				strings.HasPrefix(path, "/flows/") || strings.Contains(path, "/flows/executor/") || slices.Contains(public, route)
			switch { // applications and proxies prove who they are by other means, and are judged before anybody is
			case method == http.MethodOptions && strings.HasPrefix(path, "/application/o/"): // a browser asks whether it may ask
				require.Contains(t, []int{http.StatusNoContent, http.StatusNotFound}, code, "%s with a %s cookie", route, name)
			case route == "POST /application/o/authorize/": // led to the same with GET, where it is judged
				require.Contains(t, []int{http.StatusBadRequest, http.StatusSeeOther}, code, "%s with a %s cookie", route, name)
			case strings.HasPrefix(path, "/application/o/"), strings.HasPrefix(path, "/outpost/"):
				require.Contains(t, []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound}, code, "%s with a %s cookie", route, name)
			case strings.Contains(path, "/flows/inspector/"):
				require.Equal(t, http.StatusNotFound, code, "%s with a %s cookie: the contract hides it", route, name)
			case strings.HasPrefix(path, "/api/security/"), strings.HasPrefix(path, "/api/settings"):
				require.Equal(t, http.StatusUnauthorized, code, "%s with a %s cookie: the contract of these says so", route, name)
			case !anybody:
				require.Contains(t, []int{http.StatusForbidden, http.StatusSeeOther}, code, "%s with a %s cookie", route, name)
			}
		}
	}
	require.Equal(t, before, g.forgetful(g.contents()))
}

// public are the routes that answer anybody.
var public = []string{"GET /if/lockdown-complete/", "GET /api/v3/root/config/", "GET /api/v3/core/brands/current/", "GET /api/v3/schema/",
	"GET /api/v3/", "GET /api/v3/schema/browser/",
	"POST /if/theme/"}

// A form sent twice does once what it says.
func TestDoubleSubmits(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	ada, admin := s.user("ada"), s.with(s.named("admin"))
	twice := func(b *browser, path string, f form) (codes []int) {
		t.Helper()
		var wg sync.WaitGroup
		var mu sync.Mutex
		for range 2 {
			wg.Go(func() {
				a, err := b.send(http.MethodPost, path, f)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					codes = append(codes, a.status)
				}
			})
		}
		wg.Wait()
		slices.Sort(codes)
		return codes
	}
	require.Equal(t, []int{303, 400}, twice(admin, "/if/admin/users/new/", form{"username": "eve", "type": "internal", "path": "users", "is_active": "true"}))
	s.named("eve")

	b := s.browser()
	signIn := "/if/flow/" + signInFlow + "/"
	require.Equal(t, http.StatusSeeOther, b.do(http.MethodPost, signIn, form{"uid_field": "ada"}).status)
	page := string(b.get(signIn).body)
	_, step, _ := strings.Cut(page, `name="_step" value="`)
	step, _, _ = strings.Cut(step, `"`)
	require.NotEmpty(t, step, page)
	require.Equal(t, []int{303, 303}, twice(b, signIn, form{"component": "ak-stage-password", "_step": step, "password": password}))
	live := true
	sessions, err := s.repos().Sessions.Find(t.Context(), idp.SessionFilter{UserID: &ada.ID, Live: &live})
	require.NoError(t, err)
	require.Equal(t, 1, sessions.Total)

	require.Equal(t, []int{303, 303}, twice(admin, fmt.Sprintf("/if/admin/users/%d/deactivate/", ada.ID), form{"confirmed": "true"}))
	require.LessOrEqual(t, len(s.events("account_deactivate")), 2)
	require.False(t, s.now(ada).IsActive)
}
