package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// walk looks at the next events of the list, whatever they say, and reports whether there
// may be more.
func (s *eventSearch) walk(ctx context.Context, n int) (more bool, err error) {
	sign := map[bool]string{true: "", false: " DESC"}[s.up]
	order := " ORDER BY e.created_at" + sign + ", e.id" + sign
	if s.byKey {
		order = " ORDER BY e.id" + sign
	}
	w, began := s.conditions(), time.Now()
	w.name("most", n)
	rows, err := s.q.Query(ctx, fmt.Sprintf("SELECT e.id, e.created_at, CASE WHEN %s THEN %s END FROM (SELECT e.* FROM %s%s LIMIT @most) e%[4]s",
		s.test, eventText, eventSources("e.*", w, s.branches, order, "@most"), order), planned(s.q, w.args)...)
	if err != nil {
		return false, wrap(err, "event", "searching events")
	}
	looked, first := 0, time.Time{}
	err = s.read(rows, func(k eventKey, columns []string) {
		if looked++; looked == 1 {
			first = k.at
		}
		s.walked = &k
		if columns != nil {
			s.accept(k, columns)
		}
	})
	if looked > 0 {
		s.pace = paceOf(first, s.walked.at, began)
	}
	return looked == n, err
}

func (s *eventSearch) read(rows pgx.Rows, each func(k eventKey, columns []string)) error {
	var k eventKey
	var columns []string
	_, err := pgx.ForEachRow(rows, []any{&k.id, &k.at, &columns}, func() error {
		each(k, columns)
		columns = nil
		return nil
	})
	return wrap(err, "event", "searching events")
}

// remaining are the conditions for events that are read one by one, the text included.
func (s *eventSearch) remaining() where {
	w := s.conditions()
	if len(s.branches) > 0 {
		w.add("(" + strings.Join(s.branches, " OR ") + ")")
	}
	w.add(s.test)
	return w
}

// unblocked finds events that are in no block: entries of the chain in front of the first
// and behind the last one, what is not sealed yet, and strays.
func (s *eventSearch) unblocked(ctx context.Context, at span, bound time.Time, need int) error {
	sign := map[bool]string{true: "", false: " DESC"}[s.up]
	for limit := min(need*2, fewHits); ; {
		w := s.remaining()
		for name, value := range map[string]any{"first": at.first, "last": at.last, "bound": bound, "most": limit} {
			w.name(name, value)
		}
		rows, err := s.q.Query(ctx, `SELECT e.id, e.created_at, `+eventText+` FROM (
			SELECT s.event_id FROM event_seals s WHERE s.seq > @last
			UNION SELECT s.event_id FROM event_seals s WHERE s.seq < @first
			UNION SELECT t.event_id FROM event_strays t
			UNION SELECT u.id FROM events u WHERE u.created_at > @bound AND NOT EXISTS (SELECT FROM event_seals s WHERE s.event_id = u.id)) o`+itsEvent+w.String()+` ORDER BY e.created_at`+sign+`, e.id`+sign+` LIMIT @most`, w.args)
		if err != nil {
			return wrap(err, "event", "searching events")
		}
		looked, accepted := 0, 0
		var last eventKey
		if err := s.read(rows, func(k eventKey, columns []string) {
			before := len(s.found)
			s.accept(k, columns)
			looked, accepted, last = looked+1, accepted+len(s.found)-before, k
		}); err != nil || looked < limit || accepted >= need {
			return err
		}
		if err := s.patient(ctx); err != nil {
			return err
		}
		walked := s.walked // the next ones are behind the last of these
		s.walked = &last
		defer func() { s.walked = walked }()
	}
}

// block is a stretch of the chain.
type block struct {
	first, last int64
	from, to    time.Time
}

// end is when an event was created that comes first in the list of those in the block.
func (s *eventSearch) end(b block) time.Time {
	if s.up {
		return b.from
	}
	return b.to
}

// inBlocks reads blocks that have the words, in the order of the list, until what was
// found fills the page and no further block can have anything that comes before. Where
// nearly all blocks have them, because something else is asked for that many events have
// as well, walking along those gets on faster: whichever does goes on.
func (s *eventSearch) inBlocks(ctx context.Context, at span, need int) error {
	var behind *block
	opened, before := 0, len(s.found)
	for step := 200; ; step = blockStep {
		blocks, err := s.candidates(ctx, at, behind, step)
		if err != nil {
			return err
		}
		for len(blocks) > 0 {
			if s.full(need, s.end(blocks[0])) {
				return nil
			}
			if err := s.patient(ctx); err != nil {
				return err
			}
			n := min(promising(need-len(s.found), len(s.found)-before, opened), len(blocks))
			from, began := s.end(blocks[0]), time.Now()
			if err := s.open(ctx, blocks[:n]); err != nil {
				return err
			}
			behind, blocks, step, opened = &blocks[n-1], blocks[n:], step-n, opened+n
			if len(blocks) == 0 || s.pace < 2*paceOf(from, s.end(blocks[0]), began) {
				continue
			}
			s.jump(s.end(blocks[0]))
			if more, err := s.walk(ctx, longWalk); err != nil || !more || s.full(need, s.walked.at) {
				return err
			}
			behind, blocks, step = nil, nil, 0
			opened, before = 0, len(s.found)
		}
		if step > 0 || behind != nil && s.full(need, s.end(*behind)) {
			return nil
		}
	}
}

