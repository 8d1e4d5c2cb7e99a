package cli

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/config"
)

// unused is a program whose database must not be touched.
func unused(t *testing.T) Program {
	return Program{Direct: func(context.Context, *config.Config, func(*Direct) error) error {
		t.Error("the database was opened")
		return nil
	}}
}

// Mistakes of the command line are exit code 2 and touch nothing.
func TestMistakesAreToldBeforeAnythingIsDone(t *testing.T) {
	t.Setenv(serverVariable, "")
	t.Setenv(tokenVariable, "")
	for _, c := range []struct {
		args string
		want string
	}{
		{"lock", "at least one target field must be set, such as --user=alice"},
		{"lock --user=a --ttl=1h --expires=2099-01-01T00:00:00Z", "use only one of --expires and --ttl"},
		{"lock --user=a --ttl=-1h", "--ttl -1h0m0s: expected a duration greater than 0"},
		{"lock --user=a --ttl=soon", "soon"},
		{"lock --user=a --expires=soon", "--expires soon: expected a time such as"},
		{"lock --user=a --user=b", "given twice: one lock has one value of a kind"},
		{"lock alice", "alice"},
		{"lock --colour=red", "--colour"},
		{"get", "expected what to show: locks, lock/ID"},
		{"get doors", `"doors": expected locks, lock/ID, roles, role/NAME`},
		{"get role/", `"role/": expected locks`},
		{"get lock/monday", `"lock/monday": expected the UUID of a lock`},
		{"get cap/mine", "there is one cluster_auth_preference"},
		{"get locks --format=xml", "--format xml: expected one of [text yaml json]"},
		{"rm", "expected what to remove: locks/ID or roles/NAME"},
		{"rm locks", "name the lock (locks/ID), or what locks to lift target"},
		{"rm roles", "name the role: roles/NAME"},
		{"rm cap", "cluster_auth_preference cannot be removed from here"},
		{"rm user/alice", "user cannot be removed from here"},
		{"rm roles/a --user=alice", "flags that name a target go with `rm locks`"},
		{"create", "expected at least one file, or - for standard input"},
		{"create /does/not/exist", "/does/not/exist"},
		{"edit", "expected one resource: cap, role/NAME or lock/ID"},
		{"edit roles", `"roles": expected cap, role/NAME or lock/ID`},
		{"edit user/alice", "expected cap, role/NAME or lock/ID"},
		{"users update", "expected the name of one user"},
		{"users update alice", "expected --set-roles, or --add-role and --remove-role"},
		{"users update alice --set-roles=a --add-role=b", "expected --set-roles, or --add-role and --remove-role"},
		{"users ls alice", `"alice" is not expected here`},
		{"status --format=yaml", "--format yaml: expected one of [text json]"},
		{"status --server=nowhere", "--server nowhere: expected an address such as"},
		{"status --server=https://id.example.org", "set PORTCULLIS_TOKEN"},
	} {
		code, out, errs := run(t, unused(t), strings.Fields(c.args)...)
		require.Equal(t, ExitUsage, code, "%s: %s", c.args, errs)
		require.Empty(t, out, c.args)
		require.True(t, strings.HasPrefix(errs, "ERROR: "), errs)
		require.Contains(t, errs, c.want, c.args)
		require.Equal(t, 1, strings.Count(errs, "portcullis --help"), errs)
	}
}

func TestHelpSaysThatKeysAreAndAndLocksOr(t *testing.T) {
	code, out, _ := run(t, unused(t), "lock", "--help")
	require.Equal(t, ExitOK, code)
	require.Contains(t, out, "Several keys in one lock must all match (AND); several locks each refuse on their\nown (OR).")
	for _, flag := range []string{"user", "role", "group", "login", "server-id", "mfa-device", "device", "windows-desktop", "access-request",
		"session", "application", "token", "ip", "source-asn", "message", "ttl", "expires", "force-last-admin", "server"} {
		require.Contains(t, out, "--"+flag+" ", flag)
	}
	require.NotContains(t, out, "smtp", "what servers run with is not for here")
	code, out, _ = run(t, unused(t), "--help")
	require.Equal(t, ExitOK, code)
	for _, command := range []string{"lock", "get", "rm", "create", "edit", "users", "status", "lockouts", "settings", "audit", "version", "completion"} {
		require.Contains(t, out, "\n  "+command+" ", command)
	}
	require.Contains(t, out, "Exit codes: 0, it was done; 1, it was not; 2, the command line or the configuration is\nwrong.")
}

