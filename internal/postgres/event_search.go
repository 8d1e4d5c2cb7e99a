package postgres

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// How a search goes about it; see adr/0016.
const (
	// firstWalk is how many events that the other filters let through are looked at in
	// the order of the list before blocks are asked for.
	firstWalk = 300
	// longWalk is how many are at most looked at so, while that promises to fill the page.
	longWalk = 3000
	// walkStep is how many are looked at with one statement where there is no other way.
	walkStep = 20_000
	// looseMost is how many entries may be in no block yet for blocks to be of use.
	looseMost = 5000
	// blockStep is how many blocks are named by one statement.
	blockStep = 2000
	// fewHits is how many events are all found and put in another order.
	fewHits = 10_000
	// searchPatience is how long a search goes on beginning statements.
	searchPatience = 30 * time.Second
	// blockTerms is how many words of a search choose blocks.
	blockTerms = 8
)

// eventKey is an event's place in the list.
type eventKey struct {
	at time.Time
	id idp.EventID
}

func (k eventKey) compare(other eventKey) int {
	if c := k.at.Compare(other.at); c != 0 {
		return c
	}
	return bytes.Compare(k.id[:], other.id[:])
}

// eventSearch finds the events with a text. It compares in the database, as filters do,
// and once more here: the text has to begin where a word does.
type eventSearch struct {
	q        querier
	w        where // what the other filters ask for
	branches []string
	test     string   // whether the text is in event e
	words    []string // what words have to begin with
	blocks   string   // the same and what else is known of the words, for an index
	up       bool     // oldest first
	byKey    bool     // in the order of the identifiers
	after    *time.Time
	before   *time.Time
	began    time.Time

	found  []eventKey
	seen   map[idp.EventID]bool
	walked *eventKey // up to here every event was looked at
	pace   float64   // of the last walk; see paceOf
}

func newEventSearch(q querier, f idp.EventFilter) (*eventSearch, error) {
	s := &eventSearch{q: q, words: idp.SearchWords(f.Search), after: f.After, before: f.Before, began: time.Now(), seen: map[idp.EventID]bool{}}
	if len(s.words) == 0 {
		return nil, idp.Invalid("search", "“%.64s” has no letter or digit to search for: expected the beginning of a word.", strings.TrimSpace(f.Search))
	}
	var err error
	if s.w, s.branches, err = eventConditions(f); err != nil {
		return nil, err
	}
	text := strings.TrimSpace(f.Search)
	fold := func(e string) string { return "fold(" + e + ") LIKE fold(@search)" }
	if !strings.ContainsFunc(text, func(r rune) bool { return r >= 0x80 }) { // the same, in a third of the time
		text = strings.ToLower(text)
		fold = func(e string) string { return "lower(" + e + ` COLLATE "C") LIKE @search` }
	}
	terms := []string{}
	for _, e := range []string{"e.action", "e.app", "coalesce(host(e.client_ip), '')", `(e."user"::text)`, "(e.context::text)"} {
		terms = append(terms, fold(e))
	}
	s.test = "(" + strings.Join(terms, " OR ") + ")"
	s.w.name("search", "%"+pattern(text)+"%")
	s.blocks = blockQuery(s.words, f)
	return s, nil
}

// blockQuery chooses the blocks that may have what a filter asks for.
func blockQuery(beginnings []string, f idp.EventFilter) string {
	longest := slices.Compact(slices.Sorted(slices.Values(beginnings)))
	slices.SortFunc(longest, func(a, b string) int { return len(b) - len(a) })
	quoted := func(word string) string { return "'" + strings.ReplaceAll(word, "'", "''") + "'" }
	var terms []string
	for _, word := range longest[:min(len(longest), blockTerms)] {
		terms = append(terms, quoted(word)+":*")
	}
	whole := func(texts ...string) {
		any := make([]string, 0, len(texts))
		for _, text := range texts {
			word := idp.FilterWord(printable(text))
			if word == "" {
				return
			}
			any = append(any, quoted(word))
		}
		if len(any) > 0 {
			terms = append(terms, "("+strings.Join(any, " | ")+")")
		}
	}
	whole(distinct(f.Actions)...)
	if f.Username != nil {
		whole(*f.Username)
	}
	if f.ClientIP != nil && !strings.Contains(*f.ClientIP, ":") { // others are written in several ways
		whole(*f.ClientIP)
	}
	return strings.Join(terms, " & ")
}

