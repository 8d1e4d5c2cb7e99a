package session_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/session"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

// An act counts over the connection that it holds: it needs no other one.
func TestEndingCountsWithoutASpareConnection(t *testing.T) {
	t.Parallel()
	for name, connections := range map[string]int32{"spare": 2, "none": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, err := postgres.Open(t.Context(), testkit.Database(t), postgres.Options{MaxConns: connections})
			require.NoError(t, err)
			t.Cleanup(db.Close)
			w := &world{T: t, ctx: t.Context(), db: db, sessions: session.New(session.Deps{Store: db, Access: access.New()})}
			mia := w.user("mia")
			actor, kept := w.start(mia)
			for range 3 {
				w.start(mia)
			}

			n, err := w.sessions.EndOthers(w.ctx, actor, mia.ID)
			require.NoError(t, err)
			require.Equal(t, 3, n, "all but the one that is carried over")
			require.True(t, w.works(kept))
			n, err = w.sessions.EndAll(w.ctx, idp.SystemActor(), mia.ID)
			require.NoError(t, err)
			require.Equal(t, 1, n)
			events := w.events(idp.ActionLogout)
			require.Len(t, events, 2)
			require.Equal(t, 3.0, events[0].Context["sessions"])
			require.Equal(t, 1.0, events[1].Context["sessions"])
		})
	}
}
