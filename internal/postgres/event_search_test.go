package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// searched is an event with everything it is searched in, as the database writes it.
type searched struct {
	*idp.Event
	text idp.EventText
}

// world of searched events, in every state that an event may be in: in a block, in the
// chain and in no block, not sealed yet, imported with an old time, purged.
type searchWorld struct {
	*testing.T
	db   *DB
	dice *rand.Rand
	all  map[idp.EventID]searched
}

func newSearchWorld(t *testing.T) *searchWorld {
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	return &searchWorld{T: t, db: open(t), dice: rand.New(rand.NewPCG(seed, 1)), all: map[idp.EventID]searched{}}
}

func (w *searchWorld) pick(values ...string) string { return values[w.dice.IntN(len(values))] }

var searchedTexts = []string{"Laptop stolen", "lap-top", "user-1@example.org", "it's \"quoted\" \\ back\nline\ttab", "Straße ÜBER", "100% sure_thing", "a.b.c.d.e.f.g.h.i.j.k.l.m.n", "{[x]}", "\u0001odd", "ΩΜΕΓΑ", strings.Repeat("long", 30)}

// append writes events of which the oldest are so old.
func (w *searchWorld) append(n int, oldest time.Duration, imported bool) {
	w.Helper()
	var all []*idp.Event
	for range n {
		at := time.Now().Add(-time.Duration(w.dice.Int64N(int64(oldest)))).Truncate(time.Second)
		e := &idp.Event{Action: idp.Action(w.pick("login", "logout", "model_updated")), App: w.pick("portcullis.a", "portcullis.b"), User: map[string]any{}, Imported: imported, CreatedAt: at,
			Context: map[string]any{"reason": searchedTexts[w.dice.IntN(len(searchedTexts))], "n": w.dice.IntN(200), "model": map[string]any{"pk": fmt.Sprint(w.dice.IntN(5))}}}
		if who := w.dice.IntN(6); who > 0 {
			e.User = map[string]any{"pk": who, "username": fmt.Sprint("user-", who), "email": fmt.Sprint("u", who, "@example.org")}
		}
		if w.dice.IntN(3) > 0 {
			e.ClientIP = netip.MustParseAddr(w.pick("192.0.2.1", "192.0.2.20", "2001:db8::1", "::102:304"))
		}
		all = append(all, e)
	}
	require.NoError(w, w.db.InTx(w.Context(), func(tx idp.Repos) error { return tx.Events.AppendAll(w.Context(), all) }))
	for _, e := range all {
		s := searched{Event: e, text: idp.EventText{Action: string(e.Action), App: e.App}}
		s.text.Username, _ = e.User["username"].(string)
		if e.ClientIP.IsValid() {
			s.text.Address = e.ClientIP.String()
		}
		require.NoError(w, w.db.pool.QueryRow(w.Context(), `SELECT "user"::text, context::text, coalesce(host(client_ip), '') FROM events WHERE id = $1`, e.ID).Scan(&s.text.User, &s.text.Context, &s.text.Address))
		w.all[e.ID] = s
	}
}

// seal puts what is not in the chain into it, in order; marked says that everything was
// read up to now.
func (w *searchWorld) seal(most int) {
	w.Helper()
	ctx := w.Context()
	require.NoError(w, w.db.InTx(ctx, func(tx idp.Repos) error {
		last, _, err := tx.Seals.Last(ctx)
		require.NoError(w, err)
		seq := int64(0)
		if last != nil {
			seq = last.Seq
		}
		rows, err := tx.Seals.Strays(ctx, time.Now().Add(time.Hour), idp.EventID{}, most)
		require.NoError(w, err)
		w.dice.Shuffle(len(rows), func(i, k int) { rows[i], rows[k] = rows[k], rows[i] })
		mark, err := json.Marshal(idp.SealMark{Since: "1:1:", At: time.Now(), Floor: time.Now().Add(-idp.SealSpan)})
		require.NoError(w, err)
		var entries []idp.Seal
		for i, row := range rows {
			e := idp.Seal{Seq: seq + int64(i) + 1, EventID: row.ID, Origin: idp.SealCommit, Method: "sha256", SealedAt: time.Now(), Value: []byte{1}}
			if i == len(rows)-1 {
				e.Mark = string(mark)
			}
			entries = append(entries, e)
		}
		return tx.Seals.Append(ctx, entries)
	}))
}

