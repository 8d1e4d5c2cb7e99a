package journey

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/testkit"
)

const (
	thisServer  = "6d2da7b2-0b9c-4f0e-a1c8-9a8b3a2f3e11"
	otherServer = "0f0e0d0c-0b9c-4f0e-a1c8-9a8b3a2f3e11"
	// cutWithin is how long a live session may outlast its lock.
	cutWithin = 2 * time.Second
	// askedAgain is how often the agent asks whether who is connected may act, which
	// no lock tells of.
	askedAgain = 5 * time.Second
	// sshPatience bounds what takes long only where something is broken.
	sshPatience = time.Minute
)

// sshdPath finds OpenSSH's server, which has to be called by its whole path.
func sshdPath(t *testing.T) string {
	t.Helper()
	for _, program := range []string{"ssh", "ssh-keygen"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("OpenSSH's %s is not on this machine: scripts/install-openssh.sh installs it", program)
		}
	}
	if path, err := exec.LookPath("sshd"); err == nil {
		if path, err = filepath.Abs(path); err == nil {
			return path
		}
	}
	for _, path := range []string{"/usr/sbin/sshd", "/usr/local/sbin/sshd", "/opt/homebrew/sbin/sshd"} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	t.Skip("OpenSSH's sshd is not on this machine: scripts/install-openssh.sh installs it")
	return ""
}

// sftpServer is where Debian keeps it.
const sftpServer = "/usr/lib/openssh/sftp-server"

// machine is one that people sign in to: an sshd on loopback, and its agent.
type machine struct {
	*testing.T
	server  *server
	dir     string
	login   string
	address string
	sshd    *service
	agent   *service
}

// service is a program that runs until the test ends.
type service struct {
	cmd    *exec.Cmd
	output *lines
	ended  chan struct{}
}

// launch runs a program whose output is kept; it is stopped by its number.
func launch(t *testing.T, path string, args ...string) *service {
	t.Helper()
	s := &service{cmd: exec.Command(path, args...), output: &lines{more: make(chan struct{})}, ended: make(chan struct{})}
	read, write, err := os.Pipe()
	require.NoError(t, err)
	s.cmd.Stdout, s.cmd.Stderr = write, write
	require.NoError(t, s.cmd.Start())
	write.Close()
	go func() {
		for lines := bufio.NewScanner(read); lines.Scan(); {
			s.output.add(lines.Text())
		}
		read.Close()
	}()
	go func() { _ = s.cmd.Wait(); close(s.ended) }()
	t.Cleanup(func() {
		s.stop()
		if t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(path), s.output)
		}
	})
	return s
}

func (s *service) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(sshPatience):
		_ = s.cmd.Process.Kill()
		<-s.ended
	}
}

func (s *service) says(t *testing.T, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), sshPatience)
	defer cancel()
	_, err := s.output.wait(ctx, want)
	require.NoError(t, err)
}

