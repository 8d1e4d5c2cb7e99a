package app_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/app"
	"github.com/portcullis-idp/portcullis/internal/cli"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// lines counts lines.
func lines(s string) int { return strings.Count(s, "\n") }

func TestCommandsSayWhatIsWrong(t *testing.T) {
	terminals(t, func(x *terminal) {
		x.user("alice")
		for _, c := range []struct {
			code int
			want string
			args []string
		}{
			{cli.ExitUsage, "use only one of --expires and --ttl\n", []string{"lock", "--user=alice", "--ttl=1h", "--expires=2099-01-01T00:00:00Z"}},
			{cli.ExitUsage, "at least one target field must be set", []string{"lock", "--message=nothing"}},
			{cli.ExitUsage, "--ttl 0s: expected a duration greater than 0", []string{"lock", "--user=alice", "--ttl=0"}},
			{cli.ExitUsage, "--expires tomorrow: expected a time such as", []string{"lock", "--user=alice", "--expires=tomorrow"}},
			{cli.ExitUsage, "given twice", []string{"lock", "--user=alice", "--user=bob"}},
			{cli.ExitFailure, "expires: A lock ends later than it begins: 2001-01-01T00:00:00Z has passed.\n", []string{"lock", "--user=alice", "--expires=2001-01-01T00:00:00Z"}},
			{cli.ExitFailure, "user: This field may not be blank.\n", []string{"lock", "--user="}},
			{cli.ExitFailure, "ip: “home” is no IP address and no network, such as 192.0.2.7 or 192.0.2.0/24.\n", []string{"lock", "--ip=home"}},
			{cli.ExitFailure, "node: “x” is not a valid UUID.\n", []string{"lock", "--node=x"}},
			{cli.ExitFailure, "lock \"dc7cee9d-fe5e-4534-a90d-db770f0234a1\" not found\n", []string{"get", "lock/dc7cee9d-fe5e-4534-a90d-db770f0234a1"}},
			{cli.ExitFailure, "lock \"dc7cee9d-fe5e-4534-a90d-db770f0234a1\" not found\n", []string{"rm", "locks/dc7cee9d-fe5e-4534-a90d-db770f0234a1"}},
			{cli.ExitFailure, "role \"nobody\" not found\n", []string{"get", "role/nobody"}},
			{cli.ExitFailure, "role \"nobody\" not found\n", []string{"rm", "roles/nobody"}},
			{cli.ExitFailure, "user \"nobody\" not found\n", []string{"users", "update", "nobody", "--add-role=locksmith"}},
			{cli.ExitFailure, "no-such-role", []string{"users", "update", "alice", "--add-role=no-such-role"}},
			{cli.ExitFailure, "No lock in force targets User:\"alice\".\n", []string{"rm", "locks", "--user=alice"}},
			{cli.ExitFailure, "built in", []string{"rm", "roles/auditor"}},
			{cli.ExitFailure, "role 'auditor' already exists; --force replaces it\n", []string{"create", x.file("a.yaml", "kind: role\nname: auditor\nallow: {rules: [{resources: [lock], verbs: ['*']}]}\n")}},
			{cli.ExitFailure, "b.yaml:1: expires: A lock ends later than it begins: 2001-01-01T00:00:00Z has passed.\n", []string{"create", x.file("b.yaml", "kind: lock\ntarget: {user: a}\nexpires: 2001-01-01T00:00:00Z\n")}},
			{cli.ExitFailure, "c.yaml:2: spec.target.ip: “x” is no IP address and no network, such as 192.0.2.7 or 192.0.2.0/24.\n", []string{"create", x.file("c.yaml", "---\nkind: lock\ntarget: {ip: x}\n")}},
			{cli.ExitFailure, "d.yaml:1: spec.lifted_at: this lock was lifted; to make it anew, take lifted_at and lifted_by out\n", []string{"create", x.file("d.yaml", "kind: lock\ntarget: {user: x}\nlifted_at: 2001-01-01T00:00:00Z\n")}},
		} {
			require.Contains(x, x.fails(c.code, c.args...), c.want, "%v", c.args)
		}
		require.Equal(x, 2, lines(x.does("get", "locks", "--all")), "nothing was made")

		// All files are read before anything is made, and everything wrong is told.
		good, bad, worse := x.file("good.yaml", "kind: lock\ntarget: {user: alice}\n"),
			x.file("bad.yaml", "kind: lock\nversion: v2\nspec:\n  target:\n    user: alice\n  mesage: Typo.\n"), x.file("worse.yaml", "kind: lock\nspec:\n  target: {usr: alice}\n")
		errs := x.fails(cli.ExitFailure, "create", good, "-f", bad, worse)
		require.Contains(x, errs, bad+":6:3: spec: unknown key \"mesage\"; expected created_at, ")
		require.Contains(x, errs, worse+":3:12: spec.target: unknown key \"usr\"; expected user, role, ")
		require.Equal(x, 2, lines(x.does("get", "locks")))

		// What does not exist (yet) is a warning.
		out, errs := x.run("admin", cli.ExitOK, "lock", "--user=newcomer", "--login=root")
		require.Contains(x, out, "Created a lock with name")
		require.Equal(x, "WARNING: There is no user \"newcomer\" (yet): the lock is in force for when there is.\n", errs)

		// The last administrator is kept, unless forced.
		require.Contains(x, x.fails(cli.ExitFailure, "lock", "--user=admin"), "This lock would leave nobody who can administer this installation.")
		if !x.remote {
			id := uuidPattern.FindString(x.does("lock", "--user=admin", "--force-last-admin"))
			x.does("rm", "locks/"+id)
		}
	})
}

