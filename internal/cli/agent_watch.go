package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/user"
	"strconv"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/portcullis-idp/portcullis/lockwatch"
)

func agentWatch() *cobra.Command {
	var s agentServer
	var socket, commandUser string
	var staleness time.Duration
	c := &cobra.Command{
		Use: "watch", Short: "Follow the locks and cut SSH connections that one targets; a service", Args: noWords,
		RunE: func(c *cobra.Command, _ []string) error {
			d := &agentDaemon{mode: lockwatch.Mode(s.mode), own: s.keys(), lease: staleness, state: socket + ".state",
				log: &prefixed{out: c.OutOrStdout()}, trusted: map[uint32]bool{0: true, uint32(os.Getuid()): true}, connections: map[process]*sshConnection{}}
			if u, err := user.Lookup(commandUser); err == nil {
				if uid, err := strconv.ParseUint(u.Uid, 10, 32); err == nil {
					d.trusted[uint32(uid)] = true
				}
			}
			var err error
			if d.watcher, err = s.watcher(staleness, func(err error) { d.log.say("%v", err) }); err != nil {
				return err
			}
			return d.run(c.Context(), socket)
		},
	}
	s.flags(c)
	f := c.Flags()
	f.StringVar(&socket, "socket", agentSocket, "where `agent check` and `agent run` ask")
	f.StringVar(&commandUser, "command-user", "nobody", "sshd's AuthorizedKeysCommandUser: besides root, only it says who signs in")
	f.DurationVar(&staleness, "max-staleness", lockwatch.DefaultMaxStaleness, "how old the locks may be in strict mode, 1s at least")
	return c
}

// prefixed writes the lines of a service.
type prefixed struct {
	mu  sync.Mutex
	out io.Writer
}

func (p *prefixed) say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.out, "portcullis agent: "+format+"\n", args...)
}

// agentDaemon is the agent that watches.
type agentDaemon struct {
	watcher *lockwatch.Watcher
	mode    lockwatch.Mode
	own     []lockwatch.Key // of the machine
	lease   time.Duration
	trusted map[uint32]bool // users that say who signs in
	state   string          // file with the connections
	every   time.Duration   // how often the server is asked again; 0 = askEvery
	log     *prefixed

	ctx         context.Context
	mu          sync.Mutex
	connections map[process]*sshConnection
}

// run serves until ctx ends.
func (d *agentDaemon) run(ctx context.Context, socket string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	d.ctx = ctx
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	work.Go(func() { _ = d.watcher.Run(ctx) })
	d.restore()
	if _, err := (&net.Dialer{}).DialContext(ctx, "unix", socket); err == nil {
		return fmt.Errorf("listening at %s: another agent watches there", socket)
	}
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("listening at %s: %w", socket, err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "unix", socket)
	if err != nil {
		return fmt.Errorf("listening at %s: %w", socket, err)
	}
	defer listener.Close()
	// Whoever may sign in may ask; who asks is known by the operating system.
	if err := os.Chmod(socket, 0o666); err != nil {
		return fmt.Errorf("listening at %s: %w", socket, err)
	}
	work.Go(func() { <-ctx.Done(); listener.Close() })
	if d.watcher.Synced(ctx) == nil {
		d.log.say("ready: %d locks in force", len(d.watcher.Locks()))
	}
	for {
		conn, err := listener.Accept()
		if ctx.Err() != nil {
			return nil //nolint:nilerr // it was told to stop
		}
		if err != nil {
			return fmt.Errorf("listening at %s: %w", socket, err)
		}
		work.Go(func() {
			defer conn.Close()
			stop := context.AfterFunc(ctx, func() { conn.Close() })
			defer stop()
			d.answer(conn)
		})
	}
}

// maxAsk bounds a question, in bytes.
const maxAsk = 64 << 10

func (d *agentDaemon) answer(conn net.Conn) {
	pid, uid, err := peerOf(conn)
	if err != nil {
		d.log.say("asked by nobody knows whom: %v", err)
		return
	}
	_ = conn.SetReadDeadline(time.Now().Add(talkPatience))
	var ask agentAsk
	if err := json.NewDecoder(io.LimitReader(conn, maxAsk)).Decode(&ask); err != nil {
		return
	}
	_ = conn.SetReadDeadline(time.Time{})
	switch ask.Op {
	case opCheck:
		d.check(conn, ask, pid, uid)
	case opHold:
		d.hold(conn, pid, uid)
	}
}

// check judges a sign-in, and follows its connection from there on.
func (d *agentDaemon) check(conn net.Conn, ask agentAsk, pid int, uid uint32) {
	mode, keys, err := judgeSignIn(d.ctx, d.watcher, d.mode, append(ask.keys(), d.own...))
	if err == nil && d.trusted[uid] {
		if p, found := sshProcess(pid); found && underSSH(pid) {
			d.follow(p, mode, keys, false)
		}
	}
	d.tell(conn, mode, err)
	if err != nil {
		d.log.say("refused login %q user %q: %v", ask.Login, ask.User, err)
	}
}

func (d *agentDaemon) tell(conn net.Conn, mode lockwatch.Mode, err error) {
	answer := agentAnswer{Allowed: err == nil}
	if err != nil {
		answer.Detail = err.Error()
	} else if mode == lockwatch.Strict {
		answer.Lease = d.lease.Milliseconds()
	}
	_ = json.NewEncoder(conn).Encode(answer)
}

// hold judges a session, and tells it when it has to end. Who it is was said at
// the sign-in; the login is whose process asks.
func (d *agentDaemon) hold(conn net.Conn, pid int, uid uint32) {
	p, found := sshProcess(pid)
	c := d.known(p)
	if c == nil {
		keys := d.own
		if u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10)); err == nil {
			keys = append([]lockwatch.Key{lockwatch.Login(u.Username)}, keys...)
		}
		mode, keys, err := judgeSignIn(d.ctx, d.watcher, d.mode, keys)
		if err != nil {
			d.tell(conn, mode, err)
			return
		}
		if !found {
			p = processOf(pid) // not under sshd: the program itself is what ends
		}
		c = d.follow(p, mode, keys, true)
	}
	session := make(chan string, 1)
	if err := d.join(c, session); err != nil {
		d.tell(conn, c.mode, err)
		return
	}
	defer d.leave(c, session)
	d.tell(conn, c.mode, nil)
	gone := make(chan struct{})
	go func() { _, _ = conn.Read(make([]byte, 1)); close(gone) }()
	select {
	case <-gone:
	case text := <-session:
		d.tell(conn, c.mode, errors.New(text))
		select {
		case <-gone:
		case <-time.After(grace):
		}
	}
}