// api is a server that answers by method and path, and notes what it was asked.
func api(t *testing.T, answers map[string]string) (url string, asked *[]string) {
	t.Helper()
	asked = &[]string{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*asked = append(*asked, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+string(body)))
		answer, ok := answers[r.Method+" "+r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			answer = `{"detail": "Not found."}`
		}
		if code, rest, ok := strings.Cut(answer, " "); ok && len(code) == 3 {
			w.WriteHeader(map[string]int{"400": 400, "403": 403, "409": 409, "500": 500, "302": 302}[code])
			answer = rest
		}
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(s.Close)
	t.Setenv(serverVariable, s.URL)
	t.Setenv(tokenVariable, "a-key")
	return s.URL, asked
}

func TestWhatAServerRefusesIsToldInItsWords(t *testing.T) {
	const lockID = "dc7cee9d-fe5e-4534-a90d-db770f0234a1"
	for _, c := range []struct{ answer, want string }{
		{`403 {"detail": "access denied to perform action \"create\" on \"lock\""}`, `ERROR: access denied to perform action "create" on "lock"` + "\n"},
		{`403 {"detail": "lock targeting User:\"a\" is in force", "code": "lock_in_force"}`, `ERROR: lock targeting User:"a" is in force` + "\n"},
		{`400 {"user": ["This field may not be blank."], "target": ["at least one target field must be set"]}`, "ERROR: at least one target field must be set\nuser: This field may not be blank.\n"},
		{`409 {"detail": "lock \"` + lockID + `\" already exists"}`, `ERROR: lock "` + lockID + `" already exists` + "\n"},
		{`400 {"detail": "evil\u001b[31m"}`, "ERROR: evil\ufffd[31m\n"},
		{`500 {"detail": "Something went wrong."}`, "answers 500 Internal Server Error: Something went wrong.\n"},
		{`302 <html>`, "answers 302 Found\n"},
		{`403 <html>`, "answers 403 Forbidden: is it the address of Portcullis?\n"},
		{`<html>`, "is not understood: "},
	} {
		api(t, map[string]string{"POST /api/v3/locks/": c.answer})
		code, out, errs := run(t, unused(t), "lock", "--user=a")
		require.Equal(t, ExitFailure, code, c.answer)
		require.Empty(t, out)
		require.Contains(t, errs, c.want)
	}
	_, asked := api(t, map[string]string{"POST /api/v3/locks/": `{"name": "` + lockID + `", "warnings": ["There is no user \"a\" (yet)."]}`})
	code, out, errs := run(t, unused(t), "lock", "--user=a", "--login=root", "--ttl=90m", "--message=No.")
	require.Equal(t, ExitOK, code)
	require.Equal(t, "Created a lock with name \""+lockID+"\".\n", out)
	require.Equal(t, "WARNING: There is no user \"a\" (yet).\n", errs)
	require.Equal(t, []string{`POST /api/v3/locks/ {"target":{"login":"root","user":"a"},"message":"No.","ttl":"1h30m0s"}`}, *asked)
}

// complete returns what shells offer.
func complete(t *testing.T, args ...string) []string {
	t.Helper()
	var out bytes.Buffer
	code := Run(unused(t), append([]string{"__complete"}, args...), &out, io.Discard)
	require.Equal(t, ExitOK, code)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	return lines[:len(lines)-1] // behind it: what the shell is to do
}

