package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// startLimit bounds one start, including the replay of the log after a crash.
const startLimit = 10 * time.Minute

// Config says where the embedded database lives and how it runs.
type Config struct {
	// DataDir is the data directory; empty takes DefaultDataDir.
	DataDir string
	// BinDir is the directory of PostgreSQL's server programs
	// (PORTCULLIS_POSTGRES_BIN); empty looks in the usual places.
	BinDir string
	// Settings are server settings that replace or add to the defaults, by
	// their names in postgresql.conf. listen_addresses stays empty regardless.
	Settings map[string]string
	// Logger hears of starts, stops and unexpected ends; nil is silent.
	Logger *slog.Logger
}

// Server is this process' share in the running database. Stop gives it back.
type Server struct {
	cluster *cluster
	log     *slog.Logger
	users   *fileLock

	stopping  context.Context // ended by Stop
	stop      context.CancelCauseFunc
	watching  sync.WaitGroup
	mu        sync.Mutex
	running   *postmaster
	stopOnce  sync.Once
	stopError error
}

var errStopped = errors.New("the embedded database is being stopped")

// Start makes the cluster if there is none, starts PostgreSQL if it does not
// run, and joins its users. It returns when the database takes connections.
// Until Stop, a PostgreSQL that dies is started again.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if cfg.DataDir == "" {
		cfg.DataDir = DefaultDataDir()
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	places, err := makeRoot(cfg.DataDir)
	if err != nil {
		return nil, err
	}
	starting, err := waitLock(ctx, places.lock(), unix.LOCK_EX)
	if errors.Is(err, fs.ErrPermission) {
		owner, _ := ownerOf(places.root)
		return nil, fmt.Errorf("the data directory %s belongs to user %s: run as that user or choose another --data-dir: %w", places.root, nameOf(owner), err)
	}
	if err != nil {
		return nil, fmt.Errorf("starting the embedded database: %w", err)
	}
	defer starting.release()
	s := &Server{cluster: &cluster{layout: places, settings: cfg.Settings}, log: cfg.Logger}
	s.stopping, s.stop = context.WithCancelCause(context.Background())
	if err := s.open(ctx, cfg.BinDir, starting); err != nil {
		s.stop(errStopped)
		s.users.release()
		return nil, fmt.Errorf("starting the embedded database: %w", err)
	}
	s.watching.Go(s.watch)
	return s, nil
}

// open does the work of Start, under the start lock.
func (s *Server) open(ctx context.Context, binDir string, starting *fileLock) error {
	c := s.cluster
	var err error
	if c.account, err = chooseAccount(c.pgdata(), accounts...); err != nil {
		return err
	}
	if err = c.prepare(c.account); err != nil {
		return err
	}
	major, err := majorIn(c.pgdata())
	if err != nil {
		return err
	}
	if err = c.loadSecret(major == 0); err != nil {
		return err
	}
	if s.users, err = waitLock(ctx, c.users(), unix.LOCK_SH); err != nil {
		return err
	}
	begun := time.Now()
	here, _ := os.Getwd()      // without one there is nothing to look in
	self, _ := os.Executable() // likewise
	look := search{BinDir: binDir, Candidates: candidates(here, self, c.root), Major: major, Account: c.account}
	if c.install, err = look.find(ctx, c.pgdata()); err != nil {
		return err
	}
	if major == 0 {
		if err = c.initialise(ctx, starting); err != nil {
			return err
		}
		s.log.Info("made a database cluster", "dir", c.pgdata(), "postgres", c.install.Major, "took", time.Since(begun))
	}
	return s.join(ctx)
}

