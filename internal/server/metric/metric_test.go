package metric_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/metric"
)

// read parses an answer as Prometheus does.
func read(t *testing.T, text []byte) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	out, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	require.NoError(t, err, string(text))
	return out
}

// values are a family's, by the values of its labels.
func values(f *dto.MetricFamily) map[string]float64 {
	out := map[string]float64{}
	for _, m := range f.GetMetric() {
		var labels []string
		for _, l := range m.GetLabel() {
			labels = append(labels, l.GetValue())
		}
		v := m.GetGauge().GetValue() + m.GetCounter().GetValue()
		if h := m.GetHistogram(); h != nil {
			v = float64(h.GetSampleCount())
		}
		out[strings.Join(labels, " ")] = v
	}
	return out
}

func TestTheFormatIsPrometheuss(t *testing.T) {
	t.Parallel()
	r := metric.New()
	c := r.Counter("portcullis_knocks_total", `How often, "in\fact", somebody knocked.`, "door", "who")
	odd := "a \"b\" \\ c\nd\xff"
	c.Add(2, "front", odd)
	c.Add(1, "front", odd)
	c.Add(0, "back", "x")
	r.Counter("portcullis_never_total", "What never happened.")
	h := r.Histogram("portcullis_wait_seconds", "How long somebody waited.", []float64{0.1, 1}, "door")
	for _, d := range []time.Duration{50 * time.Millisecond, 100 * time.Millisecond, time.Second / 2, time.Minute} {
		h.Note(d, "front")
	}
	r.Gauge("portcullis_people", "Who is here.", nil, func(context.Context) ([]metric.Sample, error) { return metric.One(-1.5), nil })
	text := r.Text(t.Context())
	got := read(t, text)
	require.Equal(t, map[string]float64{"front a \"b\" \\ c\nd\uFFFD": 3, "back x": 0}, values(got["portcullis_knocks_total"]))
	require.Equal(t, dto.MetricType_COUNTER, got["portcullis_knocks_total"].GetType())
	require.Equal(t, `How often, "in\fact", somebody knocked.`, got["portcullis_knocks_total"].GetHelp())
	require.Equal(t, map[string]float64{"": 0}, values(got["portcullis_never_total"]), "what may happen is there before it does")
	require.Equal(t, map[string]float64{"": -1.5}, values(got["portcullis_people"]))
	wait := got["portcullis_wait_seconds"].GetMetric()[0].GetHistogram()
	require.Equal(t, uint64(4), wait.GetSampleCount())
	require.InDelta(t, 60.65, wait.GetSampleSum(), 1e-9)
	buckets := map[float64]uint64{}
	for _, b := range wait.GetBucket()[:2] {
		buckets[b.GetUpperBound()] = b.GetCumulativeCount()
	}
	require.Equal(t, map[float64]uint64{0.1: 2, 1: 3}, buckets, "a bound belongs to its bucket")
	require.Equal(t, text, r.Text(t.Context()), "in the same order each time")
}

func TestTheNumberOfSeriesIsBounded(t *testing.T) {
	t.Parallel()
	r := metric.New()
	c := r.Counter("portcullis_runs_total", "Runs.", "flow", "turn")
	q := r.Requests()
	many := make([]metric.Sample, 1000)
	for i := range 5000 {
		c.Add(1, fmt.Sprint("flow-", i), "begun")
		q.Request(fmt.Sprint("/", i, "/"), "GET", 200, time.Millisecond)
		q.Request("/one/", fmt.Sprint("METHOD", i), 100+i, time.Millisecond)
		many[i%1000] = metric.Sample{Labels: []string{fmt.Sprint(i)}, Value: 1}
	}
	r.Gauge("portcullis_many", "Many.", []string{"n"}, func(context.Context) ([]metric.Sample, error) { return many, nil })
	got := read(t, r.Text(t.Context()))
	runs := values(got["portcullis_runs_total"])
	require.Len(t, runs, 200)
	require.Equal(t, 5000.0-199, runs["other other"], "nothing is lost")
	require.Len(t, values(got["portcullis_many"]), 200)
	requests := values(got["portcullis_http_requests_total"])
	require.LessOrEqual(t, len(requests), 3010)
	sum := 0.0
	for k, n := range requests {
		sum += n
		if strings.Contains(k, "/one/") {
			require.Regexp(t, `^/one/ other [1-5]xx$`, k)
		}
	}
	require.Equal(t, 10000.0, sum)
	require.Equal(t, requests, values(got["portcullis_http_request_duration_seconds"]))
}

