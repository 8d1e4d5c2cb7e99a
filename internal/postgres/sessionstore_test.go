package postgres

import (
	"encoding/base64"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// hashed is what the session manager passes on for a cookie.
func hashed(cookie string) string { return base64.RawURLEncoding.EncodeToString(SessionDigest(cookie)) }

func blankData(deadline time.Time, values map[string]any) ([]byte, error) {
	if deadline.IsZero() || len(values) > 0 {
		return nil, errors.New("odd blank")
	}
	return []byte("blank"), nil
}

func TestSessionStore(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx := t.Context()
	store := db.NewSessionStore(blankData)
	u := addUser(t, db, "u")
	s := addSession(t, db, u, time.Hour)
	sql(t, db, `UPDATE sessions SET digest = $1`, SessionDigest("cookie"))
	s.Digest = SessionDigest("cookie")

	find := func(cookie string) string {
		data, found, err := store.FindCtx(ctx, hashed(cookie))
		require.NoError(t, err)
		require.Equal(t, found, data != nil)
		return string(data)
	}
	require.Equal(t, "blank", find("cookie"))
	require.NoError(t, store.Commit(hashed("cookie"), []byte("kept"), time.Time{}))
	require.Equal(t, "kept", find("cookie"))

	for _, forged := range []string{"", "cookie", "%%%", hashed("other"), hashed("cookie")[:20]} {
		require.NoError(t, store.Commit(forged, []byte("forged"), time.Now().Add(time.Hour)))
		_, found, err := store.Find(forged)
		require.NoError(t, err)
		require.False(t, found)
		require.NoError(t, store.Delete(forged))
	}
	require.Equal(t, 1, scalar[int](t, db, `SELECT count(*) FROM sessions`), "a commit made a session")

	require.NoError(t, store.Delete(hashed("cookie")))
	require.NoError(t, store.Commit(hashed("cookie"), []byte("late"), time.Now().Add(time.Hour)))
	require.Equal(t, "", find("cookie"))
	require.Equal(t, "signed_out", scalar[string](t, db, `SELECT end_reason FROM sessions WHERE data = '' AND ended_at IS NOT NULL`))
}

func TestSessionStoreDropsDeadSessions(t *testing.T) {
	t.Parallel()
	db := open(t)
	store := db.NewSessionStore(blankData)
	u := addUser(t, db, "u")
	old, expired := addSession(t, db, u, time.Hour), addSession(t, db, u, -time.Hour)
	raise(t, db, u.ID)
	for _, digest := range [][]byte{old.Digest, expired.Digest} {
		token := base64.RawURLEncoding.EncodeToString(digest)
		require.NoError(t, store.CommitCtx(t.Context(), token, []byte("late"), time.Now().Add(time.Hour)))
		_, found, err := store.FindCtx(t.Context(), token)
		require.NoError(t, err)
		require.False(t, found)
	}
	require.Equal(t, 2, scalar[int](t, db, `SELECT count(*) FROM sessions WHERE data = ''`))
}

// 1,000 times a request saves its data while the session ends. Whichever comes
// first, the row stays a tombstone without data.
func TestSaveNeverRevives(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, sessions := t.Context(), db.Repos().Sessions
	u := addUser(t, db, "u")
	for i := range 1000 {
		s := addSession(t, db, u, time.Hour)
		saved := make(chan error)
		go func() {
			saved <- db.NewSessionStore(blankData).CommitCtx(ctx, base64.RawURLEncoding.EncodeToString(s.Digest), []byte("late"), time.Time{})
		}()
		ended, err := sessions.End(ctx, s.ID, "lockdown")
		require.NoError(t, err)
		require.True(t, ended)
		require.NoError(t, <-saved)
		if i%100 == 0 {
			require.NoError(t, sessions.Used(ctx, []idp.SessionUse{{ID: s.ID, UserAgent: "late"}}))
		}
	}
	require.Equal(t, fmt.Sprint(1000), scalar[string](t, db,
		`SELECT count(*)::text FROM sessions WHERE ended_at IS NOT NULL AND data = '' AND end_reason = 'lockdown'`))
}
