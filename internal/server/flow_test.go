package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// browser keeps cookies between requests.
type browser struct {
	r       *rig
	cookies map[string]string
}

func (r *rig) browser() *browser { return &browser{r, map[string]string{}} }

func (b *browser) do(q request) *response {
	if q.header == nil {
		q.header = map[string]string{}
	}
	var jar []string
	for name, value := range b.cookies {
		jar = append(jar, name+"="+value)
	}
	q.header["Cookie"] = strings.Join(jar, "; ")
	if q.method == http.MethodPost && q.header["Sec-Fetch-Site"] == "" {
		q.header["Sec-Fetch-Site"] = "same-origin"
	}
	got := b.r.do(q)
	for _, c := range got.Result().Cookies() {
		b.cookies[c.Name] = c.Value
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	return got
}

func (b *browser) post(p string, form url.Values) *response {
	return b.do(request{method: http.MethodPost, path: p, body: form.Encode(),
		header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}})
}

func TestFlowPages(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := r.browser()
	const page = "/if/flow/sign-in/?next=/probe/"
	got := b.do(request{path: page})
	require.Equal(t, http.StatusOK, got.Code)
	require.Contains(t, got.Body.String(), "the question")

	got = b.post(page, url.Values{"password": {"wrong"}})
	require.Equal(t, http.StatusOK, got.Code)
	require.Contains(t, got.Body.String(), "the question")
	require.Empty(t, b.cookies[web.SessionCookie])
	before := b.cookies[web.BrowserCookie]

	got = b.post(page, url.Values{"password": {"open sesame"}})
	require.Equal(t, http.StatusSeeOther, got.Code)
	if at := got.Header().Get("Location"); at != "/probe/" { // the last stage may end the run with the next request
		require.Equal(t, page, at)
		got = b.do(request{path: at})
		require.Equal(t, "/probe/", got.Header().Get("Location"))
	}
	require.Equal(t, "grace", b.do(request{path: "/probe/"}).json(http.StatusOK)["user"])
	require.NotEqual(t, before, b.cookies[web.BrowserCookie], "rotated at sign-in")
	require.NotEmpty(t, b.cookies[web.CSRFCookie])
}

func TestSignInCookie(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	got := r.browser().post("/if/flow/sign-in/", url.Values{"password": {"open sesame"}})
	c := got.set(web.SessionCookie)
	require.NotNil(t, c)
	require.True(t, c.HttpOnly)
	require.Equal(t, http.SameSiteLaxMode, c.SameSite)
	require.Equal(t, "/", c.Path)
	require.Zero(t, c.MaxAge, "until the browser closes")
	require.False(t, c.Secure, "over http")
}

func TestNextStaysHere(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, next := range []string{"https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "http:evil", "\\\\evil"} {
		b := r.browser()
		page := "/if/flow/sign-in/?" + url.Values{"next": {next}}.Encode()
		got := b.post(page, url.Values{"password": {"open sesame"}})
		for range 3 {
			at := got.Header().Get("Location")
			require.False(t, strings.Contains(at, "evil") && !strings.HasPrefix(at, "/if/flow/"), at)
			if at == "" || got.Code == http.StatusOK {
				break
			}
			got = b.do(request{path: at})
		}
		got = b.do(request{path: "/flows/-/cancel/?" + url.Values{"next": {next}}.Encode()})
		require.NotContains(t, got.Header().Get("Location"), "evil")
		got = b.do(request{path: "/flows/-/default/authentication/?" + url.Values{"next": {next}}.Encode()})
		require.True(t, strings.HasPrefix(got.Header().Get("Location"), "/if/flow/sign-in/?next="), got.Header().Get("Location"))
	}
}

