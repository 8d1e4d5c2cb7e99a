package app

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/portcullis-idp/portcullis/internal/cli"
	"github.com/portcullis-idp/portcullis/internal/feed"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockout"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/server/metric"
)

// waitBounds are in seconds: an act alone takes effect in a millisecond, one that a
// server does not confirm after the lease.
var waitBounds = []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2}

// counters are what is counted as it happens.
type counters struct {
	signIns, events, lockdowns, restores, lockouts, turns, unconfirmed *metric.Counter
	waits                                                              *metric.Histogram
}

// count makes the registry, and what is counted in it as it happens.
func (a *App) count() {
	m := metric.New()
	a.Metrics, a.Requests = m, m.Requests()
	m.Process(cli.Version)
	a.counters = &counters{
		signIns: m.Counter("portcullis_sign_ins_total",
			"Sign-ins on this server, by outcome: success, or why the proof was refused. Attempts that a lockout refuses are portcullis_lockout_refusals_total.", "outcome"),
		events:    m.Counter("portcullis_events_total", "Events that this server wrote into the audit log, by their action.", "action"),
		lockdowns: m.Counter("portcullis_lockdowns_total", "Accounts that were locked down through this server."),
		restores:  m.Counter("portcullis_restores_total", "Accounts that were restored through this server after a lockdown."),
		lockouts:  m.Counter("portcullis_lockouts_total", "Lockouts that began with an attempt at this server."),
		turns: m.Counter("portcullis_flow_runs_total",
			"What became of runs of flows on this server, by flow: begun (the first thing of it was kept), completed, denied (also before anything was kept) or failed.", "flow", "turn"),
		unconfirmed: m.Counter("portcullis_changes_unconfirmed_total",
			"Acts on this server that not every server at work had confirmed within the lease. Those have stopped, or trust their memory no more."),
		waits: m.Histogram("portcullis_change_wait_seconds",
			"How long acts on this server that change who may do what, such as lockdowns, waited after their commit until every server at work had applied them.", waitBounds),
	}
	for _, outcome := range outcomes {
		a.counters.signIns.Add(0, outcome)
	}
	a.DB.HearEvents(a.counters.event)
}

// outcomes are those of sign-ins.
var outcomes = []string{"success", string(idp.RefusedPassword), string(idp.RefusedUnknown), string(idp.RefusedInactive), string(idp.RefusedAnonymous),
	string(idp.RefusedLocked), string(idp.RefusedLockout), string(idp.RefusedStale), string(idp.RefusedGeneration), string(idp.RefusedBinding), metric.Other}

// event counts what an event tells of, once it is committed.
func (c *counters) event(e *idp.Event) {
	if e.Imported {
		return // it happened elsewhere
	}
	action := string(e.Action)
	if !slices.Contains(idp.Actions(), e.Action) {
		action = metric.Other
	}
	c.events.Add(1, action)
	switch e.Action {
	case idp.ActionLogin:
		c.signIns.Add(1, "success")
	case idp.ActionLoginFailed:
		reason, _ := e.Context["reason"].(string)
		if !slices.Contains(outcomes[1:], reason) {
			reason = metric.Other
		}
		c.signIns.Add(1, reason)
	}
	switch id, _ := e.Context["action_id"].(string); id {
	case idp.ActionIDLockdown:
		c.lockdowns.Add(1)
	case idp.ActionIDRestore:
		c.restores.Add(1)
	case lockout.ActionLocked:
		c.lockouts.Add(1)
	}
}

// turn counts what became of a run.
func (c *counters) turn(slug string, what flow.Turn) { c.turns.Add(1, slug, string(what)) }

// awaited counts how long an act waited to take effect everywhere.
func (c *counters) awaited(waited time.Duration, confirmed bool) {
	c.waits.Note(waited)
	if !confirmed {
		c.unconfirmed.Add(1)
	}
}

// gauge adds what is read when somebody asks. This is the place for whatever else
// knows of something to be watched: one call of Gauge or Total for each.
func (a *App) gauge(lockouts *lockout.View) {
	m := a.Metrics
	held := func(name, help string, count func() int) {
		m.Gauge(name, help, nil, func(context.Context) ([]metric.Sample, error) { return metric.One(count()), nil })
	}
	held("portcullis_sessions_held", "Sessions that this server holds in memory: those in use here.", a.view.Len)
	held("portcullis_locks_held", "Locks in force that this server holds in memory.", a.Locked.Len)
	held("portcullis_lockouts_held", "Lockouts that this server holds in memory, some of which may just be over.", lockouts.Len)
	held("portcullis_streams", "Streams of events and locks that are open on this server.", a.Live.Hub.Len)
	held("portcullis_servers", "Servers at work on the database, this one included, as far as this one knows.", func() int { return a.Feed.Peers() + 1 })
	m.Total("portcullis_lockout_refusals_total", "Attempts at passwords that lockouts refused on this server without comparing anything.", nil,
		func(context.Context) ([]metric.Sample, error) { return metric.One(lockouts.Refusals()), nil })
	m.Total("portcullis_held_requests_total", "Requests that waited on this server for an act under way which concerned them, such as a lockdown of their account, and were judged after it.", nil,
		func(context.Context) ([]metric.Sample, error) { return metric.One(a.Heralds.Held()), nil })
	m.Gauge("portcullis_feed_age_seconds", "How old what this server knows by heart may be: the time since the change feed was last read. More than the lease of 2 seconds means stale.", nil,
		func(context.Context) ([]metric.Sample, error) { return metric.One(ageOf(a.Feed)), nil })
	m.Gauge("portcullis_feed_fresh", "1 while what this server knows by heart is what the database holds, 0 otherwise.", nil,
		func(context.Context) ([]metric.Sample, error) {
			if a.Feed.State() == feed.Fresh {
				return metric.One(1), nil
			}
			return metric.One(0), nil
		})
	m.Gauge("portcullis_feed_applied_change", "The number of the last change of the feed that is applied on this server. Servers that fall behind have a lower one.", nil,
		func(context.Context) ([]metric.Sample, error) { return metric.One(a.Feed.Applied()), nil })
	a.gaugeLogouts()
	a.gaugeDatabase()
}

