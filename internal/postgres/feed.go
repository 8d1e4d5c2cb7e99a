package postgres

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/portcullis-idp/portcullis/internal/feed"
	"github.com/portcullis-idp/portcullis/internal/herald"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// The channels of the change feed; migrations/0016 notifies the first, 0017 the
// last.
const (
	changesChannel = "portcullis_changes"
	appliedChannel = "portcullis_applied"
	eventsChannel  = "portcullis_events"
	logoutsChannel = "portcullis_logouts" // migrations/0054
)

// changeNotice is the code of the notice by which append_change tells the
// committing connection the number of its change.
const changeNotice = "PC001"

// changeKey is where a connection keeps that number until the commit is done.
const changeKey = "portcullis.change"

// noteChange is the handler of notices of every connection.
func noteChange(conn *pgconn.PgConn, n *pgconn.Notice) {
	if n.Code != changeNotice {
		return
	}
	if seq, err := strconv.ParseInt(n.Message, 10, 64); err == nil {
		conn.CustomData()[changeKey] = seq
	}
}

// takeChange returns the last number told to the connection, and forgets it; 0 =
// none.
func takeChange(conn *pgx.Conn) int64 {
	data := conn.PgConn().CustomData()
	seq, _ := data[changeKey].(int64)
	delete(data, changeKey)
	return seq
}

// FeedSource reads the change feed over two connections of its own, so that no
// busy pool holds it up.
type FeedSource struct {
	connect func(ctx context.Context) (*pgx.Conn, error)
	events  func()              // see HearEvents
	logouts func()              // see HearLogouts
	heralds func(herald.Notice) // see HearHeralds

	mu     sync.Mutex
	reader *pgx.Conn // nil = none, or it broke
}

var _ feed.Source = (*FeedSource)(nil)

// NewFeedSource returns the source of the feed. Close it when the Feed has
// stopped.
func (db *DB) NewFeedSource() *FeedSource {
	return &FeedSource{connect: db.connector("the change feed")}
}

// connector makes connections for one purpose, outside of every pool.
func (db *DB) connector(purpose string) func(ctx context.Context) (*pgx.Conn, error) {
	config := db.pool.Config().ConnConfig
	return func(ctx context.Context) (*pgx.Conn, error) {
		conn, err := pgx.ConnectConfig(ctx, config.Copy())
		if err != nil {
			return nil, wrap(err, "database", "connecting for %s", purpose)
		}
		if err := settle(ctx, conn, defaultStatementTimeout); err != nil {
			_ = conn.Close(ctx)
			return nil, wrap(err, "database", "settling the connection of %s", purpose)
		}
		return conn, nil
	}
}

// HearEvents has the same connection listen for events that are committed, while
// DB.WatchEvents asks for it. heard must be quick; it is also called when some may
// have been missed. Call it before the Feed starts.
func (s *FeedSource) HearEvents(heard func()) { s.events = heard }

// HearLogouts has the same connection listen for logout notices that are committed.
// heard is as for HearEvents.
func (s *FeedSource) HearLogouts(heard func()) { s.logouts = heard }

// HearHeralds has the same connection listen for acts that are told of before they are
// committed. heard must be quick. Call it before the Feed starts.
func (s *FeedSource) HearHeralds(heard func(herald.Notice)) { s.heralds = heard }

// Close ends the reading connection.
func (s *FeedSource) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop()
}

func (s *FeedSource) drop() {
	if s.reader != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = s.reader.Close(ctx)
		s.reader = nil
	}
}

// over runs an act on the reading connection, and parts with it when it fails.
func (s *FeedSource) over(ctx context.Context, act func(*pgx.Conn) error) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reader == nil {
		if s.reader, err = s.connect(ctx); err != nil {
			return err
		}
	}
	if err := act(s.reader); err != nil {
		s.drop()
		return wrap(err, "database", "reading the change feed")
	}
	return nil
}