func TestCompletion(t *testing.T) {
	t.Setenv("PORTCULLIS_DATABASE_URL", "")
	t.Setenv(serverVariable, "")
	require.Equal(t, []string{"lock/", "locks"}, complete(t, "get", "lo"))
	require.Empty(t, complete(t, "get", "role/"), "an embedded database is not started for it")
	require.Equal(t, []string{"text", "yaml", "json"}, complete(t, "get", "locks", "--format", ""))
	const lockID = "dc7cee9d-fe5e-4534-a90d-db770f0234a1"
	_, asked := api(t, map[string]string{
		"GET /api/v3/rbac/roles/": `{"pagination": {"next": 0}, "results": [{"name": "auditor"}, {"name": "locksmith"}]}`,
		"GET /api/v3/core/users/": `{"pagination": {"next": 0}, "results": [{"username": "alice"}, {"username": "bob"}]}`,
		"GET /api/v3/locks/":      `{"pagination": {"next_cursor": ""}, "results": [{"name": "` + lockID + `", "target": {"user": "alice"}, "message": "No."}]}`})
	require.Equal(t, []string{"role/locksmith"}, complete(t, "edit", "role/l"))
	require.Equal(t, []string{"locks/" + lockID + "\tUser:\"alice\" No."}, complete(t, "rm", "locks/"))
	require.Equal(t, []string{"alice", "bob"}, complete(t, "lock", "--user", ""))
	require.Equal(t, []string{"alice"}, complete(t, "users", "update", "a"))
	require.Equal(t, []string{"auditor"}, complete(t, "users", "update", "alice", "--add-role", "a"))
	require.Len(t, *asked, 5)
	_, asked = api(t, map[string]string{"GET /api/security/locked-accounts": `{"data": [{"identifier": "alice", "locked_until": "2026-11-22T10:00:00.000Z"}]}`})
	require.Equal(t, []string{"alice\tuntil 2026-11-22T10:00:00Z"}, complete(t, "lockouts", "unlock", "al"))
	require.Equal(t, []string{"GET /api/security/locked-accounts?limit=200&search=al"}, *asked)
	require.Equal(t, []string{"max_attempts=\tFailed attempts", "max_age_seconds=\tProof before grave acts"}, complete(t, "settings", "set", "max"))
	require.Equal(t, []string{"security.brute_force.mail_owner\tTell the owner"}, complete(t, "settings", "get", "security.brute_force.mai"))
	require.Equal(t, []string{"text", "json"}, complete(t, "audit", "verify", "--format", ""))
	api(t, nil)
	require.Empty(t, complete(t, "get", "role/"), "a server that refuses offers nothing")
	code, out, _ := run(t, unused(t), "completion", "bash")
	require.Equal(t, ExitOK, code)
	require.Contains(t, out, "__start_portcullis")
}

func TestStatus(t *testing.T) {
	url, _ := api(t, map[string]string{
		"GET /api/v3/core/users/me/": `{"user": {"username": "alice", "name": "Alice <3", "is_superuser": false, "groups": [{"name": "Staff"}], "roles": [{"name": "viewer"}, {"name": "auditor"}]}}`,
		"GET /api/v3/core/users/":    `{"pagination": {"next": 0}, "results": [{"username": "alice", "roles_obj": [{"name": "viewer"}]}]}`,
		"GET /api/v3/admin/version/": `{"version_current": "1.2.3"}`})
	code, out, errs := run(t, unused(t), "status")
	require.Equal(t, ExitOK, code, errs)
	require.Equal(t, "Server:   "+url+"\nVersion:  1.2.3\nUser:     alice\nName:     Alice <3\nRoles:    viewer, auditor (by groups)\nGroups:   Staff\n", out)
	code, out, _ = run(t, unused(t), "status", "-f", "json")
	require.Equal(t, ExitOK, code)
	require.JSONEq(t, `{"active": {"username": "alice", "name": "Alice <3", "roles": ["viewer"], "inherited_roles": ["auditor"], "groups": ["Staff"], "superuser": false},
		"server": "`+url+`", "version": "1.2.3"}`, out)
}

// A list that is longer than a page is read to its end.
func TestListsAreReadToTheirEnd(t *testing.T) {
	var asked []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RawQuery)
		switch r.URL.Query().Get("cursor") {
		case "":
			_, _ = io.WriteString(w, `{"pagination": {"next_cursor": "second"}, "results": [{"name": "dc7cee9d-fe5e-4534-a90d-db770f0234a1", "target": {"user": "a"}, "expires": "2099-01-01T01:00:00+01:00", "message": "two\nlines"}]}`)
		default:
			_, _ = io.WriteString(w, `{"pagination": {"next_cursor": ""}, "results": [{"name": "dc7cee9d-fe5e-4534-a90d-db770f0234a2", "target": {"login": "root", "user": "b"}}]}`)
		}
	}))
	t.Cleanup(s.Close)
	t.Setenv(tokenVariable, "a-key")
	code, out, errs := run(t, unused(t), "get", "locks", "--server", s.URL)
	require.Equal(t, ExitOK, code, errs)
	require.Equal(t, "ID                                    Target                 Message    Expires\n"+
		"--                                    ------                 -------    -------\n"+
		"dc7cee9d-fe5e-4534-a90d-db770f0234a1  User:\"a\"               two lines  2099-01-01T00:00:00Z\n"+
		"dc7cee9d-fe5e-4534-a90d-db770f0234a2  User:\"b\" Login:\"root\"             never\n", out)
	require.Equal(t, []string{"cursor=&page_size=1000", "cursor=second&page_size=1000"}, asked)
}
