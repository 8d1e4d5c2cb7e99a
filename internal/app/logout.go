package app

import (
	"context"
	"net"

	"github.com/portcullis-idp/portcullis/internal/cli"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/logout"
	"github.com/portcullis-idp/portcullis/internal/server/metric"
	"github.com/portcullis-idp/portcullis/internal/webhook"
)

// teller makes what tells applications of logouts. It hears of notices that any server
// has written.
func (a *App) teller() *logout.Service {
	s := logout.New(logout.Deps{Store: a.DB, Access: a.Access, Log: a.Log, Signer: a.OIDC,
		Sender: webhook.NewLogout(webhook.Config{Version: cli.Version, Allow: a.Config.LogoutAllow, Resolver: net.DefaultResolver})})
	a.feedSource.HearLogouts(s.Wake)
	return s
}

// gaugeLogouts adds what applications were told.
func (a *App) gaugeLogouts() {
	a.Metrics.Gauge("portcullis_logout_notices", "What applications are to be told of logouts, of all servers, by state: pending (all of them), and of the last day delivered, failed (given up) or no_address (nobody can tell the application).",
		[]string{"state"}, func(ctx context.Context) (out []metric.Sample, err error) {
			counts, err := a.DB.Repos().LogoutNotices.Count(ctx)
			for _, state := range []idp.NoticeState{idp.NoticePending, idp.NoticeDelivered, idp.NoticeFailed, idp.NoticeNoAddress} {
				out = append(out, metric.Sample{Labels: []string{string(state)}, Value: float64(counts[state])})
			}
			return out, err
		})
}
