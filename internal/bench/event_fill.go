package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/audit"
	"github.com/portcullis-idp/portcullis/internal/postgres"
)

// ago is a day so long ago, as filters have it.
func ago(days int) string { return time.Now().AddDate(0, 0, -days).UTC().Format(time.DateOnly) }

// Values of each kind: of a fifth or a twentieth of all events, of some, of few, of none.
var (
	somebody  = []string{"user-7", "user-1", "user-3", "user-500", "user-12345", "nobody"}
	addresses = []string{"10.0.0.1", "10.1.0.1", "10.3.99.30", "192.0.2.1"}
	kinds     = []string{"login", "logout", "model_updated", "secret_view", "suspicious_request", "invitation_used"}
	uncommon  = []string{"secret_view", "suspicious_request", "model_deleted"}
)

// eventFilters are all filters that there are, and those that the console offers together.
var eventFilters = []eventFilter{
	{name: "no filter"},
	{name: "action", values: map[string][]string{"action": kinds}},
	{name: "username", values: map[string][]string{"username": somebody}},
	{name: "address", values: map[string][]string{"client_ip": addresses}},
	{name: "since", values: map[string][]string{"since": {ago(2), ago(90), ago(300)}}},
	{name: "until", values: map[string][]string{"until": {ago(2), ago(90), ago(300), ago(400)}}},
	{name: "one day", values: map[string][]string{"since": {ago(201)}, "until": {ago(200)}}},
	{name: "action and username", values: map[string][]string{"action": kinds, "username": {"user-7", "user-12345", "user-3", "user-2", "nobody"}}},
	{name: "action and address", values: map[string][]string{"action": kinds, "client_ip": {"10.0.0.1", "10.1.0.1", "10.3.99.30", "192.0.2.1", "10.2.0.1"}}},
	{name: "username and address", values: map[string][]string{"username": somebody, "client_ip": {"10.0.0.1", "10.1.0.1", "10.3.99.30", "192.0.2.1", "10.2.0.1"}}},
	{name: "action and one day", values: map[string][]string{"action": kinds, "since": {ago(201)}, "until": {ago(200)}}},
	{name: "username and one day", values: map[string][]string{"username": somebody, "since": {ago(201)}, "until": {ago(200)}}},
	{name: "address and one day", values: map[string][]string{"client_ip": addresses, "since": {ago(201)}, "until": {ago(200)}}},
	{name: "all five", values: map[string][]string{"action": kinds, "username": {"user-7", "user-3", "user-12345", "user-1", "nobody"}, "client_ip": {"10.0.0.1", "10.1.0.1"}, "since": {ago(300)}, "until": {ago(200)}}},
	{name: "user", apiOnly: true, values: map[string][]string{"user": {"7", "1", "3", "500", "12345", "999999"}}},
	{name: "user and action", apiOnly: true, values: map[string][]string{"user": {"7", "3", "500", "12345", "999999"}, "action": kinds}},
	{name: "action_id", apiOnly: true, values: map[string][]string{"action_id": {"account_locked", "account_lockdown", "account_restore", "setting.updated", "nothing"}}},
	{name: "action_id and username", apiOnly: true, values: map[string][]string{"action_id": {"account_locked", "account_lockdown", "setting.updated"}, "username": somebody}},
	{name: "app of the model", apiOnly: true, values: map[string][]string{"context_model_app": {"portcullis_lock", "portcullis_flow", "nothing"}}},
	{name: "name of the model", apiOnly: true, values: map[string][]string{"context_model_name": {"lock", "expressionpolicy", "nothing"}}},
	{name: "key of the model", apiOnly: true, values: map[string][]string{"context_model_pk": {"777", "41000", "999999", "1f4b6c1e-0000-4000-8000-000000000001"}}},
	{name: "model", apiOnly: true, values: map[string][]string{"context_model_app": {"portcullis_lock"}, "context_model_name": {"lock", "brand"}, "context_model_pk": {"777", "999999", "12"}}},
	{name: "authorized application", apiOnly: true, values: map[string][]string{"context_authorized_app": {"28dd2c79-55d1-2e5a-3336-36f53016691f", "nothing"}}},
	{name: "brand", apiOnly: true, values: map[string][]string{"brand_name": {"Default", "Brand 1", "Brand 6", "Nowhere"}}},
	{name: "brand and action", apiOnly: true, values: map[string][]string{"brand_name": {"Default", "Brand 1", "Nowhere"}, "action": uncommon}},
	{name: "search, what many have", values: map[string][]string{"search": {"password", "user-7", "Firefox/128"}}},
	{name: "search, what few have", values: map[string][]string{"search": {"user-12345", "account_lockdown", "10.3.99.30", "laptop stolen", "setting.updated", "28dd2c79"}}},
	{name: "search, what few have, oldest first", apiOnly: true, values: map[string][]string{"search": {"user-12345", "account_lockdown", "setting.updated", "password"}, "ordering": {"created"}}},
	{name: "search, what nothing has", values: map[string][]string{"search": {"e5b1c0ffee"}}},
	{name: "search, of one account", values: map[string][]string{"search": {"e5b1c0ffee"}, "username": {"user-500", "user-12345"}}},
	{name: "search, of an action", values: map[string][]string{"search": {"user-12345", "account_lockdown", "Firefox/128", "e5b1c0ffee"}, "action": {"login", "user_write", "secret_view"}}},
	{name: "search, what many have, of one account", values: map[string][]string{"search": {"password", "Firefox/128"}, "username": {"user-7", "user-500", "user-12345"}}},
	{name: "search, of one day", values: map[string][]string{"search": {"e5b1c0ffee"}, "since": {ago(201)}, "until": {ago(200)}}},
}

