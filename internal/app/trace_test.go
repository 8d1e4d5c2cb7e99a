package app_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// sent is what a collector got, in the words of OTLP.
type sent struct {
	ResourceSpans []struct {
		Resource   struct{ Attributes []fact }
		ScopeSpans []struct{ Spans []traced }
	}
}

type fact struct {
	Key   string
	Value struct{ StringValue, IntValue string }
}

type traced struct {
	TraceID, SpanID, ParentSpanID, Name, StartTimeUnixNano, EndTimeUnixNano string
	Kind                                                                    int
	Attributes                                                              []fact
	Status                                                                  struct{ Code int }
}

func (s traced) fact(key string) string { return factIn(s.Attributes, key) }

func factIn(all []fact, key string) string {
	for _, f := range all {
		if f.Key == key {
			return f.Value.StringValue + f.Value.IntValue
		}
	}
	return ""
}

// collector takes spans.
type collector struct {
	*httptest.Server
	mu    sync.Mutex
	got   []sent
	text  strings.Builder // all of it as it came
	fault []string
}

func newCollector(t *testing.T) *collector {
	c := &collector{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		body, _ := io.ReadAll(r.Body)
		var s sent
		if err := json.Unmarshal(body, &s); err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("api-key") != "s3cret" {
			c.fault = append(c.fault, r.URL.Path+" "+string(body))
		}
		c.got = append(c.got, s)
		c.text.Write(body)
		_, _ = w.Write([]byte("{}"))
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *collector) spans() (out []traced) {
	for _, s := range c.got {
		for _, r := range s.ResourceSpans {
			for _, scope := range r.ScopeSpans {
				out = append(out, scope.Spans...)
			}
		}
	}
	return out
}

func TestRequestsAreTraced(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	s := newSite(t, 1)
	s.user("zuleika")
	r := s.open("otlp_endpoint", c.URL, "otlp_headers", "api-key=s3cret")
	b := s.browser().at(r)
	const trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	b.get("/-/health/live/?token=hidden-in-a-query")
	require.Equal(t, http.StatusOK, b.do(http.MethodGet, "/api/v3/root/config/", nil, "traceparent", "00-"+trace+"-"+parent+"-00").status)
	b.get("/if/flow/no-such-flow-as-this/")
	b.signIn(s.named("zuleika"))
	require.NoError(t, r.Close(), "what is still to be sent is sent at the end")
	s.replicas = s.replicas[:1]

	c.mu.Lock()
	defer c.mu.Unlock()
	require.Empty(t, c.fault)
	require.NotEmpty(t, c.got)
	about := c.got[0].ResourceSpans[0].Resource.Attributes
	require.Equal(t, "portcullis", factIn(about, "service.name"))
	require.NotEmpty(t, factIn(about, "service.version"))

	byID, names := map[string]traced{}, map[string][]traced{}
	for _, span := range c.spans() {
		require.Len(t, span.TraceID, 32)
		require.Len(t, span.SpanID, 16)
		require.LessOrEqual(t, span.StartTimeUnixNano, span.EndTimeUnixNano)
		byID[span.TraceID+span.SpanID] = span
		names[span.Name] = append(names[span.Name], span)
	}
	for _, name := range []string{"GET /-/health/live/", "GET /api/v3/root/config/", "GET /if/flow/{slug}/"} {
		require.Len(t, names[name], 1, name)
	}
	live := names["GET /-/health/live/"][0]
	require.Equal(t, []string{"GET", "/-/health/live/", "200"}, []string{live.fact("http.request.method"), live.fact("http.route"), live.fact("http.response.status_code")})
	require.Equal(t, 2, live.Kind, "a server's")
	require.Empty(t, live.ParentSpanID)
	config := names["GET /api/v3/root/config/"][0]
	require.Equal(t, []string{trace, parent}, []string{config.TraceID, config.ParentSpanID}, "followed although a stranger says that it is not")
	require.Equal(t, "404", names["GET /if/flow/{slug}/"][0].fact("http.response.status_code"))

	// A sign-in's statements belong to its transaction, and that to its request.
	roots := map[string]bool{}
	for _, span := range c.spans() {
		if span.fact("db.system.name") == "" {
			continue
		}
		require.Equal(t, 3, span.Kind, "a client's")
		top := span
		for top.ParentSpanID != "" {
			next, ok := byID[top.TraceID+top.ParentSpanID]
			if !ok {
				break // the stranger's
			}
			top = next
		}
		roots[top.Name] = true
	}
	require.NotEmpty(t, names["INSERT sessions"])
	for _, span := range names["INSERT sessions"] {
		require.Equal(t, "transaction", byID[span.TraceID+span.ParentSpanID].Name)
	}
	require.True(t, roots["POST /api/v3/flows/executor/{flow_slug}/"], "%v", roots)
	for name := range roots {
		require.Regexp(t, `^(GET|POST) /`, name, "nothing but what requests do is followed")
	}
	for _, secret := range []string{"hidden-in-a-query", "no-such-flow-as-this", password, "zuleika", "s3cret", "127.0.0.1", "Go-http-client"} {
		require.NotContains(t, c.text.String(), secret)
	}
}