// block writes blocks of so many entries until there are fewer.
func (w *searchWorld) block(span int) {
	w.Helper()
	ctx := w.Context()
	for more := true; more; {
		require.NoError(w, w.db.InTx(ctx, func(tx idp.Repos) error {
			due, whole, err := tx.EventBlocks.Due(ctx, span)
			if more = err == nil && (len(due) == span || whole); !more {
				return err
			}
			b := idp.EventBlock{First: due[0].Seq, Last: due[len(due)-1].Seq, From: due[0].CreatedAt, To: due[0].CreatedAt}
			for _, e := range due {
				if e.CreatedAt.Before(b.From) {
					b.From = e.CreatedAt
				}
				if e.CreatedAt.After(b.To) {
					b.To = e.CreatedAt
				}
				e.Text.EachWord(func(word string) bool { b.Words = append(b.Words, word); return true })
			}
			return tx.EventBlocks.Append(ctx, []idp.EventBlock{b})
		}))
	}
	w.look(1000)
}

// look looks for strays, and forgets those that are in blocks.
func (w *searchWorld) look(limit int) (rounds int) {
	w.Helper()
	var after idp.EventID
	for rounds = 1; ; rounds++ {
		require.NoError(w, w.db.InTx(w.Context(), func(tx idp.Repos) (err error) {
			after, err = tx.EventBlocks.Strays(w.Context(), after, limit)
			return err
		}))
		if after.IsZero() {
			return rounds
		}
	}
}

// purge removes the entries up to one with their events, as the owner of the tables.
func (w *searchWorld) purge(last int64) {
	w.Helper()
	ctx := w.Context()
	conn, err := w.db.pool.Acquire(ctx)
	require.NoError(w, err)
	defer conn.Release()
	rows, err := conn.Query(ctx, `SELECT event_id FROM event_seals WHERE seq <= $1`, last)
	require.NoError(w, err)
	for rows.Next() {
		var id idp.EventID
		require.NoError(w, rows.Scan(&id))
		delete(w.all, id)
	}
	require.NoError(w, rows.Err())
	for _, statement := range []string{`RESET ROLE`, `SET session_replication_role = replica`, fmt.Sprintf(`DELETE FROM events WHERE id IN (SELECT event_id FROM event_seals WHERE seq <= %d)`, last),
		fmt.Sprintf(`DELETE FROM event_seals WHERE seq <= %d`, last), `SET session_replication_role = DEFAULT`,
		fmt.Sprintf(`INSERT INTO event_purges (n, first_seq, last_seq, anchor, made_by, until, days, purged_at, method, seal)
			SELECT coalesce(max(n), 0) + 1, coalesce(max(last_seq), 0) + 1, %d, '', '', now(), 1, now(), '', '' FROM event_purges`, last), `SET ROLE portcullis_app`} {
		_, err := conn.Exec(ctx, statement)
		require.NoError(w, err, statement)
	}
}