func init() {
	for _, preset := range []string{"security", "lockouts", "locks", "lockdowns", "settings", "lockdown", "restore"} {
		eventFilters = append(eventFilters, eventFilter{name: "choice " + preset, values: map[string][]string{"action": {preset}}},
			eventFilter{name: "choice " + preset + " and username", values: map[string][]string{"action": {preset}, "username": somebody}})
	}
	for i := range eventFilters { // the API has the same under action_id
		eventFilters[i].consoleOnly = strings.HasPrefix(eventFilters[i].name, "choice")
	}
}

// fillEvents writes events as an installation of 20,000 people has them after a year: a
// few accounts and addresses have much, most have little, and one program has a
// twentieth of all.
func fillEvents(ctx context.Context, db *pgx.Conn, n int) error {
	rows, err := db.Query(ctx, "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'events' AND indexname <> 'events_pkey'")
	if err != nil {
		return err
	}
	before, after := []string{"SET session_replication_role = replica"}, []string{"SET maintenance_work_mem = '512MB'"}
	var name, definition string
	if _, err := pgx.ForEachRow(rows, []any{&name, &definition}, func() error { // made at once they take a fraction
		before, after = append(before, "DROP INDEX "+pgx.Identifier{name}.Sanitize()), append(after, definition)
		return nil
	}); err != nil {
		return err
	}
	const step = 100_000
	for from := 1; from <= n; from += step {
		before = append(before, strings.NewReplacer("{total}", fmt.Sprint(n), "{from}", fmt.Sprint(from), "{to}", fmt.Sprint(min(from+step-1, n))).Replace(eventRows))
	}
	for _, statement := range append(append(before, after...), "SET session_replication_role = DEFAULT", "VACUUM (ANALYZE) events") {
		if _, err := db.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// chainEvents has all events in the chain, as if they had been sealed, and in blocks.
func chainEvents(ctx context.Context, db *pgx.Conn, location string) error {
	for _, statement := range []string{"SET session_replication_role = replica", "DELETE FROM event_blocks", "DELETE FROM event_seals", chainRows, "SET session_replication_role = DEFAULT", "VACUUM (ANALYZE) event_seals",
		`INSERT INTO settings (name, value) VALUES ('events.retention', '"days=0"')`, "DROP INDEX event_blocks_words_idx"} {
		if _, err := db.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%.40s: %w", statement, err)
		}
	}
	if _, err := indexEvents(ctx, location); err != nil {
		return err
	}
	for _, statement := range []string{"SET maintenance_work_mem = '512MB'", "CREATE INDEX event_blocks_words_idx ON event_blocks USING gin (words) WITH (fastupdate = on, gin_pending_list_limit = 256)", "VACUUM (ANALYZE) event_blocks"} {
		if _, err := db.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%.40s: %w", statement, err)
		}
	}
	return nil
}

const chainRows = `
INSERT INTO event_seals (seq, event_id, origin, method, sealed_at, mark, seal)
SELECT n, id, 'history', 'sha256', now(), CASE WHEN n = total THEN json_build_object('since', pg_current_snapshot()::text, 'at', clock_timestamp(), 'floor', clock_timestamp() - interval '1 minute')::text ELSE '' END, sha256(id::text::bytea)
  FROM (SELECT id, row_number() OVER (ORDER BY created_at, id) AS n, count(*) OVER () AS total FROM events) e`

// indexEvents writes blocks for what is sealed, and says for how many events.
func indexEvents(ctx context.Context, location string) (n int, err error) {
	store, err := postgres.Open(ctx, location, postgres.Options{})
	if err != nil {
		return 0, err
	}
	defer store.Close()
	service := audit.New(audit.Deps{Store: store, Access: access.New()})
	for {
		r, err := service.Index(ctx)
		if n += r.Entries; err != nil || !r.More {
			return n, err
		}
	}
}