func TestDefaultFlows(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.addFlow("z-out", idp.DesignationInvalidation, idp.AuthenticationNone, "question", "{}")
	r.addFlow("a-out", idp.DesignationInvalidation, idp.AuthenticationNone, "question", "{}")
	for designation, want := range map[string]string{"authentication": "/if/flow/sign-in/?a=b", "invalidation": "/if/flow/a-out/?a=b"} {
		got := r.do(request{path: "/flows/-/default/" + designation + "/?a=b"})
		require.Equal(t, http.StatusFound, got.Code)
		require.Equal(t, want, got.Header().Get("Location"))
	}
	for _, designation := range []string{"recovery", "authorization", "nonsense"} {
		require.Equal(t, http.StatusNotFound, r.do(request{path: "/flows/-/default/" + designation + "/"}).Code, designation)
	}
	require.Equal(t, http.StatusNotFound, r.do(request{path: "/if/flow/unknown/"}).Code)
	require.Equal(t, "/flows/-/default/invalidation/", r.do(request{path: "/flows/-/cancel/"}).Header().Get("Location"))
	require.Equal(t, "/probe/", r.do(request{path: "/flows/-/cancel/?next=/probe/&flow=unknown"}).Header().Get("Location"))
}

func TestExecutorProtocol(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := r.browser()
	address := path("/flows/executor/sign-in/?query=%s", url.QueryEscape("next=%2Fprobe%2F"))
	got := b.do(request{path: address}).json(http.StatusOK)
	require.Equal(t, "ak-stage-password", got["component"])
	require.Equal(t, "stacked", got["flow_info"].(map[string]any)["layout"])

	got = b.do(request{method: http.MethodPost, path: address, body: map[string]any{"component": "ak-stage-password", "password": "no"}}).json(http.StatusOK)
	require.Equal(t, []any{map[string]any{"string": "Failed to authenticate.", "code": "invalid"}}, got["response_errors"].(map[string]any)["password"])
	got = b.do(request{method: http.MethodPost, path: address, body: map[string]any{"component": "ak-stage-password"}}).json(http.StatusOK)
	require.Contains(t, got["response_errors"], "password")

	answer := b.do(request{method: http.MethodPost, path: address, body: map[string]any{"component": "ak-stage-password", "password": "open sesame"}})
	if answer.Code == http.StatusFound {
		require.Equal(t, address, answer.Header().Get("Location"))
		answer = b.do(request{path: address})
	}
	got = answer.json(http.StatusOK)
	require.Equal(t, "xak-flow-redirect", got["component"])
	require.Equal(t, "/probe/", got["to"])
	require.Equal(t, "grace", b.do(request{path: "/probe/"}).json(http.StatusOK)["user"])

	r.do(request{path: path("/flows/executor/unknown/")}).json(http.StatusNotFound)
}

func TestExecutorRefusesBadAnswers(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	address := path("/flows/executor/sign-in/")
	deep := strings.Repeat(`{"a":`, 30) + "1" + strings.Repeat("}", 30)
	for name, body := range map[string]string{"not JSON": "{", "a list": "[1]", "text": `"x"`, "NUL": `{"password":"a\u0000"}`,
		"NUL in a key": `{"a\u0000":1}`, "bytes": "{\"password\":\"\xff\"}", "deep": `{"a":` + deep + `}`, "two values": "{}{}"} {
		r.do(request{method: http.MethodPost, path: address, body: body}).json(http.StatusBadRequest)
		_ = name
	}
	for _, inner := range []string{"%25zz", "%2500", "%25ff"} {
		got := r.do(request{path: address + "?query=a%3D" + inner}).json(http.StatusBadRequest)
		require.Contains(t, got, "query")
	}
	r.do(request{path: address + "?other=1"}).json(http.StatusBadRequest)
	for _, body := range []any{map[string]any{"password": 7}, map[string]any{"password": []any{}}, map[string]any{"password": strings.Repeat("x", 100_000)}} {
		got := r.do(request{method: http.MethodPost, path: address, body: body}).json(http.StatusOK)
		require.Contains(t, got["response_errors"], "password")
	}
}

func TestBrands(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	require.NoError(t, r.db.Repos().Brands.Create(t.Context(), &idp.Brand{Domain: "acme.example", Title: "Acme"}))
	brand := func(host, remote string, header map[string]string) any {
		q := request{path: "/probe/", remote: remote, header: map[string]string{"X-Forwarded-Host": host}}
		return r.do(q).json(http.StatusOK)["brand"]
	}
	require.Equal(t, "acme.example", brand("id.acme.example:8443", "10.0.0.1:1", nil))
	require.Equal(t, "localhost", brand("id.acme.example", "192.0.2.1:1", nil), "a stranger's header")
	require.Equal(t, "localhost", brand("elsewhere.example", "10.0.0.1:1", nil))
}
