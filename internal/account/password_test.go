package account_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/session"
	"github.com/portcullis-idp/portcullis/internal/token"
)

const good = "correct horse battery"

func (w *world) accepts(u *idp.User, password string) bool {
	w.Helper()
	ok, err := w.accounts.Authenticate(w.ctx, idp.Actor{}, idp.Attempt{User: w.now(u), Secret: password})
	require.NoError(w, err)
	return ok
}

func TestAPasswordThatWasSetIsAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.create(account.NewUser{Username: "mia", Password: ptr(good)})
	require.NotNil(t, mia.PasswordChangedAt)
	require.NotContains(t, mia.Password, good)
	require.True(t, w.accepts(mia, good))
	require.False(t, w.accepts(mia, "Correct horse battery"))
	require.False(t, w.accepts(mia, ""))
	require.False(t, w.accepts(mia, strings.Repeat("x", 2000)))
	require.Zero(t, w.hasher.absents.Load())

	for _, e := range w.events(idp.ActionLoginFailed) {
		require.Equal(t, "mia", e.User["username"])
		require.Equal(t, "password", e.Context["reason"])
	}
	require.Len(t, w.events(idp.ActionLoginFailed), 3)
}

func TestSettingAPasswordEndsOtherSessionsAndRecoveryLinks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.create(account.NewUser{Username: "mia", Password: ptr(good)})
	underWay := w.now(mia).SessionGeneration
	own, ownCookie := w.signIn(mia)
	_, other := w.signIn(mia)
	_, link, err := w.tokens.Issue(w.ctx, idp.SystemActor(), token.Draft{User: mia.ID, Identifier: "link", Intent: idp.IntentRecovery})
	require.NoError(t, err)
	_, key, err := w.tokens.Issue(w.ctx, idp.SystemActor(), token.Draft{User: mia.ID, Identifier: "api"})
	require.NoError(t, err)

	require.NoError(t, w.accounts.SetPassword(w.ctx, own, mia.ID, "another good one"))

	require.True(t, w.works(ownCookie), "the session in use survives")
	require.False(t, w.works(other))
	_, _, err = w.tokens.OpenLink(w.ctx, link)
	require.Equal(t, idp.CodeRefused, idp.CodeOf(err))
	_, _, err = w.tokens.Authenticate(w.ctx, key)
	require.NoError(t, err, "API tokens are not of the password's making")
	_, _, err = w.sessions.Start(w.ctx, idp.Actor{}, session.Begin{User: mia.ID, Generation: underWay})
	require.Equal(t, idp.CodeRefused, idp.CodeOf(err), "a sign-in with the former password under way")
	require.True(t, w.accepts(mia, "another good one"))
	require.False(t, w.accepts(mia, good))
	events := w.events(idp.ActionPasswordSet)
	require.Len(t, events, 1)
	require.Equal(t, map[string]any{"sessions": 1.0, "recovery_links": 1.0}, events[0].Context["ended"])

	require.NoError(t, w.accounts.SetPassword(w.ctx, w.admin, mia.ID, good))
	require.False(t, w.works(ownCookie), "set by an administrator: every session ends")
}

func TestWhoMaySetWhichPassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia, tom := w.user("mia"), w.user("tom")
	off := w.user("off", func(u *idp.User) { u.IsActive = false })
	ended, _ := w.signIn(mia)
	require.NoError(t, w.sessions.End(w.ctx, w.admin, ended.Session.ID, ""))
	stale := idp.Actor{User: w.now(mia)} // as a flow has it that was entered by a link
	_, err := w.sessions.EndAll(w.ctx, w.admin, mia.ID)
	require.NoError(t, err)
	before := w.now(mia)
	for name, c := range map[string]struct {
		actor idp.Actor
		user  idp.UserID
		want  idp.Code
	}{
		"another's":                     {idp.Actor{User: mia}, tom.ID, idp.CodeForbidden},
		"nobody":                        {idp.Actor{}, tom.ID, idp.CodeUnsigned},
		"own, inactive":                 {idp.Actor{User: off}, off.ID, idp.CodeForbidden},
		"own, session ended":            {ended, mia.ID, idp.CodeRefused},
		"own, everything ended":         {stale, mia.ID, idp.CodeRefused},
		"unknown":                       {w.admin, 4711, idp.CodeNotFound},
		"administrator, inactive owner": {w.admin, off.ID, ""},
	} {
		err := w.accounts.SetPassword(w.ctx, c.actor, c.user, good)
		require.Equal(t, c.want, idp.CodeOf(err), "%s: %v", name, err)
	}
	require.Equal(t, before, w.now(mia))
	require.False(t, w.now(off).IsActive, "setting a password does not switch an account on")
}

func TestBadPasswordsNameTheBound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	for password, says := range map[string]string{
		"":                                 "This field may not be blank.",
		"äöüäöüä":                          "Ensure this field has at least 8 characters.",
		strings.Repeat("p", 1_025):         "Ensure this field has no more than 1024 bytes.",
		"\xff\xff\xff\xff\xff\xff\xff\xff": "Not a valid string.",
	} {
		err := w.accounts.SetPassword(w.ctx, w.admin, mia.ID, password)
		require.Equal(t, []string{says}, fault(t, err).Fields["password"])
	}
	require.Zero(t, w.hasher.hashes.Load())
	require.NoError(t, w.accounts.SetPassword(w.ctx, w.admin, mia.ID, strings.Repeat("p", 1_024)))
	require.NoError(t, w.accounts.SetPassword(w.ctx, w.admin, mia.ID, "äöüäöüäö"), "eight characters")
}

func TestAnUnknownUserCostsOneVerificationToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ok, err := w.accounts.Authenticate(w.ctx, w.admin, idp.Attempt{Secret: good})
	require.NoError(t, err)
	require.False(t, ok)
	require.EqualValues(t, 1, w.hasher.absents.Load())
	require.Zero(t, w.hasher.verifies.Load())
	events := w.events(idp.ActionLoginFailed)
	require.Len(t, events, 1)
	require.Equal(t, map[string]any{}, events[0].User, "whoever is signed in has no part in it")
	require.Equal(t, "unknown", events[0].Context["reason"])

	// In time, too: medians of interleaved rounds, with room for a busy machine.
	mia := w.create(account.NewUser{Username: "mia", Password: ptr(good)})
	locked := w.user("no-password")
	var known, unknown, unusable []time.Duration
	for range 5 {
		known = append(known, timed(func() { w.accepts(mia, "wrong password") }))
		unknown = append(unknown, timed(func() { _, _ = w.accounts.Authenticate(w.ctx, idp.Actor{}, idp.Attempt{Secret: "wrong password"}) }))
		unusable = append(unusable, timed(func() { w.accepts(locked, "wrong password") }))
	}
	// Without a hash the ratio would be above 20.
	for name, took := range map[string][]time.Duration{"unknown": unknown, "unusable": unusable} {
		ratio := median(known) / median(took)
		require.True(t, ratio > 0.25 && ratio < 4, "%s: %.2f", name, ratio)
	}
}

func TestAnUnusablePasswordNeverMatches(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.user("u")
	empty := w.user("empty", func(u *idp.User) { u.Password = "" })
	for _, password := range []string{"", "!", u.Password, strings.TrimPrefix(u.Password, "!")} {
		require.False(t, w.accepts(u, password))
		require.False(t, w.accepts(empty, password))
	}
}

func TestARightPasswordOfAnAccountThatMayNotActIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	off := w.create(account.NewUser{Username: "off", Password: ptr(good), IsActive: ptr(false)})
	require.False(t, off.IsActive)
	require.False(t, w.accepts(off, good))
	events := w.events(idp.ActionLoginFailed)
	require.Equal(t, "inactive", events[0].Context["reason"])
}

