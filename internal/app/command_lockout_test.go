package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/audit"
	"github.com/portcullis-idp/portcullis/internal/cli"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

// guessed has strangers guess at names until they are locked out.
func (x *terminal) guessed(names ...string) {
	x.Helper()
	for _, name := range names {
		for i := range 5 {
			in, err := x.browser().tryToSignIn(name, fmt.Sprint("wrong ", i))
			require.NoError(x, err)
			require.False(x, in)
		}
	}
}

// terminalsWithSecret are terminals of an installation with a lasting secret.
func terminalsWithSecret(t *testing.T, test func(x *terminal)) {
	for _, where := range []string{"here", "elsewhere"} {
		t.Run(where, func(t *testing.T) {
			const secret = "a-secret-of-at-least-thirty-two-bytes"
			t.Setenv("PORTCULLIS_SERVER", "")
			t.Setenv("PORTCULLIS_SECRET_KEY", secret)
			x := &terminal{site: blankSite(t, testkit.Database(t)), remote: where == "elsewhere", keys: map[string]string{"admin": adminToken}}
			x.open("secret_key", secret)
			test(x)
		})
	}
}

func TestLockoutsFromTheCommandLine(t *testing.T) {
	terminalsWithSecret(t, func(x *terminal) {
		require.Regexp(x, `^Identifier +Reason +Source IP +Failed attempts +Locked at +Expires\n-+ +-+ +-+ +-+ +-+ +-+\n$`, x.does("lockouts", "list"))
		x.user("alice")
		x.user("bob")
		x.guessed("alice", "bob", "nobody-has-this")

		out := x.does("lockouts", "list")
		require.Regexp(x, `(?m)^alice +brute_force +127\.0\.0\.1 +5 +\d{4}-\S+Z +\d{4}-\S+Z$`, out)
		require.Equal(x, 5, lines(out))
		unknown := regexpOf(x, `(?m)^unknown-[0-9a-f]{4}`, out)
		require.True(x, strings.Index(out, unknown) < strings.Index(out, "bob") && strings.Index(out, "bob") < strings.Index(out, "alice"), "newest first: %s", out)
		require.Equal(x, 3, lines(x.does("lockouts", "ls", "--search", "AL")))
		require.Equal(x, 2, lines(x.does("lockouts", "list", "--search=nobody")), "strangers' names are not kept")
		require.Equal(x, 5, lines(x.does("lockouts", "list", "--search=127.0.0.1")))

		require.Equal(x, "Alice has been unlocked\n"+unknown+" has been unlocked\n", x.does("lockouts", "unlock", "Alice", unknown, "Alice"))
		out, errs := x.run("admin", cli.ExitFailure, "lockouts", "unlock", "alice", "bob")
		require.Equal(x, "bob has been unlocked\n", out, "the others are tried")
		require.Equal(x, "ERROR: alice: No active lockout found\n", errs)
		require.Equal(x, 2, lines(x.does("lockouts", "list")))
		x.browser().signIn(x.named("alice"))

		by := "admin"
		if !x.remote {
			by = idp.SystemName
		}
		require.Regexp(x, `(?m)^alice +brute_force .* unlocked by `+by+`$`, x.does("lockouts", "history", "alice"))
		require.Equal(x, 3, lines(x.does("lockouts", "history", " ALICE ")))
		require.Equal(x, 5, lines(x.does("lockouts", "history")))
		require.Equal(x, x.does("lockouts", "history"), x.does("lockouts", "list", "--all"))

		var list []map[string]any
		require.NoError(x, json.Unmarshal([]byte(x.does("lockouts", "history", "bob", "--format=json")), &list))
		require.Len(x, list, 1)
		require.Equal(x, []any{"bob", "127.0.0.1", 5.0, "unlocked", false}, []any{list[0]["identifier"], list[0]["trigger_ip"], list[0]["auto_threshold_at"], list[0]["end_reason"], list[0]["active"]})
		require.Contains(x, x.does("lockouts", "history", "bob", "-f", "yaml"), "- identifier: bob\n")
		require.Equal(x, "[]\n", x.does("lockouts", "list", "-f", "json"))

		for want, args := range map[string]string{
			"expected whom to unlock":                        "lockouts unlock",
			`"x" is not expected here`:                       "lockouts list x",
			"expected at most one identifier":                "lockouts history a b",
			"--format csv: expected one of [text yaml json]": "lockouts list --format csv",
		} {
			require.Contains(x, x.fails(cli.ExitUsage, strings.Fields(args)...), want)
		}
		if x.remote {
			for _, args := range []string{"lockouts list", "lockouts history", "lockouts unlock bob", "settings get", "settings set max_attempts=1", "audit verify"} {
				_, errs := x.run("bob", cli.ExitFailure, strings.Fields(args)...)
				require.Contains(x, errs, "access denied to perform action", args)
			}
		}
	})
}