// finds is what a search means, said once more.
func finds(f idp.EventFilter, e searched) bool {
	text := strings.ToLower(strings.TrimSpace(f.Search))
	within := slices.ContainsFunc([]string{e.text.Action, e.text.App, e.text.Address, e.text.User, e.text.Context}, func(s string) bool {
		return strings.Contains(strings.ToLower(s), text)
	})
	var words []string
	e.text.EachWord(func(word string) bool { words = append(words, word); return true })
	for _, want := range idp.SearchWords(f.Search) {
		within = within && slices.ContainsFunc(words, func(word string) bool { return strings.HasPrefix(word, want) })
	}
	model, _ := e.Context["model"].(map[string]any)
	return within && (f.Actions == nil || slices.Contains(f.Actions, e.Action)) && (f.Username == nil || e.User["username"] == *f.Username) &&
		(f.ClientIP == nil || e.ClientIP.IsValid() && e.ClientIP.String() == *f.ClientIP) && (f.UserID == nil || pkOf(e.User) == int(*f.UserID)) &&
		(f.ModelPK == nil || model["pk"] == *f.ModelPK) && (f.After == nil || e.CreatedAt.After(*f.After)) && (f.Before == nil || e.CreatedAt.Before(*f.Before)) &&
		(f.Behind == nil || slices.Compare(e.ID[:], f.Behind[:]) < 0)
}

// filter is any.
func (w *searchWorld) filter(oldest time.Duration) idp.EventFilter {
	f := idp.EventFilter{Paging: idp.Paging{Limit: 1 + w.dice.IntN(30), Offset: w.dice.IntN(3) * w.dice.IntN(40)}}
	f.Order = [][]string{nil, {"-created"}, {"created"}, {"-created"}, {"-pk"}, {"pk"}, {"action", "-pk"}}[w.dice.IntN(7)]
	if f.Search = w.pick("lap", "STOLEN", "laptop stolen", "user-1", "user-", "example.org", "xample", "quoted", "line", "nline", "straße", "über", "100%", "sure_", "thing", "1", "n\": 1", "m.n", "k.l", "x", "odd", "nothing", "ωμ",
		"192.0.2.2", "2001:db8", "1.2.3", "login", "port", "portcullis.a", "o", "it's", "reason lap", strings.Repeat("long", 30), strings.Repeat("long", 15), "long"+strings.Repeat("long", 15), "u1@", "model_updated"); w.dice.IntN(5) == 0 {
		e := w.any()
		text := []rune(e.text.Context)
		from := w.dice.IntN(len(text))
		f.Search = string(text[from:min(len(text), from+1+w.dice.IntN(20))])
	}
	one := func(p **string, values ...string) {
		if w.dice.IntN(4) == 0 {
			v := w.pick(values...)
			*p = &v
		}
	}
	one(&f.Username, "user-1", "user-2", "nobody")
	one(&f.ClientIP, "192.0.2.1", "2001:db8::1", "::102:304")
	one(&f.ModelPK, "1", "2")
	if w.dice.IntN(4) == 0 {
		f.Actions = [][]idp.Action{{"login"}, {"login", "logout"}, {}}[w.dice.IntN(3)]
	}
	if w.dice.IntN(6) == 0 {
		id := idp.UserID(1 + w.dice.IntN(3))
		f.UserID = &id
	}
	for _, p := range []**time.Time{&f.After, &f.Before} {
		if w.dice.IntN(5) == 0 {
			at := time.Now().Add(-time.Duration(w.dice.Int64N(int64(oldest)))).Truncate(time.Second)
			*p = &at
		}
	}
	if w.dice.IntN(8) == 0 {
		e := w.any()
		f.Behind = &e.ID
	}
	return f
}

func (w *searchWorld) any() searched {
	ids := make([]idp.EventID, 0, len(w.all))
	for id := range w.all {
		ids = append(ids, id)
	}
	return w.all[ids[w.dice.IntN(len(ids))]]
}