// join attaches to the running postmaster or starts one. The caller holds the
// start lock.
func (s *Server) join(ctx context.Context) error {
	c := s.cluster
	begun := time.Now()
	pid, err := c.settle(ctx)
	if err != nil {
		return err
	}
	if pid != 0 {
		s.setRunning(c.adopt(pid, s.stopping.Done(), watchPoll))
		s.log.Info("attached to the running database", "pid", pid)
	} else {
		p, err := c.bringUp(ctx)
		if err != nil {
			return err
		}
		s.setRunning(p)
		s.log.Info("started the database", "pid", p.pid, "took", time.Since(begun))
	}
	if state, _ := c.probe(ctx, databaseName); state == noBase {
		if err := c.createDatabase(ctx); err != nil {
			s.leave(context.WithoutCancel(ctx))
			return err
		}
	}
	return nil
}

func (s *Server) setRunning(p *postmaster) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = p
}

func (s *Server) current() *postmaster {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running
}

// URL is where the database is reached: over the unix socket, as the owner of
// the database "portcullis". It holds the password; do not log it.
func (s *Server) URL() string { return s.cluster.url(databaseName) }

// Dir is the data directory with links resolved.
func (s *Server) Dir() string { return s.cluster.root }

// watch starts PostgreSQL again when it ends without our asking. Tries that
// keep failing come slower, up to one in thirty seconds.
func (s *Server) watch() {
	delay := 50 * time.Millisecond
	for {
		lived := time.Now()
		select {
		case <-s.stopping.Done():
			return
		case <-s.current().done:
		}
		s.log.Warn("the database server ended unexpectedly; starting it again", "pid", s.current().pid)
		if time.Since(lived) > time.Minute {
			delay = 50 * time.Millisecond
		}
		for {
			err := s.revive()
			if err == nil || s.stopping.Err() != nil {
				break
			}
			s.log.Error("starting the database server again", "error", err, "next_try_in", delay)
			if !pause(s.stopping, delay) {
				return
			}
			delay = min(2*delay, 30*time.Second)
		}
	}
}

// revive is join under the start lock: of several processes that saw the
// server die, one starts it and the others attach.
func (s *Server) revive() error {
	ctx, cancel := context.WithTimeout(s.stopping, startLimit)
	defer cancel()
	starting, err := waitLock(ctx, s.cluster.lock(), unix.LOCK_EX)
	if err != nil {
		return err
	}
	defer starting.release()
	return s.join(ctx)
}

// Stop leaves the database; the last process to leave stops PostgreSQL. Close
// every connection first: fast mode cuts the others off. When ctx ends before
// PostgreSQL has stopped, it is told to stop at once and replays its log at the
// next start. Calling Stop again returns the first result.
func (s *Server) Stop(ctx context.Context) error {
	s.stopOnce.Do(func() {
		s.stop(errStopped)
		s.watching.Wait()
		starting, err := waitLock(ctx, s.cluster.lock(), unix.LOCK_EX)
		if err != nil {
			s.users.release()
			s.stopError = fmt.Errorf("stopping the embedded database: %w", err)
			return
		}
		defer starting.release()
		if err := s.leave(ctx); err != nil {
			s.stopError = fmt.Errorf("stopping the embedded database: %w", err)
		}
	})
	return s.stopError
}

// leave gives up the shared lock and, when nobody else holds it, stops
// PostgreSQL. The caller holds the start lock.
func (s *Server) leave(ctx context.Context) error {
	s.users.release()
	alone, err := tryLock(s.cluster.users(), unix.LOCK_EX)
	if errors.Is(err, errLocked) {
		return nil
	}
	if err != nil {
		return err
	}
	defer alone.release()
	// Ask the file, not our memory: another user may have started it again.
	c := s.cluster
	pid := recordedPid(c.pidFile())
	if pid == 0 || inspect(pid, c.pgdata()) != ours {
		return nil
	}
	p := c.adopt(pid, nil, probePoll)
	begun := time.Now()
	if err := c.end(ctx, p); err != nil {
		return err
	}
	s.log.Info("stopped the database", "pid", p.pid, "took", time.Since(begun))
	if c.short {
		_ = os.Remove(c.socket) // somebody else's file in it would keep it
	}
	return nil
}
