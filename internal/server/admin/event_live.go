package admin

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/live"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

const liveEventsPath = eventsPath + "live/"

// liveEvent is a new event as the console's script takes it.
type liveEvent struct {
	PK   idp.EventID `json:"pk"`
	HTML string      `json:"html"` // an entry of a timeline
}

// liveEvents tells pages that are open of new events. Which ones is said with
// the filters of the list.
func (c *Console) liveEvents(w http.ResponseWriter, r *http.Request) error {
	q := web.Query(r)
	filter, err := eventFilter(q)
	if err != nil {
		return err
	}
	return c.live.Serve(w, r, live.Wish{Filter: filter, After: q.Trimmed("after"), Render: func(e *idp.Event) ([]byte, error) {
		var b strings.Builder
		if err := ui.TimelineEntry(eventMoment(e), now()).Render(r.Context(), &b); err != nil {
			return nil, err
		}
		return json.Marshal(liveEvent{PK: e.ID, HTML: b.String()})
	}})
}

// liveTable keeps a list of events up to date, where that can be said of it: its
// newest ones are in view, and nothing is asked that only the database can
// answer.
func (c *Console) liveTable(list page.List, found []idp.Event) templ.Component {
	if c.live == nil || list.Page != 1 || list.Ordering != "-created" || list.Search() != "" || list.Query.Trimmed("until") != "" {
		return nil
	}
	src := page.List{Path: liveEventsPath, Query: list.Query}
	return ui.LiveEvents(ui.LiveProps{Src: src.Href("ordering", "", "since", ""), After: newest(found), Target: "events"})
}

// liveTimeline adds new events to the ones at the top of a timeline.
func (c *Console) liveTimeline(found []idp.Event) templ.Component {
	if c.live == nil {
		return nil
	}
	return ui.LiveEvents(ui.LiveProps{Src: liveEventsPath, After: newest(found)})
}

func newest(found []idp.Event) string {
	if len(found) == 0 {
		return ""
	}
	return found[0].ID.String()
}
