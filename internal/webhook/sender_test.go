package webhook

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/configure"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/notify"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

func isFinalError(err error) bool { return errors.Is(err, notify.ErrFinal) }

func TestSend(t *testing.T) {
	t.Parallel()
	r := receive(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(" thank\x07you\r\n\x1b[31m ")) })
	m := message(r.URL + "/hooks/security?team=1")
	m.Headers = map[string]any{"X-Team": "blue", "x-shift": 3, "X-Load": 1.5, "X-Night": true}
	answer, err := sender().Send(t.Context(), m)
	require.NoError(t, err)
	require.Equal(t, "200 OK: thank␇you ␛[31m", answer)
	got := r.taken()[0]
	require.Equal(t, "POST /hooks/security?team=1", got.Method+" "+got.RequestURI)
	for name, value := range map[string]string{"Content-Type": "application/json", "User-Agent": "Portcullis/1.2.3", "X-Portcullis-Delivery": "42",
		"X-Portcullis-Redelivery": "0", "X-Portcullis-Try": "2", "X-Portcullis-Event": m.Event.ID.String(), "X-Portcullis-Signature": "",
		"X-Team": "blue", "X-Shift": "3", "X-Load": "1.5", "X-Night": "true", "Idempotency-Key": ""} {
		require.Equal(t, value, got.Header.Get(name), name)
	}
	want, err := json.Marshal(m.Payload())
	require.NoError(t, err)
	require.JSONEq(t, string(want), string(got.body))

	m.Try = 3
	_, err = sender().Send(t.Context(), m)
	require.NoError(t, err)
	require.Equal(t, []string{"42", "3"}, []string{r.taken()[1].Header.Get("X-Portcullis-Delivery"), r.taken()[1].Header.Get("X-Portcullis-Try")})
	m.Try, m.Redelivery = 1, 2
	_, err = sender().Send(t.Context(), m)
	require.NoError(t, err)
	require.Equal(t, []string{"42", "2"}, []string{r.taken()[2].Header.Get("X-Portcullis-Delivery"), r.taken()[2].Header.Get("X-Portcullis-Redelivery")}, "the same delivery, meant to be taken again")
	m.Delivery, m.Test = 0, true
	_, err = sender().Send(t.Context(), m)
	require.NoError(t, err)
	require.Equal(t, "test-"+m.Event.ID.String(), r.taken()[3].Header.Get("X-Portcullis-Delivery"), "receivers that tell deliveries apart take every test")
}

// What a mapping gives is what is sent, whatever it is: nothing is null, and not more
// than was asked for.
func TestMappedBodies(t *testing.T) {
	t.Parallel()
	r := receive(t, nil)
	id := idp.WebhookMappingID{1}
	for i, c := range []struct {
		mapped any
		body   string
	}{{map[string]any{"a": []any{1, "x"}}, `{"a":[1,"x"]}`}, {[]any{}, `[]`}, {"text", `"text"`}, {7, `7`}, {nil, `null`}} {
		m := message(r.URL)
		m.Mapped, m.Transport.WebhookMappingBody = c.mapped, &id
		if i == 0 {
			m.Transport.Mode = idp.TransportSlack
			m.Headers = map[string]any{"content-type": "application/cloudevents+json"}
		}
		_, err := sender().Send(t.Context(), m)
		require.NoError(t, err)
		require.Equal(t, c.body, string(r.taken()[i].body))
	}
	require.Equal(t, "application/cloudevents+json", r.taken()[0].Header.Get("Content-Type"))
	m := message(r.URL)
	m.Mapped, m.Transport.WebhookMappingBody = math.NaN(), &id
	_, err := sender().Send(t.Context(), m)
	isFinal(t, true, err, "not JSON")
}

