package server_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

const loginWord = "correct horse battery"

// loginFlow is a flow of the real stages, whose login stage has the settings.
func (r *rig) loginFlow(slug, settings string) {
	ctx, repos := r.t.Context(), r.db.Repos()
	f := r.addFlow(slug, idp.DesignationAuthentication, idp.AuthenticationNone, "identification", "{}")
	for order, s := range []idp.Stage{{Kind: "password", Settings: json.RawMessage("{}")}, {Kind: "user_login", Settings: json.RawMessage(settings)}} {
		s.Name = slug + " " + s.Kind
		require.NoError(r.t, repos.Stages.Create(ctx, &s))
		require.NoError(r.t, repos.FlowBindings.Create(ctx, &idp.FlowBinding{FlowID: f.ID, StageID: s.ID, Order: 10 + order, EvaluateOnPlan: true,
			ReEvaluatePolicies: true, InvalidResponseAction: idp.InvalidRetry, PolicyMode: idp.PolicyAny}))
	}
}

// step answers one challenge, as a form or as a program would, and reads what
// comes next; it returns the cookies that were set on the way.
type step func(b *browser, slug string, answer map[string]any) map[string]*http.Cookie

func byForm(b *browser, slug string, answer map[string]any) map[string]*http.Cookie {
	form := url.Values{}
	for name, value := range answer {
		text, ok := value.(string)
		if !ok {
			raw, _ := json.Marshal(value)
			text = string(raw)
		}
		form.Set(name, text)
	}
	page := "/if/flow/" + slug + "/"
	set := map[string]*http.Cookie{}
	got := b.post(page, form)
	cookiesInto(set, got)
	if at := got.Header().Get("Location"); at == page {
		cookiesInto(set, b.do(request{path: at}))
	}
	return set
}

func byProgram(b *browser, slug string, answer map[string]any) map[string]*http.Cookie {
	at := path("/flows/executor/%s/", slug)
	set := map[string]*http.Cookie{}
	got := b.do(request{method: http.MethodPost, path: at, body: answer})
	cookiesInto(set, got)
	if got.Code == http.StatusFound {
		cookiesInto(set, b.do(request{path: at}))
	}
	return set
}

func cookiesInto(set map[string]*http.Cookie, got *response) {
	for _, c := range got.Result().Cookies() {
		set[c.Name] = c
	}
}

// Pages and programs are given the same cookies, with and without the question
// whether to stay signed in.
func TestSignInRemembersTheBrowser(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	require.NoError(t, r.accounts.SetPassword(t.Context(), idp.SystemActor(), r.person.ID, loginWord))
	r.loginFlow("plain", `{"session_duration": "hours=2"}`)
	r.loginFlow("asks", `{"remember_me_offset": "days=1", "remember_device": "days=7"}`)
	r.loginFlow("never", `{"remember_device": "seconds=0"}`)
	for name, send := range map[string]step{"page": byForm, "program": byProgram} {
		b := r.browser()
		in := func(slug string, question bool) map[string]*http.Cookie {
			send(b, slug, map[string]any{"uid_field": "grace"})
			set := send(b, slug, map[string]any{"password": loginWord})
			if question {
				require.NotContains(t, set, web.SessionCookie, name)
				require.NotContains(t, set, web.DeviceCookie, name)
				set = send(b, slug, map[string]any{"remember_me": true})
			}
			require.Contains(t, set, web.SessionCookie, name)
			require.Equal(t, "grace", b.do(request{path: "/probe/"}).json(http.StatusOK)["user"], name)
			return set
		}
		set := in("plain", false)
		require.InDelta(t, 7200, set[web.SessionCookie].MaxAge, 5)
		c := set[web.DeviceCookie]
		require.NotNil(t, c, name)
		require.Equal(t, "__Host-portcullis_device", c.Name)
		require.True(t, c.Secure && c.HttpOnly && c.SameSite == http.SameSiteLaxMode && c.Path == "/" && c.Domain == "", c.Raw)
		require.InDelta(t, 30*24*3600, c.MaxAge, 5)
		digest := secret.DigestOf(c.Value)
		row, err := r.db.Repos().KnownDevices.Get(t.Context(), digest.Bytes(), r.person.ID)
		require.NoError(t, err)
		require.True(t, row.Known)
		require.Equal(t, "192.0.2.1", row.IP.String())

		first := b.cookies[web.SessionCookie]
		again := in("asks", true)[web.DeviceCookie]
		require.NotNil(t, again, "%s: the question made it forget", name)
		require.Equal(t, c.Value, again.Value, name)
		require.InDelta(t, 7*24*3600, again.MaxAge, 5)
		require.NotEqual(t, first, b.cookies[web.SessionCookie])
		require.Empty(t, r.do(request{path: "/probe/", cookie: first}).json(http.StatusOK)["user"], "%s: the session before", name)

		require.NotContains(t, in("never", false), web.DeviceCookie, name)
		require.Equal(t, c.Value, b.cookies[web.DeviceCookie])
	}
}

// Elsewhere than on its own machine a browser keeps no Secure cookie that came
// over http, so nobody is remembered, and signing in works all the same.
func TestSignInOverPlainHTTPRemembersNobody(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	require.NoError(t, r.accounts.SetPassword(t.Context(), idp.SystemActor(), r.person.ID, loginWord))
	r.loginFlow("plain", `{}`)
	for _, c := range []struct {
		proto string
		kept  bool
	}{{"http", false}, {"https", true}} {
		b := r.browser()
		send := func(form url.Values) *response {
			return b.do(request{method: http.MethodPost, path: "/if/flow/plain/", body: form.Encode(), remote: "10.0.0.1:1", header: map[string]string{
				"Content-Type": "application/x-www-form-urlencoded", "X-Forwarded-Host": "id.example.org", "X-Forwarded-Proto": c.proto,
				"X-Forwarded-For": "192.0.2.9"}})
		}
		send(url.Values{"uid_field": {"grace"}})
		send(url.Values{"password": {loginWord}})
		b.do(request{path: "/if/flow/plain/", remote: "10.0.0.1:1", header: map[string]string{
			"X-Forwarded-Host": "id.example.org", "X-Forwarded-Proto": c.proto, "X-Forwarded-For": "192.0.2.9"}})
		require.NotEmpty(t, b.cookies[web.SessionCookie], c.proto)
		require.Equal(t, c.kept, b.cookies[web.DeviceCookie] != "", c.proto)
	}
	found, err := r.db.Repos().KnownDevices.Find(t.Context(), idp.KnownDeviceFilter{})
	require.NoError(t, err)
	require.Equal(t, 1, found.Total)
	require.WithinDuration(t, time.Now().Add(30*24*time.Hour), found.Items[0].ExpiresAt, time.Minute)
}
