package app

import (
	"context"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/live"
)

// streams make what follows the audit log, over the connection that hears of
// changes.
func (a *App) streams(hub *live.Hub) *live.Events {
	log := live.NewLog(eventSource{a}, a.Log)
	a.feedSource.HearEvents(log.Wake)
	return &live.Events{Hub: hub, Log: log, Store: a.DB, Access: a.Access, Sessions: a.Sessions, Tokens: a.Tokens}
}

// eventSource is live.Source.
type eventSource struct{ app *App }

func (s eventSource) Tail(ctx context.Context, mark idp.EventMark) ([]idp.Event, idp.EventMark, error) {
	return s.app.DB.Repos().Events.Tail(ctx, mark)
}

func (s eventSource) Watch(ctx context.Context, on bool) error {
	return s.app.DB.WatchEvents(ctx, s.app.Feed.ID(), on)
}