// compare compares what a search finds with what it should.
func (w *searchWorld) compare(f idp.EventFilter, found idp.Page[idp.Event]) {
	w.Helper()
	var want []searched
	for _, e := range w.all {
		if finds(f, e) {
			want = append(want, e)
		}
	}
	slices.SortFunc(want, func(a, b searched) int {
		down, c := true, 0
		switch {
		case len(f.Order) > 1:
			if c = strings.Compare(string(a.Action), string(b.Action)); c != 0 {
				return c
			}
			fallthrough
		case len(f.Order) == 1 && strings.HasSuffix(f.Order[0], "pk"):
			c = slices.Compare(a.ID[:], b.ID[:])
		default:
			if c = a.CreatedAt.Compare(b.CreatedAt); c == 0 {
				c = slices.Compare(a.ID[:], b.ID[:])
			}
		}
		if len(f.Order) == 1 {
			down = f.Order[0][0] == '-'
		}
		if down {
			return -c
		}
		return c
	})
	var ids, got []string
	for _, e := range want[min(f.Offset, len(want)):min(f.Offset+f.Limit, len(want))] {
		ids = append(ids, e.ID.String())
	}
	for _, e := range found.Items {
		got = append(got, e.ID.String())
	}
	require.Empty(w, cmp.Diff(ids, got), "%+v", f)
	if found.AtLeast {
		require.Equal(w, f.Offset+f.Limit+1, found.Total)
		require.Greater(w, len(want), f.Offset+f.Limit)
	} else {
		require.Equal(w, len(want), found.Total, "%+v", f)
	}
}

func (w *searchWorld) search(n int, oldest time.Duration) {
	w.Helper()
	for range n {
		f := w.filter(oldest)
		found, err := w.db.Repos().Events.Find(w.Context(), f)
		if len(idp.SearchWords(f.Search)) == 0 {
			if strings.TrimSpace(f.Search) != "" {
				requireField(w.T, err, "search", "no letter or digit")
			}
			continue
		}
		require.NoError(w, err, "%+v", f)
		w.compare(f, found)
		if w.dice.IntN(3) == 0 {
			w.hasten(f)
		}
		if w.dice.IntN(5) == 0 {
			volume, err := w.db.Repos().Events.Volume(w.Context(), f, 3650)
			require.NoError(w, err)
			want, counted := 0, 0
			for _, e := range w.all {
				if finds(f, e) {
					want++
				}
			}
			for _, v := range volume {
				counted += v.Count
			}
			require.Equal(w, want, counted, "%+v", f)
		}
	}
}

// hasten has a search take blocks for slow, so that it leaves them and walks on.
func (w *searchWorld) hasten(f idp.EventFilter) {
	w.Helper()
	f.Order, f.Offset, f.Limit = []string{w.pick("created", "-created")}, 0, 300
	s, err := newEventSearch(w.db.pool, f)
	require.NoError(w, err)
	s.up, s.pace = f.Order[0] == "created", 1e18
	require.NoError(w, s.snapshot(w.Context(), func() error { return s.rest(w.Context(), f.Limit) }))
	s.sort()
	found := idp.Page[idp.Event]{Total: len(s.found)}
	if found.AtLeast = len(s.found) > f.Limit; found.AtLeast {
		found.Total = f.Limit + 1
	}
	for _, k := range s.found[:min(len(s.found), f.Limit)] {
		found.Items = append(found.Items, idp.Event{ID: k.id})
	}
	if len(s.found) == f.Limit { // as many as were needed: nobody asked whether there are more
		return
	}
	w.compare(f, found)
}

// Whatever state events are in, a search finds what it says, in its order, once.
func TestSearchFindsEventsInEveryState(t *testing.T) {
	t.Parallel()
	w := newSearchWorld(t)
	const year = 365 * 24 * time.Hour
	w.append(700, year, true)
	w.search(60, year) // there is no chain yet
	w.seal(600)
	w.search(30, year) // and no block
	w.block(32)
	w.search(60, year)
	w.append(200, year, true)      // strays
	w.append(60, time.Hour, false) // not sealed yet
	w.search(120, year)
	w.seal(150)
	w.search(60, year)
	w.block(7)
	w.search(60, year)
	w.purge(75) // in the middle of a block
	w.search(60, year)
	w.block(32)
	w.purge(96)
	w.search(60, year)
	w.seal(10_000)
	w.block(32)
	w.append(20, time.Minute, true)
	w.search(120, year)
	w.block(1) // everything is in a block
	require.Zero(t, scalar[int](t, w.db, `SELECT count(*) FROM events e WHERE NOT EXISTS (SELECT FROM event_seals s JOIN event_blocks b ON s.seq BETWEEN b.first_seq AND b.last_seq WHERE s.event_id = e.id) AND NOT EXISTS (SELECT FROM event_strays t WHERE t.event_id = e.id)`))
	w.search(120, year)
}

