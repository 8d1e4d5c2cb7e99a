package cli

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/lockwatch"
)

const (
	aliceKey = "AAAAC3NzaC1lZDI1NTE5AAAAIAlice"
	bobKey   = "AAAAC3NzaC1lZDI1NTE5AAAAIBob"
	rootKey  = "AAAAC3NzaC1lZDI1NTE5AAAAIRoot"
)

const keysFile = `# keys of root

environment="PORTCULLIS_USER=alice",from="10.0.0.0/8" ssh-ed25519 ` + aliceKey + ` alice's laptop
ssh-ed25519 ` + rootKey + ` ` + bobKey + `
  environment="PORTCULLIS_USER=bob" ssh-ed25519 ` + bobKey + ` "two words"
`

// judgeServer answers checks: bob is locked. It returns its address, and the last
// question.
func judgeServer(t *testing.T) (url string, asked *map[string]any) {
	t.Helper()
	asked = &map[string]any{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v3/locks/check/" || r.Header.Get("Authorization") != "Bearer secret" {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"detail":"Token invalid/expired"}`)
			return
		}
		*asked = map[string]any{}
		_ = json.NewDecoder(r.Body).Decode(asked)
		if users, _ := (*asked)["user"].([]any); len(users) == 1 && users[0] == "bob" {
			_, _ = io.WriteString(w, `{"allowed":false,"mode":"best_effort","lock":{"name":"x","target":{"user":"bob"},"text":"lock targeting User:\"bob\" is in force"}}`)
			return
		}
		if users, _ := (*asked)["user"].([]any); len(users) == 1 && users[0] == "carol" {
			_, _ = io.WriteString(w, `{"allowed":false,"mode":"best_effort","lock":null,"code":"account_inactive","detail":"The account \"carol\" may not act: it is deactivated."}`)
			return
		}
		_, _ = io.WriteString(w, `{"allowed":true,"mode":"best_effort"}`)
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

func TestAgentCheckAsksTheServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	url, asked := judgeServer(t)
	token, keys, alone := file("token", " secret\n"), file("keys", keysFile), file("alone", "ssh-rsa AAAA root\n")
	base := []string{"agent", "check", "--server", url, "--token-file", token}
	for name, c := range map[string]struct {
		args []string
		code int
		out  string
		errs string
	}{
		"allowed":              {[]string{"--login", "root", "--server-id", "s1", "--user", "alice", "--ip", "192.0.2.7", "--target", "windows_desktop=d"}, ExitOK, "", ""},
		"locked":               {[]string{"--login", "root", "--user", "bob"}, ExitFailure, "", `lock targeting User:"bob" is in force`},
		"deactivated":          {[]string{"--login", "root", "--user", "carol"}, ExitFailure, "", `The account "carol" may not act: it is deactivated.`},
		"principals":           {[]string{"--user", "alice", "--principals", "root,admin"}, ExitOK, "root\nadmin\n", ""},
		"principals of locked": {[]string{"--user", "bob", "--principals", "root,admin"}, ExitFailure, "", `lock targeting User:"bob"`},
		"a key": {[]string{"--authorized-keys", keys, "--key", aliceKey}, ExitOK,
			`environment="PORTCULLIS_USER=alice",from="10.0.0.0/8" ssh-ed25519 ` + aliceKey + " alice's laptop\n", ""},
		"the key of who is locked": {[]string{"--authorized-keys", keys, "--key", bobKey}, ExitFailure, "", `lock targeting User:"bob"`},
		"a key without an owner":   {[]string{"--authorized-keys", keys, "--key", rootKey}, ExitOK, "ssh-ed25519 " + rootKey + " " + bobKey + "\n", ""},
		"a key that is not there":  {[]string{"--authorized-keys", keys, "--key", bobKey + "x"}, ExitOK, "", ""},
		"nobody's key":             {[]string{"--authorized-keys", alone}, ExitOK, "ssh-rsa AAAA root\n", ""},
		"no such file":             {[]string{"--authorized-keys", filepath.Join(dir, "none"), "--key", "x"}, ExitOK, "", ""},
		"keys of several":          {[]string{"--authorized-keys", keys}, ExitFailure, "", "several people"},
		"no target":                {[]string{"--target", "windows_desktop"}, ExitUsage, "", "expected kind=value"},
		"no mode":                  {[]string{"--mode", "lax"}, ExitUsage, "", `locking mode "lax" not supported`},
	} {
		code, out, errs := run(t, Program{}, append(base, c.args...)...)
		require.Equal(t, c.code, code, "%s: %s", name, errs)
		require.Equal(t, c.out, out, name)
		require.Contains(t, errs, c.errs, name)
		if name == "allowed" {
			require.Equal(t, map[string]any{"login": []any{"root"}, "server_id": []any{"s1"}, "user": []any{"alice"}, "ip": []any{"192.0.2.7"},
				"windows_desktop": []any{"d"}, "mode": "best_effort"}, *asked)
		}
	}
}

