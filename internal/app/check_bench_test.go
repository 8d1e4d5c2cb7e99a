package app_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/app"
	"github.com/portcullis-idp/portcullis/internal/config"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/internal/session"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

// BenchmarkCheck answers for a session in memory, and BenchmarkBare answers
// nothing through the same chain.
func BenchmarkCheck(b *testing.B) { benchmarkRequest(b, "/-/session/") }

// BenchmarkBare is the yardstick of BenchmarkCheck.
func BenchmarkBare(b *testing.B) { benchmarkRequest(b, "/-/health/live/") }

func benchmarkRequest(b *testing.B, path string) {
	cfg, err := config.Load(config.Source{Flags: map[string]string{"database_url": testkit.EmptyDatabase(b)}})
	require.NoError(b, err)
	a, err := app.Open(b.Context(), cfg, slog.New(slog.DiscardHandler))
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, a.Close()) })
	page, err := a.DB.Repos().Users.Find(b.Context(), idp.UserFilter{Usernames: []string{"admin"}})
	require.NoError(b, err)
	admin := page.Items[0]
	_, cookie, err := a.Sessions.Start(b.Context(), idp.Actor{}, session.Begin{User: admin.ID, Generation: admin.SessionGeneration})
	require.NoError(b, err)
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.AddCookie(&http.Cookie{Name: web.SessionCookie, Value: cookie})
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		a.Handler().ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatal(w.Code, w.Body)
		}
	}
}
