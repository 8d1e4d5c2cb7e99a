package oidc_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/oidc"
)

func lockdownOf(u *idp.User) lockdown.Request {
	return lockdown.Request{Users: []idp.UserID{u.ID}, Switches: idp.AllSwitches()}
}

func (w *world) keys() []idp.SigningKey {
	w.Helper()
	keys, err := w.db.Repos().SigningKeys.All(w.ctx)
	require.NoError(w, err)
	return keys
}

func kids(t *testing.T, s *oidc.Service) (out []string) {
	t.Helper()
	set, err := s.Keys(t.Context())
	require.NoError(t, err)
	for _, k := range set.Keys {
		require.True(t, k.IsPublic(), "a private key must never be published")
		require.Equal(t, oidc.Algorithm, k.Algorithm)
		require.Equal(t, "sig", k.Use)
		out = append(out, k.KeyID)
	}
	return out
}

// Many servers that need the first key at once agree on one, and what one signs the
// others verify without having heard of it.
func TestTheFirstKeyIsMadeOnceAndKnownAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	servers := []*oidc.Service{w.service, w.another("a"), w.another("a")}
	for _, s := range servers {
		_, known, err := s.Verify(w.ctx, oidc.TypeID, "x.y.z")
		require.NoError(t, err)
		require.False(t, known)
	}
	signed := make([]string, len(servers))
	var wg sync.WaitGroup
	for i, s := range servers {
		wg.Go(func() { signed[i], _ = s.Sign(w.ctx, oidc.TypeID, map[string]any{"sub": "ada"}) })
	}
	wg.Wait()
	require.Len(t, kids(t, w.another("a")), 1)
	for _, s := range servers {
		for _, token := range signed {
			claims, known, err := s.Verify(w.ctx, oidc.TypeID, token)
			require.NoError(t, err)
			require.True(t, known)
			require.Equal(t, "ada", claims["sub"])
		}
	}
	require.NotContains(t, w.keys()[0].Private, "PRIVATE")
	require.Contains(t, w.keys()[0].Private, "sealed:")
}

// A server with another secret makes a key of its own; both are published.
func TestServersWithOtherSecretsSignWithTheirOwnKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stranger := w.another("b")
	ours, err := w.service.Sign(w.ctx, oidc.TypeID, map[string]any{})
	require.NoError(t, err)
	theirs, err := stranger.Sign(w.ctx, oidc.TypeID, map[string]any{})
	require.NoError(t, err)
	require.Len(t, w.keys(), 2)
	for _, s := range []*oidc.Service{w.service, stranger} {
		for _, token := range []string{ours, theirs} {
			_, known, err := s.Verify(w.ctx, oidc.TypeID, token)
			require.NoError(t, err)
			require.True(t, known)
		}
	}
}

func TestAKeyIsPublishedBeforeItSignsAndAfterwards(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.NoError(t, w.service.TendKeys(w.ctx))
	require.Empty(t, w.keys(), "nobody has needed one yet")
	old, err := w.service.Sign(w.ctx, oidc.TypeID, map[string]any{})
	require.NoError(t, err)
	require.NoError(t, w.service.TendKeys(w.ctx))
	first := w.keys()
	require.Len(t, first, 1, "it is not time")

	shift := func(d time.Duration) { // time goes by
		w.exec(`UPDATE signing_keys SET created_at = created_at - $1::interval, signs_from = signs_from - $1::interval, retired_at = retired_at - $1::interval`, d)
	}
	shift(89*24*time.Hour + time.Minute)
	var wg sync.WaitGroup
	for _, s := range []*oidc.Service{w.service, w.another("a"), w.another("a")} {
		wg.Go(func() { _ = s.TendKeys(w.ctx) })
	}
	wg.Wait()
	keys := w.keys()
	require.Len(t, keys, 2, "of all servers one makes the next")
	next := keys[1]
	require.Len(t, kids(t, w.service), 2)
	still, err := w.service.Sign(w.ctx, oidc.TypeID, map[string]any{})
	require.NoError(t, err)
	require.Equal(t, head(old), head(still), "the next one does not sign yet")

	shift(24*time.Hour + time.Minute)
	require.NoError(t, w.service.TendKeys(w.ctx))
	require.NotNil(t, w.keys()[0].RetiredAt)
	fresh, err := w.service.Sign(w.ctx, oidc.TypeID, map[string]any{})
	require.NoError(t, err)
	require.NotEqual(t, head(old), head(fresh))
	_, known, err := w.service.Verify(w.ctx, oidc.TypeID, old)
	require.NoError(t, err)
	require.True(t, known, "what it signed may be in use")

	shift(31 * 24 * time.Hour)
	require.NoError(t, w.service.TendKeys(w.ctx))
	require.Equal(t, []string{next.ID}, kids(t, w.service))
	_, known, err = w.service.Verify(w.ctx, oidc.TypeID, old)
	require.NoError(t, err)
	require.False(t, known)

	_, err = w.service.RotateKeys(w.ctx, idp.Actor{User: &idp.User{ID: 7}})
	require.True(t, idp.Is(err, idp.CodeForbidden))
	made, err := w.service.RotateKeys(w.ctx, idp.SystemActor())
	require.NoError(t, err)
	require.Equal(t, oidc.KeyNext, made.State)
	require.Len(t, w.keys(), 2)
	page, err := w.db.Repos().Events.Find(w.ctx, idp.EventFilter{Actions: []idp.Action{idp.ActionSecretRotate}})
	require.NoError(t, err)
	require.Len(t, page.Items, 2)
}

