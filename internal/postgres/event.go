package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

type events struct {
	q     querier
	heard *atomic.Pointer[func()]
	kept  *atomic.Pointer[func(*idp.Event)]
}

const eventColumns = `e.id, e.action, e.app, e."user", e.context, e.client_ip, e.brand, e.created_at, e.expires_at`

// The indexed expressions of the log; a filter must use them as they are.
const (
	eventUserPK  = `(e."user" ->> 'pk')::integer`
	eventOfLock  = `e.context ->> 'action_id' IN ('lock.created', 'lock.updated', 'lock.deleted')`
	eventActorPK = `(e."user" ? 'authenticated_as' AND (e."user" -> 'authenticated_as' ->> 'pk')::integer = @user_pk)`
	eventOfModel = `e.context ? 'model' AND `
)

var eventListing = listing{
	noun: "event", alias: "e", from: "events e", columns: eventColumns, key: "e.id",
	orders: map[string]string{"pk": "e.id", "action": "e.action", "app": "e.app", "created": "e.created_at",
		"expires": "e.expires_at", "client_ip": "e.client_ip", "user": `e."user" ->> 'username'`},
	usual: []string{"-created"}, filled: []string{"created"},
}

func (r events) Get(ctx context.Context, id idp.EventID) (*idp.Event, error) {
	return one(ctx, r.q, "event", "reading event "+id.String(), pgx.RowToStructByNameLax[idp.Event],
		`SELECT `+eventColumns+` FROM events e WHERE e.id = $1`, id)
}

func (r events) Find(ctx context.Context, f idp.EventFilter) (idp.Page[idp.Event], error) {
	if strings.TrimSpace(f.Search) != "" {
		return r.search(ctx, f)
	}
	w, branches, err := eventConditions(f)
	if err != nil {
		return idp.Page[idp.Event]{}, err
	}
	return r.list(ctx, w, branches, f)
}

// eventConditions turns the filter into conditions over events e, and into branches:
// alternatives of which exactly one holds for each event that is wanted; none = all.
// What is searched for is not among them.
func eventConditions(f idp.EventFilter) (w where, branches []string, err error) {
	branches = eventBranches(&w, f)
	if f.Username != nil {
		w.with(`e."user" ->> 'username' = @username`, "username", *f.Username)
	}
	if f.ClientIP != nil {
		ip, err := netip.ParseAddr(*f.ClientIP)
		if err != nil {
			return w, nil, idp.Invalid("client_ip", "“%.64s” is not an IP address.", *f.ClientIP)
		}
		w.with("e.client_ip = @client_ip", "client_ip", ip.Unmap().WithZone(""))
	}
	if f.ActionID != nil {
		w.with("e.context ? 'action_id' AND e.context ->> 'action_id' = @action_id", "action_id", *f.ActionID)
	}
	if f.Behind != nil {
		w.with("e.id < @behind", "behind", *f.Behind)
	}
	if f.Lock != nil {
		w.with(eventOfLock+" AND e.context ->> 'name' = @lock", "lock", f.Lock.String())
	}
	eventTexts(&w, f)
	if f.After != nil {
		w.with("e.created_at > @after", "after", *f.After)
	}
	if f.Before != nil {
		w.with("e.created_at < @before", "before", *f.Before)
	}
	return w, branches, nil
}

// indexedText is how much of a text is in an index (migrations/0043).
const indexedText = 100

// textIs compares a text inside an event. One that is shorter than what is indexed is
// nothing but its beginning; asked for both, the planner would take them for two.
func textIs(text, name, want string) string {
	is := fmt.Sprintf("left(%s, %d) = left(@%s, %[2]d)", text, indexedText, name)
	if len(want) >= indexedText {
		is += " AND " + text + " = @" + name
	}
	return is
}

// eventTexts compares texts inside the event.
func eventTexts(w *where, f idp.EventFilter) {
	for _, c := range []struct {
		having, text, name string
		want               *string
	}{
		{"", "e.brand ->> 'name'", "brand_name", f.BrandName},
		{eventOfModel, "e.context -> 'model' ->> 'app'", "model_app", f.ModelApp},
		{eventOfModel, "e.context -> 'model' ->> 'model_name'", "model_name", f.ModelName},
		{"e.context ? 'authorized_application' AND ", "e.context -> 'authorized_application' ->> 'pk'", "authorized_app", f.AuthorizedApp},
	} {
		if c.want != nil {
			w.with(c.having+textIs(c.text, c.name, *c.want), c.name, *c.want)
		}
	}
}

// Append also assigns ID where it is unset, and CreatedAt once it is written: with
// the next statement of the transaction, at its commit at the latest.
func (r events) Append(ctx context.Context, e *idp.Event) error {
	b := &pgx.Batch{}
	b.Queue(eventInsert, eventValues(e)...).QueryRow(func(row pgx.Row) error { return row.Scan(&e.CreatedAt) })
	queueStrays(b, e)
	return r.append(ctx, fmt.Sprintf("appending the event %s", e.Action), b, e)
}

