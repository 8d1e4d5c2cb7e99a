package webhook

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/logout"
)

func teller(allow ...netip.Prefix) *Logout {
	return NewLogout(Config{Version: "1.2.3", Allow: allow})
}

func TestALogoutTokenIsPostedAsTheSpecificationHasIt(t *testing.T) {
	t.Parallel()
	r := receive(t, nil)
	answer, err := teller(loopback...).SendLogout(t.Context(), r.URL+"/out?tenant=a", "a.b.c")
	require.NoError(t, err)
	require.Equal(t, "200 OK", answer)
	got := r.taken()[0]
	require.Equal(t, http.MethodPost, got.Method)
	require.Equal(t, "/out?tenant=a", got.RequestURI)
	require.Equal(t, "application/x-www-form-urlencoded", got.Header.Get("Content-Type"))
	require.Equal(t, "Portcullis/1.2.3", got.Header.Get("User-Agent"))
	require.Empty(t, got.Header.Get("Idempotency-Key"))
	require.Equal(t, "logout_token=a.b.c", string(got.body))
}

func TestWhatAnswersToLogoutTokensMean(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status     int
		kind, body string
		answer     string
		is         error // nil with wrong = one that may pass
		wrong      bool
	}{
		{200, "text/html", "<h1>secret page</h1>", "200 OK", nil, false},
		{204, "", "", "204 No Content", nil, false},
		{400, "application/json", `{"error":"invalid_request","error_description":"no such\nsession"}`, "400 Bad Request: invalid_request (no such session)", logout.ErrRefused, true},
		{400, "text/plain", "the database password is hunter2", "400 Bad Request", logout.ErrRefused, true},
		{404, "application/json", `{"password":"hunter2"}`, "404 Not Found", logout.ErrRefused, true},
		{202, "", "", "202 Accepted", logout.ErrRefused, true},
		{302, "", "", "302 Found", logout.ErrRefused, true},
		{429, "", "", "429 Too Many Requests", nil, true},
		{503, "application/json; charset=utf-8", `{"error":"busy"}`, "503 Service Unavailable: busy", nil, true},
	} {
		asked := 0
		r := receive(t, func(w http.ResponseWriter, _ *http.Request) {
			asked++
			w.Header().Set("Content-Type", c.kind)
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(c.body))
		})
		answer, err := teller(loopback...).SendLogout(t.Context(), r.URL, "t")
		require.Equal(t, c.answer, answer)
		require.Equal(t, c.wrong, err != nil, "%d: %v", c.status, err)
		require.Equal(t, c.is != nil, errors.Is(err, logout.ErrRefused), "%d: %v", c.status, err)
		require.NotErrorIs(t, err, logout.ErrFinal)
		require.Equal(t, 1, asked, "it was led elsewhere")
	}
}

func TestLogoutTokensLeadWhereTheOperatorAllows(t *testing.T) {
	t.Parallel()
	r := receive(t, nil)
	_, err := teller().SendLogout(t.Context(), r.URL, "t")
	require.ErrorIs(t, err, logout.ErrFinal)
	require.ErrorContains(t, err, "is this machine, where logout notices may not lead: the operator can allow it with logout_allow (PORTCULLIS_LOGOUT_ALLOW)")
	_, err = teller(netip.MustParsePrefix("10.0.0.0/8")).SendLogout(t.Context(), r.URL, "t")
	require.ErrorIs(t, err, logout.ErrFinal)
	require.Empty(t, r.taken())
	for _, bad := range []string{"", "ftp://x/", "https://ada:pw@x/", "https:///", "://"} {
		_, err = teller(loopback...).SendLogout(t.Context(), bad, "t")
		require.ErrorIs(t, err, logout.ErrFinal, bad)
	}
	down := httptest.NewServer(nil)
	down.Close()
	_, err = teller(loopback...).SendLogout(t.Context(), down.URL, "t")
	require.ErrorContains(t, err, "connection refused")
	require.NotErrorIs(t, err, logout.ErrFinal)
	require.NotErrorIs(t, err, logout.ErrRefused)
}