const eventRows = `
INSERT INTO events (id, action, app, "user", context, client_ip, brand, created_at)
SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(h, 1, 3) || '8' || substr(h, 4, 15))::uuid,
       k.action, 'portcullis.' || split_part(k.action, '_', 1),
       CASE WHEN k.action = 'login_failed' AND i % 7 = 0 THEN '{}'::jsonb ELSE jsonb_build_object('pk', who, 'username', 'user-' || who, 'email', 'user-' || who || '@example.org')
           || CASE WHEN k.action LIKE 'user%' OR k.action LIKE 'password%' THEN jsonb_build_object('authenticated_as', jsonb_build_object('pk', who % 40 + 1, 'username', 'user-' || who % 40 + 1, 'email', 'admin@example.org')) ELSE '{}' END END,
       jsonb_build_object('http_request', jsonb_build_object('path', '/api/v3/flows/executor/default-authentication-flow/', 'method', 'POST', 'args', '{}'::jsonb,
           'request_id', h, 'user_agent', 'Mozilla/5.0 (X11; Linux x86_64; rv:' || 100 + i % 40 || '.0) Gecko/20100101 Firefox/' || 100 + i % 40 || '.0'))
       || CASE WHEN k.action LIKE 'model%' THEN jsonb_build_object('model', jsonb_build_object('app', 'portcullis_' || (ARRAY['lock', 'flow', 'stage', 'policy', 'brand', 'lockout'])[1 + m % 6],
              'model_name', (ARRAY['lock', 'flow', 'passwordstage', 'expressionpolicy', 'brand', 'setting'])[1 + m % 6], 'pk', CASE WHEN m % 2 = 0 THEN to_jsonb((m % 50000)::text) ELSE to_jsonb(m % 50000) END, 'name', 'thing ' || m % 50000))
            WHEN k.action LIKE 'login%' THEN jsonb_build_object('auth_method', 'password', 'known_device', i % 3 = 0)
            WHEN k.action = 'authorize_application' THEN jsonb_build_object('authorized_application', jsonb_build_object('pk', md5((i % 300)::text)::uuid, 'name', 'app ' || i % 300, 'app', 'core', 'model_name', 'application'))
            ELSE '{}' END
       || CASE WHEN i % 4000 = 11 THEN '{"action_id": "account_lockdown", "reason": "laptop stolen"}' WHEN i % 8000 = 12 THEN '{"action_id": "account_restore"}'::jsonb
            WHEN i % 50 = 13 THEN '{"action_id": "account_locked", "reason": "brute_force"}' WHEN i % 120 = 14 THEN '{"action_id": "account_unlocked"}'
            WHEN i % 90 = 15 THEN jsonb_build_object('action_id', (ARRAY['lock.created', 'lock.updated', 'lock.deleted'])[1 + m % 3], 'name', md5((i % 9000)::text)::uuid)
            WHEN i % 200000 = 16 THEN '{"action_id": "setting.updated", "key": "events.retention"}' ELSE '{}' END,
       ('10.' || a % 7 || '.' || a / 7 % 250 || '.' || 1 + a / 1750 % 250)::inet,
       jsonb_build_object('pk', md5((CASE WHEN i % 50 = 0 THEN 1 + i % 9 ELSE 0 END)::text)::uuid, 'app', 'portcullis_brand', 'model_name', 'brand', 'name', CASE WHEN i % 50 = 0 THEN 'Brand ' || 1 + i % 9 ELSE 'Default' END), at
  FROM (SELECT i, clock_timestamp() - ({total} - i) * interval '365 days' / {total} AS at, md5(i::text) AS h, hashint4(i) & 2147483647 AS m,
               CASE WHEN i % 20 = 7 THEN 7 ELSE 1 + floor(20000 * power(((hashint4(i + 1) & 2147483647) / 2147483648.0)::float8, 3))::integer END AS who,
               floor(60000 * power(((hashint4(i + 2) & 2147483647) / 2147483648.0)::float8, 2))::integer AS a
          FROM generate_series({from}, {to}) i) g,
       LATERAL (SELECT CASE WHEN m % 1000 < 350 THEN 'login' WHEN m % 1000 < 550 THEN 'login_failed' WHEN m % 1000 < 700 THEN 'logout' WHEN m % 1000 < 780 THEN 'user_write' WHEN m % 1000 < 880 THEN 'model_updated'
               WHEN m % 1000 < 910 THEN 'model_created' WHEN m % 1000 < 920 THEN 'model_deleted' WHEN m % 1000 < 940 THEN 'password_set' WHEN m % 1000 < 980 THEN 'email_sent' WHEN m % 1000 < 990 THEN 'authorize_application'
               WHEN m % 1000 < 998 THEN 'policy_exception' WHEN m % 200000 < 199990 THEN 'secret_view' ELSE 'suspicious_request' END AS action) k`
