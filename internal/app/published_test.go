package app_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/consent"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/api/contract"
)

// publishedClient is where scripts/install-client.sh puts the client.
const publishedClient = ".portcullis/client/node_modules/@goauthentik/api"

// The client that others publish for the API drives a running server through
// everything that both have (testdata/client). What it sends and decodes is its own
// affair; here every answer is also held against the schema that it was generated
// from, as strictly as clients in other languages decode, and no operation that is
// offered may be left out.
func TestThePublishedClientDrivesAServer(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	client := filepath.Join(root, publishedClient)
	raw, err := os.ReadFile(filepath.Join(client, "schema.yml"))
	if err != nil && os.Getenv("CI") != "true" {
		t.Skip("the published client is not installed (scripts/install-client.sh)")
	}
	require.NoError(t, err)
	schema := readSchema(t, raw)

	s, _ := newMailSite(t)
	s.example("enrollment.yaml")
	s.example("recovery-by-mail.yaml")
	s.consented(s.named("admin"))
	factors := s.user("factor-ada")
	for kind, name := range map[idp.FactorKind]string{idp.FactorTOTP: "Totp", idp.FactorStatic: "Static", idp.FactorWebAuthn: "Webauthn"} {
		s.factor(factors, kind, name)
		s.factor(factors, kind, name) // one is removed by its owner, one by an administrator
	}
	walked := &walked{t: t, schema: schema, next: contract.Watch(t, s.replicas[0].Handler()), seen: map[string]bool{}}
	server := httptest.NewServer(walked)
	t.Cleanup(server.Close)

	node := exec.CommandContext(t.Context(), "node", "testdata/client/walk.cjs")
	node.Env = append(os.Environ(), "PORTCULLIS_URL="+server.URL, "PORTCULLIS_TOKEN="+adminToken, "PORTCULLIS_PASSWORD="+password,
		"PORTCULLIS_CLIENT="+filepath.Join(client, "dist/esm/index.js"))
	var complaints bytes.Buffer
	node.Stderr = &complaints
	out, err := node.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, node.Start())
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var step struct{ Name, Error string }
		require.NoError(t, json.Unmarshal(lines.Bytes(), &step), "%s", lines.Text())
		t.Run(step.Name, func(t *testing.T) {
			if step.Error != "" {
				t.Error(step.Error)
			}
		})
	}
	require.NoError(t, node.Wait(), "%s", complaints.String())
	require.Empty(t, walked.missing(t), "offered, in the client, and not walked through")
}

// consented gives the user a consent, as a sign-in to an application does.
func (s *site) consented(u *idp.User) {
	s.Helper()
	given := consent.Given{User: u.ID, Generation: u.SessionGeneration, Permissions: []string{"openid"}, Application: consent.Application{ID: "8d7e21e6-0d6f-4f5c-9f6e-0f3a1d7d2c11"}}
	require.NoError(s, s.replicas[0].Consents.Give(s.Context(), idp.Actor{}, given))
}

// walked stands in front of a server and notes which operations are used.
type walked struct {
	t      *testing.T
	schema *published
	next   http.Handler
	mu     sync.Mutex
	seen   map[string]bool // of the published schema, as "METHOD pattern"
}

func (w *walked) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	method, path := r.Method, strings.TrimPrefix(r.URL.Path, "/api/v3")
	rec := httptest.NewRecorder()
	w.next.ServeHTTP(rec, r)
	name, op := w.schema.operation(method, path)
	if op == nil {
		w.t.Errorf("%s %s is not of the published schema", method, path)
	} else if err := w.schema.answeredFor(r.UserAgent()).answer(op, rec.Code, rec.Body.Bytes()); err != nil {
		w.t.Errorf("%s %s: %d: %v", method, r.URL, rec.Code, err)
	}
	if rec.Code < http.StatusBadRequest {
		w.mu.Lock()
		w.seen[name] = true
		w.mu.Unlock()
	}
	for key, values := range rec.Header() {
		out.Header()[key] = values
	}
	out.WriteHeader(rec.Code)
	_, _ = out.Write(rec.Body.Bytes())
}

// missing are the operations that are offered and published, and never succeeded.
func (w *walked) missing(t *testing.T) []string {
	table, err := contract.Load()
	require.NoError(t, err)
	out, both := []string{}, 0
	for offered := range table.Answers {
		method, pattern, _ := strings.Cut(offered, " ")
		name, op := w.schema.operation(method, strings.TrimPrefix(pattern, "/api/v3"))
		if op == nil {
			continue // ours alone
		}
		both++
		if !w.seen[name] {
			out = append(out, name)
		}
	}
	require.Greater(t, both, 250)
	return out
}
