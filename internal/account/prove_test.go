package account_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
	"github.com/portcullis-idp/portcullis/internal/token"
)

// appPassword makes one, or a token for something else.
func (w *world) appPassword(u *idp.User, intent idp.TokenIntent) (*idp.Token, string) {
	w.Helper()
	t, key, err := w.tokens.Issue(w.ctx, idp.SystemActor(), token.Draft{User: u.ID, Identifier: "made-" + secret.Token()[:12], Intent: intent})
	require.NoError(w, err)
	return t, key
}

// proves tries a secret and returns how many hashes it took.
func (w *world) proves(by idp.Attempt) (passed bool, with *idp.Token, hashes int64) {
	w.Helper()
	before := w.hasher.verifies.Load() + w.hasher.absents.Load()
	passed, with, err := w.accounts.Prove(w.ctx, idp.Actor{}, by)
	require.NoError(w, err)
	return passed, with, w.hasher.verifies.Load() + w.hasher.absents.Load() - before
}

func TestAnAppPasswordProvesItsOwner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.create(account.NewUser{Username: "mia", Password: ptr(good)})
	made, key := w.appPassword(mia, idp.IntentAppPassword)
	for _, only := range []bool{false, true} {
		passed, with, hashes := w.proves(idp.Attempt{User: mia, Secret: key, AppPasswords: true, NoPassword: only})
		require.True(t, passed)
		require.Equal(t, made.ID, with.ID)
		require.Zero(t, hashes, "its owner may notice")
	}
	used, err := w.db.Repos().Tokens.Get(w.ctx, made.ID)
	require.NoError(t, err)
	require.NotNil(t, used.LastUsedAt)

	passed, _, _ := w.proves(idp.Attempt{User: mia, Secret: key})
	require.False(t, passed, "where app passwords are not good")
	passed, with, _ := w.proves(idp.Attempt{User: mia, Secret: good, AppPasswords: true})
	require.True(t, passed, "beside them, the account's own")
	require.Nil(t, with)
	passed, _, _ = w.proves(idp.Attempt{User: mia, Secret: good, AppPasswords: true, NoPassword: true})
	require.False(t, passed, "but not where it is not good")
}

// Whatever is refused takes one hash, as a wrong password does, and one event that
// says why.
func TestWhateverIsRefusedCostsOneHash(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.create(account.NewUser{Username: "mia", Password: ptr(good)})
	other := w.create(account.NewUser{Username: "other", Password: ptr(good)})
	robot := w.create(account.NewUser{Username: "robot", Password: ptr(good), Type: idp.UserServiceAccount})
	agent := w.create(account.NewUser{Username: "agent", Password: ptr(good), Type: idp.UserInternalServiceAccount})
	none := w.user("none")
	off := w.user("off")
	_, offs := w.appPassword(off, idp.IntentAppPassword)
	off.IsActive = false
	require.NoError(t, w.db.Repos().Users.Update(w.ctx, off))
	contained := w.user("contained")
	_, containeds := w.appPassword(contained, idp.IntentAppPassword)
	contained.TokenGeneration++
	require.NoError(t, w.db.Repos().Users.Update(w.ctx, contained))
	_, others := w.appPassword(other, idp.IntentAppPassword)
	_, api := w.appPassword(mia, idp.IntentAPI)
	gone, goneKey := w.appPassword(mia, idp.IntentAppPassword)
	_, err := w.db.Repos().Tokens.Revoke(w.ctx, gone.ID)
	require.NoError(t, err)
	late, lateKey := w.appPassword(mia, idp.IntentAppPassword)
	past := time.Now().Add(-time.Second)
	late.Expiring, late.ExpiresAt = true, &past
	require.NoError(t, w.db.Repos().Tokens.Update(w.ctx, late))

	for name, c := range map[string]struct {
		user   *idp.User
		secret string
		why    idp.Refusal
	}{
		"a wrong one":                           {mia, "wrong", idp.RefusedPassword},
		"a wrong one, too long to be one":       {mia, string(make([]byte, 1023)) + "x", idp.RefusedPassword},
		"nobody":                                {nil, "wrong", idp.RefusedUnknown},
		"nobody, with somebody's":               {nil, others, idp.RefusedUnknown},
		"another's":                             {mia, others, idp.RefusedPassword},
		"an API token":                          {mia, api, idp.RefusedIntent},
		"revoked":                               {mia, goneKey, idp.RefusedEnded},
		"expired":                               {mia, lateKey, idp.RefusedExpired},
		"of an account without a password":      {none, "wrong", idp.RefusedPassword},
		"of an account that is switched off":    {off, offs, idp.RefusedInactive},
		"made before a lockdown":                {contained, containeds, idp.RefusedGeneration},
		"the own password of a service account": {robot, good, idp.RefusedPassword},
		"the own password of an outpost":        {agent, good, idp.RefusedPassword},
	} {
		for _, only := range []bool{false, true} {
			passed, with, hashes := w.proves(idp.Attempt{User: c.user, Secret: c.secret, AppPasswords: true, NoPassword: only})
			require.False(t, passed, name)
			require.Nil(t, with, name)
			require.EqualValues(t, 1, hashes, name)
			events := w.events(idp.ActionLoginFailed)
			require.Equal(t, string(c.why), events[len(events)-1].Context["reason"], name)
		}
	}
	for _, e := range w.events(idp.ActionLoginFailed) {
		for _, key := range []string{others, api, goneKey, lateKey, offs, containeds, good} {
			require.NotContains(t, idp.Attributes(e.Context), key)
			for _, v := range e.Context {
				require.NotEqual(t, key, v)
			}
		}
	}
}

// A service account proves itself by its app passwords, whatever its password.
func TestAServiceAccountHasAppPasswords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	robot := w.create(account.NewUser{Username: "robot", Password: ptr(good), Type: idp.UserServiceAccount})
	require.False(t, w.accepts(robot, good))
	made, key := w.appPassword(robot, idp.IntentAppPassword)
	passed, with, _ := w.proves(idp.Attempt{User: robot, Secret: key, AppPasswords: true, NoPassword: true})
	require.True(t, passed)
	require.Equal(t, made.ID, with.ID)
}
