package postgres

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/feed"
	"github.com/portcullis-idp/portcullis/internal/herald"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// What one server tells another hears, in its order; also after the connection broke,
// and whatever else is said on the channel.
func TestHeraldsAreHeard(t *testing.T) {
	t.Parallel()
	db := open(t)
	source, crier := db.NewFeedSource(), db.NewCrier()
	t.Cleanup(source.Close)
	connections, connect := make(chan *pgx.Conn, 8), crier.connect
	crier.connect = func(ctx context.Context) (*pgx.Conn, error) {
		conn, err := connect(ctx)
		if err == nil {
			connections <- conn
		}
		return conn, err
	}
	heard, ready := make(chan herald.Notice, 64), make(chan struct{})
	source.HearHeralds(func(n herald.Notice) { heard <- n })
	go func() {
		_ = source.Listen(t.Context(), func() { close(ready) }, func(*idp.Change) {}, func(feed.Beat) {})
	}()
	<-ready
	go crier.Run(t.Context())

	id := idp.NewID[herald.Board]
	target := idp.LockTarget{{Kind: idp.LockUser, Value: "ada \"x\" é"}, {Kind: idp.LockRole, Value: "ops"}}
	post, over := herald.Notice{ID: id(), From: id(), User: 7}, herald.Notice{ID: id(), From: id(), Over: true}
	aimed := herald.Notice{ID: id(), From: id(), Target: target}
	for _, n := range []herald.Notice{post, aimed, over} {
		crier.Tell(n)
		got := <-heard
		require.ElementsMatch(t, n.Target, got.Target)
		got.Target = n.Target
		require.Equal(t, n, got)
	}
	for _, nonsense := range []string{"x", "{}", `{"id": "x", "from": "y", "user": 7}`, `{"id": "` + id().String() + `", "from": "` + id().String() + `"}`,
		`{"id": "` + id().String() + `", "from": "` + id().String() + `", "target": {"user": "ada", "planet": "x"}}`} {
		sql(t, db, `SELECT pg_notify('`+heraldsChannel+`', $1)`, nonsense)
	}
	crier.Tell(herald.Notice{ID: id(), From: id(), Target: idp.LockTarget{{Kind: idp.LockUser, Value: strings.Repeat("x", 8000)}}})
	crier.Tell(post)
	require.Equal(t, post, <-heard, "nothing of that was a notice")

	require.NoError(t, (<-connections).PgConn().Conn().Close())
	crier.Tell(over)
	got := <-heard
	for got.ID == post.ID { // the connection broke before it was known that this had been told
		got = <-heard
	}
	require.Equal(t, over, got, "nothing was lost with it")
}