// newMachine starts all of it.
func newMachine(t *testing.T) *machine {
	t.Helper()
	sshd := sshdPath(t)
	me, err := user.Current()
	require.NoError(t, err)
	dir, err := os.MkdirTemp("", "portcullis-sshd-") // short: a socket lies in it
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	m := &machine{T: t, dir: dir, login: me.Username, address: freeAddress(t)}
	m.server = start(t, nil, "PORTCULLIS_DATABASE_URL="+testkit.Database(t), "PORTCULLIS_BOOTSTRAP_PASSWORD="+adminPassword,
		"PORTCULLIS_BOOTSTRAP_TOKEN="+adminToken)
	m.write("token", adminToken+"\n")
	for _, key := range []string{"host", "alice", "bob", "mallory", "carol", "authority"} {
		out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", key, "-f", m.path(key)).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	m.write("authorized", "# who may be "+m.login+"\n"+m.owned("alice")+m.owned("bob"))
	out, err := exec.Command("ssh-keygen", "-q", "-s", m.path("authority"), "-I", "carol", "-n", m.login, m.path("carol.pub")).CombinedOutput()
	require.NoError(t, err, "%s", out)
	m.agent = m.watch()
	m.listen(sshd, me)
	return m
}

func (m *machine) path(name string) string { return filepath.Join(m.dir, name) }

func (m *machine) write(name, content string) {
	m.Helper()
	require.NoError(m, os.WriteFile(m.path(name), []byte(content), 0o600))
}

// owned is a line of authorized keys that says whose the key is.
func (m *machine) owned(name string) string {
	m.Helper()
	key, err := os.ReadFile(m.path(name + ".pub"))
	require.NoError(m, err)
	return fmt.Sprintf("environment=\"PORTCULLIS_USER=%s\" %s", name, key)
}

// watch starts the agent.
func (m *machine) watch(more ...string) *service {
	m.Helper()
	program, err := binary()
	require.NoError(m, err)
	s := launch(m.T, program, append([]string{"agent", "watch", "--server", m.server.URL, "--token-file", m.path("token"), "--server-id", thisServer,
		"--socket", m.path("agent.sock")}, more...)...)
	s.says(m.T, "ready")
	return s
}

// listen starts sshd. What a version of it does not know it is not told.
func (m *machine) listen(sshd string, me *user.User) {
	m.Helper()
	program, err := binary()
	require.NoError(m, err)
	host, port, err := net.SplitHostPort(m.address)
	require.NoError(m, err)
	pam := "no"
	if shadow, err := os.ReadFile("/etc/shadow"); err == nil && strings.Contains("\n"+string(shadow), "\n"+m.login+":!") {
		pam = "yes" // sshd itself lets nobody in whose password is locked
	}
	if me.Uid == "0" {
		if err := os.Mkdir("/run/sshd", 0o755); err != nil && !os.IsExist(err) {
			m.Skipf("sshd needs /run/sshd as root: %v", err)
		}
	}
	// Programs that sshd starts have to belong to root on their whole path; env does.
	agent := "/usr/bin/env " + program + " agent"
	lines := []string{"ListenAddress " + host, "Port " + port, "HostKey " + m.path("host"), "PidFile none", "StrictModes no", "UsePAM " + pam,
		"PermitRootLogin yes", "PasswordAuthentication no", "KbdInteractiveAuthentication no", "LogLevel VERBOSE", "AuthorizedKeysFile none",
		// Before 9.4, sshd forgets the one for principals when it comes second.
		"AuthorizedPrincipalsCommand " + agent + " check --socket " + m.path("agent.sock") + " --login %u --user %i --principals %u",
		"AuthorizedPrincipalsCommandUser " + m.login, "TrustedUserCAKeys " + m.path("authority.pub"), "AuthorizedPrincipalsFile none",
		"AuthorizedKeysCommand " + agent + " check --socket " + m.path("agent.sock") + " --login %u --key %k --authorized-keys " + m.path("authorized"),
		"AuthorizedKeysCommandUser " + m.login,
		"Subsystem sftp " + sftpServer,
		"ForceCommand exec " + program + " agent run --socket " + m.path("agent.sock")}
	m.write("sshd_config", strings.Join(append(lines, "PerSourcePenalties no"), "\n")+"\n")
	if out, err := exec.Command(sshd, "-t", "-f", m.path("sshd_config")).CombinedOutput(); bytes.Contains(out, []byte("PerSourcePenalties")) {
		m.write("sshd_config", strings.Join(lines, "\n")+"\n")
	} else {
		require.NoError(m, err, "%s", out)
	}
	m.sshd = launch(m.T, sshd, "-D", "-e", "-f", m.path("sshd_config"))
	m.sshd.says(m.T, "Server listening on "+host)
}

// ssh is a command of somebody's client.
func (m *machine) ssh(ctx context.Context, who string, args ...string) *exec.Cmd {
	_, port, _ := net.SplitHostPort(m.address)
	return exec.CommandContext(ctx, "ssh", append([]string{"-F", "/dev/null", "-i", m.path(who), "-o", "Port=" + port, "-o", "IdentitiesOnly=yes",
		"-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "GlobalKnownHostsFile=/dev/null",
		"-o", "LogLevel=ERROR", "-o", "ControlPath=none"}, args...)...)
}

// signIn tries to run a command.
func (m *machine) signIn(who string) (string, error) {
	ctx, cancel := context.WithTimeout(m.Context(), sshPatience)
	defer cancel()
	out, err := m.ssh(ctx, who, m.login+"@127.0.0.1", "echo welcome; exit 7").CombinedOutput()
	return string(out), err
}

func (m *machine) admits(who string) {
	m.Helper()
	out, err := m.signIn(who)
	require.Equal(m, "welcome\n", out, "sshd said:\n%s", m.sshd.output)
	require.ErrorContains(m, err, "exit status 7", "the session's own")
}

func (m *machine) refuses(who string) {
	m.Helper()
	out, err := m.signIn(who)
	require.ErrorContains(m, err, "exit status 255")
	require.Contains(m, out, "Permission denied")
}

// copies sends a file, which is not a command.
func (m *machine) copies(who string) {
	m.Helper()
	if _, err := os.Stat(sftpServer); err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(m.Context(), sshPatience)
	defer cancel()
	command := m.ssh(ctx, who)
	scp := exec.CommandContext(ctx, "scp", append(command.Args[1:], "-q", m.path("authorized"), m.login+"@127.0.0.1:"+m.path("copied"))...)
	out, err := scp.CombinedOutput()
	require.NoError(m, err, "%s", out)
	require.FileExists(m, m.path("copied"))
}

// lock makes a lock and returns its name and text.
func (m *machine) lock(target map[string]any, message string) (name, text string) {
	m.Helper()
	body, err := json.Marshal(map[string]any{"target": target, "message": message})
	require.NoError(m, err)
	var made struct{ Name, Text string }
	m.call(http.MethodPost, "", http.StatusCreated, bytes.NewReader(body), &made)
	return made.Name, made.Text
}

func (m *machine) lift(name string) {
	m.Helper()
	m.call(http.MethodDelete, name+"/", http.StatusNoContent, nil, nil)
}

func (m *machine) call(method, path string, status int, body io.Reader, out any) {
	m.Helper()
	m.request(method, "locks/"+path, status, body, out)
}

// ask sends JSON to another part of the API.
func (m *machine) ask(method, path string, status int, body string, out any) {
	m.Helper()
	m.request(method, path, status, strings.NewReader(body), out)
}

func (m *machine) request(method, path string, status int, body io.Reader, out any) {
	m.Helper()
	r, err := http.NewRequestWithContext(m.Context(), method, m.server.URL+"/api/v3/"+path, body)
	require.NoError(m, err)
	r.Header.Set("Authorization", "Bearer "+adminToken)
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	require.NoError(m, err)
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	require.NoError(m, err)
	require.Equal(m, status, answer.StatusCode, "%s", content)
	if out != nil {
		require.NoError(m, json.Unmarshal(content, out))
	}
}

// session is a client that is signed in and goes on.
type session struct {
	m      *machine
	ended  chan error
	output *lines
	remote int // the number of a process of it on the machine; 0 = it has none
}

// stay begins a session that would last.
func (m *machine) stay(who string, args ...string) *session {
	m.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &session{m: m, ended: make(chan error, 1), output: &lines{more: make(chan struct{})}}
	command := m.ssh(ctx, who, args...)
	read, write, err := os.Pipe()
	require.NoError(m, err)
	command.Stdout, command.Stderr = write, write
	input, err := command.StdinPipe()
	require.NoError(m, err)
	require.NoError(m, command.Start())
	write.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for lines := bufio.NewScanner(read); lines.Scan(); {
			s.output.add(strings.TrimSpace(lines.Text()))
		}
		err := command.Wait()
		read.Close()
		s.ended <- err
	}()
	m.Cleanup(func() { cancel(); input.Close(); <-done })
	return s
}