// promising is how many blocks are likely to have as many events as are left to be found,
// when so many were found in those opened so far.
func promising(left, found, opened int) int {
	switch {
	case opened == 0:
		return min(max(left, 8)+2, 100)
	case found == 0:
		return min(opened*2, 500)
	}
	return min(max(left*opened/found, 4)+2, opened*4, 500)
}

// paceOf says how much of the log's time was looked at in how much of ours.
func paceOf(from, to, began time.Time) float64 {
	return float64(from.Sub(to).Abs()) / float64(max(time.Since(began), time.Microsecond))
}

// jump says that everything was looked at that comes before what was created then.
func (s *eventSearch) jump(then time.Time) {
	k := eventKey{at: then} // in front of all of that moment
	if !s.up {
		k.id = idp.EventID{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	}
	if s.walked == nil || (s.walked.compare(k) < 0) == s.up {
		s.walked = &k
	}
}

// full reports whether enough was found that comes before what was created then.
func (s *eventSearch) full(need int, then time.Time) bool {
	if len(s.found) < need {
		return false
	}
	s.sort()
	c := s.found[need-1].at.Compare(then)
	return s.up && c < 0 || !s.up && c > 0
}

// candidates are the next blocks that may have events with the text.
func (s *eventSearch) candidates(ctx context.Context, at span, behind *block, most int) ([]block, error) {
	w := where{conditions: []string{"b.words @@ @words::tsquery", "b.last_seq <= @last"}, args: pgx.NamedArgs{"words": s.blocks, "last": at.last, "most": most}}
	order := " ORDER BY b.max_at DESC, b.first_seq DESC"
	if s.up {
		order = " ORDER BY b.min_at, b.first_seq"
	}
	if s.after != nil {
		w.with("b.max_at > @after", "after", *s.after)
	}
	if s.before != nil {
		w.with("b.min_at < @before", "before", *s.before)
	}
	if s.walked != nil && s.up {
		w.with("b.max_at >= @walked", "walked", s.walked.at)
	} else if s.walked != nil {
		w.with("b.min_at <= @walked", "walked", s.walked.at)
	}
	if behind != nil {
		w.name("behind_seq", behind.first)
		if s.up {
			w.with("(b.min_at, b.first_seq) > (@behind, @behind_seq)", "behind", behind.from)
		} else {
			w.with("(b.max_at, b.first_seq) < (@behind, @behind_seq)", "behind", behind.to)
		}
	}
	rows, err := s.q.Query(ctx, "SELECT b.first_seq, b.last_seq, b.min_at, b.max_at FROM event_blocks b"+w.String()+order+" LIMIT @most", w.args)
	if err != nil {
		return nil, wrap(err, "event", "searching blocks of events")
	}
	blocks, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (b block, err error) {
		return b, row.Scan(&b.first, &b.last, &b.from, &b.to)
	})
	return blocks, wrap(err, "event", "searching blocks of events")
}

// itsEvent joins the event of each row o, and lets the planner think of no other way: it
// takes the test of a text for one that leaves few events, and begins with that.
const itsEvent = ` CROSS JOIN LATERAL (SELECT e.* FROM events e WHERE e.id = o.event_id OFFSET 0) e`

// open reads the events of blocks.
func (s *eventSearch) open(ctx context.Context, blocks []block) error {
	w := s.remaining()
	first, last := make([]int64, len(blocks)), make([]int64, len(blocks))
	for i, b := range blocks {
		first[i], last[i] = b.first, b.last
	}
	w.name("firsts", first)
	w.name("lasts", last)
	rows, err := s.q.Query(ctx, `SELECT e.id, e.created_at, `+eventText+` FROM unnest(@firsts::bigint[], @lasts::bigint[]) b (first, last)
		CROSS JOIN LATERAL (SELECT s.event_id FROM event_seals s WHERE s.seq BETWEEN b.first AND b.last OFFSET 0) o`+itsEvent+w.String(), w.args)
	if err != nil {
		return wrap(err, "event", "searching events")
	}
	return s.read(rows, s.accept)
}