func TestSettingsFromTheCommandLine(t *testing.T) {
	terminals(t, func(x *terminal) {
		const prefix = "security.brute_force."
		require.Regexp(x, `(?m)^`+prefix+`max_attempts +5 +default$`, x.does("settings", "get"))
		require.Equal(x, 12, lines(x.does("settings", "get")))
		require.Equal(x, prefix+"max_attempts is 3 now\n"+prefix+"window_seconds is 300 seconds now\n", x.does("settings", "set", "window_seconds=300", prefix+"max_attempts=3"))
		require.Regexp(x, `(?m)^`+prefix+`max_attempts +3 +set; default 5$`, x.does("settings", "get", "max_attempts"))
		require.Equal(x, 3, lines(x.does("settings", "get", "max_attempts")))

		// All or none, and it says what was expected.
		errs := x.fails(cli.ExitFailure, "settings", "set", "max_attempts=4", "lockout_duration_seconds=59")
		require.Contains(x, errs, prefix+"lockout_duration_seconds: Must be a whole number from 60 to 86400.")
		require.Contains(x, x.does("settings", "get", "-f", "json"), `"value": "3",`)

		require.Equal(x, prefix+"max_attempts is 5 now\n"+prefix+"mail_owner is false now\n", x.does("settings", "set", "max_attempts=default", "mail_owner=false"))
		require.Contains(x, x.does("settings", "get", "max_attempts", "-f", "yaml"), "set: false\n")

		// How long events are kept is a setting like the others, of a category of its own.
		require.Regexp(x, `(?m)^events\.retention +days=365 +default$`, x.does("settings", "get", "retention"))
		require.Equal(x, "events.retention is days=30 now\n", x.does("settings", "set", "events.retention=days=30"))
		require.Regexp(x, `(?s)"key": "events.retention",\s+"value": "days=30",\s+"category": "events",\s+"default": "days=365",\s+"set": true`, x.does("settings", "get", "events.retention", "-f", "json"))
		require.Contains(x, x.fails(cli.ExitFailure, "settings", "set", "retention=days=3"), "events.retention: Must be days= and a whole number from 7 to 36500")
		require.Equal(x, "events.retention is days=365 now\n", x.does("settings", "set", "retention=default"))
		for want, args := range map[string]string{
			"retention is changed in a transaction of its own":                     "settings set retention=days=30 max_attempts=5",
			`"colour" is no setting: expected one of max_attempts, window_seconds`: "settings get colour",
			`"tempts" is no setting`:                                               "settings set tempts=1",
			`"max_attempts": expected KEY=VALUE`:                                   "settings set max_attempts",
			`"max_attempts=": expected KEY=VALUE`:                                  "settings set max_attempts=",
			"max_attempts is given twice":                                          "settings set max_attempts=1 " + prefix + "max_attempts=2",
			"expected what to set":                                                 "settings set",
			"--format xml: expected one of [text yaml":                             "settings get --format xml",
		} {
			require.Contains(x, x.fails(cli.ExitUsage, strings.Fields(args)...), want)
		}
		require.Equal(x, 4, int(x.one(`SELECT count(*) FROM events WHERE context ->> 'action_id' = 'setting.updated' AND app <> 'portcullis.audit'`)), "two were changed, one was changed back, one was changed")
	})
}

// regexpOf is what an expression finds in a text.
func regexpOf(t require.TestingT, expression, text string) string {
	found := regexp.MustCompile(expression).FindString(text)
	require.NotEmpty(t, found, text)
	return found
}

// sealed waits until every event is in the chain.
func (x *terminal) sealed() {
	x.Helper()
	require.Eventually(x, func() bool {
		return x.one(`SELECT count(*) FROM events e WHERE NOT EXISTS (SELECT FROM event_seals s WHERE s.event_id = e.id)`) == 0
	}, 20*time.Second, 20*time.Millisecond)
}