// Read implements feed.Source, in one round trip. The peers come last: whoever
// sees its own change in a reading sees everybody who was at work when it was
// committed.
func (s *FeedSource) Read(ctx context.Context, me feed.Beat, limit int) (r feed.Reading, err error) {
	err = s.over(ctx, func(conn *pgx.Conn) error {
		r = feed.Reading{}
		b := &pgx.Batch{}
		b.Queue(`INSERT INTO replicas (id, applied) VALUES ($1, $2)
			ON CONFLICT ON CONSTRAINT replicas_pkey DO UPDATE SET applied = excluded.applied, seen_at = clock_timestamp()`, me.ID, me.Applied)
		b.Queue(`SELECT clock_timestamp(), (SELECT last_value FROM changes_seq),
			coalesce((SELECT min(seq) FROM changes), 0), coalesce((SELECT max(seq) FROM changes), 0)`).QueryRow(func(row pgx.Row) error {
			return row.Scan(&r.Now, &r.Newest, &r.Oldest, &r.Last)
		})
		b.Queue(`SELECT seq, kind, subject, digest, payload FROM changes WHERE seq > $1 ORDER BY seq LIMIT $2`, me.Applied, limit).Query(func(rows pgx.Rows) error {
			var c idp.Change
			var payload []byte
			_, err := pgx.ForEachRow(rows, []any{&c.Seq, &c.Kind, &c.Subject, &c.Digest, &payload}, func() error {
				c.Lock, c.Role, c.Until, c.Value = nil, nil, nil, nil
				if err := said(&c, payload); err != nil {
					return err
				}
				r.Changes = append(r.Changes, c)
				return nil
			})
			return err
		})
		b.Queue(`SELECT id, applied FROM replicas WHERE id <> $1 AND seen_at > clock_timestamp() - $2::interval`, me.ID, me.Lease).Query(func(rows pgx.Rows) error {
			var p feed.Beat
			_, err := pgx.ForEachRow(rows, []any{&p.ID, &p.Applied}, func() error {
				r.Peers = append(r.Peers, p)
				return nil
			})
			return err
		})
		return conn.SendBatch(ctx, b).Close()
	})
	return r, err
}

// Applied implements feed.Source.
func (s *FeedSource) Applied(ctx context.Context, me feed.Beat) error {
	return s.over(ctx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `
			WITH said AS (UPDATE replicas SET applied = $2, seen_at = clock_timestamp() WHERE id = $1)
			SELECT pg_notify('`+appliedChannel+`', $3)`, me.ID, me.Applied, fmt.Sprintf("%s %d", me.ID, me.Applied))
		return err
	})
}

// Behind counts the servers at work that have not applied what was committed under a
// number, for feed.Elsewhere.
func (s *FeedSource) Behind(ctx context.Context, seq int64, lease time.Duration) (n int, err error) {
	err = s.over(ctx, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, `SELECT count(*) FROM replicas WHERE applied < $1 AND seen_at > clock_timestamp() - $2::interval`, seq, lease).Scan(&n)
	})
	return n, err
}

// Leave implements feed.Source.
func (s *FeedSource) Leave(ctx context.Context, me feed.ReplicaID) error {
	return s.over(ctx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `DELETE FROM replicas WHERE id = $1`, me)
		return err
	})
}

// Listen implements feed.Source.
func (s *FeedSource) Listen(ctx context.Context, ready func(), changed func(*idp.Change), applied func(feed.Beat)) error {
	conn, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	if _, err := conn.Exec(ctx, `LISTEN `+changesChannel+`; LISTEN `+appliedChannel+`; LISTEN `+eventsChannel+`; LISTEN `+logoutsChannel+`; LISTEN `+heraldsChannel, pgx.QueryExecModeSimpleProtocol); err != nil {
		return wrap(err, "database", "listening for changes")
	}
	ready()
	nobody := func() {}
	heard, told := nobody, nobody
	if s.events != nil {
		heard = s.events
	}
	if s.logouts != nil {
		told = s.logouts
	}
	heard()
	told()
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return wrap(err, "database", "waiting for changes")
		}
		switch n.Channel {
		case changesChannel:
			changed(toldChange(n.Payload))
		case eventsChannel:
			heard()
		case logoutsChannel:
			told()
		case heraldsChannel:
			if n, ok := heardNotice(n.Payload); ok && s.heralds != nil {
				s.heralds(n)
			}
		default:
			if b, ok := parseBeat(n.Payload); ok {
				applied(b)
			}
		}
	}
}

// toldChange reads what append_change told (migrations/0038); nil = that there is
// something to be read.
func toldChange(payload string) *idp.Change {
	var row struct {
		Seq     int64           `json:"seq"`
		Kind    idp.ChangeKind  `json:"kind"`
		Subject string          `json:"subject"`
		Digest  *string         `json:"digest"`
		Payload json.RawMessage `json:"payload"`
	}
	if json.Unmarshal([]byte(payload), &row) != nil || row.Seq == 0 {
		return nil
	}
	c := &idp.Change{Seq: row.Seq, Kind: row.Kind, Subject: row.Subject}
	if row.Digest != nil {
		digest, err := hex.DecodeString(*row.Digest)
		if err != nil {
			return nil
		}
		c.Digest = digest
	}
	if string(row.Payload) == "null" {
		row.Payload = nil
	}
	if said(c, row.Payload) != nil {
		return nil // what the reading says about it counts
	}
	return c
}

func parseBeat(payload string) (b feed.Beat, ok bool) {
	who, number, _ := strings.Cut(payload, " ")
	id, err := idp.ParseID[feed.Feed](who)
	if err != nil {
		return b, false
	}
	b.ID = id
	b.Applied, err = strconv.ParseInt(number, 10, 64)
	return b, err == nil
}
