package app_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/app"
	"github.com/portcullis-idp/portcullis/internal/config"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

// BenchmarkSignIn takes the default authentication flow over HTTP. Most of it
// is the password's hash; profile it to see the rest.
func BenchmarkSignIn(b *testing.B) {
	cfg, err := config.Load(config.Source{Flags: map[string]string{"database_url": testkit.EmptyDatabase(b), "bootstrap_password": "a good password"}})
	require.NoError(b, err)
	a, err := app.Open(b.Context(), cfg, slog.New(slog.DiscardHandler))
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, a.Close()) })
	server := httptest.NewServer(a.Handler())
	b.Cleanup(server.Close)
	for b.Loop() {
		jar, _ := cookiejar.New(nil)
		client := &http.Client{Jar: jar, Transport: server.Client().Transport}
		for _, body := range []string{"", `{"uid_field":"admin"}`, `{"password":"a good password"}`} {
			method := http.MethodGet
			if body != "" {
				method = http.MethodPost
			}
			r, err := http.NewRequest(method, server.URL+"/api/v3/flows/executor/default-authentication-flow/", bytes.NewBufferString(body))
			require.NoError(b, err)
			r.Header.Set("Content-Type", "application/json")
			answer, err := client.Do(r)
			require.NoError(b, err)
			_, _ = io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
			require.Equal(b, http.StatusOK, answer.StatusCode)
		}
	}
}