// AppendAll writes them with one statement: what each costs beside its row is paid once.
func (r events) AppendAll(ctx context.Context, all []*idp.Event) error {
	if len(all) == 1 {
		return r.Append(ctx, all[0])
	}
	act := fmt.Sprintf("appending %d events", len(all))
	values, err := valuesOfAll(all)
	if err != nil {
		return wrap(err, "event", "%s", act)
	}
	b := &pgx.Batch{}
	b.Queue(eventInsertAll, values...).Query(func(rows pgx.Rows) error {
		n, at := 0, time.Time{}
		_, err := pgx.ForEachRow(rows, []any{&at}, func() error {
			all[n].CreatedAt = at
			n++
			return nil
		})
		return err
	})
	queueStrays(b, all...)
	return r.append(ctx, act, b, all...)
}

func (r events) append(ctx context.Context, act string, b *pgx.Batch, all ...*idp.Event) error {
	err := later(ctx, r.q, b, func(err error) error { return wrap(err, "event", "%s", act) })
	r.tell(err)
	switch {
	case err != nil, r.kept.Load() == nil:
	case notedOf(r.q) != nil:
		notedOf(r.q).events = append(notedOf(r.q).events, all...)
	default: // outside of a transaction they are committed by now
		noted{all}.tell(r.kept)
	}
	return err
}

// eventInsertAll returns the rows in the order they were given.
const eventInsertAll = `
	INSERT INTO events (id, action, app, "user", context, client_ip, brand, created_at, expires_at)
	SELECT v.id, v.action, v.app, v."user"::jsonb, v.context::jsonb, nullif(v.client_ip, '')::inet, v.brand::jsonb, coalesce(v.created_at, clock_timestamp()), v.expires_at
	  FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[], $9::timestamptz[])
	       v (id, action, app, "user", context, client_ip, brand, created_at, expires_at)
	RETURNING created_at`

// valuesOfAll are the arguments of eventInsertAll.
func valuesOfAll(all []*idp.Event) ([]any, error) {
	n := len(all)
	ids, actions, apps, addresses := make([]pgtype.UUID, n), make([]string, n), make([]string, n), make([]string, n)
	users, contexts, brands := make([]string, n), make([]string, n), make([]string, n)
	created, expires := make([]*time.Time, n), make([]*time.Time, n)
	for i, e := range all {
		settled(e)
		ids[i], actions[i], apps[i] = pgtype.UUID{Bytes: e.ID, Valid: true}, printable(string(e.Action)), printable(e.App)
		if e.ClientIP.IsValid() {
			addresses[i] = e.ClientIP.String()
		}
		for _, c := range []struct {
			from map[string]any
			to   *string
		}{{e.User, &users[i]}, {e.Context, &contexts[i]}, {e.Brand, &brands[i]}} {
			text, err := json.Marshal(plain(c.from))
			if err != nil {
				return nil, err
			}
			*c.to = string(text)
		}
		if e.Imported {
			created[i] = &e.CreatedAt
		}
		expires[i] = e.ExpiresAt
	}
	return []any{ids, actions, apps, users, contexts, addresses, brands, created, expires}, nil
}

func (r events) tell(err error) {
	if heard := r.heard.Load(); heard != nil && err == nil {
		(*heard)()
	}
}

const eventInsert = `
	INSERT INTO events (id, action, app, "user", context, client_ip, brand, created_at, expires_at)
	VALUES ($1, $2, $3, $4, $5, $6, $7, coalesce($9, clock_timestamp()), $8) RETURNING created_at`

// settled fills in what is stored of an event.
func settled(e *idp.Event) {
	if e.ID.IsZero() {
		e.ID = idp.NewID[idp.Event]()
	}
	e.ClientIP = e.ClientIP.Unmap().WithZone("")
}

func eventValues(e *idp.Event) []any {
	settled(e)
	var created *time.Time // the database's now, unless the event is an import
	if e.Imported {
		created = &e.CreatedAt
	}
	return []any{e.ID, printable(string(e.Action)), printable(e.App), plain(e.User), plain(e.Context), e.ClientIP, plain(e.Brand), e.ExpiresAt, created}
}

// Daily asks for the time of the statement: by one that changes no index can be asked.
func (r events) Daily(ctx context.Context, days int) ([]idp.EventCount, error) {
	rows, err := r.q.Query(ctx, `
		SELECT date_trunc('day', created_at, 'UTC') AS day, action, count(*) AS count FROM events
		 WHERE created_at >= date_trunc('day', statement_timestamp(), 'UTC') - make_interval(days => $1::integer)
		 GROUP BY 1, 2 ORDER BY 1, 2`, min(max(days, 1), 3650)-1)
	if err != nil {
		return nil, wrap(err, "event", "counting events")
	}
	counts, err := pgx.CollectRows(rows, pgx.RowToStructByName[idp.EventCount])
	return counts, wrap(err, "event", "counting events")
}

// printable replaces what PostgreSQL's text cannot hold. What strangers type
// ends up in events, and an act must not fail because of it.
func printable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// plain copies JSON-like data with every string made printable; nil is {}.
func plain(m map[string]any) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[printable(k)] = plainValue(v)
	}
	return out
}

func plainValue(v any) any {
	switch v := v.(type) {
	case string:
		return printable(v)
	case map[string]any:
		if v == nil {
			return nil
		}
		return plain(v)
	case map[string]string:
		out := make(map[string]any, len(v))
		for k, s := range v {
			out[printable(k)] = printable(s)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = plainValue(e)
		}
		return out
	case []string:
		out := make([]any, len(v))
		for i, s := range v {
			out[i] = printable(s)
		}
		return out
	}
	return v
}