// A lockdown, a new password or a deletion while the hash is being computed.
func TestWhatHappensWhileHashingCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, act := range map[string]func(u *idp.User) error{
		"switched off": func(u *idp.User) error {
			_, err := w.accounts.Update(w.ctx, w.admin, u.ID, account.Patch{IsActive: ptr(false)})
			return err
		},
		"off and on again": func(u *idp.User) error {
			for _, active := range []bool{false, true} {
				if _, err := w.accounts.Update(w.ctx, w.admin, u.ID, account.Patch{IsActive: &active}); err != nil {
					return err
				}
			}
			return nil
		},
		"new password": func(u *idp.User) error { return w.accounts.SetPassword(w.ctx, w.admin, u.ID, "another good one") },
		"deleted":      func(u *idp.User) error { return w.accounts.Delete(w.ctx, w.admin, u.ID) },
	} {
		u := w.create(account.NewUser{Username: "u " + name, Password: ptr(good)})
		w.hasher.during = func() { require.NoError(t, act(u)) }
		ok, err := w.accounts.Authenticate(w.ctx, idp.Actor{}, idp.Attempt{User: u, Secret: good})
		require.NoError(t, err, name)
		require.False(t, ok, name)
		w.hasher.during = nil
	}
}

func TestABusyHasherIsSaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.create(account.NewUser{Username: "mia", Password: ptr(good)})
	w.hasher.busy = &idp.Error{Code: idp.CodeBusy, RetryAfter: time.Second}
	for name, act := range map[string]func() error{
		"known": func() error {
			_, err := w.accounts.Authenticate(w.ctx, idp.Actor{}, idp.Attempt{User: mia, Secret: good})
			return err
		},
		"unknown": func() error {
			_, err := w.accounts.Authenticate(w.ctx, idp.Actor{}, idp.Attempt{Secret: good})
			return err
		},
		"set": func() error { return w.accounts.SetPassword(w.ctx, w.admin, mia.ID, good) },
		"create": func() error {
			_, err := w.accounts.Create(w.ctx, w.admin, account.NewUser{Username: "x", Password: ptr(good)})
			return err
		},
	} {
		require.Equal(t, idp.CodeBusy, idp.CodeOf(act()), name)
	}
	require.Empty(t, w.events(idp.ActionLoginFailed), "nobody failed")
}

func TestAForeignHashIsUpgradedAtSignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const bcrypt = "$2b$04$abcdefghijklmnopqrstuu" // only a salt: not a whole hash
	_, err := w.accounts.Create(w.ctx, w.admin, account.NewUser{Username: "half", PasswordHash: ptr(bcrypt)})
	require.Equal(t, idp.CodeInvalid, idp.CodeOf(err))

	// Django's own: PBKDF2PasswordHasher with 1000 iterations.
	imported := w.create(account.NewUser{Username: "mia", PasswordHash: ptr(django(good, "salt", 1000))})
	require.True(t, imported.HasUsablePassword())
	require.False(t, w.accepts(imported, "wrong password"))
	require.Equal(t, imported.Password, w.now(imported).Password, "a wrong password upgrades nothing")
	require.True(t, w.accepts(imported, good))
	upgraded := w.now(imported)
	require.True(t, strings.HasPrefix(upgraded.Password, "$argon2id$"), upgraded.Password)
	require.Equal(t, imported.SessionGeneration, upgraded.SessionGeneration)
	require.True(t, w.accepts(imported, good))

	changed, err := w.accounts.Update(w.ctx, w.admin, imported.ID, account.Patch{PasswordHash: ptr(django("second password", "salt", 1000))})
	require.NoError(t, err)
	require.Greater(t, changed.SessionGeneration, upgraded.SessionGeneration, "an imported hash is a new password")
	require.True(t, w.accepts(imported, "second password"))
}
