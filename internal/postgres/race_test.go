package postgres

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// mint creates a session and a token the way every mint does: share the user,
// ask the rule, copy the generations.
func mint(db *DB, id idp.UserID) (session, token []byte, err error) {
	ctx, cancel := background()
	defer cancel()
	session, token = digest(), digest()
	err = db.InTx(ctx, func(tx idp.Repos) error {
		u, err := tx.Users.Share(ctx, id)
		if err != nil {
			return err
		}
		if err := idp.MayAct(idp.DoorSignIn, u, idp.Credential{}); err != nil {
			return err
		}
		if err := tx.Sessions.Create(ctx, &idp.Session{UserID: id, Digest: session, Generation: u.SessionGeneration, ExpiresAt: time.Now().Add(time.Hour)}); err != nil {
			return err
		}
		k := &idp.Token{Identifier: idp.NewID[idp.Token]().String(), Intent: idp.IntentAPI, UserID: id, Digest: token, Generation: u.TokenGeneration}
		if err := tx.Tokens.Create(ctx, k); err != nil {
			return err
		}
		return tx.Users.TouchLogin(ctx, id)
	})
	return session, token, err
}

// A credential that is minted while the account is locked down does not work
// afterwards, whichever of the two comes first.
func TestNoMintSurvivesALockdown(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx := t.Context()
	for range 50 {
		u := addUser(t, db, idp.NewID[idp.User]().String())
		start := make(chan struct{})
		var wait sync.WaitGroup
		var mu sync.Mutex
		var sessions, tokens [][]byte
		for range 4 {
			wait.Go(func() {
				<-start
				s, k, err := mint(db, u.ID)
				if err != nil && !idp.Is(err, idp.CodeRefused) {
					t.Error(err)
				}
				if err == nil {
					mu.Lock()
					defer mu.Unlock()
					sessions, tokens = append(sessions, s), append(tokens, k)
				}
			})
		}
		wait.Go(func() {
			<-start
			err := db.Lockdown(ctx, func(tx idp.Repos) error {
				u, err := tx.Users.Hold(ctx, u.ID)
				if err != nil {
					return err
				}
				u.IsActive = false
				u.SessionGeneration++
				u.TokenGeneration++
				return tx.Users.Update(ctx, u)
			})
			if err != nil {
				t.Error(err)
			}
		})
		close(start)
		wait.Wait()
		// Even if the account is switched on again.
		got, err := db.Repos().Users.Get(ctx, u.ID)
		require.NoError(t, err)
		got.IsActive = true
		require.NoError(t, db.Repos().Users.Update(ctx, got))
		for i := range sessions {
			s, owner, err := db.Repos().Sessions.Visit(ctx, sessions[i])
			require.NoError(t, err)
			require.False(t, s.Live)
			requireCode(t, idp.CodeRefused, idp.MayAct(idp.DoorSession, owner, s.Credential()))
			k, owner, err := db.Repos().Tokens.Use(ctx, tokens[i])
			require.NoError(t, err)
			require.False(t, k.Live)
			requireCode(t, idp.CodeRefused, idp.MayAct(idp.DoorAPIToken, owner, k.Credential(idp.IntentAPI)))
		}
	}
}

// Many sign-ins of one account at once neither deadlock nor get lost.
func TestSignInsOfOneAccount(t *testing.T) {
	t.Parallel()
	db := open(t)
	u := addUser(t, db, "u")
	before := scalar[int64](t, db, `SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 10 {
				if _, _, err := mint(db, u.ID); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	h, err := db.Repos().Holder.Holdings(t.Context(), u.ID)
	require.NoError(t, err)
	require.Equal(t, 80, h.Sessions)
	require.Equal(t, before, scalar[int64](t, db, `SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`))
}

func TestShareWaitsForHold(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx := t.Context()
	u := addUser(t, db, "u")
	held, shared := make(chan struct{}), make(chan *idp.User, 1)
	go func() {
		<-held
		_ = db.InTx(ctx, func(tx idp.Repos) error {
			u, err := tx.Users.Share(ctx, u.ID)
			if err != nil {
				t.Error(err)
			}
			shared <- u
			return nil
		})
	}()
	require.NoError(t, db.Lockdown(ctx, func(tx idp.Repos) error {
		u, err := tx.Users.Hold(ctx, u.ID)
		require.NoError(t, err)
		close(held)
		awaitLockWait(t, db)
		u.IsActive = false
		u.SessionGeneration++
		return tx.Users.Update(ctx, u)
	}))
	got := <-shared
	require.False(t, got.IsActive, "the share saw the row as it was before the lockdown")
	require.EqualValues(t, 1, got.SessionGeneration)
}

// awaitLockWait returns once somebody in the database waits for a row lock.
func awaitLockWait(t testing.TB, db *DB) {
	t.Helper()
	ctx, cancel := background()
	defer cancel()
	for {
		var waits bool
		err := db.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_locks w JOIN pg_locks d ON d.pid = w.pid
			JOIN pg_database b ON b.oid = d.database AND b.datname = current_database() WHERE NOT w.granted)`).Scan(&waits)
		require.NoError(t, err)
		if waits {
			return
		}
	}
}

