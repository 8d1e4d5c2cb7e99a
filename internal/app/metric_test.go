package app_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
)

// metrics are what the server tells, by name and the values of the labels; what is
// counted of histograms.
func (b *browser) metrics() map[string]float64 {
	b.site.Helper()
	a := b.get("/-/metrics")
	require.Equal(b.site, http.StatusOK, a.status, string(a.body))
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(a.body))
	require.NoError(b.site, err)
	out := map[string]float64{}
	for name, f := range families {
		require.NotEmpty(b.site, f.GetHelp(), name)
		for _, m := range f.GetMetric() {
			key := []string{name}
			for _, l := range m.GetLabel() {
				key = append(key, l.GetValue())
			}
			v := m.GetGauge().GetValue() + m.GetCounter().GetValue()
			if f.GetType() == dto.MetricType_HISTOGRAM {
				v = float64(m.GetHistogram().GetSampleCount())
			}
			out[strings.Join(key, " ")] = v
		}
	}
	return out
}

func TestMetricsTellWhatHappened(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	ada, bob := s.user("ada"), s.user("bob")
	b := s.browser()
	before := b.metrics()
	more := func(after map[string]float64, name string) float64 { return after[name] - before[name] }
	require.Contains(t, before, "portcullis_sign_ins_total success", "what may happen is there before it does")
	require.Equal(t, 1.0, before["portcullis_servers"])
	require.Equal(t, 1.0, before["portcullis_feed_fresh"])
	require.Less(t, before["portcullis_feed_age_seconds"], 2.0)
	require.Positive(t, before["go_goroutines"])
	require.Positive(t, before["process_start_time_seconds"])
	require.Equal(t, 10.0, before["portcullis_database_connections_max requests"])
	require.Contains(t, before, "portcullis_database_connections requests in_use")
	require.Contains(t, before, "portcullis_database_waits_total lockdowns")
	require.Contains(t, before, "portcullis_changes_unconfirmed_total")

	b.signIn(ada)
	require.True(t, b.works())
	s.browser().guess("bob", "wrong")
	s.browser().guess("nobody-has-this-name", "wrong")
	done, err := s.replicas[0].Lockdowns.Contain(t.Context(), idp.SystemActor(), lockdown.Request{Users: []idp.UserID{bob.ID}, Reason: "test", Switches: idp.AllSwitches()})
	require.NoError(t, err)
	require.Equal(t, lockdown.Success, done[0].Status)
	s.admin().api(http.StatusCreated, http.MethodPost, "/locks/", anyMap{"target": anyMap{"login": unique("x")}})

	after := b.metrics()
	require.Equal(t, 1.0, more(after, "portcullis_sign_ins_total success"))
	require.Equal(t, 1.0, more(after, "portcullis_sign_ins_total password"))
	require.Equal(t, 1.0, more(after, "portcullis_sign_ins_total unknown"))
	require.Equal(t, 1.0, more(after, "portcullis_events_total login"))
	require.Equal(t, 1.0, more(after, "portcullis_lockdowns_total"))
	require.Equal(t, 1.0, more(after, "portcullis_locks_held"))
	require.Equal(t, 1.0, more(after, "portcullis_flow_runs_total "+signInFlow+" completed"))
	require.Equal(t, 3.0, more(after, "portcullis_flow_runs_total "+signInFlow+" begun"))
	require.GreaterOrEqual(t, more(after, "portcullis_sessions_held"), 1.0)
	require.GreaterOrEqual(t, more(after, "portcullis_change_wait_seconds"), 2.0, "the lockdown and the lock")
	require.GreaterOrEqual(t, more(after, "portcullis_feed_applied_change"), 2.0)
	require.Equal(t, 1.0, more(after, "portcullis_http_requests_total /-/metrics GET 2xx"), "the first one")
	require.GreaterOrEqual(t, more(after, "portcullis_http_requests_total /api/v3/flows/executor/{flow_slug}/ POST 3xx")+
		more(after, "portcullis_http_requests_total /api/v3/flows/executor/{flow_slug}/ POST 2xx"), 6.0)
	jobs := 0.0
	for name, n := range after {
		if strings.HasPrefix(name, "portcullis_jobs sweep ") {
			jobs += n
		}
	}
	require.Equal(t, 1.0, jobs, "the lockdown's, which waits")
}

// Whatever strangers ask for, no label comes from them.
func TestStrangersMakeNoSeries(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	b := s.browser()
	ask := func(n int) {
		for i := range n {
			for _, path := range []string{"/%s/", "/api/v3/%s/", "/if/flow/%s/", "/if/admin/users/%s/", "/static/%s.css", "/api/v3/core/users/%s/", "/-/%s"} {
				b.get(fmt.Sprintf(path, unique("stranger")))
			}
			b.do([]string{"PROPFIND", "X" + strings.ToUpper(unique("Y"))}[i%2], "/", nil)
		}
	}
	ask(2)
	b.metrics()
	before := b.metrics()
	ask(30)
	after := b.metrics()
	for name := range after {
		require.NotContains(t, name, "stranger")
		if _, had := before[name]; !had {
			require.NotContains(t, name, "portcullis_", "a series that another path made")
		}
	}
}

// A metric whose reading fails, as when the database is away, leaves the others.
func TestMetricsAreThereWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	s.tolerant = true
	before := s.browser().metrics()
	s.replicas[0].DB.Close()
	after := s.browser().metrics()
	require.Contains(t, after, "portcullis_sign_ins_total success")
	require.Contains(t, after, "portcullis_feed_age_seconds")
	after = s.browser().metrics()
	require.GreaterOrEqual(t, after["portcullis_metric_failures_total portcullis_jobs"], 1.0)
	require.NotContains(t, before, "portcullis_metric_failures_total portcullis_jobs")
}

func TestMetricsWithATokenAndOnAnAddressOfTheirOwn(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	const token = "token-for-metrics"
	with := s.browser().at(s.open("metrics_token", token))
	require.Equal(t, http.StatusUnauthorized, with.get("/-/metrics").status)
	require.Equal(t, http.StatusUnauthorized, with.do(http.MethodGet, "/-/metrics", nil, "Authorization", "Bearer "+adminToken).status,
		"the administrator's key is none for metrics")
	require.Equal(t, http.StatusOK, with.do(http.MethodGet, "/-/metrics", nil, "Authorization", "Bearer "+token).status)
	require.Equal(t, http.StatusForbidden, s.browser().do(http.MethodGet, "/-/metrics", nil, "X-Forwarded-For", "192.0.2.1").status)
	require.Equal(t, http.StatusForbidden, s.program(token).me(), "and a metrics token is none for anything else")

	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	own := free.Addr().String()
	require.NoError(t, free.Close())
	r := s.open("metrics_listen", own)
	require.Equal(t, http.StatusNotFound, s.browser().at(r).get("/-/metrics").status)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx, listener) }()
	get := func(path string) (int, string) {
		answer, err := http.Get("http://" + own + path)
		if err != nil {
			return 0, ""
		}
		defer answer.Body.Close()
		body, _ := io.ReadAll(answer.Body)
		return answer.StatusCode, string(body)
	}
	require.Eventually(t, func() bool { status, _ := get("/-/metrics"); return status == http.StatusOK }, time.Minute, time.Millisecond)
	_, body := get("/-/metrics")
	require.Contains(t, body, "portcullis_lockdowns_total 0\n")
	status, _ := get("/-/health/live/")
	require.Equal(t, http.StatusNotFound, status, "nothing else is there")
	stop()
	require.NoError(t, <-ended)
	status, _ = get("/-/metrics")
	require.Zero(t, status)
}
