package embedded

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// databaseName and ownerName are what the application finds in the cluster.
	databaseName = "portcullis"
	ownerName    = "portcullis"
)

// defaultSettings keep PostgreSQL small beside the server: this is one
// machine's database, not a shared server. They are given on the command line
// so that they follow the program, not the day the cluster was made.
var defaultSettings = map[string]string{
	"listen_addresses":                "",
	"unix_socket_permissions":         "0700",
	"max_connections":                 "100",
	"shared_buffers":                  "64MB",
	"max_logical_replication_workers": "0",
	"jit":                             "off",
	"timezone":                        "UTC",
	"log_timezone":                    "UTC",
	"cluster_name":                    "portcullis",
	"log_checkpoints":                 "off",
	// "log" leaves out ordinary statement errors: the server reports its own,
	// and a logged statement would carry names and addresses of people.
	"log_min_messages":                 "log",
	"log_min_error_statement":          "panic",
	"log_line_prefix":                  "%m [%p] ",
	"max_parallel_workers":             "2",
	"client_connection_check_interval": "10s",
}

// cluster is one PostgreSQL data directory and who runs it with what.
type cluster struct {
	layout
	account  account
	install  installation
	settings map[string]string
	secret   string
}

// majorIn reads the major version a cluster was made by; 0 means no cluster.
func majorIn(pgdata string) (int, error) {
	data, err := os.ReadFile(filepath.Join(pgdata, "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(pgdata); err == nil {
			return 0, fmt.Errorf("%s is no PostgreSQL cluster (it has no PG_VERSION): move it away or choose another --data-dir", pgdata)
		}
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading the cluster's version: %w", err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return 0, fmt.Errorf("%s: PG_VERSION holds %q, expected a major version", pgdata, strings.TrimSpace(string(data)))
	}
	return major, nil
}

// initialise makes the cluster beside its final place and renames it there,
// so that pgdata is either absent or whole. starting is the start lock: initdb
// inherits it, so that should this process be killed nobody clears the
// half-made directory away under an initdb that still writes to it.
func (c *cluster) initialise(ctx context.Context, starting *fileLock) error {
	fresh := c.pgdata() + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return fmt.Errorf("clearing an unfinished cluster: %w", err)
	}
	passwordFile, err := c.passwordForInitdb()
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(passwordFile) }()
	args := []string{
		"--pgdata", fresh, "--username", ownerName, "--pwfile", passwordFile, "--auth", "scram-sha-256",
		"--encoding", "UTF8", "--locale", "C", "--data-checksums",
	}
	if c.settings["fsync"] == "off" {
		args = append(args, "--no-sync")
	}
	cmd := exec.CommandContext(ctx, c.install.program("initdb"), args...)
	cmd.SysProcAttr = c.account.attributes()
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.Dir = c.home()
	cmd.Env = environment()
	cmd.ExtraFiles = []*os.File{starting.file}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("making the database cluster: %w", context.Cause(ctx))
		}
		return fmt.Errorf("making the database cluster with %s: %w: %s", c.install, err, lastLines(out.Bytes()))
	}
	// Only the socket, and never without the password.
	hba := []byte("local all all scram-sha-256\n")
	if err := os.WriteFile(filepath.Join(fresh, "pg_hba.conf"), hba, 0o600); err != nil {
		return fmt.Errorf("writing pg_hba.conf: %w", err)
	}
	if err := os.Rename(fresh, c.pgdata()); err != nil {
		return fmt.Errorf("putting the new cluster in place: %w", err)
	}
	return nil
}

// passwordForInitdb copies the password where the account can read it. The
// directory belongs to the account, so an existing name is never followed.
func (c *cluster) passwordForInitdb() (string, error) {
	path := filepath.Join(c.home(), "password.new")
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("removing an old password file: %w", err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return "", fmt.Errorf("writing the password for initdb: %w", err)
	}
	_, err = file.WriteString(c.secret + "\n")
	if err = errors.Join(err, file.Close()); err != nil {
		return "", fmt.Errorf("writing the password for initdb: %w", err)
	}
	return path, c.account.own(path)
}

// loadSecret reads the owner's password, or makes one for a new cluster.
func (c *cluster) loadSecret(isNew bool) error {
	data, err := os.ReadFile(c.password())
	if err == nil {
		c.secret = strings.TrimSpace(string(data))
		if c.secret == "" {
			return fmt.Errorf("%s is empty; it held the database password: restore it from a backup", c.password())
		}
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading the database password: %w", err)
	}
	if !isNew {
		return fmt.Errorf("%s is missing; it holds the password of the database in %s: restore it from the same backup", c.password(), c.pgdata())
	}
	raw := make([]byte, 24)
	_, _ = rand.Read(raw) // never fails: crypto/rand ends the process instead
	c.secret = base64.RawURLEncoding.EncodeToString(raw)
	fresh := c.password() + ".new"
	if err := os.WriteFile(fresh, []byte(c.secret+"\n"), 0o600); err != nil {
		return fmt.Errorf("writing the database password: %w", err)
	}
	if err := os.Rename(fresh, c.password()); err != nil {
		return fmt.Errorf("writing the database password: %w", err)
	}
	return nil
}

// url is how a client reaches one database of the cluster.
func (c *cluster) url(database string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(ownerName, c.secret), Path: "/" + database}
	u.RawQuery = url.Values{"host": {c.socket}, "port": {socketPort}}.Encode()
	return u.String()
}

// arguments are the postmaster's.
func (c *cluster) arguments() []string {
	settings := maps.Clone(defaultSettings)
	maps.Copy(settings, c.settings)
	settings["listen_addresses"] = "" // never by anyone's wish
	args := []string{"-D", c.pgdata(), "-k", c.socket, "-p", socketPort}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	return args
}

// environment is what the server programs see of ours: no PGDATA, PGPORT or
// PGOPTIONS meant for somebody's psql.
func environment() []string {
	env := []string{"LC_ALL=C", "TZ=UTC"}
	for _, name := range []string{"PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// lastLines shortens a program's output to what explains its end.
func lastLines(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) > 6 {
		lines = lines[len(lines)-6:]
	}
	return strings.Join(lines, " / ")
}
