package session_test

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/session"
)

// A form that is sent twice, or by two people at once, ends what there is once
// and tells of it once.
func TestEndingAtOnceTellsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	actor, _ := w.start(mia)
	other, _ := w.start(mia)
	var g errgroup.Group
	for range 8 {
		g.Go(func() error { return w.sessions.End(w.ctx, actor, other.Session.ID, "") })
	}
	require.NoError(t, g.Wait())
	require.Len(t, w.events(idp.ActionLogout), 1)

	for range 3 {
		w.start(mia)
	}
	var ended atomic.Int64
	for range 8 {
		g.Go(func() error {
			n, err := w.sessions.EndAll(w.ctx, idp.SystemActor(), mia.ID)
			ended.Add(int64(n))
			return err
		})
	}
	require.NoError(t, g.Wait())
	require.EqualValues(t, 4, ended.Load())
	events := w.events(idp.ActionLogout)
	require.Len(t, events, 2)
	require.Equal(t, 4.0, events[1].Context["sessions"])
}

// A role may deny people to end their sessions, but nobody can be kept signed in.
func TestSigningOutTakesNoRight(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.user("mia")
	role := &idp.Role{Name: "kept", Spec: idp.RoleSpec{Deny: idp.RoleRules{Rules: []idp.RoleRule{{Resources: []string{"session"}, Verbs: []string{"*"}}}}}}
	require.NoError(t, w.db.Repos().Roles.Create(w.ctx, role))
	require.NoError(t, w.db.Repos().Roles.SetUserRoles(w.ctx, mia.ID, []idp.RoleID{role.ID}))
	known := access.NewRoles(w.db, nil)
	require.NoError(t, known.Reset(w.ctx))
	sessions := session.New(session.Deps{Store: w.db, Access: access.New(access.Deps{Roles: known})})
	actor, _ := w.start(mia)
	other, _ := w.start(mia)
	require.True(t, idp.Is(sessions.End(w.ctx, actor, other.Session.ID, ""), idp.CodeNotFound), "it is not shown to them either")
	_, err := sessions.EndAll(w.ctx, actor, mia.ID)
	require.True(t, idp.Is(err, idp.CodeForbidden))
	require.NoError(t, sessions.End(w.ctx, actor, actor.Session.ID, ""))
	require.NoError(t, sessions.End(w.ctx, actor, actor.Session.ID, ""), "twice")
	events := w.events(idp.ActionLogout)
	require.Len(t, events, 1)
	require.Equal(t, session.ReasonSignedOut, events[0].Context["logout_reason"])
}
