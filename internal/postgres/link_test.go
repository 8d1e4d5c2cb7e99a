package postgres

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// order stores a link of a flow and a stage of its own.
func order(t *testing.T, db *DB, name string, user *idp.UserID, run idp.RunID) *idp.Link {
	t.Helper()
	stage := &idp.Stage{Name: name, Kind: "email"}
	require.NoError(t, db.Repos().Stages.Create(t.Context(), stage))
	l := &idp.Link{UserID: user, RunID: run, FlowID: addFlow(t, db, name).ID, StageID: stage.ID, Intent: idp.IntentRecovery,
		SessionGeneration: 1, TokenGeneration: 2, Confirms: true, Reusable: true, State: []byte(`{"plan": []}`), Address: "a@example.org",
		Lifetime: time.Hour, ClientIP: netip.MustParseAddr("192.0.2.1")}
	require.NoError(t, db.Repos().Links.Create(t.Context(), l))
	return l
}

func TestLinks(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, links := t.Context(), db.Repos().Links
	u := addUser(t, db, "u")
	l := order(t, db, "f", &u.ID, idp.NewID[idp.Run]())
	require.Equal(t, time.Hour, l.ExpiresAt.Sub(l.CreatedAt))
	got, err := links.Get(ctx, l.ID)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(l, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })))
	require.False(t, got.Expired)

	token := addToken(t, db, u, idp.IntentRecovery)
	until := l.CreatedAt.Add(-time.Second)
	require.NoError(t, links.Made(ctx, l.ID, token.ID, until))
	require.NoError(t, links.Sent(ctx, l.ID))
	require.NoError(t, db.InTx(ctx, func(tx idp.Repos) error {
		got, err = tx.Links.Hold(ctx, l.ID)
		return err
	}))
	require.Equal(t, token.ID, *got.TokenID)
	require.True(t, got.Expired)
	require.NotNil(t, got.SentAt)
	require.NoError(t, db.Repos().Tokens.Delete(ctx, token.ID))
	got, err = links.Get(ctx, l.ID)
	require.NoError(t, err)
	require.Nil(t, got.TokenID)

	absent := idp.NewID[idp.Link]()
	_, err = links.Get(ctx, absent)
	require.Equal(t, idp.CodeNotFound, idp.CodeOf(err))
	require.Equal(t, idp.CodeNotFound, idp.CodeOf(links.Sent(ctx, absent)))
	require.Equal(t, idp.CodeNotFound, idp.CodeOf(links.Made(ctx, absent, token.ID, until)))
	require.NoError(t, db.Repos().Users.Delete(ctx, u.ID))
	_, err = links.Get(ctx, l.ID)
	require.Equal(t, idp.CodeNotFound, idp.CodeOf(err), "a link goes with its user")
}

// Only the link that was used follows, if it is one that may be used again and was
// good until then.
func TestALinkFollowsItsUser(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, links := t.Context(), db.Repos().Links
	u := addUser(t, db, "u")
	for name, c := range map[string]struct {
		single bool
		former int64
		want   int64
	}{"reusable": {former: 1, want: 5}, "single-use": {single: true, former: 1, want: 1}, "ended-before": {former: 4, want: 1}} {
		l, other := order(t, db, name, &u.ID, idp.NewID[idp.Run]()), order(t, db, name+"-other", &u.ID, idp.NewID[idp.Run]())
		token, others := addToken(t, db, u, idp.IntentRecovery), addToken(t, db, u, idp.IntentRecovery)
		require.NoError(t, links.Made(ctx, l.ID, token.ID, l.ExpiresAt))
		require.NoError(t, links.Made(ctx, other.ID, others.ID, l.ExpiresAt))
		sql(t, db, `UPDATE links SET single_use = $2 WHERE id = $1`, l.ID, c.single)
		require.NoError(t, links.Follow(ctx, token.ID, c.former, 5))
		got, err := links.Get(ctx, l.ID)
		require.NoError(t, err)
		require.Equal(t, c.want, got.SessionGeneration, name)
		got, err = links.Get(ctx, other.ID)
		require.NoError(t, err)
		require.EqualValues(t, 1, got.SessionGeneration, name)
	}
	require.NoError(t, links.Follow(ctx, idp.NewID[idp.Token](), 1, 2), "a link that did not come by mail")
}

func TestRecentLinks(t *testing.T) {
	t.Parallel()
	db := open(t)
	u, run := addUser(t, db, "u"), idp.NewID[idp.Run]()
	mine := order(t, db, "a", &u.ID, run)
	order(t, db, "b", nil, run)
	order(t, db, "c", &u.ID, idp.NewID[idp.Run]())
	for want, f := range map[int]idp.LinkFilter{3: {}, 2: {RunID: &run}, 1: {UserID: &u.ID, StageID: &mine.StageID}} {
		n, err := db.Repos().Links.Recent(t.Context(), f, time.Minute)
		require.NoError(t, err)
		require.Equal(t, want, n)
	}
	sql(t, db, `UPDATE links SET created_at = clock_timestamp() - interval '61 seconds'`)
	n, err := db.Repos().Links.Recent(t.Context(), idp.LinkFilter{}, time.Minute)
	require.NoError(t, err)
	require.Zero(t, n)
	sql(t, db, `UPDATE links SET expires_at = clock_timestamp() - interval '25 hours' WHERE user_id IS NULL`)
	require.NoError(t, db.purge(t.Context()))
	require.Equal(t, 2, scalar[int](t, db, `SELECT count(*) FROM links`))
}
