package app

import (
	"context"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lock"
	"github.com/portcullis-idp/portcullis/internal/server/live"
)

// streams make what follows the audit log, over the connection that hears of
// changes.
func (a *App) streams(hub *live.Hub) *live.Events {
	log := live.NewLog(eventSource{a}, a.Log)
	a.feedSource.HearEvents(log.Wake)
	return &live.Events{Hub: hub, Log: log, Store: a.DB, Access: a.Access, Sessions: a.Sessions, Tokens: a.Tokens, Grants: a.OIDC}
}

// eventSource is live.Source.
type eventSource struct{ app *App }

func (s eventSource) Tail(ctx context.Context, mark idp.EventMark) ([]idp.Event, idp.EventMark, error) {
	return s.app.DB.Repos().Events.Tail(ctx, mark)
}

func (s eventSource) Watch(ctx context.Context, on bool) error {
	return s.app.DB.WatchEvents(ctx, s.app.Feed.ID(), on)
}

// bellsAtMost is how many bells hang on a server: everybody who looks at a page has one.
const bellsAtMost = 4096

// hub holds streams, so many at most; 0 = as many as is usual. It asks about locks what the view says, uncounted, and
// has each session that one of them cuts written down.
func (a *App) hub(total int) *live.Hub {
	quiet := access.New(access.Deps{Roles: a.Roles, Locks: lock.Door{View: a.Locked, Quiet: true}, Networks: a.Geo})
	return live.NewHub(live.Options{Total: total, Strict: a.Locked.Strict, Doubt: a.Locked.Stale,
		Barred: func(actor idp.Actor) bool { return barred(quiet, actor) },
		Cut: func(ctx context.Context, actor idp.Actor, l *idp.Lock) {
			if err := a.Locks.Cut(ctx, actor, l); err != nil {
				a.Log.WarnContext(ctx, "a session was cut, but that is not in the audit log", "error", err)
			}
		}})
}

func barred(gate idp.Gate, actor idp.Actor) bool {
	if actor.User == nil {
		return false
	}
	door, credential := idp.DoorSession, idp.Credential{}
	switch {
	case actor.Token != nil:
		var intent idp.TokenIntent
		door, intent = actor.Token.Door()
		credential = actor.Token.Credential(intent)
	case actor.Grant != nil:
		door, credential = idp.DoorOAuthAPI, actor.Grant.ForAPI()
	case actor.Session != nil:
		credential = actor.Session.Credential()
		for _, e := range actor.Session.Elevations { // one that a lock takes away concerns the stream, too
			credential.AccessRequests = append(credential.AccessRequests, e.Request)
		}
	}
	return gate.Admit(idp.WithClient(context.Background(), actor.ClientIP()), door, actor.User, credential) != nil
}
