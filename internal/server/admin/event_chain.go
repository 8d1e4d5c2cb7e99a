package admin

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/portcullis-idp/portcullis/internal/audit"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

const (
	verifyPath = eventsPath + "verify/"
	// verifyMost is how many entries one press of the button walks through, and
	// verifyFaults how many faults are listed.
	verifyMost   = 50_000
	verifyFaults = 100
)

// verified is what this server found when somebody verified the chain here last.
type verified struct {
	mu     sync.Mutex
	at     time.Time // zero = nobody did
	report audit.Report
	faults int64    // from the first entry on
	found  []string // in words
}

// note adds a part of a verification; one from the first entry on begins anew.
func (v *verified) note(at time.Time, r *audit.Report, found []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if whole(r) || v.report.Next != r.First {
		v.faults, v.found = 0, nil
	} else {
		r.First = v.report.First
		r.Unkeyed, r.History, r.Late = r.Unkeyed+v.report.Unkeyed, r.History+v.report.History, r.Late+v.report.Late
	}
	v.at, v.report, v.faults = at, *r, v.faults+r.Faults
	if v.found = append(v.found, found...); len(v.found) > verifyFaults {
		v.found = v.found[:verifyFaults]
	}
}

// whole reports whether a verification began with the oldest entry there is.
func whole(r *audit.Report) bool { return r.First <= r.Purged+1 }

func (v *verified) last() (at time.Time, r audit.Report, faults int64, found []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.at, v.report, v.faults, v.found
}

// chainLine says what is known of the chain over the log.
type chainLine struct {
	Text string
	Bad  bool
}

func (c *Console) chainLine(r *http.Request) chainLine {
	if c.audit == nil {
		return chainLine{}
	}
	newest, _, err := c.store.Repos().Seals.Last(r.Context())
	switch {
	case err != nil:
		web.From(r.Context()).Record.Warn(err) // the events are there all the same
		return chainLine{Text: "The chain over these events could not be read.", Bad: true}
	case newest == nil:
		return chainLine{Text: "Nothing is sealed yet."}
	}
	line := chainLine{Text: "Sealed up to entry " + number(newest.Seq) + ", " + ui.Relative(newest.SealedAt, now()) + "."}
	at, report, faults, _ := c.verified.last()
	switch {
	case at.IsZero():
		line.Text += " Not verified since this server started."
	case faults > 0:
		line.Text, line.Bad = "The chain is broken: "+ui.Count(int(faults), "fault")+" found "+ui.Relative(at, now())+".", true
	case !whole(&report) || report.Next > 0:
		line.Text = "Entries " + number(report.First) + " to " + number(report.Last) + " of the chain verified, " + ui.Relative(at, now()) + ". " + line.Text
	default:
		line.Text = "Chain verified up to entry " + number(report.Last) + ", " + ui.Relative(at, now()) + ". " + line.Text
	}
	return line
}

func number(n int64) string { return ui.Number(int(n)) }

type chainView struct {
	Page    ui.PageProps
	Submit  string
	Hidden  []ui.Pair
	Head    string
	Faults  page.Faults
	Done    bool
	Verdict ui.AlertProps
	Facts   []ui.Item
	Found   []string
}

func (c *Console) chainPage(w http.ResponseWriter, r *http.Request) error {
	return c.renderChain(w, r, "", page.Faults{})
}

func (c *Console) renderChain(w http.ResponseWriter, r *http.Request, head string, faults page.Faults) error {
	at, report, wrong, found := c.verified.last()
	v := chainView{Submit: "Verify", Head: head, Faults: faults, Done: !at.IsZero(), Found: found}
	if v.Done {
		v.Verdict = verdict(report, wrong)
		v.Facts = chainFacts(at, report, wrong)
		if report.Next > 0 {
			v.Submit, v.Hidden = "Go on from entry "+number(report.Next), []ui.Pair{{Name: "from", Value: strconv.FormatInt(report.Next, 10)}}
		}
	}
	v.Page = page.Console(r, ui.PageProps{Title: "Chain over the event log", Narrow: true,
		Crumbs: []ui.Crumb{{Label: "Event log", Href: eventsPath}, {Label: "Chain"}}})
	return page.RenderStatus(w, r, faults.Status(), chainPage(v))
}

func verdict(r audit.Report, faults int64) ui.AlertProps {
	switch {
	case faults > 0:
		return ui.AlertProps{Tone: ui.ToneBad, Live: true, Title: "The log is not as it was sealed", Text: ui.Count(int(faults), "fault") + " found."}
	case r.Next > 0:
		return ui.AlertProps{Tone: ui.ToneInfo, Title: "Nothing wrong so far", Text: "There are more entries: go on."}
	case r.Last < r.First:
		return ui.AlertProps{Tone: ui.ToneInfo, Title: "Nothing is sealed yet"}
	}
	if !whole(&r) {
		return ui.AlertProps{Tone: ui.ToneOK, Title: "Entries " + number(r.First) + " to " + number(r.Last) + " verified", Text: "What comes before them was taken for right."}
	}
	a := ui.AlertProps{Tone: ui.ToneOK, Title: "Chain verified up to entry " + number(r.Last), Text: "No event was changed, removed or moved since it was sealed."}
	if r.Unkeyed > 0 {
		a.Text = "Nothing is out of place. " + ui.Count(int(r.Unkeyed), "entry") + " sealed without a secret: whoever can write the database could have made them anew."
	}
	return a
}

func chainFacts(at time.Time, r audit.Report, faults int64) []ui.Item {
	items := []ui.Item{{Label: "When", Value: ui.TimeFull(at, now())},
		{Label: "Entries", Value: ui.Text(number(r.First) + " to " + number(r.Last))},
		{Label: "Faults", Value: ui.Text(number(faults))},
		{Label: "Newest events, not sealed yet", Value: ui.Text(ui.Number(r.Pending))}}
	for _, it := range []struct {
		label string
		n     int64
	}{{"Sealed without a secret", r.Unkeyed}, {"Older than the chain", r.History}, {"Sealed later on somebody’s word", r.Late}, {"Removed by retention, up to entry", r.Purged}} {
		if it.n > 0 {
			items = append(items, ui.Item{Label: it.label, Value: ui.Text(number(it.n))})
		}
	}
	if r.Head != nil {
		items = append(items, ui.Item{Label: "Head, to be noted elsewhere", Value: ui.CopyID(r.Head.String())})
	}
	return items
}

// verifyChain walks through the chain, or through the next part of a long one.
func (c *Console) verifyChain(w http.ResponseWriter, r *http.Request) error {
	form, err := web.DecodeForm(r)
	if err != nil {
		return err
	}
	q, typed := audit.Query{Most: verifyMost, MostFaults: verifyFaults}, form.Trimmed("head")
	if raw := form.Trimmed("from"); raw != "" {
		if q.From, err = strconv.ParseInt(raw, 10, 64); err != nil {
			q.From = -1 // refused below, in the same words
		}
	}
	if typed != "" {
		q.Head, err = audit.ParseHead(typed)
	}
	var found []string
	var report *audit.Report
	if err == nil || q.From < 0 {
		report, err = c.audit.Verify(r.Context(), web.Actor(r), q, func(f audit.Fault) error {
			found = append(found, f.String())
			return nil
		})
	}
	if faults, ok := page.FaultsOf(err); ok {
		return c.renderChain(w, r, typed, faults)
	}
	if err != nil {
		return fmt.Errorf("verifying for the console: %w", err)
	}
	c.verified.note(now(), report, found)
	return c.renderChain(w, r, "", page.Faults{}) // here, where it was found: another server knows nothing of it
}
