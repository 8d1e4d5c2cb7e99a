package server_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/server"
	"github.com/portcullis-idp/portcullis/internal/token"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/static"
)

func draft(u *idp.User, intent idp.TokenIntent) token.Draft {
	return token.Draft{User: u.ID, Identifier: "token-" + strings.ToLower(secret.Token()), Intent: intent}
}

func TestPanicBecomesAPageWithARequestID(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	got := r.do(request{path: "/probe/panic/"})
	require.Equal(t, http.StatusInternalServerError, got.Code)
	id := got.Header().Get(server.RequestIDHeader)
	require.Contains(t, got.Body.String(), id)
	require.NotContains(t, got.Body.String(), "s3cret", "a cause is never shown")
	require.Contains(t, r.log.String(), "a fault of ours: s3cret")
	require.Contains(t, r.log.String(), id)
}

// Whoever leaves while the database is asked is no fault of the database's.
func TestWhoeverWentAwayIsNoFault(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	key := r.keyOf(r.admin)
	got := r.do(request{path: path("/core/users/"), key: key, gone: true})
	require.Equal(t, web.StatusClientGone, got.Code)
	require.NotContains(t, r.log.String(), `"level":"ERROR"`)
	require.Equal(t, http.StatusOK, r.do(request{path: path("/core/users/"), key: key}).Code)
}

func TestUnknownAddresses(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	got := r.do(request{path: path("/core/nothing/")})
	require.Equal(t, "There is nothing at this address.", got.json(http.StatusNotFound)["detail"])
	require.Equal(t, http.StatusNotFound, r.do(request{path: path("/core/users")}).Code, "no slash is appended under the API")
	got = r.do(request{path: "/nothing/"})
	require.Equal(t, http.StatusNotFound, got.Code)
	require.Contains(t, got.Header().Get("Content-Type"), "text/html")
	got = r.do(request{path: "/probe?x=1"})
	require.Equal(t, http.StatusPermanentRedirect, got.Code)
	require.Equal(t, "/probe/?x=1", got.Header().Get("Location"))
	for _, p := range []string{"//evil.example/probe", "/\\evil.example", "//evil.example"} {
		require.Empty(t, r.do(request{path: p}).Header().Get("Location"), p)
	}
}

func TestWrongMethodsAndMediaTypes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	got := r.do(request{method: http.MethodPost, path: path("/root/config/"), body: "{}"})
	got.json(http.StatusMethodNotAllowed)
	require.Equal(t, "GET, HEAD", got.Header().Get("Allow"))
	require.Equal(t, http.StatusMethodNotAllowed, r.do(request{method: "BREW", path: "/probe/"}).Code)
	require.Equal(t, http.StatusOK, r.do(request{method: http.MethodHead, path: "/probe/"}).Code)
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ";;"} {
		got := r.do(request{method: http.MethodPost, path: path("/core/users/"), as: r.admin, body: "a=b", header: map[string]string{"Content-Type": kind}})
		got.json(http.StatusUnsupportedMediaType)
	}
}

func TestOneWideLinePerRequest(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	cookie, key := r.cookieOf(r.person), r.keyOf(r.admin)
	r.do(request{path: path("/core/users/%d/", r.person.ID), key: key})
	r.do(request{path: "/if/flow/sign-in/?next=/private-place", cookie: cookie})
	r.do(request{method: http.MethodPost, path: "/if/flow/sign-in/", body: "password=hunter2&_step=x",
		header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}})
	r.do(request{path: path("/core/users/me/"), key: "wrong-key-value"})
	var lines []map[string]any
	for _, raw := range strings.Split(strings.TrimSpace(r.log.String()), "\n") {
		line := map[string]any{}
		require.NoError(t, json.Unmarshal([]byte(raw), &line))
		lines = append(lines, line)
	}
	require.Len(t, lines, 4)
	require.Equal(t, "/api/v3/core/users/{id}/", lines[0]["route"])
	require.Equal(t, "token", lines[0]["by"])
	require.EqualValues(t, r.admin.ID, lines[0]["actor"])
	require.EqualValues(t, 200, lines[0]["status"])
	require.Equal(t, "sign-in", lines[1]["flow"])
	require.Equal(t, "question", lines[1]["stage"])
	require.Equal(t, "session", lines[1]["by"])
	require.Equal(t, "unsigned", lines[3]["code"])
	for _, secret := range []string{cookie, key, "hunter2", "grace", "wrong-key-value", "192.0.2", "private-place"} {
		require.NotContains(t, r.log.String(), secret)
	}
}

func TestRequestIDOfATrustedProxy(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	id := func(remote, sent string) string {
		return r.do(request{path: "/-/health/live/", remote: remote, header: map[string]string{server.RequestIDHeader: sent}}).Header().Get(server.RequestIDHeader)
	}
	require.Equal(t, "abcdef-123", id("10.0.0.1:1", "abcdef-123"))
	require.NotEqual(t, "abcdef-123", id("192.0.2.1:1", "abcdef-123"))
	require.NotContains(t, id("10.0.0.1:1", "<script>alert(1)</script>"), "<")
}

func TestHealth(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	require.Equal(t, http.StatusOK, r.do(request{path: "/-/health/live/"}).Code)
	require.Equal(t, http.StatusOK, r.do(request{path: "/-/health/ready/"}).Code)
	r.server.Drain()
	require.Equal(t, http.StatusOK, r.do(request{path: "/-/health/live/"}).Code)
	require.Equal(t, http.StatusServiceUnavailable, r.do(request{path: "/-/health/ready/"}).Code)
	require.Equal(t, http.StatusOK, r.do(request{path: "/probe/"}).Code, "requests are answered until the end")
	r.db.Close()
	require.Equal(t, http.StatusServiceUnavailable, r.do(request{path: "/-/health/ready/"}).Code)
	require.Equal(t, http.StatusOK, r.do(request{path: "/-/health/live/"}).Code)
}

func TestAssets(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	address := assetPath()
	got := r.do(request{path: address})
	require.Equal(t, http.StatusOK, got.Code)
	require.Contains(t, got.Header().Get("Cache-Control"), "immutable")
	require.Contains(t, got.Header().Get("Content-Type"), "text/css")
	zipped := r.do(request{path: address, header: map[string]string{"Accept-Encoding": "br, gzip"}})
	require.Equal(t, "gzip", zipped.Header().Get("Content-Encoding"))
	require.Less(t, zipped.Body.Len(), got.Body.Len())
	same := r.do(request{path: address, header: map[string]string{"If-None-Match": got.Header().Get("ETag")}})
	require.Equal(t, http.StatusNotModified, same.Code)
	for _, p := range []string{"/static/", "/static/old/app.css", "/static/../go.mod", address + "/"} {
		got := r.do(request{path: p})
		require.Equal(t, http.StatusNotFound, got.Code, p)
		require.NotContains(t, got.Header().Get("Cache-Control"), "immutable")
	}
}

func assetPath() string { return static.Path("app.css") }