func head(token string) string {
	for i, c := range token {
		if c == '.' {
			return token[:i]
		}
	}
	return ""
}

// A key that somebody else has is worth nothing at once, on every server: it is not
// published, what it signed does not count, and another one signs.
func TestARevokedKeyIsWorthNothingAtOnceEverywhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	servers := []*oidc.Service{w.service, w.another("a"), w.another("b")}
	signs := w.application("signs", func(p *idp.OAuthProvider) { p.AccessFormat = idp.AccessJWT })
	u, s := w.person("ada")
	got, err := w.token(signs, exchange(w.code(signs, u, s)))
	require.NoError(t, err)
	opaque, _, _ := w.tokens(w.wiki, "ben")
	for _, s := range servers { // all remember the key
		_, known, err := s.Verify(w.ctx, oidc.TypeID, got.ID)
		require.NoError(t, err)
		require.True(t, known)
	}
	require.True(t, w.works(got.Access))
	stolen := w.keys()[0].ID

	_, err = w.service.RevokeKey(w.ctx, idp.Actor{User: u}, stolen)
	require.True(t, idp.Is(err, idp.CodeForbidden))
	require.Equal(t, []string{stolen}, kids(t, w.service), "whoever may not, changes nothing")
	fresh, err := w.service.RevokeKey(w.ctx, idp.SystemActor(), stolen)
	require.NoError(t, err)
	require.Equal(t, oidc.KeySigns, fresh.State)
	for i, s := range servers {
		require.NotContains(t, kids(t, s), stolen, "server %d", i)
		_, known, err := s.Verify(w.ctx, oidc.TypeID, got.ID)
		require.NoError(t, err)
		require.False(t, known, "server %d", i)
		signed, err := s.Sign(w.ctx, oidc.TypeID, map[string]any{})
		require.NoError(t, err)
		require.NotEqual(t, head(got.ID), head(signed), "server %d", i)
		_, _, err = s.UserInfo(w.ctx, idp.Actor{}, got.Access)
		require.Equal(t, oidc.ErrInvalidToken, oidc.CodeOf(err), "server %d", i)
	}
	asked, err := w.service.Introspect(w.ctx, idp.Actor{}, signs, got.Access)
	require.NoError(t, err)
	require.False(t, asked.Active)
	require.True(t, w.works(opaque.Access), "what no key signed goes on")
	again, err := w.token(signs, refresh(got.Refresh))
	require.NoError(t, err)
	require.True(t, w.works(again.Access))

	page, err := w.db.Repos().Events.Find(w.ctx, idp.EventFilter{Actions: []idp.Action{idp.ActionSecretRotate}})
	require.NoError(t, err)
	require.Equal(t, oidc.ActionKeyRevoked, page.Items[0].Context["action_id"])
	require.Equal(t, oidc.Residue, page.Items[0].Context["residual_exposure"])
	require.Equal(t, fresh.ID, page.Items[0].Context["replaced_by"])
	_, err = w.service.RevokeKey(w.ctx, idp.SystemActor(), stolen)
	require.True(t, idp.Is(err, idp.CodeNotFound))

	// One that does not sign yet, or no longer, is not replaced.
	next, err := w.service.RotateKeys(w.ctx, idp.SystemActor())
	require.NoError(t, err)
	none, err := w.service.RevokeKey(w.ctx, idp.SystemActor(), next.ID)
	require.NoError(t, err)
	require.Nil(t, none)
	found, err := w.service.ListKeys(w.ctx, idp.SystemActor())
	require.NoError(t, err)
	require.Equal(t, []oidc.KeyState{oidc.KeySigns, oidc.KeySealed}, []oidc.KeyState{found[0].State, found[1].State})
	_, err = w.service.ListKeys(w.ctx, idp.Actor{User: u})
	require.True(t, idp.Is(err, idp.CodeForbidden))
}
