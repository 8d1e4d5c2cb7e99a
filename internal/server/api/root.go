package api

import (
	"encoding/json"
	"net/http"
	"reflect"
	"sync"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Config is what a client wants to know of the server before it does anything.
type Config struct {
	ErrorReporting       ErrorReportingConfig `json:"error_reporting"`
	Capabilities         []string             `json:"capabilities"`
	CacheTimeout         int                  `json:"cache_timeout"`
	CacheTimeoutFlows    int                  `json:"cache_timeout_flows"`
	CacheTimeoutPolicies int                  `json:"cache_timeout_policies"`
}

// ErrorReportingConfig says where a client would report its own faults: nowhere.
type ErrorReportingConfig struct {
	Enabled          bool    `json:"enabled"`
	SentryDSN        string  `json:"sentry_dsn"`
	Environment      string  `json:"environment"`
	SendPII          bool    `json:"send_pii"`
	TracesSampleRate float64 `json:"traces_sample_rate"`
}

func (a *API) mountRoot() {
	a.kit.add(operation{method: http.MethodGet, path: "/root/config/", id: "root_config_retrieve", tag: "root", anonymous: true,
		summary: "What the server can do", response: reflect.TypeFor[Config](), run: func(*call) (any, error) {
			return Config{Capabilities: a.capabilities(), ErrorReporting: ErrorReportingConfig{Environment: "portcullis"},
				CacheTimeout: 300, CacheTimeoutFlows: 300, CacheTimeoutPolicies: 300}, nil
		}})
}

// capabilities are what may be there or not, by the names of the contract.
func (a *API) capabilities() []string {
	out := []string{}
	if a.Whereabouts == nil {
		return out
	}
	state := a.Whereabouts.State()
	if state.Places.Loaded() {
		out = append(out, "can_geo_ip")
	}
	if state.Networks.Loaded() {
		out = append(out, "can_asn")
	}
	return out
}

// mountSchema offers the document. It is written when it is asked for first, when
// all operations are there.
func (a *API) mountSchema() {
	document := sync.OnceValues(func() ([]byte, error) { return json.Marshal(a.kit.document()) })
	a.kit.add(operation{method: http.MethodGet, path: "/schema/", id: "schema_retrieve", tag: "schema", anonymous: true, summary: "This document",
		media: "application/vnd.oai.openapi+json", response: reflect.TypeFor[map[string]any](), run: func(c *call) (any, error) {
			body, err := document()
			if err != nil {
				return nil, &idp.Error{Code: idp.CodeInternal, Err: err}
			}
			h := c.w.Header()
			h.Set("Content-Type", "application/vnd.oai.openapi+json; charset=utf-8")
			h.Set("Cache-Control", "public, max-age=300")
			_, _ = c.w.Write(body)
			return handled, nil
		}})
}