// Two administrators who switch each other off at the same moment: one of the
// two acts is refused.
func TestTheLastAdministratorStays(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx := t.Context()
	admins := addGroup(t, db, "admins", true)
	a, b := addUser(t, db, "a"), addUser(t, db, "b")
	require.NoError(t, db.Repos().Groups.SetUsers(ctx, admins.ID, []idp.UserID{a.ID, b.ID}))
	sql(t, db, `UPDATE users SET password = 'usable'`)
	last := errors.New("last administrator")
	deactivate := func(id idp.UserID) error {
		return db.InTx(ctx, func(tx idp.Repos) error {
			n, err := tx.Users.HoldAdministrators(ctx, id)
			if err != nil {
				return err
			}
			if n == 0 {
				return last
			}
			u, err := tx.Users.Hold(ctx, id)
			if err != nil {
				return err
			}
			u.IsActive = false
			return tx.Users.Update(ctx, u)
		})
	}
	for range 20 {
		done := make(chan error)
		go func() { done <- deactivate(a.ID) }()
		results := []error{deactivate(b.ID), <-done}
		require.ElementsMatch(t, []error{nil, last}, results)
		sql(t, db, `UPDATE users SET is_active = true`)
	}
}

func TestWhoIsAnAdministrator(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, r := t.Context(), db.Repos()
	top := addGroup(t, db, "top", true)
	leaf := addGroup(t, db, "leaf", false, top.ID)
	var members []idp.UserID
	for _, u := range []*idp.User{
		{Username: "plain", IsActive: true, Password: "usable"}, {Username: "robot", IsActive: true, Type: idp.UserServiceAccount},
		{Username: "off", Password: "usable"}, {Username: "no way in", IsActive: true, Password: "!unusable"}, {Username: "none", IsActive: true},
		{Username: "internal", IsActive: true, Type: idp.UserInternalServiceAccount, Password: "usable"},
		{Username: idp.AnonymousUsername, IsActive: true, Password: "usable"},
	} {
		require.NoError(t, r.Users.Create(ctx, u))
		members = append(members, u.ID)
	}
	token := &idp.Token{UserID: members[1], Identifier: "api", Intent: idp.IntentAPI, Digest: digest()}
	require.NoError(t, r.Tokens.Create(ctx, token))
	require.NoError(t, r.Tokens.Create(ctx, &idp.Token{UserID: members[3], Identifier: "app", Intent: idp.IntentAppPassword, Digest: digest()}))
	addUser(t, db, "no admin")
	require.NoError(t, r.Groups.SetUsers(ctx, leaf.ID, members))
	for _, c := range []struct {
		without []idp.UserID
		want    int
	}{{nil, 2}, {members[:1], 1}, {members[:2], 0}, {members[2:], 2}} {
		n, err := r.Users.HoldAdministrators(ctx, c.without...)
		require.NoError(t, err)
		require.Equal(t, c.want, n)
	}
	revoked, err := r.Tokens.Revoke(ctx, token.ID)
	require.NoError(t, err)
	require.True(t, revoked)
	n, err := r.Users.HoldAdministrators(ctx)
	require.NoError(t, err)
	require.Equal(t, 1, n, "a program without a token cannot administer")
}
