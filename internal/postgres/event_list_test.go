package postgres

import (
	"context"
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

// keptEvents writes events with few values of each kind, and returns them newest first.
func keptEvents(t *testing.T, db *DB, n int) []*idp.Event {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	dice := rand.New(rand.NewPCG(seed, 1))
	pick := func(values ...string) string { return values[dice.IntN(len(values))] }
	begin := time.Now().Add(-time.Hour).Truncate(time.Second)
	var all []*idp.Event
	for i := range n {
		e := &idp.Event{Action: idp.Action(pick("login", "logout", "model_updated")), App: pick("a", "b"), ClientIP: netip.MustParseAddr(pick("192.0.2.1", "192.0.2.2")),
			User: map[string]any{}, Context: map[string]any{}, Brand: map[string]any{"name": pick("x", "y")}, Imported: true, CreatedAt: begin.Add(time.Duration(i/3) * time.Second)}
		if who := dice.IntN(4); who > 0 {
			e.User = map[string]any{"pk": who, "username": fmt.Sprint("u", who)}
			if by := dice.IntN(4); by > 0 {
				e.User["authenticated_as"] = map[string]any{"pk": by, "username": fmt.Sprint("u", by)}
			}
		}
		if id := pick("", "lock.created", "lock.deleted", "account_lockdown"); id != "" {
			e.Context["action_id"] = id
		}
		if app := pick("", "flow", "lock"); app != "" {
			e.Context["model"] = map[string]any{"app": app, "model_name": pick("m", "n"), "pk": []any{"1", 1, "2", "018f00000000700080000000000000aa"}[dice.IntN(4)]}
		}
		if key := pick("", "k1", "k2"); key != "" {
			e.Context["authorized_application"] = map[string]any{"pk": key}
		}
		all = append(all, e)
	}
	require.NoError(t, db.InTx(t.Context(), func(tx idp.Repos) error { return tx.Events.AppendAll(t.Context(), all) }))
	slices.SortFunc(all, func(a, b *idp.Event) int {
		if c := b.CreatedAt.Compare(a.CreatedAt); c != 0 {
			return c
		}
		return slices.Compare(b.ID[:], a.ID[:])
	})
	return all
}

func pkOf(m any) int {
	user, _ := m.(map[string]any)
	pk, _ := user["pk"].(int)
	return pk
}

// wants is what a filter means, said once more.
func wants(f idp.EventFilter, e *idp.Event) bool {
	id, _ := e.Context["action_id"].(string)
	model, _ := e.Context["model"].(map[string]any)
	application, _ := e.Context["authorized_application"].(map[string]any)
	is := func(want *string, got any) bool { return want == nil || got != nil && fmt.Sprint(got) == *want }
	return (f.Actions == nil || slices.Contains(f.Actions, e.Action)) && (f.ActionIDs == nil || slices.Contains(f.ActionIDs, id)) && is(f.ActionID, e.Context["action_id"]) &&
		(f.UserID == nil || pkOf(e.User) == int(*f.UserID) || pkOf(e.User["authenticated_as"]) == int(*f.UserID)) && is(f.Username, e.User["username"]) &&
		is(f.ClientIP, e.ClientIP) && is(f.BrandName, e.Brand["name"]) && is(f.ModelApp, model["app"]) && is(f.ModelName, model["model_name"]) &&
		is(f.ModelPK, model["pk"]) && is(f.AuthorizedApp, application["pk"])
}

// However a filter is asked, it finds what it says, in its order, once, and counts it.
func TestEventFiltersTogether(t *testing.T) {
	t.Parallel()
	db := open(t)
	all := keptEvents(t, db, 300)
	one, other := idp.UserID(1), idp.UserID(9)
	actions := [][]idp.Action{nil, nil, {}, {"login"}, {"login", "logout", "login"}, {"nothing", "logout"}}
	ids := [][]string{nil, nil, {}, {"lock.created"}, {"lock.created", "account_lockdown", "lock.created"}}
	texts := func(values ...string) []*string {
		out := []*string{nil, nil, nil, nil}
		for _, v := range values {
			out = append(out, &v)
		}
		return out
	}
	for range 250 {
		pick := func(list []*string) *string { return list[rand.IntN(len(list))] }
		f := idp.EventFilter{Actions: actions[rand.IntN(len(actions))], ActionIDs: ids[rand.IntN(len(ids))], ActionID: pick(texts("lock.created", "z")), UserID: []*idp.UserID{nil, nil, &one, &other}[rand.IntN(4)],
			Username: pick(texts("u1", "u2")), ClientIP: pick(texts("192.0.2.1")), BrandName: pick(texts("x", "z")), ModelApp: pick(texts("lock")), ModelName: pick(texts("m")),
			ModelPK: pick(texts("1", "2", "018f00000000700080000000000000aa")), AuthorizedApp: pick(texts("k1", "z"))}
		f.Paging = idp.Paging{Limit: 1 + rand.IntN(30), Offset: rand.IntN(3) * rand.IntN(20), Order: []string{"-created"}}
		var want []idp.EventID
		for _, e := range all {
			if wants(f, e) {
				want = append(want, e.ID)
			}
		}
		total := len(want)
		want = want[min(f.Offset, total):min(f.Offset+f.Limit, total)]
		check := func(found idp.Page[idp.Event], err error) {
			t.Helper()
			require.NoError(t, err)
			var got []idp.EventID
			for _, e := range found.Items {
				got = append(got, e.ID)
			}
			require.Empty(t, cmp.Diff(append([]idp.EventID{}, want...), append([]idp.EventID{}, got...)), "%+v", f)
			require.Equal(t, total, found.Total, "%+v", f)
			require.False(t, found.AtLeast)
		}
		check(db.Repos().Events.Find(t.Context(), f))
		require.ErrorIs(t, db.InTx(t.Context(), func(tx idp.Repos) error { // behind a write that is still to be sent
			require.NoError(t, tx.Events.Append(t.Context(), &idp.Event{Action: "later", App: "later"}))
			if f.Actions != nil || f.ActionIDs != nil || f.Username != nil {
				check(tx.Events.Find(t.Context(), f))
			}
			return context.Canceled
		}), context.Canceled)
		volume, err := db.Repos().Events.Volume(t.Context(), f, 7)
		require.NoError(t, err)
		counted := 0
		for _, v := range volume {
			counted += v.Count
		}
		require.Equal(t, total, counted, "%+v", f)
	}
}

// Very long lists are counted to a limit, and go on behind it.
func TestLongListsOfEventsAreNotCountedToTheEnd(t *testing.T) {
	t.Parallel()
	db := open(t)
	sql(t, db, `INSERT INTO events (id, action, "user", created_at) SELECT gen_random_uuid(), CASE WHEN i % 3 = 0 THEN 'login' ELSE 'logout' END, '{"pk": 1, "username": "u"}', clock_timestamp() - i * interval '1 second' FROM generate_series(1, 1505) i`)
	find := func(f idp.EventFilter, limit, offset int) idp.Page[idp.Event] {
		f.Paging = idp.Paging{Limit: limit, Offset: offset, Search: f.Search}
		found, err := db.Repos().Events.Find(t.Context(), f)
		require.NoError(t, err)
		return found
	}
	for _, c := range []struct {
		f                           idp.EventFilter
		limit, offset, items, total int
		least                       bool
	}{
		{idp.EventFilter{}, 20, 0, 20, 1000, true},
		{idp.EventFilter{}, 20, 980, 20, 1001, true},
		{idp.EventFilter{}, 20, 1000, 20, 1021, true},
		{idp.EventFilter{}, 20, 1480, 20, 1501, true},
		{idp.EventFilter{}, 20, 1500, 5, 1505, false},
		{idp.EventFilter{}, 20, 1505, 0, 1000, false},
		{idp.EventFilter{Actions: []idp.Action{"login"}}, 20, 0, 20, 501, false},
		{idp.EventFilter{Actions: []idp.Action{"login"}}, 20, 600, 0, 501, false},
		{idp.EventFilter{Actions: []idp.Action{"login", "logout"}}, 20, 1000, 20, 1021, true},
		{idp.EventFilter{Actions: []idp.Action{"login"}, Uncounted: true}, 20, 0, 20, -1, false},
		{idp.EventFilter{Actions: []idp.Action{"login"}, Uncounted: true}, 20, 500, 1, 501, false},
		{idp.EventFilter{Paging: idp.Paging{Search: "log"}}, 20, 0, 20, 21, true},
		{idp.EventFilter{Paging: idp.Paging{Search: "login"}}, 20, 500, 1, 501, false},
	} {
		found := find(c.f, c.limit, c.offset)
		require.Len(t, found.Items, c.items, "%+v", c)
		require.Equal(t, []any{c.total, c.least}, []any{found.Total, found.AtLeast}, "%+v", c)
	}
}

// No text is too long to be written down, and to be found again.
func TestLongTextsInEvents(t *testing.T) {
	t.Parallel()
	db := open(t)
	var long strings.Builder
	for range 20_000 {
		long.WriteRune(rune('a' + rand.IntN(26))) // what does not compress
	}
	text, other := long.String(), long.String()[:200]+"other"
	for _, s := range []string{text, other} {
		require.NoError(t, db.Repos().Events.Append(t.Context(), &idp.Event{Action: "login", Brand: map[string]any{"name": s},
			Context: map[string]any{"model": map[string]any{"app": s, "model_name": s, "pk": s}, "authorized_application": map[string]any{"pk": s}}}))
	}
	for _, f := range []idp.EventFilter{{BrandName: &text}, {ModelApp: &text}, {ModelName: &text}, {ModelPK: &text}, {AuthorizedApp: &text}} {
		found, err := db.Repos().Events.Find(t.Context(), f)
		require.NoError(t, err)
		require.Len(t, found.Items, 1)
		require.Equal(t, text, found.Items[0].Brand["name"])
	}
}
