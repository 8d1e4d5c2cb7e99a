package token_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/secret"
	"github.com/portcullis-idp/portcullis/internal/token"
)

func TestAKeyIsRevealedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	for _, intent := range []idp.TokenIntent{idp.IntentAPI, idp.IntentAppPassword} {
		issued, key := w.issue(idp.Actor{User: mia}, token.Draft{User: mia.ID, Identifier: string(intent), Intent: intent})
		revealed, err := w.tokens.Reveal(w.ctx, idp.Actor{User: mia}, issued.ID)
		require.NoError(t, err)
		require.Equal(t, key, revealed)
		_, err = w.tokens.Reveal(w.ctx, idp.Actor{User: mia}, issued.ID)
		require.Equal(t, idp.CodeConflict, idp.CodeOf(err))
		require.ErrorContains(t, err, "within an hour")
	}
	require.Len(t, w.events(idp.ActionSecretView), 2)
	for _, intent := range []idp.TokenIntent{idp.IntentRecovery, idp.IntentVerification} {
		issued, _ := w.issue(idp.SystemActor(), token.Draft{User: mia.ID, Identifier: string(intent), Intent: intent})
		_, err := w.tokens.Reveal(w.ctx, idp.SystemActor(), issued.ID)
		require.Equal(t, idp.CodeConflict, idp.CodeOf(err), "the key of a link is in the link: %s", intent)
	}
	chosen := "a-key-that-the-operator-chose"
	issued, _ := w.issue(idp.SystemActor(), token.Draft{User: mia.ID, Identifier: "boot", Key: &chosen})
	_, err := w.tokens.Reveal(w.ctx, idp.SystemActor(), issued.ID)
	require.Equal(t, idp.CodeConflict, idp.CodeOf(err))
}

func TestOfManyRevealsAtOnceOneSucceeds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	for _, revealable := range []bool{false, true} {
		service := w.with(sealer(t, "a"), revealable)
		issued, key, err := service.Issue(w.ctx, idp.Actor{User: mia}, token.Draft{User: mia.ID, Identifier: map[bool]string{false: "once", true: "often"}[revealable]})
		require.NoError(t, err)
		var shown atomic.Int32
		var g errgroup.Group
		for range 8 {
			g.Go(func() error {
				got, err := service.Reveal(w.ctx, idp.Actor{User: mia}, issued.ID)
				switch {
				case err == nil && got == key:
					shown.Add(1)
				case !idp.Is(err, idp.CodeConflict):
					return err
				}
				return nil
			})
		}
		require.NoError(t, g.Wait())
		require.EqualValues(t, map[bool]int{false: 1, true: 8}[revealable], shown.Load())
	}
	require.Len(t, w.events(idp.ActionSecretView), 9)
}

func TestWhoMayRevealAKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia, eve := w.user("mia"), w.user("eve")
	issued, key := w.issue(idp.Actor{User: mia}, token.Draft{User: mia.ID, Identifier: "ci"})
	for name, c := range map[string]struct {
		actor idp.Actor
		want  idp.Code
	}{
		"nobody":           {idp.Actor{}, idp.CodeUnsigned},
		"somebody else":    {idp.Actor{User: eve}, idp.CodeNotFound},
		"an ended session": {idp.Actor{User: mia, Session: &idp.Session{ID: idp.NewID[idp.Session]()}}, idp.CodeRefused},
	} {
		got, err := w.tokens.Reveal(w.ctx, c.actor, issued.ID)
		require.Equal(t, c.want, idp.CodeOf(err), "%s: %v", name, err)
		require.Empty(t, got, name)
		require.Error(t, w.tokens.SetKey(w.ctx, c.actor, issued.ID, "a-key-of-more-than-20"), name)
	}
	require.Equal(t, idp.CodeForbidden, idp.CodeOf(w.tokens.SetKey(w.ctx, idp.Actor{User: mia}, issued.ID, "a-key-of-more-than-20")))
	got, err := w.tokens.Reveal(w.ctx, idp.SystemActor(), issued.ID)
	require.NoError(t, err, "whoever was refused used nothing up")
	require.Equal(t, key, got)
	require.Len(t, w.events(idp.ActionSecretView), 1)
}

