package contract

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Watch checks every answer of next under /api/v3/ and reports what breaks the
// contract as an error of the test.
func Watch(t testing.TB, next http.Handler) http.Handler {
	t.Helper()
	table, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method, path := r.Method, r.URL.Path
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, r)
		if strings.HasPrefix(path, "/api/v3/") && method != http.MethodHead {
			if err := table.Check(method, path, rec.Code, rec.Header().Get("Content-Type"), rec.Body.Bytes()); err != nil {
				t.Errorf("contract: %s %s: %v", method, path, err)
			}
		}
		for key, values := range rec.Header() {
			w.Header()[key] = values
		}
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
	})
}