// begun waits for a line and reads the process's number behind it.
func (s *session) begun(word string) *session {
	s.m.Helper()
	ctx, cancel := context.WithTimeout(s.m.Context(), sshPatience)
	defer cancel()
	line, err := s.output.wait(ctx, word)
	require.NoError(s.m, err)
	s.remote, err = strconv.Atoi(strings.TrimSpace(line[strings.Index(line, word)+len(word):]))
	require.NoError(s.m, err, line)
	return s
}

// isCut waits for the end after a lock.
func (s *session) isCut(since time.Time, text string) {
	s.m.Helper()
	s.isCutWithin(cutWithin, since, text)
}

func (s *session) isCutWithin(limit time.Duration, since time.Time, text string) {
	s.m.Helper()
	select {
	case err := <-s.ended:
		took := time.Since(since)
		require.Error(s.m, err)
		if !raceEnabled { // which slows all of it down, with everything else that is tested
			require.Less(s.m, took, limit)
		}
		s.m.Logf("cut after %s", took.Round(time.Millisecond))
	case <-time.After(sshPatience):
		require.Fail(s.m, "the session goes on", "it said: %s", s.output)
	}
	require.Contains(s.m, s.output.String(), text)
	require.Eventually(s.m, func() bool { return s.remote == 0 || syscall.Kill(s.remote, 0) != nil }, sshPatience, 10*time.Millisecond,
		"what the session ran goes on")
}

func (s *session) goesOn() {
	s.m.Helper()
	select {
	case err := <-s.ended:
		require.Fail(s.m, "the session ended", "%v: %s", err, s.output)
	default:
	}
}

// sleeping is a command that says its number and would last.
const sleeping = "echo begun $$; exec sleep 600"