// Whatever ends a token ends its sealed key too.
func TestNoKeyOfWhatHasEndedIsRevealed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	system := idp.SystemActor()
	for name, end := range map[string]func(*idp.User, *idp.Token) idp.Code{
		"revoked": func(_ *idp.User, row *idp.Token) idp.Code {
			_, err := w.db.Repos().Tokens.Revoke(w.ctx, row.ID)
			require.NoError(t, err)
			return idp.CodeRefused
		},
		"expired": func(_ *idp.User, row *idp.Token) idp.Code {
			past := time.Now().Add(-time.Minute)
			row.ExpiresAt = &past
			require.NoError(t, w.db.Repos().Tokens.Update(w.ctx, row))
			return idp.CodeRefused
		},
		"contained": func(u *idp.User, _ *idp.Token) idp.Code {
			_, err := w.lockdowns.Contain(w.ctx, system, lockdown.Request{Users: []idp.UserID{u.ID}, Switches: idp.AllSwitches()})
			require.NoError(t, err)
			return idp.CodeRefused
		},
		"of a former generation": func(u *idp.User, _ *idp.Token) idp.Code {
			require.NoError(t, w.lockdowns.Deactivate(w.ctx, system, u.ID))
			require.NoError(t, w.lockdowns.Activate(w.ctx, system, u.ID))
			return idp.CodeRefused
		},
		"switched off": func(u *idp.User, _ *idp.Token) idp.Code {
			u = w.now(u)
			u.IsActive = false
			require.NoError(t, w.db.Repos().Users.Update(w.ctx, u))
			return idp.CodeRefused
		},
		"deleted": func(_ *idp.User, row *idp.Token) idp.Code {
			require.NoError(t, w.tokens.Revoke(w.ctx, system, row.ID))
			return idp.CodeNotFound
		},
	} {
		u := w.user("user-" + secret.Token()[:6])
		issued, _ := w.issue(system, token.Draft{User: u.ID, Identifier: "t-" + secret.Token(), Expiring: true})
		want := end(u, issued)
		key, err := w.tokens.Reveal(w.ctx, system, issued.ID)
		require.Equal(t, want, idp.CodeOf(err), "%s: %v", name, err)
		require.Empty(t, key)
		require.Error(t, w.tokens.SetKey(w.ctx, system, issued.ID, "a-key-of-more-than-20"), name)
		kept, err := w.with(sealer(t, "a"), true).Reveal(w.ctx, system, issued.ID)
		require.Error(t, err, "%s: not where keys are kept revealable either", name)
		require.Empty(t, kept)
	}
	require.Empty(t, w.events(idp.ActionSecretView))
}

func TestAKeySealedElsewhereSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	issued, key := w.issue(idp.SystemActor(), token.Draft{User: mia.ID, Identifier: "ci"})
	for name, c := range map[string]struct {
		sealer *secret.Sealer
		says   string
	}{"another secret": {sealer(t, "b"), "another secret_key"}, "none": {nil, "seals no keys"}} {
		_, err := w.with(c.sealer, false).Reveal(w.ctx, idp.SystemActor(), issued.ID)
		require.Equal(t, idp.CodeConflict, idp.CodeOf(err), name)
		require.ErrorContains(t, err, c.says, name)
	}
	other, _ := w.issue(idp.SystemActor(), token.Draft{User: mia.ID, Identifier: "other"})
	require.NoError(t, w.db.Repos().Tokens.KeepKey(w.ctx, other.ID, sealer(t, "a").Seal("token key "+issued.ID.String(), []byte("x")), 0))
	_, err := w.tokens.Reveal(w.ctx, idp.SystemActor(), other.ID)
	require.ErrorContains(t, err, "has been changed", "a sealed key belongs to its token")

	got, err := w.with(sealer(t, "b", "a"), false).Reveal(w.ctx, idp.SystemActor(), issued.ID)
	require.NoError(t, err, "what could not be opened is still there, and opens once the former secret is named")
	require.Equal(t, key, got)
}

func TestTheSettingIsTakenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	often := w.with(sealer(t, "a"), true)
	issued, key, err := often.Issue(w.ctx, idp.SystemActor(), token.Draft{User: mia.ID, Identifier: "ci"})
	require.NoError(t, err)
	for range 2 {
		got, err := often.Reveal(w.ctx, idp.SystemActor(), issued.ID)
		require.NoError(t, err)
		require.Equal(t, key, got)
	}
	require.NoError(t, often.Settle(w.ctx))
	n, err := w.db.Repos().Tokens.LimitKeys(w.ctx, 0)
	require.NoError(t, err)
	require.Equal(t, 1, n, "settling left it without an end")
	_, err = often.Reveal(w.ctx, idp.SystemActor(), issued.ID)
	require.Equal(t, idp.CodeConflict, idp.CodeOf(err), "its time has passed by the database's clock")

	issued, _, err = often.Issue(w.ctx, idp.SystemActor(), token.Draft{User: mia.ID, Identifier: "two"})
	require.NoError(t, err)
	require.NoError(t, w.tokens.Settle(w.ctx))
	n, err = w.db.Repos().Tokens.LimitKeys(w.ctx, time.Hour)
	require.NoError(t, err)
	require.Zero(t, n, "each has an end now")
	_, err = w.tokens.Reveal(w.ctx, idp.SystemActor(), issued.ID)
	require.NoError(t, err)
	_, err = w.tokens.Reveal(w.ctx, idp.SystemActor(), issued.ID)
	require.Error(t, err)
}

func TestASetKeyReplacesTheFormer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	issued, former := w.issue(idp.SystemActor(), token.Draft{User: mia.ID, Identifier: "ci"})
	managed := "goauthentik.io/x"
	theirs, _ := w.issue(idp.SystemActor(), token.Draft{User: mia.ID, Identifier: "managed", Managed: &managed})
	link, _ := w.issue(idp.SystemActor(), token.Draft{User: mia.ID, Identifier: "link", Intent: idp.IntentRecovery})
	const key = "a-key-of-more-than-20"
	require.NoError(t, w.tokens.SetKey(w.ctx, idp.SystemActor(), issued.ID, key))
	_, _, err := w.tokens.Authenticate(w.ctx, former)
	require.Equal(t, idp.CodeRefused, idp.CodeOf(err))
	_, u, err := w.tokens.Authenticate(w.ctx, key)
	require.NoError(t, err)
	require.Equal(t, "mia", u.Username)
	got, err := w.tokens.Reveal(w.ctx, idp.Actor{User: mia}, issued.ID)
	require.NoError(t, err)
	require.Equal(t, key, got)
	require.Len(t, w.events(idp.ActionSecretRotate), 1)

	require.Contains(t, fault(t, w.tokens.SetKey(w.ctx, idp.SystemActor(), theirs.ID, key)).Fields, "key", "taken by another token")
	for _, bad := range []string{"", "short", "with a space in its middle", "mit-ümlauten-und-so-weiter"} {
		require.Contains(t, fault(t, w.tokens.SetKey(w.ctx, idp.SystemActor(), issued.ID, bad)).Fields, "key", bad)
	}
	require.Equal(t, idp.CodeInvalid, idp.CodeOf(w.tokens.SetKey(w.ctx, idp.SystemActor(), link.ID, "another-key-of-more-than-20")))
	require.Equal(t, idp.CodeNotFound, idp.CodeOf(w.tokens.SetKey(w.ctx, idp.SystemActor(), idp.NewID[idp.Token](), "another-key-of-more-than-20")))
}
