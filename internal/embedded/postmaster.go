package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sys/unix"
)

const (
	// probePoll is how often a starting or stopping postmaster is looked at.
	probePoll = 10 * time.Millisecond
	// watchPoll is how often a postmaster that is not our child is looked at.
	watchPoll = 300 * time.Millisecond
	// logLimit is the size at which postgres.log is put aside at a start.
	logLimit = 8 << 20
)

// answer is what a connection attempt says about the cluster.
type answer int

const (
	silent  answer = iota // nobody listens
	busy                  // listens, but is starting up or shutting down
	noBase                // up, without our database
	ready                 // up
	refused               // up, but refuses the owner's password
)

// probe tries to connect to one database.
func (c *cluster) probe(ctx context.Context, database string) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.url(database))
	if err == nil {
		_ = conn.Close(ctx)
		return ready, nil
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return silent, err
	}
	switch pg.Code {
	case "57P03": // cannot_connect_now
		return busy, err
	case "3D000": // invalid_catalog_name
		return noBase, err
	case "53300": // too_many_connections: busy people, but it lives
		return ready, nil
	case "28P01", "28000":
		return refused, fmt.Errorf("the database in %s does not accept the password in %s: restore both from the same backup", c.pgdata(), c.password())
	default:
		return busy, err
	}
}

// postmaster is a running server process, ours or one found running.
type postmaster struct {
	pid  int
	done chan struct{} // closed when it has ended
}

// launch starts the postmaster and collects it when it ends.
func (c *cluster) launch() (*postmaster, error) {
	out, err := c.openLog()
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.Close() }()
	cmd := exec.Command(c.install.program("postgres"), c.arguments()...)
	cmd.SysProcAttr = c.account.attributes()
	cmd.Dir = c.home()
	cmd.Env = environment()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", c.install, err)
	}
	p := &postmaster{pid: cmd.Process.Pid, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended is in its log
		close(p.done)
	}()
	return p, nil
}

// adopt follows a postmaster that somebody else started until it ends or stop
// is closed. One in another process namespace (two containers on one volume)
// answers on the socket but is not to be seen here: that one is asked instead.
func (c *cluster) adopt(pid int, stop <-chan struct{}, every time.Duration) *postmaster {
	p := &postmaster{pid: pid, done: make(chan struct{})}
	alive := func() bool { return inspect(pid, c.pgdata()) == ours }
	if !alive() {
		every = max(every, time.Second)
		alive = func() bool {
			state, _ := c.probe(context.Background(), databaseName)
			return state != silent
		}
	}
	go func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for alive() {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
		close(p.done)
	}()
	return p
}

// openLog appends to postgres.log and puts a long one aside first.
func (c *cluster) openLog() (*os.File, error) {
	if info, err := os.Stat(c.log()); err == nil && info.Size() > logLimit {
		if err := os.Rename(c.log(), c.log()+".1"); err != nil {
			return nil, fmt.Errorf("putting the database log aside: %w", err)
		}
	}
	file, err := os.OpenFile(c.log(), os.O_RDWR|os.O_CREATE|os.O_APPEND|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the database log: %w", err)
	}
	return file, nil
}

// logTail is the end of postgres.log, for an error that has to explain itself.
func (c *cluster) logTail() string {
	file, err := os.Open(c.log())
	if err != nil {
		return "no log"
	}
	defer func() { _ = file.Close() }()
	if info, err := file.Stat(); err == nil && info.Size() > 2048 {
		_, _ = file.Seek(-2048, io.SeekEnd)
	}
	data, _ := io.ReadAll(file) // what could be read explains more than nothing
	return lastLines(data)
}

// recordedPid is the pid in a lock file of PostgreSQL's (postmaster.pid or the
// socket's); 0 when there is none or it names nobody.
func recordedPid(path string) int {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(data), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		return 0
	}
	if pid < 0 { // a single-user backend writes its pid negated
		pid = -pid
	}
	return pid
}

func (c *cluster) pidFile() string { return filepath.Join(c.pgdata(), "postmaster.pid") }

