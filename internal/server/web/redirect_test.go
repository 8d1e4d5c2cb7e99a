package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLocal(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]bool{
		"/": true, "/if/user/": true, "/if/flow/a/?next=%2Fb&c=d#e": true, "/a//b": true, "/ü": true, "/a:b": true, "/?next=https://evil.example": true,
		"": false, "a": false, "//evil.example": false, "///evil.example": false, "/\\evil.example": false, "\\\\evil.example": false,
		"https://evil.example": false, "HTTPS:evil": false, "javascript:alert(1)": false, "/\t/evil.example": false, "/\n/evil": false,
		" /a": false, "/%2f/evil.example": false, "/%5Cevil.example": false, "/./evil": false, "/../evil": false, "/%zz": false,
		"/a\x00": false, "/a\x7f": false, "/\xff": false, "/" + strings.Repeat("a", 5000): false,
	} {
		require.Equal(t, want, Local(target), "%q", target)
	}
}

func TestRedirectNeverLeaves(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{"/a/?b=c": "/a/?b=c", "//evil.example": "/", "https://evil.example": "/", "": "/"} {
		w := httptest.NewRecorder()
		require.NoError(t, Redirect(w, httptest.NewRequest(http.MethodPost, "/x/", nil), target))
		require.Equal(t, http.StatusSeeOther, w.Code)
		require.Equal(t, want, w.Header().Get("Location"))
	}
	require.Equal(t, "", Next(url.Values{"next": {"//evil.example"}}))
	require.Equal(t, "/a/", Next(url.Values{"next": {"/a/"}}))
}

func TestSignInURL(t *testing.T) {
	t.Parallel()
	require.Equal(t, SignInPath+"?next=%2Fa%2F%3Fb%3Dc", SignInURL(httptest.NewRequest(http.MethodGet, "/a/?b=c", nil)))
	require.Equal(t, SignInPath, SignInURL(httptest.NewRequest(http.MethodPost, "/a/", nil)), "what was posted cannot be come back to")
}

// FuzzLocal holds what a browser would do with a target against what we say of
// it: resolved against our own address it must stay there.
func FuzzLocal(f *testing.F) {
	for _, seed := range []string{"/", "//a", "/\\a", "/a?b#c", "/%2f%2fa", "/.//a", "https:a", "/\u2028", "/a/..//b"} {
		f.Add(seed)
	}
	base, _ := url.Parse("https://id.example.org/if/flow/x/")
	f.Fuzz(func(t *testing.T, target string) {
		if !Local(target) {
			return
		}
		ref, err := url.Parse(strings.ReplaceAll(target, "\\", "/"))
		if err != nil {
			t.Fatalf("%q is local but no URL: %v", target, err)
		}
		if at := base.ResolveReference(ref); at.Host != base.Host || at.Scheme != base.Scheme {
			t.Fatalf("%q leads to %s", target, at)
		}
	})
}