func TestWhoMayNotIsToldSo(t *testing.T) {
	terminals(t, func(x *terminal) {
		if !x.remote {
			return // the owner of the shell may do everything
		}
		x.user("alice")
		for want, args := range map[string][]string{
			`"create" on "lock"`:                  {"lock", "--user=bob"},
			`"list" on "lock"`:                    {"get", "locks"},
			`"delete" on "lock"`:                  {"rm", "locks", "--user=bob", "--yes"},
			`"create" on "role"`:                  {"create", x.file("r.yaml", strings.ReplaceAll(locksmith, "locksmith", "mine"))},
			`"list" on "role"`:                    {"get", "roles"},
			`"read" on "cluster_auth_preference"`: {"get", "cap"},
		} {
			_, errs := x.run("alice", cli.ExitFailure, args...)
			require.Equal(x, "ERROR: access denied to perform action "+strings.TrimSpace(want)+"\n", errs, "%v", args)
		}
		x.keys["nobody"] = "no-such-key"
		_, errs := x.run("nobody", cli.ExitFailure, "status")
		require.Equal(x, "ERROR: Token invalid/expired\n", errs)
	})
}

func TestCommandLiftsLocksByTarget(t *testing.T) {
	terminals(t, func(x *terminal) {
		x.user("alice")
		one, two := x.does("lock", "--user=alice", "--message=One."), x.does("lock", "--user=alice", "--login=root")
		other := uuidPattern.FindString(x.does("lock", "--login=root"))

		// Without an answer nothing happens; the tests' standard input is empty.
		out, errs := x.run("admin", cli.ExitFailure, "rm", "locks", "--user=alice")
		require.Regexp(x, `User:"alice" +One\. +never\n`, out)
		require.Equal(x, 4, lines(out))
		require.Equal(x, "Lift 2 locks? [y/N] ERROR: nothing was lifted: answer y, or give --yes\n", errs)
		require.Equal(x, 5, lines(x.does("get", "locks")))

		root := cli.New(app.Program())
		var said bytes.Buffer
		args := []string{"rm", "locks", "--user=alice", "--database-url", x.url}
		if x.remote {
			args = []string{"rm", "locks", "--user=alice", "--server", x.replicas[0].base}
		}
		root.SetArgs(args)
		root.SetIn(strings.NewReader("yes\n"))
		root.SetOut(&said)
		root.SetErr(&said)
		require.NoError(x, root.ExecuteContext(x.Context()))
		for _, made := range []string{one, two} {
			require.Contains(x, said.String(), "lock \""+uuidPattern.FindString(made)+"\" has been deleted\n")
		}
		require.Equal(x, 3, lines(x.does("get", "locks")))
		require.Equal(x, "lock \""+other+"\" has been deleted\n", x.does("rm", "locks", "--login=root", "--yes"))
		require.Equal(x, 5, lines(x.does("get", "locks", "--all")))
	})
}