// accept notes an event that has the text, if it has it at the beginning of a word.
func (s *eventSearch) accept(k eventKey, columns []string) {
	if !s.seen[k.id] && textOf(columns).Has(s.words) {
		s.seen[k.id] = true
		s.found = append(s.found, k)
	}
}

// patient is an error when the search has taken too long.
func (s *eventSearch) patient(ctx context.Context) error {
	if time.Since(s.began) < searchPatience {
		return ctx.Err()
	}
	return &idp.Error{Code: idp.CodeBusy, Message: "The search takes too long. Search for more of the text, or choose a user, an address or a shorter time.", RetryAfter: busyPause}
}

// sort puts what was found in the order of the list.
func (s *eventSearch) sort() {
	slices.SortFunc(s.found, func(a, b eventKey) int {
		c := 0
		if s.byKey {
			c = bytes.Compare(a.id[:], b.id[:])
		} else {
			c = a.compare(b)
		}
		if !s.up {
			c = -c
		}
		return c
	})
}

// search is Find where a text is searched for.
func (r events) search(ctx context.Context, f idp.EventFilter) (page idp.Page[idp.Event], err error) {
	order, err := eventListing.order(f.Order)
	if err != nil {
		return page, err
	}
	s, err := newEventSearch(r.q, f)
	if err != nil {
		return page, err
	}
	limit, offset := f.Limit, max(f.Offset, 0)
	if limit <= 0 {
		limit = defaultPage
	}
	limit = min(limit, maxPage)
	all, err := s.page(ctx, f.Order, offset+limit+1)
	if err != nil {
		return page, err
	}
	page.Total = min(len(s.found), offset+limit+1)
	page.AtLeast = len(s.found) > offset+limit
	if f.Uncounted && len(s.found) <= offset && offset > 0 {
		page.Total = -1
	}
	var args pgx.NamedArgs
	if all {
		page.Total, page.AtLeast = len(s.found), false
		args = pgx.NamedArgs{"ids": idsOf(s.found), "limit": limit, "offset": offset}
	} else {
		args = pgx.NamedArgs{"ids": idsOf(s.found[min(offset, len(s.found)):min(offset+limit, len(s.found))]), "limit": limit, "offset": 0}
	}
	rows, err := s.q.Query(ctx, "SELECT "+eventColumns+" FROM events e WHERE e.id = ANY(@ids::uuid[])"+order+" LIMIT @limit OFFSET @offset", args)
	if err != nil {
		return page, wrap(err, "event", "listing events")
	}
	page.Items, err = pgx.CollectRows(rows, pgx.RowToStructByNameLax[idp.Event])
	return page, wrap(err, "event", "listing events")
}

func idsOf(keys []eventKey) []string {
	ids := make([]string, len(keys))
	for i, k := range keys {
		ids[i] = k.id.String()
	}
	return ids
}

// page finds so many events in the order of the list, or all there are. all is true where
// those that were found are all, in no particular order.
func (s *eventSearch) page(ctx context.Context, order []string, need int) (all bool, err error) {
	field, down := "created", true
	if len(order) == 1 {
		field, down = strings.CutPrefix(strings.TrimSpace(order[0]), "-")
	}
	if len(order) > 1 || field != "created" && field != "pk" {
		return true, s.collect(ctx, 1<<60)
	}
	s.up, s.byKey = !down, field == "pk"
	if s.byKey {
		return s.pageByKey(ctx, need)
	}
	ended, err := s.walkOn(ctx, need)
	if err == nil && !ended {
		err = s.snapshot(ctx, func() error { return s.rest(ctx, need) })
	}
	s.sort()
	return false, err
}