// verified is how a receiver verifies a request: HMAC as RFC 2104 writes it down.
func verified(header, key string, body []byte, at time.Time) error {
	t, v1, ok := strings.Cut(strings.TrimPrefix(header, "t="), ",v1=")
	seconds, err := strconv.ParseInt(t, 10, 64)
	if !ok || err != nil {
		return fmt.Errorf("no signature: %q", header)
	}
	if age := at.Sub(time.Unix(seconds, 0)).Abs(); age > 5*time.Minute {
		return fmt.Errorf("too old")
	}
	block := make([]byte, 64)
	copy(block, key)
	inner, outer := make([]byte, 64), make([]byte, 64)
	for i, b := range block {
		inner[i], outer[i] = b^0x36, b^0x5c
	}
	first := sha256.Sum256(append(append(inner, t+"."...), body...))
	second := sha256.Sum256(append(outer, first[:]...))
	if subtle.ConstantTimeCompare([]byte(hex.EncodeToString(second[:])), []byte(v1)) != 1 {
		return fmt.Errorf("another signature")
	}
	return nil
}

func TestSignatures(t *testing.T) {
	t.Parallel()
	require.Equal(t, "t=1763812800,v1=06c0cda12701d0dfe7dfc991826ded0344a8667822550d1e940aa9a7ceb26ee3", sign("s3cret-of-the-hook", now, []byte(`{"a":1}`)), "what other programs make of it")

	sealer, err := secret.NewSealer([]byte(strings.Repeat("k", 32)))
	require.NoError(t, err)
	r := receive(t, func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/moved" {
			http.Redirect(w, req, "/there", http.StatusPermanentRedirect)
		}
	})
	const key = "s3cret-of-the-hook"
	m := message(r.URL + "/moved")
	s := sender(func(c *Config) { c.Sealer = sealer })
	for _, stored := range []string{key, sealer.SealText(configure.TransportSecretUse(m.Transport.ID), key)} {
		m.Transport.WebhookSecret = stored
		_, err := s.Send(t.Context(), m)
		require.NoError(t, err)
	}
	require.Len(t, r.taken(), 4)
	for _, got := range r.taken() {
		header := got.Header.Get("X-Portcullis-Signature")
		require.NoError(t, verified(header, key, got.body, now.Add(4*time.Minute)))
		require.Error(t, verified(header, key, got.body, now.Add(6*time.Minute)))
		require.Error(t, verified(header, "another", got.body, now))
		require.Error(t, verified(header, key, append(got.body, ' '), now))
	}

	for name, stored := range map[string]string{"of another transport": sealer.SealText(configure.TransportSecretUse(idp.TransportID{1}), key),
		"under another key": func() string {
			other, err := secret.NewSealer([]byte(strings.Repeat("x", 32)))
			require.NoError(t, err)
			return other.SealText(configure.TransportSecretUse(m.Transport.ID), key)
		}()} {
		m.Transport.WebhookSecret = stored
		_, err := s.Send(t.Context(), m)
		isFinal(t, false, err, name)
		require.ErrorContains(t, err, "PORTCULLIS_SECRET_KEY")
	}
	_, err = sender().Send(t.Context(), m)
	require.ErrorContains(t, err, "PORTCULLIS_SECRET_KEY")
	require.Len(t, r.taken(), 4, "nothing is sent without its signature")
}

func TestWhatAStatusMeans(t *testing.T) {
	t.Parallel()
	r := receive(t, func(w http.ResponseWriter, req *http.Request) {
		code, _ := strconv.Atoi(req.URL.Path[1:])
		w.WriteHeader(code)
		if code != http.StatusNoContent && code != http.StatusNotModified {
			_, _ = w.Write([]byte("because"))
		}
	})
	s := sender()
	for code, want := range map[int]string{200: "", 201: "", 202: "", 204: "", 300: "final", 302: "final", 304: "final", 400: "final", 401: "final", 403: "final", 404: "final",
		410: "final", 413: "final", 418: "final", 499: "final", 408: "again", 425: "again", 429: "again", 500: "again", 502: "again", 503: "again", 504: "again", 599: "again"} {
		answer, err := s.Send(t.Context(), message(r.URL+"/"+strconv.Itoa(code)))
		require.True(t, strings.HasPrefix(answer, strconv.Itoa(code)), answer)
		if code != 204 && code != 304 {
			require.True(t, strings.HasSuffix(answer, ": because"), answer)
		}
		if want == "" {
			require.NoError(t, err, code)
			continue
		}
		isFinal(t, want == "final", err, strconv.Itoa(code))
	}
}

