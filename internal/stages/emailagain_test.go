package stages_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/flowlink"
	"github.com/portcullis-idp/portcullis/internal/stages/prompt"
)

// forgetful is a flow that mails a link which works again and again, sets a
// password and signs in.
func (w *world) forgetful(slug string) {
	w.Helper()
	f := w.flow(slug)
	w.stage(f, 10, "identification", `{}`)
	w.stage(f, 20, "email", `{"single_use": false}`)
	w.stage(f, 30, "prompt", w.fields(slug, key(prompt.Password, "password")))
	w.stage(f, 40, "user_write", `{"user_creation_mode": "never_create"}`)
	w.stage(f, 50, "user_login", `{}`)
}

// mailed asks for a link in a browser of its own and takes it out of the letter.
func (w *world) mailed(slug, name string) string {
	w.Helper()
	shows(w, w.browser("of "+name).post(slug, flow.Input{"uid_field": name}), "ak-stage-email")
	return w.letter()
}

// choose sets a password where the flow stands.
func (b *browser) choose(slug, password string) *flow.Answer {
	b.get(slug)
	return b.post(slug, flow.Input{"password": goodPassword + password})
}

// A mailed link that is not single use serves one browser after the other, each to
// the end of the flow.
func TestALinkThatWorksAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.forgetful("again")
	w.user("ada")
	link := w.mailed("again", "ada")
	half := w.browser("half")
	require.NoError(t, half.open("again", link))
	shows(t, half.get("again"), "ak-stage-prompt")
	var browsers []*browser
	for _, name := range []string{"one", "two", "three"} {
		b := w.browser(name)
		require.NoError(t, b.open("again", link), name)
		done(t, b.choose("again", name), "/")
		require.True(t, b.alive(), name)
		for _, former := range browsers {
			require.False(t, former.alive(), "a new password ends the sessions before it")
		}
		browsers = append(browsers, b)
	}
	half.choose("again", "late")
	require.False(t, half.alive(), "a run from before the new password is over, and begins anew with the link")
	require.NoError(t, half.open("again", link))
	done(t, half.choose("again", "late"), "/")
	require.True(t, half.alive())
	require.Len(t, w.orders(), 1)
}

// Whatever ends a link that was sent by mail ends one that works again, too, and
// the runs that it opened.
func TestWhatEndsALinkThatWorksAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.forgetful("again")
	closing := func(switches idp.Switches) func(u *idp.User) error {
		return func(u *idp.User) error {
			return w.store.InTx(w.ctx, func(tx idp.Repos) error {
				held, err := tx.Users.Hold(w.ctx, u.ID)
				if err != nil {
					return err
				}
				if _, err = w.lockdowns.CloseIn(w.ctx, tx, held, switches); err != nil || held.IsActive {
					return err
				}
				return w.lockdowns.ReopenIn(w.ctx, tx, idp.SystemActor(), held)
			})
		}
	}
	for name, end := range map[string]func(u *idp.User) error{
		"contained":           closing(idp.Switches{DeactivateUser: true, SetUnusablePassword: true, DeleteSessions: true, RevokeTokens: true}),
		"contained, sessions": closing(idp.Switches{DeleteSessions: true}),
		"contained, tokens":   closing(idp.Switches{RevokeTokens: true}),
		"another password":    func(u *idp.User) error { return w.accounts.SetPassword(w.ctx, idp.SystemActor(), u.ID, goodPassword) },
		"expired": func(u *idp.User) error {
			db, err := pgx.Connect(w.ctx, w.url)
			require.NoError(t, err)
			defer db.Close(w.ctx)
			_, err = db.Exec(w.ctx, `UPDATE tokens SET expires_at = clock_timestamp() WHERE user_id = $1`, u.ID)
			return err
		},
	} {
		u := w.user(name)
		link := w.mailed("again", name)
		first, half := w.browser(name+" first"), w.browser(name+" half")
		require.NoError(t, first.open("again", link), name)
		done(t, first.choose("again", "first"), "/")
		require.NoError(t, half.open("again", link), name)
		shows(t, half.get("again"), "ak-stage-prompt")
		require.NoError(t, end(w.now(u)), name)
		require.ErrorIs(t, w.browser(name+" late").open("again", link), flowlink.ErrDead, name)
		changed := w.now(u).PasswordChangedAt
		half.choose("again", "thief")
		require.False(t, half.alive(), name)
		require.Equal(t, changed, w.now(u).PasswordChangedAt, name)
		require.ErrorIs(t, half.open("again", link), flowlink.ErrDead, name)
	}
}

// An address is confirmed by the first use; the next ones sign in.
func TestConfirmingWithALinkThatWorksAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.flow("join")
	w.stage(f, 10, "prompt", w.fields("join", key(prompt.Username, "username"), key(prompt.Email, "email"), key(prompt.Password, "password")))
	w.stage(f, 20, "user_write", `{"user_creation_mode": "always_create", "create_users_as_inactive": true}`)
	w.stage(f, 30, "email", `{"activate_user_on_success": true, "single_use": false}`)
	w.stage(f, 40, "user_login", `{}`)
	b := w.browser("one")
	shows(t, b.post("join", flow.Input{"username": "grace", "email": "grace@example.org", "password": goodPassword}), "ak-stage-email")
	link := w.letter()
	for _, name := range []string{"two", "three"} {
		other := w.browser(name)
		require.NoError(t, other.open("join", link), name)
		done(t, other.post("join", flow.Input{}), "/")
		require.True(t, w.named("grace").IsActive && other.alive(), name)
	}
	require.NoError(t, w.lockdowns.Deactivate(w.ctx, idp.SystemActor(), w.named("grace").ID))
	require.ErrorIs(t, w.browser("four").open("join", link), flowlink.ErrDead)
	require.False(t, w.named("grace").IsActive)
}