// walkOn looks at events in the order of the list, for as long as that promises to find
// what is needed soon. ended is true when no more has to be looked at.
func (s *eventSearch) walkOn(ctx context.Context, need int) (ended bool, err error) {
	for n, looked := firstWalk, 0; ; {
		more, err := s.walk(ctx, n)
		if err != nil || !more || len(s.found) >= need {
			return true, err
		}
		looked += n
		left := (need - len(s.found)) * looked / max(len(s.found), 1)
		if len(s.found) == 0 || looked+left > longWalk {
			return false, nil
		}
		n = min(max(left*3/2, firstWalk), longWalk)
	}
}

// pageByKey is page for a list in the order of the identifiers, which blocks are not in.
func (s *eventSearch) pageByKey(ctx context.Context, need int) (all bool, err error) {
	more, err := s.walk(ctx, longWalk)
	if err != nil || !more || len(s.found) >= need {
		s.sort()
		return false, err
	}
	found, seen := s.found, s.seen
	some := *s
	some.found, some.seen, some.walked, some.pace, some.byKey = nil, map[idp.EventID]bool{}, nil, 0, false
	if err := some.collect(ctx, fewHits+1); err != nil {
		return false, err
	}
	if len(some.found) <= fewHits {
		s.found = some.found
		return true, nil
	}
	s.found, s.seen = found, seen
	for more && len(s.found) < need {
		if err = s.patient(ctx); err != nil {
			return false, err
		}
		if more, err = s.walk(ctx, walkStep); err != nil {
			return false, err
		}
	}
	s.sort()
	return false, nil
}

// collect finds events in any order, all there are unless they are more than needed.
func (s *eventSearch) collect(ctx context.Context, need int) error {
	return s.snapshot(ctx, func() error { return s.rest(ctx, need) })
}

// rest finds what was not walked along.
func (s *eventSearch) rest(ctx context.Context, need int) error {
	where, err := spanOf(ctx, s.q)
	if err != nil {
		return err
	}
	bound, chained := where.unsealed()
	if !chained || where.loose() > looseMost {
		for more := true; more && len(s.found) < need; {
			if err := s.patient(ctx); err != nil {
				return err
			}
			if more, err = s.walk(ctx, walkStep); err != nil {
				return err
			}
		}
		return nil
	}
	if err := s.unblocked(ctx, where, bound, need); err != nil {
		return err
	}
	return s.inBlocks(ctx, where, need)
}

// snapshot has fn see one state of the database, with plans that know of no words: what
// reads all blocks, or all entries of the chain, is never meant.
func (s *eventSearch) snapshot(ctx context.Context, fn func() error) error {
	pool, ok := s.q.(interface {
		BeginTx(ctx context.Context, o pgx.TxOptions) (pgx.Tx, error)
	})
	if _, within := s.q.(*transaction); within || !ok {
		return fn()
	}
	tx, err := pool.BeginTx(ctx, pgx.TxOptions{BeginQuery: `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
		SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off`})
	if err != nil {
		return wrap(err, "event", "searching events")
	}
	outside := s.q
	s.q = tx
	err = fn()
	s.q = outside
	return errors.Join(err, wrap(tx.Rollback(context.WithoutCancel(ctx)), "event", "searching events"))
}

// conditions are those of the other filters and what is not walked along yet, over e.
func (s *eventSearch) conditions() where {
	w := where{conditions: slices.Clone(s.w.conditions), args: maps.Clone(s.w.args)}
	if s.walked != nil {
		sign := map[bool]string{true: ">", false: "<"}[s.up]
		w.name("walked_id", s.walked.id)
		if s.byKey {
			w.add("e.id " + sign + " @walked_id")
		} else {
			w.with("(e.created_at, e.id) "+sign+" (@walked_at, @walked_id)", "walked_at", s.walked.at)
		}
	}
	return w
}