// gaugeDatabase adds how the database is used.
func (a *App) gaugeDatabase() {
	m := a.Metrics
	pools := func(value func(postgres.Pool) float64) metric.Reading {
		return func(context.Context) (out []metric.Sample, err error) {
			for _, p := range a.DB.Pools() {
				out = append(out, metric.Sample{Labels: []string{p.Name}, Value: value(p)})
			}
			return out, nil
		}
	}
	m.Gauge("portcullis_database_connections", "Connections to the database, by pool and whether they are in use.", []string{"pool", "state"},
		func(context.Context) (out []metric.Sample, err error) {
			for _, p := range a.DB.Pools() {
				out = append(out, metric.Sample{Labels: []string{p.Name, "in_use"}, Value: float64(p.InUse)},
					metric.Sample{Labels: []string{p.Name, "idle"}, Value: float64(p.Idle)})
			}
			return out, nil
		})
	m.Gauge("portcullis_database_connections_max", "Most connections to the database that a pool makes.", []string{"pool"},
		pools(func(p postgres.Pool) float64 { return float64(p.Max) }))
	m.Total("portcullis_database_waits_total", "How often something had to wait for a connection to the database because none was idle.", []string{"pool"},
		pools(func(p postgres.Pool) float64 { return float64(p.Waits) }))
	m.Total("portcullis_database_wait_seconds_total", "How long all of those waited for a connection together.", []string{"pool"},
		pools(func(p postgres.Pool) float64 { return p.Waited.Seconds() }))
	m.Gauge("portcullis_jobs", "Background jobs of all servers that are not done, by kind and state: available, pending, scheduled, running, retryable, or discarded after the last try. No more than 20,000 are counted in each state.",
		[]string{"kind", "state"}, func(ctx context.Context) (out []metric.Sample, err error) {
			counts, err := a.DB.JobCounts(ctx)
			for _, c := range counts {
				out = append(out, metric.Sample{Labels: []string{c.Kind, c.State}, Value: float64(c.Count)})
			}
			return out, err
		})
	m.Gauge("portcullis_deliveries", "Deliveries of notifications of all servers, by state: pending, and delivered or failed in the last day. One that failed is a dead letter: it is tried again when somebody asks for it.",
		[]string{"state"}, func(ctx context.Context) (out []metric.Sample, err error) {
			counts, err := a.DB.Repos().Deliveries.Count(ctx)
			if err != nil {
				return nil, err
			}
			for _, state := range []idp.DeliveryState{idp.DeliveryPending, idp.DeliveryDelivered, idp.DeliveryFailed} { // also where there is none
				out = append(out, metric.Sample{Labels: []string{string(state)}, Value: float64(counts[state])})
			}
			return out, nil
		})
}

// ageOf is in seconds.
func ageOf(f *feed.Feed) float64 {
	if age := f.Age(); age < math.MaxInt64 {
		return age.Seconds()
	}
	return math.Inf(1)
}

// page answers /-/metrics.
func (a *App) page() *metric.Page {
	return metric.NewPage(a.Metrics, a.Config.Watching.MetricsToken, a.Config.Watching.MetricsListen != "")
}

// listenMetrics takes the address that metrics have of their own; nil = they have none.
func listenMetrics(address string) (net.Listener, error) {
	if address == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening on %s for metrics: %w", address, err)
	}
	return l, nil
}

// serveMetrics answers on an address of their own until stop.
func (a *App) serveMetrics() (stop func(), err error) {
	if a.scrapes == nil {
		if a.scrapes, err = listenMetrics(a.Config.Watching.MetricsListen); err != nil || a.scrapes == nil {
			return func() {}, err
		}
	}
	server := a.Server.HTTP()
	server.Handler = a.page()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Serve(a.scrapes); !errors.Is(err, http.ErrServerClosed) {
			a.Log.Error("metrics are not served any more", "error", err)
		}
	}()
	return func() {
		_ = server.Close()
		<-ended
	}, nil
}
