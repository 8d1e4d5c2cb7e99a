package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

func visitor(cookie string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	if cookie != "" {
		r.AddCookie(&http.Cookie{Name: BrowserCookie, Value: cookie})
	}
	return r.WithContext(With(r.Context(), &Scope{Cookies: Cookies{Secure: true}}))
}

func TestBrowserCookie(t *testing.T) {
	t.Parallel()
	w, r := httptest.NewRecorder(), visitor("")
	first := Browser(r)
	require.Empty(t, w.Header().Values("Set-Cookie"), "nothing is set before it is needed")
	require.Equal(t, first, BrowserDigest(w, r), "one request is one browser")
	c := w.Result().Cookies()[0]
	require.True(t, c.HttpOnly && c.Secure && c.SameSite == http.SameSiteLaxMode && c.Path == "/")
	require.Equal(t, first, Browser(visitor(c.Value)), "and the next one the same")
	require.NotContains(t, c.Value, string(first))

	for _, bad := range []string{"x", strings.Repeat("A", 42), strings.Repeat("A", 44), strings.Repeat("!", 43), c.Value + "="} {
		w := httptest.NewRecorder()
		BrowserDigest(w, visitor(bad))
		require.Len(t, w.Result().Cookies(), 1, "a value that we cannot have made is replaced: %q", bad)
	}
	rotated := httptest.NewRecorder()
	require.NotEqual(t, first, RotateBrowser(rotated, r))
	require.NotEqual(t, c.Value, rotated.Result().Cookies()[0].Value)
}

func TestApply(t *testing.T) {
	t.Parallel()
	names := func(a *flow.Answer) map[string]string {
		w, r := httptest.NewRecorder(), visitor("")
		Browser(r)
		Apply(w, r, a)
		out := map[string]string{}
		for _, c := range w.Result().Cookies() {
			out[c.Name] = c.Value
			require.Equal(t, c.Name != CSRFCookie, c.HttpOnly, c.Name)
		}
		return out
	}
	in := flow.Effects{SignedIn: &flow.SignedIn{Cookie: "secret", Expires: time.Now().Add(time.Hour)}}
	got := names(&flow.Answer{Effects: in, Done: true})
	require.Equal(t, "secret", got[SessionCookie])
	require.Contains(t, got, BrowserCookie)
	require.Contains(t, got, CSRFCookie)
	require.NotContains(t, names(&flow.Answer{Effects: in}), BrowserCookie, "the flow goes on in the same browser")
	require.Contains(t, names(&flow.Answer{Done: true, Flow: &idp.Flow{Designation: idp.DesignationAuthentication}}), BrowserCookie)
	require.Equal(t, map[string]string{}, names(&flow.Answer{Done: true, Flow: &idp.Flow{Designation: idp.DesignationStageConfiguration}}))
	require.Contains(t, names(&flow.Answer{Stored: true}), BrowserCookie)
	got = names(&flow.Answer{Effects: flow.Effects{SignedOut: true}})
	require.Empty(t, got[SessionCookie])
	require.Contains(t, got, SessionCookie)
	require.NotEmpty(t, got[BrowserCookie])
}
