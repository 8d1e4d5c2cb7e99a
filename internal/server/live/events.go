package live

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
)

// Sessions is the door of session cookies; see session.Service.
type Sessions interface {
	Visit(ctx context.Context, cookie string) (*idp.Session, *idp.User, error)
}

// Tokens is the door of tokens; see token.Service.
type Tokens interface {
	// Again asks the door that a token came through before.
	Again(ctx context.Context, used *idp.Token) (*idp.Token, *idp.User, error)
}

// Grants is the door of applications' access tokens; see oidc.Service.
type Grants interface {
	BearerAgain(ctx context.Context, actor idp.Actor, used *idp.OAuthHeld) (*idp.OAuthHeld, error)
}

// Events streams the audit log as it grows.
type Events struct {
	Hub      *Hub
	Log      *Log
	Store    idp.Store
	Access   idp.Access
	Sessions Sessions
	Tokens   Tokens
	Grants   Grants
}

// Wish is what a reader wants to hear of.
type Wish struct {
	Filter idp.EventFilter // times, pages and searches do not count
	After  string          // the last event that the reader knows; Last-Event-ID comes before it
	// Render draws an event as the data of a message.
	Render func(*idp.Event) ([]byte, error)
	// May says who may follow it, for streams that tell less than events; nil =
	// whoever may list events.
	May func(idp.Actor) error
}

const (
	// replayLimit is how many events a reader who comes back is told at most.
	replayLimit = 100
	// replaySpan is how long before the last event that a reader knows others may
	// have been written that were committed after it. They are told, and some of
	// them for a second time.
	replaySpan = 5 * time.Second
)

// Serve answers with events as they are committed. Whoever may list events, or what
// the wish says, may follow them; that is asked again as often as the door is. Errors: those of the
// access rule and of Hub.Open; CodeInvalid for a last event that is none.
func (v *Events) Serve(w http.ResponseWriter, r *http.Request, wish Wish) error {
	ctx, actor := r.Context(), web.Actor(r)
	if wish.May == nil {
		wish.May = v.mayList
	}
	if err := wish.May(actor); err != nil {
		return err
	}
	if err := settle(&wish, r); err != nil {
		return err
	}
	var after idp.EventID
	if wish.After != "" {
		id, err := idp.ParseID[idp.Event](wish.After)
		if err != nil {
			return idp.Invalid("last_event_id", "“%.50s” is not the key of an event: expected a UUID.", wish.After)
		}
		after = id
	}
	stream, err := v.Hub.Open(actor, v.Again(r, actor, wish.May))
	if err != nil {
		return err
	}
	defer stream.Close()
	subscription, err := v.Log.Subscribe(ctx, after)
	if err != nil {
		return err
	}
	defer subscription.Close()
	missed, first, err := v.missed(ctx, subscription, after)
	if err != nil {
		return err
	}
	own, cancel := context.WithCancel(ctx)
	defer cancel()
	told := map[idp.EventID]bool{after: true}
	for _, e := range missed {
		told[e.ID] = true
	}
	first = append(first, wish.draw(missed, nil)...)
	stream.Serve(w, r, first, v.pump(own, subscription, wish, told))
	return nil
}

// settle reads what the request says beside the wish.
func settle(wish *Wish, r *http.Request) error {
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		wish.After = last
	}
	if wish.Filter.ClientIP != nil {
		ip, err := netip.ParseAddr(*wish.Filter.ClientIP)
		if err != nil {
			return idp.Invalid("client_ip", "“%.64s” is not an IP address.", *wish.Filter.ClientIP)
		}
		text := idp.AddressText(ip)
		wish.Filter.ClientIP = &text
	}
	return nil
}

func (v *Events) mayList(actor idp.Actor) error {
	return v.Access.Check(actor, idp.VerbList, idp.Object{Resource: idp.ResourceEvent})
}

// Again asks the door that the request came through, with what it came with, and
// then whether the actor still may follow what the stream tells.
func (v *Events) Again(r *http.Request, actor idp.Actor, may func(idp.Actor) error) Check {
	cookie := ""
	if c, err := r.Cookie(web.SessionCookie); err == nil {
		cookie = c.Value
	}
	used, granted := actor.Token, actor.Grant
	return func(ctx context.Context) (now idp.Actor, err error) {
		switch {
		case used != nil:
			now.Token, now.User, err = v.Tokens.Again(ctx, used)
		case granted != nil:
			if now.Grant, err = v.Grants.BearerAgain(ctx, actor, granted); err == nil {
				now.User = now.Grant.User
			}
		default:
			now.Session, now.User, err = v.Sessions.Visit(ctx, cookie)
		}
		if err != nil {
			return idp.Actor{}, err
		}
		return now, may(now)
	}
}

// missed returns the events after the last one that the reader knows, as far as
// they are told, and a message when there were more.
func (v *Events) missed(ctx context.Context, s *Subscription, after idp.EventID) ([]*idp.Event, []Message, error) {
	if after.IsZero() || s.Known {
		return s.Missed, nil, nil
	}
	gap := []Message{{Name: "gap", Data: []byte(`{"message":"Some events are not told here. List them to see all."}`)}}
	events := v.Store.Repos().Events
	known, err := events.Get(ctx, after)
	if idp.Is(err, idp.CodeNotFound) {
		return nil, gap, nil
	}
	if err != nil {
		return nil, nil, err
	}
	since := known.CreatedAt.Add(-replaySpan)
	page, err := events.Find(ctx, idp.EventFilter{After: &since, Paging: idp.Paging{Limit: replayLimit}})
	if err != nil {
		return nil, nil, err
	}
	out := make([]*idp.Event, 0, len(page.Items))
	for i := range page.Items {
		if e := &page.Items[i]; e.ID != after {
			out = append(out, e)
		}
	}
	slices.Reverse(out)
	if page.Total <= replayLimit {
		gap = nil
	}
	return out, gap, nil
}

// pump draws what is told, until ctx ends. It closes the channel when the
// subscription has been ended before: the reader is too slow.
func (v *Events) pump(ctx context.Context, s *Subscription, wish Wish, told map[idp.EventID]bool) <-chan []Message {
	out := make(chan []Message)
	go func() {
		for {
			var events []*idp.Event
			open := true
			select {
			case <-ctx.Done():
				return
			case events, open = <-s.C():
			}
			if !open {
				close(out)
				return
			}
			some := wish.draw(events, told)
			if len(some) == 0 {
				continue
			}
			select {
			case <-ctx.Done():
				return
			case out <- some:
			}
		}
	}()
	return out
}

// draw turns the events that are wished for, and were not told, into messages.
func (w Wish) draw(events []*idp.Event, told map[idp.EventID]bool) []Message {
	var out []Message
	for _, e := range events {
		if told[e.ID] || !matches(w.Filter, e) {
			continue
		}
		data, err := w.Render(e)
		if err != nil {
			continue // it came from the database as JSON, so that it can be written as such
		}
		out = append(out, Message{ID: e.ID.String(), Data: data})
	}
	return out
}

// Close ends every stream, with the reason, and the reading of the log.
func (v *Events) Close() {
	v.Hub.Close()
	v.Log.Close()
}