// settle finds out whether the cluster runs, waiting while it is on its way up
// or down, and clears away what a dead postmaster left behind. It returns the
// running postmaster's pid, or 0 when one may be started.
//
// A dead pid in postmaster.pid is no reason to remove the file: backends may
// outlive their postmaster, and PostgreSQL finds them by that file. So first
// whoever still works in the cluster is ended; then the file is removed only
// when its pid now means something else, which PostgreSQL could not tell.
func (c *cluster) settle(ctx context.Context) (int, error) {
	for {
		state, err := c.probe(ctx, databaseName)
		pid := recordedPid(c.pidFile())
		switch state {
		case ready, noBase:
			return pid, nil
		case refused:
			return 0, err
		}
		if pid == 0 || inspect(pid, c.pgdata()) != ours {
			break
		}
		if !pause(ctx, probePoll) {
			return 0, fmt.Errorf("waiting for the database server (process %d), which is starting or stopping: %w", pid, context.Cause(ctx))
		}
	}
	if err := c.endOrphans(ctx); err != nil {
		return 0, err
	}
	for _, path := range []string{c.pidFile(), c.socketLock()} {
		if err := c.removeMisleading(path); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// endOrphans ends backends whose postmaster is gone. They cannot commit
// anything any more, and the log replay that follows needs them out.
func (c *cluster) endOrphans(ctx context.Context) error {
	for {
		pids := processesOf(c.pgdata())
		if len(pids) == 0 {
			return nil
		}
		for _, pid := range pids {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("ending process %d, left in %s by a dead database server: %w", pid, c.pgdata(), err)
			}
		}
		if !pause(ctx, probePoll) {
			return fmt.Errorf("waiting for processes %v, left in %s by a dead database server: %w", pids, c.pgdata(), context.Cause(ctx))
		}
	}
}

// removeMisleading removes a lock file whose pid is now a zombie or another
// program: PostgreSQL would take that for a running server.
func (c *cluster) removeMisleading(path string) error {
	pid := recordedPid(path)
	if pid == 0 {
		return nil
	}
	switch inspect(pid, c.pgdata()) {
	case zombie, foreign:
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing a stale lock file: %w", err)
		}
	}
	return nil
}

// bringUp starts the postmaster and waits until it takes connections; after a
// crash that includes replaying its log.
func (c *cluster) bringUp(ctx context.Context) (*postmaster, error) {
	p, err := c.launch()
	if err != nil {
		return nil, err
	}
	for {
		state, err := c.probe(ctx, databaseName)
		switch state {
		case ready, noBase:
			return p, nil
		case refused:
			_ = c.end(context.WithoutCancel(ctx), p)
			return nil, err
		}
		timer := time.NewTimer(probePoll)
		select {
		case <-timer.C:
		case <-p.done:
			timer.Stop()
			return nil, fmt.Errorf("the database server did not start; %s ends with: %s", c.log(), c.logTail())
		case <-ctx.Done():
			timer.Stop()
			_ = c.end(context.WithoutCancel(ctx), p)
			return nil, fmt.Errorf("waiting for the database server to start: %w", context.Cause(ctx))
		}
	}
}

// createDatabase makes the application's database where it is missing: a
// start may have been killed between making the cluster and this.
func (c *cluster) createDatabase(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, c.url("postgres"))
	if err != nil {
		return fmt.Errorf("creating database %s: %w", databaseName, err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+databaseName+" OWNER "+ownerName); err != nil {
		var pg *pgconn.PgError
		if errors.As(err, &pg) && pg.Code == "42P04" { // duplicate_database
			return nil
		}
		return fmt.Errorf("creating database %s: %w", databaseName, err)
	}
	return nil
}

// end stops the postmaster in fast mode: clients are cut off, transactions
// rolled back, a checkpoint written. When ctx ends first it is told to stop at
// once, and the next start replays the log.
func (c *cluster) end(ctx context.Context, p *postmaster) error {
	if err := signal(p.pid, syscall.SIGINT); err != nil {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
	}
	if err := signal(p.pid, syscall.SIGQUIT); err != nil {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(10 * time.Second):
		return fmt.Errorf("the database server (process %d) does not stop", p.pid)
	}
}

// signal treats a process that has just ended as told.
func signal(pid int, sig syscall.Signal) error {
	if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("stopping the database server (process %d): %w", pid, err)
	}
	return nil
}