func TestHugeAnswers(t *testing.T) {
	t.Parallel()
	for _, text := range []string{strings.Repeat("ü", 1<<19), strings.Repeat("xü", 1<<19), strings.Repeat("\x00", 1<<20), strings.Repeat("\xff", 1<<20)} {
		r := receive(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write([]byte(text))
		})
		answer, err := sender().Send(t.Context(), message(r.URL))
		isFinal(t, false, err, "huge")
		require.True(t, utf8.ValidString(answer))
		require.NotContains(t, answer, "\x00")
		require.True(t, strings.HasPrefix(answer, "500 Internal Server Error: "))
		require.Greater(t, len(answer), 26)
		require.LessOrEqual(t, len(answer)+len(err.Error()), 4<<10, "it fits into a delivery")
	}
	r := receive(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Huge", strings.Repeat("x", 1<<20)) })
	_, err := sender().Send(t.Context(), message(r.URL))
	isFinal(t, false, err, "huge headers")
}

func TestSlowReceivers(t *testing.T) {
	t.Parallel()
	over := make(chan struct{})
	r := receive(t, func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/body" {
			_, _ = w.Write([]byte("part"))
			w.(http.Flusher).Flush()
		}
		select {
		case <-over:
		case <-req.Context().Done():
		}
	})
	t.Cleanup(func() { close(over) })
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := sender().Send(ctx, message(r.URL+"/secret-path"))
	isFinal(t, false, err, "slow")
	require.ErrorContains(t, err, "did not answer in time")
	require.NotContains(t, err.Error(), "secret-path", "addresses of hooks are secrets")

	ctx, cancel = context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	answer, err := sender().Send(ctx, message(r.URL+"/body"))
	require.NoError(t, err, "the status has arrived")
	require.Equal(t, "200 OK: part", answer)
}

func TestFaultsOfTheNetwork(t *testing.T) {
	t.Parallel()
	closed := receive(t, nil)
	closed.Close()
	_, err := sender().Send(t.Context(), message(closed.URL+"/secret-path"))
	isFinal(t, false, err, "closed")
	require.NotContains(t, err.Error(), "secret-path")
	rude := receive(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_, _ = conn.Write([]byte("\x15\x03\xff\x00 no HTTP\n\n"))
			conn.Close()
		}
	})
	_, err = sender().Send(t.Context(), message(rude.URL+"/secret-path"))
	isFinal(t, false, err, "rude")
	require.NotContains(t, err.Error(), "secret-path")
	require.True(t, utf8.ValidString(err.Error()) && !strings.Contains(err.Error(), "\x00"))

	for _, address := range []string{"", "ftp://example.org/", "https://", "https:///x", "://", "https://a:b@example.org/", "gopher://127.0.0.1/", "/path"} {
		_, err := sender().Send(t.Context(), message(address))
		isFinal(t, true, err, address)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	r := receive(t, nil, func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() })
	pool := x509.NewCertPool()
	pool.AddCert(r.Certificate())
	known := sender(func(c *Config) { c.Roots = pool })
	_, err := known.Send(t.Context(), message(r.URL))
	require.NoError(t, err)
	require.Equal(t, 2, r.taken()[0].ProtoMajor)
	_, err = sender().Send(t.Context(), message(r.URL))
	isFinal(t, false, err, "a stranger's certificate")
	require.ErrorContains(t, err, "certificate")
	require.Len(t, r.taken(), 1)
	old := receive(t, nil, func(s *httptest.Server) { s.TLS = &tls.Config{MaxVersion: tls.VersionTLS11}; s.StartTLS() })
	_, err = known.Send(t.Context(), message(old.URL))
	isFinal(t, false, err, "an old version")
}

func TestConnectionsAreKept(t *testing.T) {
	t.Parallel()
	r := receive(t, nil)
	s := sender()
	for range 3 {
		_, err := s.Send(t.Context(), message(r.URL))
		require.NoError(t, err)
	}
	require.Equal(t, 1, r.news)
	require.Nil(t, transport(Config{}, webhookSetting).Proxy, "a proxy would dial for us")
}
