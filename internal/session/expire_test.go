package session_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
)

func TestSessionsWhoseTimeIsOverEndWithAnEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	start := func(lasts, idle time.Duration) *idp.Session {
		now := time.Now()
		s := &idp.Session{UserID: mia.ID, Digest: secret.DigestOf(secret.Token()).Bytes(), ExpiresAt: now.Add(lasts).Truncate(time.Millisecond),
			LastSeenAt: now.Add(-2 * time.Minute), IdleTimeout: idle}
		require.NoError(t, w.db.Repos().Sessions.Create(w.ctx, s))
		return s
	}
	lives, expired, idled := start(time.Hour, time.Hour), start(-time.Second, time.Hour), start(time.Hour, time.Minute)
	require.NoError(t, w.sessions.Expire(w.ctx))
	require.NoError(t, w.sessions.Expire(w.ctx), "and only once")
	got := map[string]any{}
	for _, e := range w.events(idp.ActionLogout) {
		require.Equal(t, "mia", e.User["username"])
		require.Equal(t, map[string]any{"pk": 0.0, "username": "system", "email": ""}, e.User["authenticated_as"])
		got[e.Context["session"].(string)] = e.Context["logout_reason"]
	}
	require.Equal(t, map[string]any{expired.ID.String(): idp.EndedByExpiry, idled.ID.String(): idp.EndedByIdling}, got)
	for s, want := range map[*idp.Session]string{lives: "", expired: idp.EndedByExpiry, idled: idp.EndedByIdling} {
		now, err := w.sessions.Get(w.ctx, idp.SystemActor(), s.ID)
		require.NoError(t, err)
		require.Equal(t, want, now.EndReason)
		require.Equal(t, want == "", now.Live)
		if want == idp.EndedByExpiry {
			require.Equal(t, now.ExpiresAt, *now.EndedAt, "it ended when its time was over, not when that was written down")
		}
	}
}
