package account_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/session"
)

var joining = &idp.Flow{ID: idp.NewID[idp.Flow](), Slug: "join"}

func (w *world) accountsNow() int {
	w.Helper()
	page, err := w.db.Repos().Users.Find(w.ctx, idp.UserFilter{})
	require.NoError(w, err)
	return page.Total
}

func TestEnrollIsAllOrNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("taken")
	before := w.accountsNow()
	gone, single := idp.NewID[idp.Group](), idp.NewID[idp.Invitation]()
	invite := func() *idp.Invitation {
		i := &idp.Invitation{Name: "one", CreatedBy: w.admin.User.ID, Generation: w.now(w.admin.User).TokenGeneration, SingleUse: true}
		require.NoError(t, w.db.Repos().Invitations.Create(w.ctx, i))
		return i
	}
	kept := invite()
	for name, c := range map[string]struct {
		e     account.Enrollment
		code  idp.Code
		field string
	}{
		"blank name":          {account.Enrollment{Invitation: &kept.ID}, idp.CodeInvalid, "username"},
		"taken name":          {account.Enrollment{Invitation: &kept.ID, NewUser: account.NewUser{Username: "TAKEN"}}, idp.CodeInvalid, "username"},
		"short password":      {account.Enrollment{Invitation: &kept.ID, NewUser: account.NewUser{Username: "a", Password: ptr("short")}}, idp.CodeInvalid, "password"},
		"group that is gone":  {account.Enrollment{Invitation: &kept.ID, NewUser: account.NewUser{Username: "a", Groups: []idp.GroupID{gone}}}, idp.CodeInvalid, "groups"},
		"unknown invitation":  {account.Enrollment{Invitation: &single, NewUser: account.NewUser{Username: "a"}}, idp.CodeRefused, ""},
		"bad path, bad email": {account.Enrollment{NewUser: account.NewUser{Username: "a", Path: "/x", Email: "y"}}, idp.CodeInvalid, "path"},
	} {
		c.e.Flow = joining
		_, err := w.accounts.Enroll(w.ctx, idp.Actor{}, c.e)
		require.Equal(t, c.code, idp.CodeOf(err), "%s: %v", name, err)
		if c.field != "" {
			require.Contains(t, fault(t, err).Fields, c.field, name)
		}
		require.Equal(t, before, w.accountsNow(), name)
	}
	_, err := w.db.Repos().Invitations.Get(w.ctx, kept.ID)
	require.NoError(t, err, "what came to nothing used nothing up")
	require.Empty(t, w.events(idp.ActionInvitationUsed))

	made, err := w.accounts.Enroll(w.ctx, idp.Actor{}, account.Enrollment{Flow: joining, Invitation: &kept.ID,
		NewUser: account.NewUser{Username: "grace", Password: ptr(good), Groups: []idp.GroupID{w.admins}}})
	require.NoError(t, err)
	require.True(t, made.IsSuperuser && w.accepts(made, good))
	require.EqualValues(t, 1, w.hasher.hashes.Load(), "no password is hashed for what is refused anyway")
	_, err = w.db.Repos().Invitations.Get(w.ctx, kept.ID)
	require.True(t, idp.Is(err, idp.CodeNotFound))
	require.Len(t, w.events(idp.ActionUserWrite), 1)
	require.Len(t, w.events(idp.ActionInvitationUsed), 1)
}

func TestEnrollByWhoeverMayNotActAnyMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.create(account.NewUser{Username: "mia", Password: ptr(good)})
	actor, _ := w.signIn(mia)
	require.NoError(t, w.sessions.End(w.ctx, w.admin, actor.Session.ID, ""))
	_, err := w.accounts.Enroll(w.ctx, actor, account.Enrollment{Flow: joining, NewUser: account.NewUser{Username: "friend"}})
	require.True(t, idp.Is(err, idp.CodeRefused), "%v", err)
}

func TestLeave(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mia := w.create(account.NewUser{Username: "mia", Password: ptr(good)})
	actor, cookie := w.signIn(mia)
	stale := w.now(mia).SessionGeneration
	require.NoError(t, w.accounts.SetPassword(w.ctx, actor, mia.ID, "another good one"))
	require.True(t, idp.Is(w.accounts.Leave(w.ctx, idp.Actor{}, mia.ID, stale), idp.CodeRefused), "everything was ended meanwhile")
	require.True(t, idp.Is(w.accounts.Leave(w.ctx, idp.Actor{}, w.admin.User.ID, w.now(w.admin.User).SessionGeneration), idp.CodeInvalid), "the last administrator")
	require.True(t, idp.Is(w.accounts.Leave(w.ctx, idp.Actor{}, 1_000_000, 0), idp.CodeNotFound))
	require.True(t, w.works(cookie))
	actor.User = w.now(mia)
	require.NoError(t, w.accounts.Leave(w.ctx, actor, mia.ID, w.now(mia).SessionGeneration))
	require.False(t, w.works(cookie))
	deleted := w.events(idp.ActionModelDeleted)
	require.Len(t, deleted, 1)
	require.Equal(t, "mia", deleted[0].User["username"])
	_, _, err := w.sessions.Start(w.ctx, idp.Actor{}, session.Begin{User: mia.ID})
	require.True(t, idp.Is(err, idp.CodeRefused))
}