// Long searches go on behind the first thousands, in every order.
func TestSearchGoesOn(t *testing.T) {
	t.Parallel()
	w := newSearchWorld(t)
	sql(t, w.db, `INSERT INTO events (id, action, context, created_at) SELECT gen_random_uuid(), 'login', jsonb_build_object('text', CASE WHEN i % 8 < 7 THEN 'needle' ELSE 'hay' END || CASE WHEN i % 300 = 0 THEN ' rare' ELSE '' END),
		clock_timestamp() - i * interval '1 second' FROM generate_series(1, 12000) i`)
	find := func(text string, order string, limit, offset int) idp.Page[idp.Event] {
		found, err := w.db.Repos().Events.Find(t.Context(), idp.EventFilter{Paging: idp.Paging{Search: text, Limit: limit, Offset: offset, Order: []string{order}}})
		require.NoError(t, err)
		return found
	}
	check := func() {
		t.Helper()
		for _, order := range []string{"-created", "created", "-pk", "action"} {
			require.Len(t, find("needle", order, 20, 9_000).Items, 20, order)
			require.Len(t, find("needle", order, 20, 10_490).Items, 10, order)
			require.Equal(t, 10_500, find("needle", order, 20, 10_490).Total, order)
			require.Equal(t, 40, find("needle rare", order, 20, 30).Total, order)
			require.Len(t, find("needle rare", order, 20, 30).Items, 10, order)
			require.Zero(t, find("hay rare", order, 20, 0).Total)
		}
	}
	check()
	w.seal(12_000)
	w.block(32)
	check()
}

// A search sees one state of the log, and blocks are nothing that the server may change.
func TestBlocksAreWrittenOnce(t *testing.T) {
	t.Parallel()
	w := newSearchWorld(t)
	w.append(64, time.Hour, true)
	w.seal(64)
	w.block(32)
	for _, statement := range []string{`DELETE FROM event_blocks`, `UPDATE event_blocks SET last_seq = 9`, `TRUNCATE event_blocks`} {
		_, err := w.db.pool.Exec(t.Context(), statement)
		require.Equal(t, insufficientRights, sqlState(err), statement)
	}
	require.ErrorIs(t, w.db.InTx(t.Context(), func(tx idp.Repos) error {
		held, err := tx.EventBlocks.Hold(t.Context())
		require.NoError(t, err)
		require.True(t, held)
		return w.db.InTx(t.Context(), func(other idp.Repos) error {
			held, err := other.EventBlocks.Hold(t.Context())
			require.NoError(t, err)
			require.False(t, held)
			return context.Canceled
		})
	}), context.Canceled)
}

// Events that are in no entry are found when they are looked for, and forgotten when they
// are in a block.
func TestStraysAreLookedFor(t *testing.T) {
	t.Parallel()
	w := newSearchWorld(t)
	w.append(100, time.Hour, true)
	w.seal(100)
	sql(t, w.db, `INSERT INTO events (id, action, app, created_at) SELECT gen_random_uuid(), 'login', 'smuggled', now() - interval '1 day' FROM generate_series(1, 7)`)
	find := func() int {
		found, err := w.db.Repos().Events.Find(t.Context(), idp.EventFilter{Paging: idp.Paging{Search: "smuggled", Order: []string{"action"}}})
		require.NoError(t, err)
		return found.Total
	}
	require.Zero(t, find(), "nobody has looked for them yet")
	require.Equal(t, 4, w.look(30))
	require.Equal(t, 7, find())
	w.block(1)
	w.seal(7)
	w.block(1)
	require.Zero(t, scalar[int](t, w.db, `SELECT count(*) FROM event_strays`))
	require.Equal(t, 7, find())
}
