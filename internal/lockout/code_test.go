package lockout_test

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockout"
)

// Codes that others were shown cannot be guessed at without end: not by many at once, on
// several servers, and not by having right ones between.
func TestCodesAreGuessedAtOnlySoOften(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2, 10)
	actorOf := func(u *idp.User, ip string) idp.Actor {
		return idp.Actor{User: u, Request: &idp.RequestInfo{ClientIP: netip.MustParseAddr(ip)}}
	}
	ada, eve := w.user("ada"), w.user("eve")
	says := func(right bool, err error) func(context.Context) (bool, error) {
		return func(context.Context) (bool, error) { return right, err }
	}
	most := w.servers[0].Limits().MaxAttempts

	var compared, refused atomic.Int32
	var all sync.WaitGroup
	for n := range 8 * most {
		all.Go(func() {
			_, err := w.servers[n%2].TryCode(t.Context(), actorOf(ada, "203.0.113.5"), func(context.Context) (bool, error) {
				compared.Add(1)
				return false, nil
			})
			var e *idp.Error
			if errors.As(err, &e) && e.Code == idp.CodeRateLimited && e.RetryAfter >= time.Second && e.RetryAfter <= w.servers[0].Limits().Window {
				refused.Add(1)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, most, compared.Load(), "no more are compared than allowed")
	require.EqualValues(t, 7*most, refused.Load())
	_, err := w.servers[1].TryCode(t.Context(), actorOf(ada, "198.51.100.7"), says(true, nil))
	require.True(t, idp.Is(err, idp.CodeRateLimited), "a right one, from elsewhere: %v", err)

	// Right codes, and failures that are not the person's, cost nothing and give nothing back.
	for range most - 1 {
		right, err := w.servers[0].TryCode(t.Context(), actorOf(eve, "203.0.113.6"), says(false, nil))
		require.NoError(t, err)
		require.False(t, right)
	}
	for range 2 * most {
		right, err := w.servers[0].TryCode(t.Context(), actorOf(eve, "203.0.113.6"), says(true, nil))
		require.NoError(t, err)
		require.True(t, right)
		_, err = w.servers[0].TryCode(t.Context(), actorOf(eve, "203.0.113.6"), says(false, context.Canceled))
		require.ErrorIs(t, err, context.Canceled)
	}
	_, err = w.servers[0].TryCode(t.Context(), actorOf(eve, "203.0.113.6"), says(false, nil))
	require.NoError(t, err)
	_, err = w.servers[0].TryCode(t.Context(), actorOf(eve, "203.0.113.6"), says(true, nil))
	require.True(t, idp.Is(err, idp.CodeRateLimited), "right ones have given wrong ones back: %v", err)

	// Each is told of once.
	id := lockout.ActionCodes
	page, err := w.db.Repos().Events.Find(t.Context(), idp.EventFilter{ActionID: &id})
	require.NoError(t, err)
	require.Len(t, page.Items, 2)

	// Many accounts from one address come to an end, too; other addresses do not.
	least := w.servers[0].Limits().AddressAccounts
	var failed int
	for n := 0; failed < least; n++ {
		mine := actorOf(&idp.User{ID: idp.UserID(1000 + n), UUID: idp.UUID{1, byte(n)}, Username: "one of many"}, "2001:db8::1")
		for range most {
			if _, err := w.servers[0].TryCode(t.Context(), mine, says(false, nil)); err == nil {
				failed++
			} else {
				require.True(t, idp.Is(err, idp.CodeRateLimited), "%v", err)
			}
		}
		require.Less(t, n, least, "no end")
	}
	fresh := w.user("fresh")
	_, err = w.servers[1].TryCode(t.Context(), actorOf(fresh, "2001:db8::2"), says(true, nil))
	require.True(t, idp.Is(err, idp.CodeRateLimited), "the same network: %v", err)
	right, err := w.servers[1].TryCode(t.Context(), actorOf(fresh, "2001:db8:1::1"), says(true, nil))
	require.NoError(t, err)
	require.True(t, right)
	_, err = w.servers[1].TryCode(t.Context(), idp.Actor{}, says(true, nil))
	require.True(t, idp.Is(err, idp.CodeForbidden), "nobody: %v", err)

	// It ends with the window.
	db, err := pgx.Connect(t.Context(), w.url)
	require.NoError(t, err)
	defer db.Close(t.Context())
	_, err = db.Exec(t.Context(), `UPDATE standings SET guesses = (SELECT jsonb_agg(jsonb_set(g, '{at}', to_jsonb(((g->>'at')::timestamptz - interval '1 day')))) FROM jsonb_array_elements(guesses) g) WHERE guesses <> '[]'`)
	require.NoError(t, err)
	right, err = w.servers[0].TryCode(t.Context(), actorOf(ada, "203.0.113.5"), says(true, nil))
	require.NoError(t, err)
	require.True(t, right)
}
