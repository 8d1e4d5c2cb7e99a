package app

import (
	"github.com/portcullis-idp/portcullis/internal/cli"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/server"
	"github.com/portcullis-idp/portcullis/internal/trace"
)

// spans follows requests where there is a collector; the zero value does nothing.
type spans struct {
	requests   server.Tracer   // nil, and no interface of nothing, where nobody follows
	statements postgres.Tracer // the same
	end        func()
}

// trace begins to follow requests where there is a collector.
func (a *App) trace() {
	w := a.Config.Watching
	if w.OTLPEndpoint == "" {
		return
	}
	t := trace.Open(trace.Options{Endpoint: w.OTLPEndpoint, Headers: w.OTLPHeaders, Version: cli.Version, Share: w.OTLPShare, Log: a.Log})
	a.spans = spans{requests: t, statements: t, end: t.Close}
}
