package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"time"

	"github.com/portcullis-idp/portcullis/lockwatch"
)

// grace is how long sessions have to say why they end before their connection is
// cut.
const grace = 700 * time.Millisecond

// flush is how long what they said has to reach the client.
const flush = 200 * time.Millisecond

// sshConnection is one connection, by the process that serves it.
type sshConnection struct {
	process  process
	mode     lockwatch.Mode
	keys     []lockwatch.Key
	stop     context.CancelFunc
	sessions map[chan string]struct{}
	held     bool // a session runs, so who it is stands
	cut      string
}

// follow guards a connection. Who signs in over it may be said again, with another
// key, until a session runs.
func (d *agentDaemon) follow(p process, mode lockwatch.Mode, keys []lockwatch.Key, held bool) *sshConnection {
	d.mu.Lock()
	defer d.mu.Unlock()
	if before := d.connections[p]; before != nil {
		if before.held {
			return before
		}
		before.stop()
	}
	ctx, stop := context.WithCancel(d.ctx)
	c := &sshConnection{process: p, mode: mode, keys: keys, stop: stop, sessions: map[chan string]struct{}{}, held: held}
	d.connections[p] = c
	d.save()
	go d.watchOver(ctx, c)
	return c
}

func (d *agentDaemon) known(p process) *sshConnection {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.connections[p]
}

// join adds a session; the error is why it may not run.
func (d *agentDaemon) join(c *sshConnection, session chan string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if c.cut != "" {
		return errors.New(c.cut)
	}
	if err := d.watcher.Check(c.mode, c.keys...); err != nil {
		return err
	}
	c.sessions[session] = struct{}{}
	d.log.say("a session runs over connection %d", c.process.pid)
	if !c.held {
		c.held = true
		d.save()
	}
	return nil
}

func (d *agentDaemon) leave(c *sshConnection, session chan string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(c.sessions, session)
}

// watchOver cuts the connection when it is not allowed any more, and forgets it
// when it is over.
func (d *agentDaemon) watchOver(ctx context.Context, c *sshConnection) {
	ctx, over := context.WithCancelCause(ctx)
	defer over(nil)
	go func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for c.process.alive() {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
		over(nil)
	}()
	go d.askAgain(ctx, c, over)
	err := d.watcher.Guard(ctx, c.mode, c.keys...)
	var refusal *lockwatch.Refusal
	if errors.As(err, &refusal) || errors.As(context.Cause(ctx), &refusal) {
		d.end(c, refusal.Error())
	}
	if d.ctx.Err() != nil { // the next one goes on with what is saved
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.connections[c.process] == c {
		delete(d.connections, c.process)
		d.save()
	}
}

// askEvery is how often the server is asked again whether the account of a
// connection may act: a lockdown is no lock, and nobody tells of it.
const askEvery = 5 * time.Second

// askAgain ends the connection when the server says that it is not allowed any more.
// While it cannot be asked, the view decides.
func (d *agentDaemon) askAgain(ctx context.Context, c *sshConnection, over context.CancelCauseFunc) {
	if !slices.ContainsFunc(c.keys, func(k lockwatch.Key) bool { return k.Kind == lockwatch.KindUser }) {
		return
	}
	tick := time.NewTicker(cmp.Or(d.every, askEvery))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		limit, cancel := context.WithTimeout(ctx, askPatience)
		verdict, err := d.watcher.Ask(limit, c.mode, c.keys...)
		cancel()
		if err == nil && !verdict.Allowed {
			over(verdict.Err())
			return
		}
	}
}

// end has the sessions say why, and cuts the connection.
func (d *agentDaemon) end(c *sshConnection, text string) {
	d.mu.Lock()
	c.cut = text
	for session := range c.sessions {
		session <- text // it is told once
	}
	d.mu.Unlock()
	for waited := time.Duration(0); waited < grace && d.sessions(c) > 0; waited += 10 * time.Millisecond {
		time.Sleep(10 * time.Millisecond)
	}
	for waited := time.Duration(0); waited < flush && c.process.alive(); waited += 10 * time.Millisecond {
		time.Sleep(10 * time.Millisecond)
	}
	c.process.terminate()
	d.log.say("cut connection %d: %s", c.process.pid, text)
}

func (d *agentDaemon) sessions(c *sshConnection) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(c.sessions)
}

// savedConnection is a connection in the state file, for an agent that is started
// anew.
type savedConnection struct {
	PID   int             `json:"pid"`
	Start uint64          `json:"start"`
	Mode  lockwatch.Mode  `json:"mode"`
	Keys  []lockwatch.Key `json:"keys"`
	Held  bool            `json:"held"`
}

// save writes down which connections there are; d.mu is held. What cannot be
// written is only missed by the next agent.
func (d *agentDaemon) save() {
	all := make([]savedConnection, 0, len(d.connections))
	for p, c := range d.connections {
		all = append(all, savedConnection{p.pid, p.start, c.mode, c.keys, c.held})
	}
	content, err := json.Marshal(all)
	if err == nil {
		err = os.WriteFile(d.state+".new", content, 0o600)
	}
	if err == nil {
		err = os.Rename(d.state+".new", d.state)
	}
	if err != nil {
		d.log.say("writing down the connections: %v", err)
	}
}

// restore follows the connections that an earlier agent followed.
func (d *agentDaemon) restore() {
	content, err := os.ReadFile(d.state)
	if errors.Is(err, os.ErrNotExist) {
		return
	}
	var all []savedConnection
	if err == nil {
		err = json.Unmarshal(content, &all)
	}
	if err != nil {
		d.log.say("reading which connections there are: %v", err)
		return
	}
	for _, s := range all {
		if p := (process{s.PID, s.Start}); p.alive() {
			d.follow(p, s.Mode, s.Keys, s.Held)
		}
	}
}