func TestEditing(t *testing.T) {
	terminals(t, func(x *terminal) {
		x.user("alice")
		x.does("create", x.file("role.yaml", strings.ReplaceAll(locksmith, "locksmith", "keeper")))
		lock := uuidPattern.FindString(x.does("lock", "--user=alice", "--message=Before."))

		// The editor's own arguments, and texts that are left as they were.
		x.editor("exit 0")
		x.Setenv("EDITOR", os.Getenv("EDITOR")+" --wait")
		for _, what := range []string{"cap", "role/keeper", "lock/" + lock} {
			require.Equal(x, "edit canceled, no changes made\n", x.does("edit", what))
		}
		x.editor(`sed -i 's/message: Before./message: After./; s/user: alice/user: alice\n    login: root/' "$1"; echo '  expires: 2099-01-01T00:00:00Z' >> "$1"`)
		require.Equal(x, "lock \""+lock+"\" has been updated\n", x.does("edit", "lock/"+lock))
		require.Contains(x, x.does("get", "lock/"+lock), "User:\"alice\" Login:\"root\"  After.   2099-01-01T00:00:00Z  in force\n")
		x.editor(`sed -i '/expires/d' "$1"`)
		require.Equal(x, "lock \""+lock+"\" has been updated\n", x.does("edit", "locks/"+lock))
		require.Contains(x, x.does("get", "lock/"+lock), " After.   never ")
		x.editor(`sed -i 's/verbs: .*/verbs: [list, read]/' "$1"; printf '  options: {lock: strict}\n' >> "$1"`)
		require.Equal(x, "role 'keeper' has been updated\n", x.does("edit", "role/keeper"))
		require.Contains(x, x.does("get", "role/keeper"), "keeper  lock: list,read          strict   \n")

		// What is wrong is told, and the text is kept.
		kept := func(want string, args ...string) {
			x.Helper()
			errs := x.fails(cli.ExitFailure, args...)
			require.Contains(x, errs, want)
			_, name, found := strings.Cut(strings.TrimSpace(errs), "your text is kept in ")
			require.True(x, found, errs)
			require.NoError(x, os.Remove(name))
		}
		x.editor(`sed -i 's/name: .*/name: other/' "$1"`)
		kept(`renaming resources is not supported: the name was "keeper" and is now "other"`, "edit", "role/keeper")
		kept("expected a UUID", "edit", "lock/"+lock)
		kept("expected cluster-auth-preference or no name", "edit", "cap")
		x.editor(`sed -i 's/name: .*/name: dc7cee9d-fe5e-4534-a90d-db770f0234a1/' "$1"`)
		kept("renaming resources is not supported", "edit", "lock/"+lock)
		x.editor(`sed -i 's/locking_mode: .*/locking_mode: x/' "$1"`)
		kept(`locking mode "x" not supported`, "edit", "cap")
		x.editor(`sed -i 's/^spec:/sepc:/' "$1"`)
		kept(`:5:1: unknown key "sepc"; expected kind, version, metadata or spec`, "edit", "cap")
		x.editor(`echo 'kind: lock' > "$1"; echo 'target: {user: a}' >> "$1"`)
		kept("expected one document of kind cluster_auth_preference", "edit", "cap")
		x.editor("exit 3")
		require.Contains(x, x.fails(cli.ExitFailure, "edit", "cap"), "did not end well, nothing was changed: exit status 3")

		// Somebody else was faster.
		role, err := x.repos().Roles.GetByName(x.Context(), "keeper")
		require.NoError(x, err)
		opened, done := filepath.Join(x.TempDir(), "opened"), filepath.Join(x.TempDir(), "done")
		require.NoError(x, errors.Join(syscall.Mkfifo(opened, 0o600), syscall.Mkfifo(done, 0o600)))
		x.editor(`echo >"` + opened + `"; cat "` + done + `"; sed -i 's/verbs: .*/verbs: [read]/' "$1"`)
		changed := make(chan error, 1)
		go func() {
			_, err := os.ReadFile(opened) // until the editor is open
			another := "Another."
			_, wrong := x.replicas[0].RoleService.Change(x.Context(), idp.SystemActor(), role.ID, access.Patch{Description: &another})
			changed <- errors.Join(err, wrong, os.WriteFile(done, nil, 0o600))
		}()
		kept(`role "keeper" was changed by somebody else meanwhile`, "edit", "role/keeper")
		require.NoError(x, <-changed)
		now, err := x.repos().Roles.Get(x.Context(), role.ID)
		require.NoError(x, err)
		require.Equal(x, "Another.", now.Description)
		require.Equal(x, role.Spec, now.Spec)
	})
}