func TestAKnownRequestIsCountedWithoutMemory(t *testing.T) { // alone: it counts what is allocated
	q := metric.New().Requests()
	q.Request("/-/session/", "GET", 200, time.Millisecond)
	require.Zero(t, testing.AllocsPerRun(100, func() { q.Request("/-/session/", "GET", 200, time.Millisecond) }))
}

func TestWhatCannotBeReadIsLeftOutAndCounted(t *testing.T) {
	t.Parallel()
	r := metric.New()
	r.Gauge("portcullis_broken", "Broken.", nil, func(ctx context.Context) ([]metric.Sample, error) { return nil, errors.New("no") })
	r.Gauge("portcullis_whole", "Whole.", nil, func(context.Context) ([]metric.Sample, error) { return metric.One(7), nil })
	for n := range 2 {
		got := read(t, r.Text(t.Context()))
		require.NotContains(t, got, "portcullis_broken")
		require.Equal(t, map[string]float64{"": 7}, values(got["portcullis_whole"]))
		require.Equal(t, map[string]float64{"portcullis_broken": float64(n + 1)}, values(got["portcullis_metric_failures_total"]))
	}
}

func TestNamesAreCheckedWhereTheyAreMade(t *testing.T) {
	t.Parallel()
	r := metric.New()
	r.Counter("portcullis_once_total", "Once.")
	for what, make := range map[string]func(){
		"twice":       func() { r.Counter("portcullis_once_total", "Again.") },
		"no name":     func() { r.Counter("portcullis once", "Spaces.") },
		"no help":     func() { r.Counter("portcullis_silent_total", "") },
		"no label":    func() { r.Counter("portcullis_odd_total", "Odd.", "a-b") },
		"more labels": func() { r.Counter("portcullis_more_total", "More.", "a").Add(1, "x", "y") },
	} {
		require.Panics(t, make, what)
	}
}

// ask is an answer of the page, on the main listener unless alone is set.
func ask(p *metric.Page, alone, local bool, change func(*http.Request)) (int, string, error) {
	r := httptest.NewRequest(http.MethodGet, metric.Path, nil)
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	var err error
	if alone {
		p.ServeHTTP(w, r)
	} else if err = p.Serve(w, r, local); err != nil {
		return 0, "", err
	}
	body, _ := io.ReadAll(w.Result().Body)
	return w.Code, string(body), nil
}

func bearing(token string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", token) }
}

func TestWhoMayReadMetrics(t *testing.T) {
	t.Parallel()
	const token = "0123456789abcdef"
	none, own, with := metric.NewPage(metric.New(), "", false), metric.NewPage(metric.New(), "", true), metric.NewPage(metric.New(), token, false)
	both := metric.NewPage(metric.New(), token, true)
	for what, c := range map[string]struct {
		page         *metric.Page
		alone, local bool
		change       func(*http.Request)
		refused      idp.Code
		status       int
	}{
		"this machine":               {page: none, local: true, status: 200},
		"a stranger":                 {page: none, refused: idp.CodeForbidden},
		"a stranger with any token":  {page: none, change: bearing("Bearer x"), refused: idp.CodeForbidden},
		"this machine, not the own":  {page: own, local: true, refused: idp.CodeNotFound},
		"the own listener":           {page: own, alone: true, status: 200},
		"with the token":             {page: with, change: bearing("Bearer " + token), status: 200},
		"in lower case":              {page: with, change: bearing("bearer " + token), status: 200},
		"this machine, without it":   {page: with, local: true, status: 401},
		"a beginning of it":          {page: with, change: bearing("Bearer " + token[:15]), status: 401},
		"more than it":               {page: with, change: bearing("Bearer " + token + "0"), status: 401},
		"another scheme":             {page: with, change: bearing("Basic " + token), status: 401},
		"nothing but the token":      {page: with, change: bearing(token), status: 401},
		"an empty one":               {page: with, change: bearing("Bearer "), status: 401},
		"both, main listener":        {page: both, local: true, change: bearing("Bearer " + token), refused: idp.CodeNotFound},
		"both, own listener":         {page: both, alone: true, change: bearing("Bearer " + token), status: 200},
		"both, own without":          {page: both, alone: true, status: 401},
		"own listener, other path":   {page: own, alone: true, change: func(r *http.Request) { r.URL.Path = "/" }, status: 404},
		"own listener, other method": {page: own, alone: true, change: func(r *http.Request) { r.Method = http.MethodPost }, status: 405},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			status, body, err := ask(c.page, c.alone, c.local, c.change)
			require.Equal(t, c.refused, idp.CodeOf(err), "%v", err)
			require.Equal(t, c.status, status)
			require.Equal(t, c.status == 200, strings.Contains(body, "# HELP portcullis_metric_failures_total"))
		})
	}
}
