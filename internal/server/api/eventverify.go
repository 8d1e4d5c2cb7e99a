package api

import (
	"net/http"
	"reflect"

	"github.com/portcullis-idp/portcullis/internal/audit"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// How many entries one request verifies, and how many faults its answer lists.
const (
	mostVerified = 50_000
	mostFaults   = 1000
)

// EventFault is something in the audit log that is not as it was sealed.
type EventFault struct {
	Kind  string  `json:"kind" doc:"altered, removed, missing, inserted, cut, secret, downgrade, record"`
	Entry int64   `json:"entry" doc:"The number of the entry; 0 = none."`
	Last  int64   `json:"last" doc:"Of several entries the last; otherwise as entry."`
	Event *string `json:"event"`
	Text  string  `json:"text"`
}

// EventVerification is what a verification of the audit log came to.
type EventVerification struct {
	First int64 `json:"first" doc:"The first entry that was looked at."`
	Last  int64 `json:"last" doc:"The last; less than first = there was none."`
	// FaultCount counts all faults; those listed are at most 1,000.
	FaultCount int64        `json:"fault_count"`
	Faults     []EventFault `json:"faults"`
	Next       int64        `json:"next" doc:"Where to go on (from); 0 = this is the end."`
	Head       *string      `json:"head" doc:"The newest entry and its seal, to be noted; null before the end, and where there is none."`
	Pending    int          `json:"pending" doc:"How many of the newest events are not sealed yet."`
	Unkeyed    int64        `json:"unkeyed" doc:"Entries that were sealed without a secret."`
	History    int64        `json:"history" doc:"Entries for events that were there when the chain began."`
	Late       int64        `json:"late" doc:"Entries that were made later on somebody's word."`
	Purged     int64        `json:"purged" doc:"The last entry that retention removed, on record; 0 = none."`
	HeadPurged bool         `json:"head_purged" doc:"The head that was given is of an entry that retention removed: nothing can be said of it."`
}

func (a *API) mountEventVerify() {
	if a.Audit == nil {
		return
	}
	a.kit.add(operation{method: http.MethodGet, path: "/events/verify/", id: "events_verify_retrieve", tag: "events",
		summary: "Verify the chain over the audit log", params: []param{
			{name: "from", kind: integer, help: "The first entry; the oldest unless said otherwise. One answer is about 50,000 at most: go on from next."},
			{name: "head", kind: text, help: "A head noted earlier, SEQ:HASH: what was sealed up to there must still be there."}},
		response: reflect.TypeFor[EventVerification](), run: a.verifyEvents})
}

func (a *API) verifyEvents(c *call) (any, error) {
	q := audit.Query{Most: mostVerified, MostFaults: mostFaults}
	if n := c.query.ints("from"); len(n) > 0 {
		if q.From = int64(n[0]); q.From < 1 {
			return nil, idp.Invalid("from", "Ensure this value is greater than or equal to 1.")
		}
	}
	if text := c.query.text("head"); text != nil {
		var err error
		if q.Head, err = audit.ParseHead(*text); err != nil {
			return nil, err
		}
	}
	out := EventVerification{Faults: []EventFault{}}
	r, err := a.Audit.Verify(c, c.actor, q, func(f audit.Fault) error {
		if len(out.Faults) < mostFaults {
			out.Faults = append(out.Faults, eventFault(f))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out.First, out.Last, out.FaultCount, out.Next = r.First, r.Last, r.Faults, r.Next
	out.Pending, out.Unkeyed, out.History, out.Late = r.Pending, r.Unkeyed, r.History, r.Late
	out.Purged, out.HeadPurged = r.Purged, r.HeadPurged
	if r.Head != nil {
		head := r.Head.String()
		out.Head = &head
	}
	return out, nil
}

func eventFault(f audit.Fault) EventFault {
	out := EventFault{Kind: string(f.Kind), Entry: f.Entry, Last: f.Last, Text: f.String()}
	if f.Event != nil {
		id := f.Event.String()
		out.Event = &id
	}
	return out
}
