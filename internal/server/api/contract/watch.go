package contract

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
)

// Watch checks every answer of next under /api/v3/ and reports what breaks the
// contract as an error of the test. Answers are passed on when they are whole,
// those that last at once.
func Watch(t testing.TB, next http.Handler) http.Handler {
	t.Helper()
	table, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method, path := r.Method, r.URL.Path
		rec := &tape{w: w}
		next.ServeHTTP(rec, r)
		rec.WriteHeader(http.StatusOK)
		if strings.HasPrefix(path, "/api/v3/") && method != http.MethodHead && r.Context().Err() == nil { // an answer to nobody is none
			if err := table.Check(method, path, rec.status, rec.Header().Get("Content-Type"), rec.body.Bytes()); err != nil {
				t.Errorf("contract: %s %s: %v", method, path, err)
			}
		}
		if !rec.lasts {
			w.WriteHeader(rec.status)
			_, _ = w.Write(rec.body.Bytes())
		}
	})
}

// tape keeps what is written.
type tape struct {
	w      http.ResponseWriter
	status int // 0 = not known yet
	lasts  bool
	body   bytes.Buffer
}

func (t *tape) Header() http.Header { return t.w.Header() }

func (t *tape) WriteHeader(status int) {
	if t.status != 0 {
		return
	}
	t.status = status
	if t.lasts = strings.HasPrefix(t.Header().Get("Content-Type"), eventStream); t.lasts {
		t.w.WriteHeader(status)
	}
}

func (t *tape) Write(b []byte) (int, error) {
	t.WriteHeader(http.StatusOK)
	t.body.Write(b)
	if t.lasts {
		return t.w.Write(b)
	}
	return len(b), nil
}

// FlushError passes on what lasts; the rest is not whole yet.
func (t *tape) FlushError() error {
	if !t.lasts {
		return nil
	}
	return http.NewResponseController(t.w).Flush()
}

// Unwrap lets answers that last set time limits.
func (t *tape) Unwrap() http.ResponseWriter { return t.w }
