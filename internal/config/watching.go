package config

import (
	"net/url"
	"strconv"
	"strings"
)

// minMetricsToken is how long the token for metrics is at least.
const minMetricsToken = 16

// Watching is how operators see what the server does: metrics and traces.
type Watching struct {
	MetricsListen string // "" = on Config.Listen
	MetricsToken  string // "" = none
	OTLPEndpoint  string // without a trailing slash; "" = no traces
	OTLPHeaders   map[string]string
	OTLPShare     float64 // of requests
}

// watching reads how metrics and traces are told. Secrets are never repeated in
// faults; an endpoint may hold one.
func (p *parser) watching(c *Config) Watching {
	w := Watching{MetricsToken: p.values["metrics_token"], OTLPEndpoint: strings.TrimRight(p.values["otlp_endpoint"], "/"), OTLPHeaders: map[string]string{}}
	if p.values["metrics_listen"] != "" {
		w.MetricsListen = p.address("metrics_listen", "127.0.0.1:9001")
		if w.MetricsListen == c.Listen && !strings.HasSuffix(c.Listen, ":0") {
			p.fault("metrics_listen", "%q is the address of listen; leave it empty to serve metrics there", w.MetricsListen)
		}
	}
	if t := w.MetricsToken; t != "" && (len(t) < minMetricsToken || !visible(t)) {
		p.fault("metrics_token", "expected at least %d characters of printable ASCII without spaces (openssl rand -hex 24 makes one)", minMetricsToken)
	}
	if w.OTLPEndpoint != "" {
		u, err := url.Parse(w.OTLPEndpoint)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			p.fault("otlp_endpoint", "expected an http or https URL of a host, such as http://127.0.0.1:4318")
		}
	}
	share, err := strconv.ParseFloat(p.values["otlp_share"], 64)
	if w.OTLPShare = share; err != nil || !(share >= 0 && share <= 1) {
		p.fault("otlp_share", "%q is not a number from 0 to 1, such as 0.05", p.values["otlp_share"])
	}
	for _, pair := range strings.Split(p.values["otlp_headers"], ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		name = strings.TrimSpace(name)
		decoded, err := url.PathUnescape(strings.TrimSpace(value)) // as W3C Baggage has it, whose form this is
		if !ok || name == "" || err != nil || !visible(name) || strings.ContainsAny(name, "()<>@,;:\\\"/[]?={}") || strings.ContainsAny(decoded, "\r\n\x00") {
			p.fault("otlp_headers", "expected name=value, comma separated; values may be percent-encoded")
			break
		}
		w.OTLPHeaders[name] = decoded
	}
	return w
}

// visible reports whether the text is printable ASCII without spaces.
func visible(s string) bool {
	for _, r := range s {
		if r <= ' ' || r > '~' {
			return false
		}
	}
	return true
}
