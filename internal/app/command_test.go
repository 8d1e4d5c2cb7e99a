package app_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/app"
	"github.com/portcullis-idp/portcullis/internal/cli"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// terminal is somebody at the command line, on the server's machine or elsewhere.
type terminal struct {
	*site
	remote bool
	keys   map[string]string
}

// terminals runs a test on the server's machine, and again elsewhere. Tests with
// it are not parallel: tokens and editors are in the environment.
func terminals(t *testing.T, test func(t *terminal)) {
	for _, where := range []string{"here", "elsewhere"} {
		t.Run(where, func(t *testing.T) {
			t.Setenv("PORTCULLIS_SERVER", "")
			test(&terminal{site: newSite(t, 1), remote: where == "elsewhere", keys: map[string]string{"admin": adminToken}})
		})
	}
}

// run runs a command as somebody; here it is always the owner of the shell.
func (x *terminal) run(who string, code int, args ...string) (out, errs string) {
	x.Helper()
	if x.remote {
		if x.keys[who] == "" {
			_, x.keys[who] = x.key(x.named(who), idp.IntentAPI)
		}
		x.Setenv("PORTCULLIS_TOKEN", x.keys[who])
		args = append(args, "--server", x.replicas[0].base)
	} else {
		args = append(args, "--database-url", x.url)
	}
	var o, e bytes.Buffer
	require.Equal(x, code, cli.Run(app.Program(), args, &o, &e), "%v: %s%s", args, o.String(), e.String())
	return o.String(), e.String()
}

// does runs a command of the administrator that goes well, without a warning.
func (x *terminal) does(args ...string) string {
	x.Helper()
	out, errs := x.run("admin", cli.ExitOK, args...)
	require.Empty(x, errs, "%v", args)
	return out
}

// fails runs one that does not, and returns what it says.
func (x *terminal) fails(code int, args ...string) string {
	x.Helper()
	out, errs := x.run("admin", code, args...)
	require.Empty(x, out, "%v", args)
	require.True(x, strings.HasPrefix(errs, "ERROR: "), errs)
	return strings.TrimPrefix(errs, "ERROR: ")
}

// file writes a file and returns its name.
func (x *terminal) file(name, content string) string {
	x.Helper()
	name = filepath.Join(x.TempDir(), name)
	require.NoError(x, os.WriteFile(name, []byte(content), 0o600))
	return name
}

// editor has a script edit from now on.
func (x *terminal) editor(script string) {
	x.Helper()
	name := x.file("editor", "#!/bin/sh\n"+script+"\n")
	require.NoError(x, os.Chmod(name, 0o700))
	x.Setenv("VISUAL", "")
	x.Setenv("EDITOR", name)
}

// refused waits until a browser is refused with a text, or, without one, is not:
// what was done on the machine itself reaches servers a moment later.
func (x *terminal) refused(b *browser, text string) {
	x.Helper()
	status := http.StatusOK
	if text != "" {
		status = http.StatusForbidden
	}
	require.Eventually(x, func() bool {
		got, err := b.send(http.MethodGet, "/api/v3/core/users/me/", nil)
		require.NoError(x, err)
		return got.status == status && strings.Contains(string(got.body), strings.ReplaceAll(text, `"`, `\"`))
	}, 10*time.Second, 5*time.Millisecond, "%q", text)
}

var uuidPattern = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// active is what `status --format json` says.
type active struct {
	Active struct {
		Username string
		Roles    []string
	}
	Server, Version string
}

func (x *terminal) status(who string) (got active) {
	x.Helper()
	out, _ := x.run(who, cli.ExitOK, "status", "-f", "json")
	require.NoError(x, json.Unmarshal([]byte(out), &got), out)
	return got
}

const locksmith = `kind: role
version: v5
metadata:
  name: locksmith
spec:
  allow:
    rules:
      - resources: [lock]
        verbs: [list, create, read, update, delete]
`

