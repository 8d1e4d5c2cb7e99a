package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

func TestDeviceCookie(t *testing.T) {
	t.Parallel()
	for host, c := range map[string]struct{ secure, keeps bool }{
		"id.example.org":           {true, true},
		"id.example.org:9443":      {true, true},
		"id.example.org:9000":      {false, false},
		"192.0.2.1:9000":           {false, false},
		"localhost.example.org":    {false, false},
		"notlocalhost":             {false, false},
		"127.0.0.1.example.org:80": {false, false},
		"":                         {false, false},
		"localhost":                {false, true},
		"LOCALHOST:9000":           {false, true},
		"app.localhost:9000":       {false, true},
		"127.0.0.1:9000":           {false, true},
		"127.9.9.9":                {false, true},
		"[::1]:9000":               {false, true},
		"[::1]":                    {false, true},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = host
		r = r.WithContext(With(r.Context(), &Scope{Cookies: Cookies{Secure: c.secure}}))
		value := secret.Token()
		r.AddCookie(&http.Cookie{Name: DeviceCookie, Value: value})
		want := flow.Device{Keeps: c.keeps}
		if c.keeps {
			want.Value = value
		}
		require.Equal(t, want, Device(r), host)

		w := httptest.NewRecorder()
		expires := time.Now().Add(30 * 24 * time.Hour)
		Apply(w, r, &flow.Answer{Effects: flow.Effects{Remembered: &flow.Remembered{Cookie: value, Expires: expires}}})
		if !c.keeps {
			require.Empty(t, w.Header().Values("Set-Cookie"), host)
			continue
		}
		header := w.Header().Get("Set-Cookie")
		require.True(t, strings.HasPrefix(header, "__Host-portcullis_device="+value+"; "), header)
		got := w.Result().Cookies()[0]
		require.True(t, got.Secure && got.HttpOnly && got.SameSite == http.SameSiteLaxMode && got.Path == "/", header)
		require.NotContains(t, strings.ToLower(header), "domain", "a __Host- cookie has none")
		require.WithinDuration(t, expires, got.Expires, time.Second)
		require.InDelta(t, 30*24*3600, got.MaxAge, 2)
		require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	}
}

func TestStrangeDeviceCookiesAreNone(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{"empty": "", "long": strings.Repeat("a", 65), "huge": strings.Repeat("a", 1<<16), "quotes": "abc'def",
		"dots": "abc.def", "NUL": "abc\x00", "not UTF-8": "abc\xff", "letters elsewhere": "абв"} {
		r := visitor("")
		r.Header.Set("Cookie", DeviceCookie+"="+value)
		require.Equal(t, flow.Device{Keeps: true}, Device(r), name)
	}
	r := visitor("")
	r.AddCookie(&http.Cookie{Name: "portcullis_device", Value: secret.Token()})
	require.Empty(t, Device(r).Value, "only the prefix keeps neighbours out")
}
