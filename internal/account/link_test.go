package account_test

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/session"
	"github.com/portcullis-idp/portcullis/internal/token"
)

// recovery issues a link of the user's, as an opened one stands in a flow.
func (w *world) recovery(u *idp.User, identifier string) idp.TokenID {
	w.Helper()
	t, _, err := w.tokens.Issue(w.ctx, idp.SystemActor(), token.Draft{User: u.ID, Identifier: identifier, Intent: idp.IntentRecovery})
	require.NoError(w, err)
	return t.ID
}

// A link is used up by what it is used for: of several that set a password or
// sign in with one link at once, exactly one succeeds.
func TestALinkServesOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	link := w.recovery(mia, "link")
	var won atomic.Int32
	var g errgroup.Group
	for i := range 6 {
		g.Go(func() error {
			var err error
			if i%2 == 0 {
				_, err = w.accounts.Settle(w.ctx, idp.Actor{}, mia.ID, account.Settlement{Password: ptr(good), Link: &link})
			} else {
				_, _, err = w.sessions.Start(w.ctx, idp.Actor{}, session.Begin{User: mia.ID, Link: &link})
			}
			switch {
			case err == nil:
				won.Add(1)
			case !idp.Is(err, idp.CodeRefused):
				return err
			}
			return nil
		})
	}
	require.NoError(t, g.Wait())
	require.EqualValues(t, 1, won.Load())
}

// A recovery under way dies with a lockdown that revokes tokens, even if it
// leaves the account active and its sessions alone.
func TestARecoveryUnderWayDiesWithItsLink(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, end := range map[string]func(u *idp.User) error{
		"tokens revoked": func(u *idp.User) error {
			return w.db.InTx(w.ctx, func(tx idp.Repos) error {
				held, err := tx.Users.Hold(w.ctx, u.ID)
				if err != nil {
					return err
				}
				_, err = w.closer.CloseIn(w.ctx, tx, held, idp.Switches{RevokeTokens: true})
				return err
			})
		},
		"another link made": func(u *idp.User) error {
			_, err := w.db.Repos().Tokens.RevokeIntent(w.ctx, u.ID, idp.IntentRecovery, nil)
			return err
		},
	} {
		u := w.user("u " + name)
		link := w.recovery(u, "link-of-"+u.ID.String())
		require.NoError(t, end(u))
		_, err := w.accounts.Settle(w.ctx, idp.Actor{}, u.ID, account.Settlement{Password: ptr(good), Link: &link})
		require.Equal(t, idp.CodeRefused, idp.CodeOf(err), name)
		require.False(t, w.now(u).HasUsablePassword(), name)
		_, _, err = w.sessions.Start(w.ctx, idp.Actor{}, session.Begin{User: u.ID, Link: &link})
		require.Equal(t, idp.CodeRefused, idp.CodeOf(err), name)
	}
	// Somebody else's link is none.
	mia, tom := w.user("mia"), w.user("tom")
	link := w.recovery(tom, "of-tom")
	_, err := w.accounts.Settle(w.ctx, idp.Actor{}, mia.ID, account.Settlement{Password: ptr(good), Link: &link})
	require.Equal(t, idp.CodeRefused, idp.CodeOf(err))
}

// A password set by a reusable link ends every other link, and every session, but
// not the link; one set in another way ends that, too.
func TestAReusableLinkSetsAPasswordAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	link, other := w.recovery(mia, "link"), w.recovery(mia, "other")
	row, err := w.db.Repos().Tokens.Get(w.ctx, link)
	require.NoError(t, err)
	row.Reusable = true
	require.NoError(t, w.db.Repos().Tokens.Update(w.ctx, row))
	settle := func(link idp.TokenID) error {
		_, err := w.accounts.Settle(w.ctx, idp.Actor{}, mia.ID, account.Settlement{Password: ptr(good), Link: &link, Generation: w.now(mia).SessionGeneration})
		return err
	}
	before := w.now(mia).SessionGeneration
	require.NoError(t, settle(link))
	require.Greater(t, w.now(mia).SessionGeneration, before)
	require.Equal(t, idp.CodeRefused, idp.CodeOf(settle(other)))
	require.NoError(t, settle(link))
	_, _, err = w.sessions.Start(w.ctx, idp.Actor{}, session.Begin{User: mia.ID, Link: &link, Generation: w.now(mia).SessionGeneration})
	require.NoError(t, err)
	require.NoError(t, w.accounts.SetPassword(w.ctx, idp.SystemActor(), mia.ID, good))
	require.Equal(t, idp.CodeRefused, idp.CodeOf(settle(link)))
	_, _, err = w.sessions.Start(w.ctx, idp.Actor{}, session.Begin{User: mia.ID, Link: &link, Generation: w.now(mia).SessionGeneration})
	require.Equal(t, idp.CodeRefused, idp.CodeOf(err))
}