func TestFormatsAndUsers(t *testing.T) {
	terminals(t, func(x *terminal) {
		x.user("alice")
		x.does("users", "update", "alice", "--add-role=locksmith", "--add-role", "viewer")
		staff, err := x.replicas[0].Accounts.CreateGroup(x.Context(), idp.SystemActor(), account.NewGroup{Name: "Staff", Users: []idp.UserID{x.named("alice").ID}})
		require.NoError(x, err)
		require.NoError(x, x.replicas[0].RoleService.SetGroupRoles(x.Context(), idp.SystemActor(), staff.ID, []string{"auditor"}))
		if x.remote {
			out, _ := x.run("alice", cli.ExitOK, "status")
			require.Contains(x, out, "Roles:    locksmith, viewer, auditor (by groups)\nGroups:   Staff\n")
			require.Equal(x, []string{"locksmith", "viewer"}, x.status("alice").Active.Roles, "what --set-roles replaces")
		}
		require.Equal(x, "User alice has been updated:\n\tNew roles: auditor,viewer\n", x.does("users", "update", "alice", "--add-role=auditor", "--remove-role=locksmith"))
		require.Regexp(x, `(?m)^alice +Alice +auditor,viewer +Staff +$`, strings.TrimRight(x.does("users", "ls"), "\n")+"\n")
		require.Contains(x, x.does("get", "user/alice", "--format=yaml"), "  roles:\n    - auditor\n    - viewer\n")
		require.Equal(x, "User alice has been updated:\n\tNew roles: \n", x.does("users", "update", "alice", "--set-roles="))
		require.Regexp(x, `(?m)^administrator +\*: \*`, x.does("get", "roles"))
		require.Regexp(x, `^Locking mode +Managed\n-+ +-+\nbest_effort +no\n$`, x.does("get", "cap"))
		x.does("create", x.file("cap.json", `{"kind": "cluster_auth_preference", "version": "v2", "spec": {"locking_mode": "strict"}}`))

		// What is shown can be created again.
		x.does("lock", "--user=alice", "--message=\"Quoted\": yes # no", "--ttl=1h")
		x.does("lock", "--role=viewer", "--source-asn=AS64496")
		for _, format := range []string{"yaml", "json"} {
			shown := x.does("get", "locks", "role/locksmith", "cap", "--format", format)
			if format == "json" {
				var list []map[string]any
				require.NoError(x, json.Unmarshal([]byte(shown), &list))
				require.Len(x, list, 4)
			}
			x.does("rm", "locks", "--user=alice", "--yes")
			x.does("rm", "locks", "--role=viewer", "--yes")
			require.Equal(x, 4, lines(x.does("create", "--force", x.file("shown."+format, shown))))
			require.Equal(x, timeless(shown), timeless(x.does("get", "locks", "role/locksmith", "cap", "-f", format)), "%s", format)
		}
	})
}

// timeless are the lines of documents, wherever they stand, without when locks
// were made.
func timeless(text string) []string {
	all := strings.Split(text, "\n")
	all = slices.DeleteFunc(all, func(line string) bool { return strings.Contains(line, "created_at") })
	slices.Sort(all)
	return all
}

func TestTenThousandLocksInOneFile(t *testing.T) {
	terminals(t, func(x *terminal) {
		var text strings.Builder
		for i := range 10_000 {
			fmt.Fprintf(&text, "---\nkind: lock\nversion: v2\nspec:\n  target: {login: login%d}\n  message: Suspicious activity.\n", i)
		}
		name := x.file("locks.yaml", text.String())
		began := time.Now()
		require.Equal(x, 10_000, lines(x.does("create", "-f", name)))
		took := time.Since(began)
		x.Logf("10,000 locks: %s", took)
		require.Less(x, took, time.Minute, "seconds, on a machine with nothing else to do")
		require.Equal(x, 10_002, lines(x.does("get", "locks")))

		// All or none: one that is wrong is named, and the others are not made.
		again := strings.ReplaceAll(strings.ReplaceAll(text.String(), "login", "again"), "again: ", "login: ")
		again = strings.Replace(again, "login: again11}\n", "login: again11}\n  expires: 2001-01-01T00:00:00Z\n", 1)
		require.Contains(x, x.fails(cli.ExitFailure, "create", x.file("again.yaml", again)), "again.yaml:68: expires: A lock ends later than it begins: 2001-01-01T00:00:00Z has passed.\n")
		require.Equal(x, 10_002, lines(x.does("get", "locks", "--all")))
	})
}