// Whatever cannot be asked allows nothing.
func TestAgentCheckFailsClosed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	url, _ := judgeServer(t)
	token := filepath.Join(dir, "token")
	require.NoError(t, os.WriteFile(token, []byte("another"), 0o600))
	for name, c := range map[string]struct {
		args []string
		code int
		errs string
	}{
		"no agent":        {[]string{"--socket", filepath.Join(dir, "none.sock")}, ExitFailure, "asking the agent that watches"},
		"a wrong token":   {[]string{"--server", url, "--token-file", token}, ExitFailure, "403 Forbidden: Token invalid/expired"},
		"no token":        {[]string{"--server", url, "--token-file", filepath.Join(dir, "none")}, ExitFailure, "reading the token"},
		"no server":       {[]string{"--token-file", token}, ExitUsage, "--server"},
		"nobody there":    {[]string{"--server", "http://127.0.0.1:1", "--token-file", token}, ExitFailure, "asking http://127.0.0.1:1"},
		"not an address":  {[]string{"--server", "id.example.org", "--token-file", token}, ExitUsage, "no address of a server"},
		"too many words":  {[]string{"root"}, ExitUsage, "unknown command"},
		"unknown options": {[]string{"--colour", "red"}, ExitUsage, "unknown flag"},
	} {
		code, out, errs := run(t, Program{}, append([]string{"agent", "check", "--login", "root", "--principals", "root"}, c.args...)...)
		require.Equal(t, c.code, code, "%s: %s", name, errs)
		require.Empty(t, out, name)
		require.Contains(t, errs, c.errs, name)
	}
	code, _, errs := run(t, Program{}, "agent", "run", "--socket", filepath.Join(dir, "none.sock"))
	require.Equal(t, ExitFailure, code)
	require.Contains(t, errs, "asking the agent that watches")
}

// Who signs in over a connection stands as soon as a session runs: nobody makes
// somebody else of it.
func TestWhoASessionIsStands(t *testing.T) {
	t.Parallel()
	w, err := (&agentServer{url: "http://127.0.0.1:1", mode: "best_effort", tokenFile: tokenOf(t)}).watcher(0, nil)
	require.NoError(t, err)
	d := &agentDaemon{watcher: w, log: &prefixed{out: io.Discard}, state: filepath.Join(t.TempDir(), "state"), connections: map[process]*sshConnection{}, ctx: t.Context()}
	own := processOf(os.Getpid())
	keys := func(user string) agentAsk { return agentAsk{User: user} }
	alice, bob := keys("alice"), keys("bob")
	first := d.follow(own, "", alice.keys(), false)
	second := d.follow(own, "", bob.keys(), false)
	require.NotSame(t, first, second, "another key was tried")
	require.NoError(t, d.join(second, make(chan string, 1)))
	require.Same(t, second, d.follow(own, "", alice.keys(), false))
	require.Equal(t, bob.keys(), d.known(own).keys)

	// The next agent knows it, but not what has ended meanwhile.
	gone := process{own.pid, own.start + 1}
	d.mu.Lock()
	d.connections[gone] = second
	d.save()
	d.mu.Unlock()
	next := &agentDaemon{watcher: w, log: d.log, state: d.state, connections: map[process]*sshConnection{}, ctx: t.Context()}
	next.restore()
	require.Len(t, next.connections, 1)
	require.True(t, next.known(own).held)
	require.Equal(t, bob.keys(), next.known(own).keys)
}

func tokenOf(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(path, []byte("secret"), 0o600))
	return path
}

// A connection ends when its account is switched off while it lasts.
func TestAConnectionEndsWithItsAccount(t *testing.T) {
	t.Parallel()
	url, _ := judgeServer(t)
	w, err := (&agentServer{url: url, mode: "best_effort", tokenFile: tokenOf(t)}).watcher(0, nil)
	require.NoError(t, err)
	d := &agentDaemon{watcher: w, log: &prefixed{out: io.Discard}, state: filepath.Join(t.TempDir(), "state"), connections: map[process]*sshConnection{},
		ctx: t.Context(), every: time.Millisecond}
	for user, ends := range map[string]bool{"carol": true, "alice": false} {
		served := exec.Command("sleep", "60")
		require.NoError(t, served.Start())
		c := d.follow(processOf(served.Process.Pid), "", []lockwatch.Key{lockwatch.User(user)}, true)
		if !ends {
			time.AfterFunc(100*time.Millisecond, func() { _ = served.Process.Kill() })
		}
		_ = served.Wait()
		d.mu.Lock()
		require.Equal(t, ends, c.cut != "", user)
		if ends {
			require.Equal(t, `The account "carol" may not act: it is deactivated.`, c.cut)
		}
		d.mu.Unlock()
	}
}
