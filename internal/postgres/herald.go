package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/portcullis-idp/portcullis/internal/herald"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// heraldsChannel is where servers tell of acts before they are committed.
const heraldsChannel = "portcullis_heralds"

const (
	// heraldsAtOnce is how many notices may wait to be told; what does not fit is not.
	heraldsAtOnce = 128
	// heraldPatience bounds the telling of one.
	heraldPatience = time.Second
)

// Crier tells the other servers of acts before they are committed, over a connection of
// its own: one that nobody else uses is there at once.
type Crier struct {
	connect func(ctx context.Context) (*pgx.Conn, error)
	waiting chan string
}

// NewCrier returns a Crier that tells nothing before Run.
func (db *DB) NewCrier() *Crier {
	return &Crier{connect: db.connector("the heralds"), waiting: make(chan string, heraldsAtOnce)}
}

// heraldWire is a notice as it is told.
type heraldWire struct {
	ID     string            `json:"id"`
	From   string            `json:"from"`
	Over   bool              `json:"over,omitempty"`
	User   idp.UserID        `json:"user,omitempty"`
	Target map[string]string `json:"target,omitempty"`
}

// Tell queues a notice. What cannot be told is not: the act takes effect without it.
func (c *Crier) Tell(n herald.Notice) {
	w := heraldWire{ID: n.ID.String(), From: n.From.String(), Over: n.Over, User: n.User}
	for _, k := range n.Target {
		if w.Target == nil {
			w.Target = map[string]string{}
		}
		w.Target[k.Kind.String()] = k.Value
	}
	raw, err := json.Marshal(w)
	if err != nil || len(raw) > 7_000 { // what PostgreSQL takes is 8,000
		return
	}
	select {
	case c.waiting <- string(raw):
	default:
	}
}

// Run tells until the context ends. A connection that broke is made again.
func (c *Crier) Run(ctx context.Context) {
	var conn *pgx.Conn
	drop := func() {
		if conn != nil {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			_ = conn.Close(ctx)
			conn = nil
		}
	}
	defer drop()
	say := func(text string) {
		ctx, cancel := context.WithTimeout(ctx, heraldPatience)
		defer cancel()
		for range 2 { // the connection may have broken since the last one
			var err error
			if conn == nil {
				if conn, err = c.connect(ctx); err != nil {
					conn = nil
					return
				}
			}
			if _, err = conn.Exec(ctx, `SELECT pg_notify('`+heraldsChannel+`', $1)`, text); err == nil {
				return
			}
			drop()
		}
	}
	say(``) // the connection is there, and warm, when it is needed
	for {
		select {
		case <-ctx.Done():
			return
		case text := <-c.waiting:
			say(text)
		}
	}
}

// heardNotice reads a notice; ok is false for what is none.
func heardNotice(payload string) (n herald.Notice, ok bool) {
	var w heraldWire
	if json.Unmarshal([]byte(payload), &w) != nil {
		return n, false
	}
	id, err := idp.ParseID[herald.Board](w.ID)
	if err != nil {
		return n, false
	}
	from, err := idp.ParseID[herald.Board](w.From)
	if err != nil {
		return n, false
	}
	n = herald.Notice{ID: id, From: from, Over: w.Over, User: w.User}
	for name, value := range w.Target {
		kind, known := idp.ParseLockKind(name)
		if !known {
			return n, false // of another version: part of a target would concern too many
		}
		n.Target = append(n.Target, idp.LockKey{Kind: kind, Value: value})
	}
	return n, n.Over || n.User != 0 || len(n.Target) > 0
}