// The walk of the seed (Session and Identity Locking), in its order.
func TestTheWalkOfTheSeed(t *testing.T) {
	terminals(t, func(x *terminal) {
		x.user("alice")
		bob := x.with(x.user("bob"))
		x.refused(bob, "")

		// "verify that you can run commands using your current credentials"
		who := x.status("admin")
		require.NotEmpty(x, who.Version)
		if x.remote {
			require.Equal(x, "admin", who.Active.Username)
			require.Equal(x, x.replicas[0].base, who.Server)
		} else {
			require.Equal(x, idp.SystemName, who.Active.Username)
		}

		// Step 1/2. Create a lock
		out := x.does("lock", "--user=bob", "--message=Suspicious activity.", "--ttl=10h")
		require.Regexp(x, `^Created a lock with name "`+uuidPattern.String()+`"\.\n$`, out)
		first := uuidPattern.FindString(out)
		x.refused(bob, `lock targeting User:"bob" is in force: Suspicious activity.`)

		// Troubleshooting: failed to create a lock?
		if x.remote {
			out, errs := x.run("alice", cli.ExitFailure, "lock", "--user=bob", "--message=Suspicious activity.", "--ttl=10h")
			require.Empty(x, out)
			require.Equal(x, "ERROR: access denied to perform action \"create\" on \"lock\"\n", errs)
		}
		require.Equal(x, "role 'locksmith' has been created\n", x.does("create", "-f", x.file("locksmith.yaml", locksmith)))
		roles := []string{}
		if x.remote {
			who = x.status("alice")
			require.Equal(x, "alice", who.Active.Username)
			roles = who.Active.Roles
		}
		require.Empty(x, roles)
		out = x.does("users", "update", "alice", "--set-roles", strings.Join(roles, ",")+",locksmith")
		require.Equal(x, "User alice has been updated:\n\tNew roles: locksmith\n", out)
		if x.remote {
			require.Equal(x, []string{"locksmith"}, x.status("alice").Active.Roles)
		}

		// "You can tweak the message returned to a user"
		out, errs := x.run("alice", cli.ExitOK, "lock", "--user=bob", "--message=Please come back tomorrow.", "--ttl=24h")
		require.Empty(x, errs)
		second := uuidPattern.FindString(out)
		x.refused(bob, `lock targeting User:"bob" is in force: Please come back tomorrow.`)

		// "The kind: lock resources can also be created and updated using create"
		const third = "dc7cee9d-fe5e-4534-a90d-db770f0234a1"
		document := "kind: lock\nversion: v2\nmetadata:\n  name: " + third + "\nspec:\n  target:\n    user: alice\n  message: \"Suspicious activity.\"\n  expires: \"2099-08-14T22:27:00Z\"  # RFC3339 format\n"
		require.Equal(x, "lock \""+third+"\" has been created\n", x.does("create", "-f", x.file("lock.yaml", document)))
		require.Contains(x, x.fails(cli.ExitFailure, "create", x.file("again.yaml", document)), "again.yaml:1: lock \""+third+"\" already exists\n")
		require.Equal(x, "lock \""+third+"\" has been created\n", x.does("create", "--force", x.file("new.yaml", strings.Replace(document, "Suspicious activity.", "Replaced.", 1))))

		// Step 2/2. List and delete active locks
		out = x.does("get", "locks")
		require.Regexp(x, `^ID +Target +Message +Expires\n-- +------ +------- +-------\n`+third+` +User:"alice" +Replaced\. +2099-08-14T22:27:00Z\n`+
			second+` +User:"bob" +Please come back tomorrow\. +\d{4}-\S+Z\n`+first+` +User:"bob" +Suspicious activity\. +\d{4}-\S+Z\n$`, out)
		require.Equal(x, "lock \""+second+"\" has been deleted\n", x.does("rm", "locks/"+second))
		x.refused(bob, `lock targeting User:"bob" is in force: Suspicious activity.`)
		require.Equal(x, "lock \""+first+"\" has been deleted\n", x.does("rm", "locks/"+first))
		x.refused(bob, "")
		require.Contains(x, x.fails(cli.ExitFailure, "rm", "locks/"+first), "lock \""+first+"\" is not in force any more\n")
		require.NotContains(x, x.does("get", "locks"), first)
		require.Regexp(x, first+` +User:"bob" +Suspicious activity\. +\S+ +lifted by \w+\n`, x.does("get", "locks", "--all"))

		// Next steps: Locking modes
		x.editor(`sed -i 's/^  locking_mode: best_effort$/  locking_mode: strict/' "$1"`)
		require.Equal(x, "cluster auth preference has been updated\n", x.does("edit", "cap"))
		require.Equal(x, "kind: cluster_auth_preference\nversion: v2\nmetadata:\n  name: cluster-auth-preference\nspec:\n  locking_mode: strict\n", x.does("get", "cap", "--format=yaml"))
		require.Equal(x, "edit canceled, no changes made\n", x.does("edit", "cap"))
		require.Equal(x, "role 'example-role-with-strict-locking' has been created\n", x.does("create", "-f", x.file("strict.yaml",
			"kind: role\nversion: v5\nmetadata:\n    name: example-role-with-strict-locking\nspec:\n    options:\n       lock: strict\n")))
	})
}