// one is the number that a statement gives.
func (s *site) one(statement string) (n int64) {
	s.Helper()
	require.NoError(s, s.connect().QueryRow(s.Context(), statement).Scan(&n))
	return n
}

func TestAuditFromTheCommandLine(t *testing.T) {
	terminalsWithSecret(t, func(x *terminal) {
		x.does("settings", "set", "max_attempts=6")
		x.sealed()
		out := x.does("audit", "verify")
		require.Regexp(x, `^Verified \d+ entries, 1 to \d+: 0 faults\.\n`, out)
		require.NotContains(x, out, "without a secret")
		head := regexpOf(x, `\d+:[0-9a-f]{64}`, out)
		x.does("audit", "verify", "--head", head)
		require.NotContains(x, x.does("audit", "verify", "--from=2", "--head", head), "1 to")

		conn := x.connect()
		_, err := conn.Exec(x.Context(), `SET session_replication_role = replica`)
		require.NoError(x, err)
		var event string
		require.NoError(x, conn.QueryRow(x.Context(), `UPDATE events SET action = 'login' WHERE context ->> 'action_id' = 'setting.updated' RETURNING id::text`).Scan(&event))
		out, errs := x.run("admin", cli.ExitFailure, "audit", "verify", "--head", head)
		require.Regexp(x, `^entry \d+ \(event `+event+`\) is not as it was sealed: it was changed, or stands in another one's place\nVerified \d+ entries, 1 to \d+: 1 fault\.\n`, out)
		require.Equal(x, "ERROR: the audit log is not as it was sealed: 1 fault\n", errs)

		out, _ = x.run("admin", cli.ExitFailure, "audit", "verify", "-f", "json")
		rows := strings.Split(strings.TrimSpace(out), "\n")
		require.Len(x, rows, 2)
		var fault, report map[string]any
		require.NoError(x, json.Unmarshal([]byte(rows[0]), &fault))
		require.Equal(x, []any{"altered", event}, []any{fault["kind"], fault["event"]})
		require.NoError(x, json.Unmarshal([]byte(rows[1]), &report))
		require.EqualValues(x, 1, report["fault_count"])

		x.tolerant = true // the server sees it too, and says so
		_, err = conn.Exec(x.Context(), `DELETE FROM event_seals WHERE seq >= split_part($1, ':', 1)::bigint`, head)
		require.NoError(x, err)
		out, _ = x.run("admin", cli.ExitFailure, "audit", "verify", "--head", head)
		require.Contains(x, out, "is not the one that was noted")

		for want, args := range map[string]string{
			"--head 5: expected SEQ:HASH":                "audit verify --head 5",
			"--from 0: expected the number of an entry":  "audit verify --from=0",
			"--format yaml: expected one of [text json]": "audit verify -f yaml",
			`"x" is not expected here`:                   "audit verify x",
		} {
			require.Contains(x, x.fails(cli.ExitUsage, strings.Fields(args)...), want)
		}
		require.Contains(x, x.fails(cli.ExitFailure, "audit", "verify", "--from=1000000"), "from: There is no entry 1000000: the chain ends before it.\n")
	})
}

// A server verifies a part, and says where to go on.
func TestVerifyingOverTheAPI(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	s.tolerant = true
	_, viewer := s.holder(nil, idp.RoleRule{Resources: []string{"lock"}, Verbs: []string{"list"}})
	require.Equal(t, http.StatusForbidden, viewer.get("/api/v3/events/verify/").status)
	_, auditor := s.holder(nil, idp.RoleRule{Resources: []string{"event"}, Verbs: []string{"list"}})
	require.Equal(t, http.StatusOK, auditor.get("/api/v3/events/verify/").status)
	require.Equal(t, http.StatusForbidden, s.browser().get("/api/v3/events/verify/").status)
	admin := s.admin()
	for path, field := range map[string]string{"?from=0": "from", "?from=x": "from", "?head=1": "head", "?head=1:zz": "head", "?from=99999999": "from"} {
		require.Contains(t, admin.api(http.StatusBadRequest, http.MethodGet, "/events/verify/"+path, nil), field, path)
	}
	r, err := s.replicas[0].Audit.Verify(t.Context(), idp.SystemActor(), audit.Query{Most: 1}, nil)
	require.NoError(t, err)
	require.LessOrEqual(t, r.Next, int64(2))
}
