package admin

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/web/ui"
)

// dailyKept is how long the counts of days that are over are kept: only what is
// imported or purged changes them.
const dailyKept = time.Hour

// Where today has so many events, their counts are kept for a moment, too: each page
// would read all of them.
const (
	todayMany = 1000
	todayKept = 10 * time.Second
)

// daily remembers how many events the days that are over had. Counting a month of some
// millions takes longer than a page may.
type daily struct {
	mu    sync.Mutex
	at    time.Time
	past  []idp.EventCount
	today time.Time // the day behind them

	now   []idp.EventCount // of today
	nowAt time.Time        // zero = they are not kept
}

// counts are those of idp.Events.Daily.
func (d *daily) counts(ctx context.Context, events idp.Events, days int) ([]idp.EventCount, error) {
	now, err := d.countsToday(ctx, events)
	if err != nil {
		return nil, err
	}
	today := time.Now().UTC().Truncate(24 * time.Hour)
	if len(now) > 0 { // the database's clock says which day it is
		today = now[0].Day.UTC()
	}
	d.mu.Lock()
	past, fresh := d.past, d.today.Equal(today) && time.Since(d.at) < dailyKept
	d.mu.Unlock()
	if !fresh {
		all, err := events.Daily(ctx, days)
		if err != nil {
			return nil, err
		}
		past = nil
		for _, c := range all {
			if c.Day.Before(today) {
				past = append(past, c)
			}
		}
		d.mu.Lock()
		d.at, d.past, d.today = time.Now(), past, today
		d.mu.Unlock()
	}
	return append(past[:len(past):len(past)], now...), nil
}

func (d *daily) countsToday(ctx context.Context, events idp.Events) ([]idp.EventCount, error) {
	d.mu.Lock()
	now, fresh := d.now, time.Since(d.nowAt) < todayKept
	d.mu.Unlock()
	if fresh {
		return now, nil
	}
	now, err := events.Daily(ctx, 1)
	if err != nil {
		return nil, err
	}
	n := 0
	for _, c := range now {
		n += c.Count
	}
	d.mu.Lock()
	if d.now, d.nowAt = now, time.Now(); n < todayMany {
		d.nowAt = time.Time{}
	}
	d.mu.Unlock()
	return now, nil
}

// eventPaging is the foot of a list of events, which are not counted to the end.
func eventPaging(list page.List, found idp.Page[idp.Event]) *ui.Paging {
	if !found.AtLeast {
		return list.Pages(found.Total, "event")
	}
	from := (list.Page-1)*list.Size + 1
	p := &ui.Paging{From: from, To: from + len(found.Items) - 1, Total: -1, Noun: "event", NextHref: list.Href("page", strconv.Itoa(list.Page+1))}
	switch {
	case list.Page == 2:
		p.PrevHref = list.Href()
	case list.Page > 2:
		p.PrevHref = list.Href("page", strconv.Itoa(list.Page-1))
	}
	return p
}
