package admin

import (
	"fmt"
	"net/http"
	"time"

	"github.com/a-h/templ"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// chartDays is how many days the charts of events show.
const chartDays = 30

type overviewView struct {
	Page      ui.PageProps
	Stats     []ui.StatProps
	Chart     ui.ChartProps
	Lockdowns []ui.Moment
	Events    []ui.Moment
	Live      templ.Component // keeps the events up to date; nil = nothing does
	Now       time.Time

	SeesEvents, SeesLockdowns bool
}

func (c *Console) overview(w http.ResponseWriter, r *http.Request) error {
	stats, err := c.counts(r)
	if err != nil {
		return err
	}
	v := overviewView{Stats: stats, Now: now(), SeesEvents: web.May(r, idp.VerbList, idp.ResourceEvent),
		SeesLockdowns: web.May(r, idp.VerbList, idp.ResourceLockdown)}
	if v.SeesEvents {
		if err := c.overviewEvents(r, &v); err != nil {
			return err
		}
	}
	if v.SeesLockdowns {
		lockdowns, err := c.store.Repos().Lockdowns.Find(r.Context(), idp.LockdownFilter{Paging: idp.Paging{Limit: 5}})
		if err != nil {
			return fmt.Errorf("reading the latest lockdowns: %w", err)
		}
		for i := range lockdowns.Items {
			v.Lockdowns = append(v.Lockdowns, lockdownMoment(&lockdowns.Items[i]))
		}
	}
	v.Page = page.Console(r, ui.PageProps{Title: "Overview", Subtitle: "Who is here, what happened, and which doors are closed."})
	if v.Page.Banner, err = c.overviewBanner(r); err != nil {
		return err
	}
	return page.Render(w, r, overviewPage(v))
}

// overviewEvents fills in what the audit log says.
func (c *Console) overviewEvents(r *http.Request, v *overviewView) error {
	daily, err := c.daily.counts(r.Context(), c.store.Repos().Events, chartDays)
	if err != nil {
		return fmt.Errorf("counting events per day: %w", err)
	}
	events, err := c.store.Repos().Events.Find(r.Context(), idp.EventFilter{Uncounted: true, Paging: idp.Paging{Limit: 8}})
	if err != nil {
		return fmt.Errorf("reading the latest events: %w", err)
	}
	for i := range events.Items {
		v.Events = append(v.Events, eventMoment(&events.Items[i]))
	}
	v.Chart, v.Live = eventChart(daily, now()), c.liveTimeline(events.Items)
	return nil
}

// flowBanner says on pages about lockdowns that none can be started.
func (c *Console) flowBanner(r *http.Request) templ.Component {
	b := web.Brand(r)
	if b.FlowLockdown != nil {
		return nil
	}
	a := ui.AlertProps{Tone: ui.ToneWarn, Title: page.NoLockdownFlow,
		Text: "Nobody can lock an account down here until this brand has a lockdown flow."}
	if !b.ID.IsZero() {
		a.Action = ui.Button(ui.ButtonProps{Label: "Choose one", Href: brandPath(b.ID), Small: true})
	}
	return ui.Alert(a)
}

// counts are the numbers of what the person may list.
func (c *Console) counts(r *http.Request) ([]ui.StatProps, error) {
	ctx, repos, yes, one := r.Context(), c.store.Repos(), true, idp.Paging{Limit: 1}
	var out []ui.StatProps
	if web.May(r, idp.VerbList, idp.ResourceUser) {
		users, err := repos.Users.Find(ctx, idp.UserFilter{Paging: one})
		if err != nil {
			return nil, fmt.Errorf("counting users: %w", err)
		}
		active, err := repos.Users.Find(ctx, idp.UserFilter{Paging: one, IsActive: &yes})
		if err != nil {
			return nil, fmt.Errorf("counting active users: %w", err)
		}
		out = append(out, ui.StatProps{Label: "Users", Value: ui.Number(users.Total), Icon: ui.IconUser, Href: usersPath,
			Note: ui.Count(users.Total-active.Total, "inactive account")},
			ui.StatProps{Label: "Active users", Value: ui.Number(active.Total), Icon: ui.IconUserCheck, Href: usersPath + "?status=active",
				Note: "may sign in"})
	}
	if web.May(r, idp.VerbList, idp.ResourceSession) {
		sessions, err := repos.Sessions.Find(ctx, idp.SessionFilter{Paging: one, Live: &yes})
		if err != nil {
			return nil, fmt.Errorf("counting sessions: %w", err)
		}
		out = append(out, ui.StatProps{Label: "Live sessions", Value: ui.Number(sessions.Total), Icon: ui.IconLaptop, Note: "signed-in browsers"})
	}
	if web.May(r, idp.VerbList, idp.ResourceLockdown) {
		open, err := repos.Lockdowns.Find(ctx, idp.LockdownFilter{Paging: one, Open: &yes})
		if err != nil {
			return nil, fmt.Errorf("counting lockdowns: %w", err)
		}
		contained := ui.StatProps{Label: "Open lockdowns", Value: ui.Number(open.Total), Icon: ui.IconGate,
			Href: lockdownsPath + "?status=open", Note: "not restored yet"}
		if open.Total > 0 {
			contained.Tone = ui.ToneBad
		}
		out = append(out, contained)
	}
	return out, nil
}

// eventChart draws the events of the last days; days without any are there too.
func eventChart(counts []idp.EventCount, until time.Time) ui.ChartProps {
	const day = 24 * time.Hour
	first := until.UTC().Truncate(day).Add(-(chartDays - 1) * day)
	bars := make([]ui.Bar, chartDays)
	for i := range bars {
		bars[i].Label = first.Add(time.Duration(i) * day).Format("2 Jan")
	}
	for _, n := range counts {
		i := int(n.Day.UTC().Sub(first) / day)
		if n.Day.Before(first) || i >= len(bars) {
			continue
		}
		bars[i].Value += n.Count
		if page.Refusal(n.Action) {
			bars[i].Bad += n.Count
		}
	}
	return ui.ChartProps{Title: fmt.Sprintf("Events of the last %d days", chartDays), Unit: "event", Bars: bars}
}

func lockdownMoment(l *idp.Lockdown) ui.Moment {
	m := ui.Moment{At: l.StartedAt, Icon: ui.IconGate, Tone: ui.ToneBad, Title: ui.Anchor(lockdownTitle(l), lockdownPath(l.ID)), Text: l.Reason}
	if l.RestoredAt != nil {
		m.Icon, m.Tone = ui.IconRotateCcw, ui.ToneOK
	}
	return m
}

func eventMoment(e *idp.Event) ui.Moment {
	d := page.DescribeEvent(e)
	return ui.Moment{At: e.CreatedAt, Icon: d.Icon, Tone: d.Tone, Title: ui.Anchor(d.Sentence, eventPath(e.ID))}
}
