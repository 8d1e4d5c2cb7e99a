package trace

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// transport answers with one status after the other, the last one again and again.
type transport struct {
	statuses []int
	asked    atomic.Int64
}

func (f *transport) RoundTrip(*http.Request) (*http.Response, error) {
	n := int(f.asked.Add(1))
	w := httptest.NewRecorder()
	w.WriteHeader(f.statuses[min(n, len(f.statuses))-1])
	return w.Result(), nil
}

var some = tracetest.SpanStubs{{Name: "x"}}.Snapshots()

func TestWhatACollectorDoesNotTakeIsTriedAgainAndThenLost(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		statuses []int
		asked    int64
		lost     bool
	}{
		"taken":             {[]int{200}, 1, false},
		"taken later":       {[]int{503, 429, 200}, 3, false},
		"never":             {[]int{503}, 3, true},
		"not what it wants": {[]int{400}, 1, true},
		"elsewhere":         {[]int{302}, 1, true},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				answers := &transport{statuses: c.statuses}
				e := newExporter(Options{Endpoint: "http://collector", Log: slog.New(slog.NewTextHandler(&log, nil))})
				e.client.Transport = answers
				require.NoError(t, e.ExportSpans(t.Context(), some))
				require.Equal(t, c.asked, answers.asked.Load())
				require.Equal(t, c.lost, strings.Contains(log.String(), "are lost"), log.String())
				if !c.lost {
					return
				}
				require.NoError(t, e.ExportSpans(t.Context(), some))
				require.Equal(t, 1, strings.Count(log.String(), "are lost"), "said once")
				answers.statuses = []int{200}
				require.NoError(t, e.ExportSpans(t.Context(), some))
				require.Contains(t, log.String(), "are sent again")
			})
		})
	}
}

func TestSpansInTheWordsOfOTLP(t *testing.T) {
	t.Parallel()
	got := tracetest.NewInMemoryExporter()
	p := sdk.NewTracerProvider(sdk.WithSyncer(got))
	_, s := p.Tracer(scope).Start(t.Context(), "work")
	s.SetAttributes(attribute.String("s", "x"), attribute.Int("i", -5), attribute.Bool("b", true), attribute.Float64("f", 1.5), attribute.StringSlice("l", []string{"a"}))
	s.SetStatus(codes.Error, "not told")
	s.End()
	text, err := json.Marshal(document(got.GetSpans().Snapshots()))
	require.NoError(t, err)
	for _, want := range []string{`{"key":"i","value":{"intValue":"-5"}}`, `{"key":"b","value":{"boolValue":true}}`, `{"key":"f","value":{"doubleValue":1.5}}`,
		`{"key":"s","value":{"stringValue":"x"}}`, `"status":{"code":2}`, `"kind":1`, `"scope":{"name":"github.com/portcullis-idp/portcullis"}`} {
		require.Contains(t, string(text), want)
	}
	require.NotContains(t, string(text), "not told")
	empty, err := json.Marshal(document(nil))
	require.NoError(t, err)
	require.JSONEq(t, `{"resourceSpans":[]}`, string(empty))
}

func TestNothingIsFollowedOutsideOfARequest(t *testing.T) {
	t.Parallel()
	tr, err := Open(t.Context(), Options{Endpoint: "http://127.0.0.1:1", Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	require.False(t, tr.Follows(t.Context()))
	ctx, end := tr.Request(t.Context(), http.Header{})
	require.True(t, tr.Follows(ctx))
	require.True(t, tr.Follows(tr.Within(context.Background(), ctx)))
	end("GET", "/", 200)
	require.False(t, tr.Follows(ctx), "it is over")
}