func TestLocksBiteInSSH(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	there := m.login + "@127.0.0.1"
	m.admits("alice")
	m.admits("bob")
	m.admits("carol") // by a certificate
	m.refuses("mallory")
	m.copies("alice")

	// A sign-in is refused while the login, the server or the person is locked.
	for _, target := range []map[string]any{{"login": m.login}, {"server_id": thisServer}, {"user": "Alice"}, {"login": m.login, "user": "alice"}} {
		name, text := m.lock(target, "Suspicious activity.")
		m.refuses("alice")
		require.Contains(t, text, "is in force: Suspicious activity.")
		if target["user"] != nil {
			m.admits("bob")
		} else {
			m.refuses("bob")
			m.refuses("carol")
		}
		m.lift(name)
		m.admits("alice")
	}
	for _, target := range []map[string]any{{"login": "x" + m.login}, {"server_id": otherServer}, {"user": "alice", "server_id": otherServer}} {
		m.lock(target, "")
		m.admits("alice")
	}

	name, _ := m.lock(map[string]any{"user": "carol"}, "")
	m.refuses("carol")
	m.admits("bob")
	m.lift(name)
	m.admits("carol")

	// A live session is cut, with the lock's text as the reason; others go on.
	bob := m.stay("bob", there, sleeping).begun("begun ")
	command := m.stay("alice", there, sleeping).begun("begun ")
	terminal := m.stay("alice", "-tt", there, sleeping).begun("begun ")
	forward := m.stay("alice", "-v", "-o", "LogLevel=VERBOSE", "-N", "-L", freeAddress(t)+":"+m.address, there) // without a session
	_, err := forward.output.wait(t.Context(), "Authenticated to")
	require.NoError(t, err)
	since := time.Now()
	name, text := m.lock(map[string]any{"user": "alice", "server_id": thisServer}, "Please come back tomorrow.")
	require.Equal(t, fmt.Sprintf(`lock targeting User:"alice" ServerID:%q is in force: Please come back tomorrow.`, thisServer), text)
	command.isCut(since, text)
	terminal.isCut(since, text)
	forward.isCut(since, "")
	bob.goesOn()
	m.refuses("alice")
	m.lift(name)
	m.admits("alice")

	since = time.Now()
	name, text = m.lock(map[string]any{"login": m.login}, "")
	bob.isCut(since, text)
	m.lift(name)
	m.admits("bob")

	// Who stops the program that holds the session only misses the reason.
	sly := m.stay("bob", there, "kill -STOP $PPID; "+sleeping).begun("begun ")
	since = time.Now()
	name, _ = m.lock(map[string]any{"login": m.login}, "")
	sly.isCut(since, "")
	m.lift(name)

	// Without its agent nobody gets into the machine, and who is in stays. The next
	// agent knows them.
	bob = m.stay("bob", there, sleeping).begun("begun ")
	m.agent.stop()
	m.refuses("alice")
	bob.goesOn()
	m.agent = m.watch()
	m.agent.says(t, "a session runs over connection")
	m.admits("alice")
	since = time.Now()
	_, text = m.lock(map[string]any{"user": "bob"}, "")
	bob.isCut(since, text)
	m.refuses("bob")

	// Accounts that may not act are refused and cut without any lock.
	var alice struct{ PK int }
	m.ask(http.MethodPost, "core/users/", http.StatusCreated, `{"username": "alice", "name": "Alice"}`, &alice)
	m.admits("alice")
	last := m.stay("alice", there, sleeping).begun("begun ")
	since = time.Now()
	m.ask(http.MethodPatch, fmt.Sprintf("core/users/%d/", alice.PK), http.StatusOK, `{"is_active": false}`, nil)
	last.isCutWithin(askedAgain+cutWithin, since, "")
	m.refuses("alice")
	m.ask(http.MethodPatch, fmt.Sprintf("core/users/%d/", alice.PK), http.StatusOK, `{"is_active": true}`, nil)
	m.admits("alice")

	// PAM tells who it is and where from by its environment.
	_, text = m.lock(map[string]any{"login": m.login, "ip": "192.0.2.0/24"}, "Not from there.")
	for _, c := range []struct{ login, from, refused string }{
		{m.login, "192.0.2.7", text}, {m.login, "198.51.100.7", ""}, {"x" + m.login, "192.0.2.7", "lock targeting Login"}, {"nobody", "192.0.2.7", ""}, {m.login, "", ""},
	} {
		out, err := m.pam(c.login, c.from)
		if c.refused == "" {
			require.NoError(t, err, "%+v: %s", c, out)
			continue
		}
		require.ErrorContains(t, err, "exit status 1", "%+v", c)
		require.Contains(t, out, c.refused)
	}
	m.agent.stop()
	out, err := m.pam(m.login, "198.51.100.7")
	require.ErrorContains(t, err, "exit status 1", "nobody can say: %s", out)
}

// pam runs what pam_exec would.
func (m *machine) pam(login, from string) (string, error) {
	m.Helper()
	program, err := binary()
	require.NoError(m, err)
	command := exec.CommandContext(m.Context(), program, "agent", "check", "--pam", "--socket", m.path("agent.sock"))
	command.Env = append(os.Environ(), "PAM_USER="+login, "PAM_RHOST="+from)
	out, err := command.CombinedOutput()
	return string(out), err
}
