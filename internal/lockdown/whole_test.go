package lockdown_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/session"
	"github.com/portcullis-idp/portcullis/internal/token"
)

// breaking fails one of the writes of a lockdown's transaction.
type breaking struct {
	idp.Store
	at string
}

var errBroken = errors.New("broken on purpose")

func (b breaking) Lockdown(ctx context.Context, fn func(tx idp.Repos) error) error {
	return b.Store.Lockdown(ctx, func(tx idp.Repos) error {
		switch b.at {
		case "event":
			tx.Events = brokenEvents{tx.Events}
		case "record":
			tx.Lockdowns = brokenLockdowns{tx.Lockdowns}
		case "job":
			tx.Jobs = brokenJobs{}
		}
		return fn(tx)
	})
}

type brokenEvents struct{ idp.Events }

func (brokenEvents) Append(context.Context, *idp.Event) error { return errBroken }

type brokenLockdowns struct{ idp.Lockdowns }

func (brokenLockdowns) Create(context.Context, *idp.Lockdown) error { return errBroken }

type brokenJobs struct{}

func (brokenJobs) Enqueue(context.Context, idp.Job) error { return errBroken }

func TestALockdownIsAllOrNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	cookie, key := w.cookie(mia), w.key(mia, idp.IntentAPI)
	before := w.now(mia)
	for _, at := range []string{"event", "record", "job"} {
		s := lockdown.New(lockdown.Deps{Store: breaking{w.db, at}, Access: allowed{}})
		results, err := s.Contain(w.ctx, w.admin, lockdown.Request{Users: ids(mia), Switches: idp.AllSwitches()})
		require.NoError(t, err, at)
		require.Equal(t, lockdown.Failed, results[0].Status, at)
		require.ErrorIs(t, results[0].Err, errBroken, at)
		require.NotContains(t, results[0].Error, "on purpose", "%s: causes are for the log", at)
		require.Nil(t, results[0].Lockdown, at)
		require.Equal(t, before, w.now(mia), at)
	}
	require.True(t, w.sessionWorks(cookie))
	require.True(t, w.keyWorks(key))
	require.Empty(t, w.events(idp.ActionIDLockdown))
	page, err := w.lockdowns.Find(w.ctx, w.admin, idp.LockdownFilter{})
	require.NoError(t, err)
	require.Zero(t, page.Total)
}

// Containing takes the same work whatever the account holds: no session or token
// row is touched in the transaction; sweeping them is a job.
func TestContainmentTouchesNoSessionOrTokenRow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	const n = 150
	for i := range n {
		require.NoError(t, w.db.Repos().Sessions.Create(w.ctx, &idp.Session{UserID: mia.ID, Digest: digest(i),
			ExpiresAt: mia.JoinedAt.AddDate(1, 0, 0)}))
		require.NoError(t, w.db.Repos().Tokens.Create(w.ctx, &idp.Token{UserID: mia.ID, Digest: digest(i), Intent: idp.IntentAPI,
			Identifier: fmt.Sprintf("many-%d", i)}))
	}
	result := w.contain(w.admin, mia)[0]
	require.Equal(t, n, result.Lockdown.Ended.Sessions)
	require.Equal(t, n, result.Lockdown.Ended.TokenTotal())
	page, err := w.db.Repos().Sessions.Find(w.ctx, idp.SessionFilter{UserID: &mia.ID, Paging: idp.Paging{Limit: 1000}})
	require.NoError(t, err)
	for _, s := range page.Items {
		require.Nil(t, s.EndedAt)
		require.False(t, s.Live, "the list shows it as ended already")
	}
	swept, err := w.db.Repos().Holder.SweepSessions(w.ctx, mia.ID, 1000)
	require.NoError(t, err)
	require.Equal(t, n, swept)
	swept, err = w.db.Repos().Holder.SweepTokens(w.ctx, mia.ID, 1000)
	require.NoError(t, err)
	require.Equal(t, n, swept)
}

func digest(i int) []byte { return []byte(fmt.Sprintf("%032d", i)) }

func TestTheTargetCanSignInBeforeAndNotAfterwards(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	password := "correct horse battery"
	mia, err := w.accounts.Create(w.ctx, w.admin, account.NewUser{Username: "mia", Password: &password})
	require.NoError(t, err)
	adminCookie := w.cookie(w.admin.User)
	signIn := func() bool {
		u := w.now(mia)
		ok, err := w.accounts.Authenticate(w.ctx, idp.Actor{}, idp.Attempt{User: u, Secret: password})
		require.NoError(t, err)
		if !ok {
			return false
		}
		_, _, err = w.sessions.Start(w.ctx, idp.Actor{}, session.Begin{User: u.ID, Generation: u.SessionGeneration})
		return err == nil
	}
	require.True(t, signIn())
	underWay := w.now(mia).SessionGeneration
	w.contain(w.admin, mia)
	require.False(t, signIn())
	require.True(t, w.sessionWorks(adminCookie), "the administrator's own session survives")

	// Nothing can be had for the account by other doors either.
	_, _, err = w.tokens.Issue(w.ctx, w.admin, token.Draft{User: mia.ID, Identifier: "x"})
	require.Equal(t, idp.CodeRefused, idp.CodeOf(err))
	err = w.accounts.SetPassword(w.ctx, idp.Actor{User: w.now(mia)}, mia.ID, password)
	require.Equal(t, idp.CodeForbidden, idp.CodeOf(err))

	// Restore: activate, then a new password; the sign-in that was under way
	// stays dead.
	require.NoError(t, w.lockdowns.Activate(w.ctx, w.admin, mia.ID))
	require.False(t, signIn(), "the password is unusable")
	_, _, err = w.sessions.Start(w.ctx, idp.Actor{}, session.Begin{User: mia.ID, Generation: underWay})
	require.Equal(t, idp.CodeRefused, idp.CodeOf(err))
	require.NoError(t, w.accounts.SetPassword(w.ctx, w.admin, mia.ID, password))
	require.True(t, signIn())
}
