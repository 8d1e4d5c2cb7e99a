package postgres

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestLockdownKeepsEveryField(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, lockdowns := t.Context(), db.Repos().Lockdowns
	u, admin := addUser(t, db, "u"), addUser(t, db, "admin")
	l := &idp.Lockdown{BatchID: uuid.New(), UserID: &u.ID, Username: "u", ActorID: &admin.ID, ActorName: "admin", Reason: "stolen",
		Switches: idp.Switches{DeactivateUser: true, RevokeTokens: true}, Ended: idp.Holdings{Sessions: 3, Tokens: map[idp.TokenIntent]int{"api": 2}, Grants: 1},
		SelfService: true, WasActive: true, HadPassword: true, IdempotencyKey: "k", RequestDigest: digest()}
	require.NoError(t, lockdowns.Create(ctx, l))
	require.WithinDuration(t, time.Now(), l.StartedAt, time.Minute)
	got, err := lockdowns.Get(ctx, l.ID)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(l, got))

	n, err := lockdowns.MarkRestored(ctx, u.ID, admin)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	n, err = lockdowns.MarkRestored(ctx, u.ID, nil)
	require.NoError(t, err)
	require.Zero(t, n)
	got, err = lockdowns.Get(ctx, l.ID)
	require.NoError(t, err)
	require.NotNil(t, got.RestoredAt)
	require.Equal(t, admin.ID, *got.RestoredByID)
	require.Equal(t, "admin", got.RestoredByName)
	_, err = lockdowns.Get(ctx, idp.NewID[idp.Lockdown]())
	requireCode(t, idp.CodeNotFound, err)
}

func TestLockdownFilters(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, lockdowns := t.Context(), db.Repos().Lockdowns
	u, v, admin := addUser(t, db, "u"), addUser(t, db, "v"), addUser(t, db, "admin")
	batch := uuid.New()
	for i, l := range []*idp.Lockdown{
		{UserID: &u.ID, Username: "u", ActorID: &admin.ID, ActorName: "admin", Reason: "first"},
		{UserID: &u.ID, Username: "u", ActorName: "system", BatchID: batch, Reason: "second"},
		{UserID: &v.ID, Username: "v", ActorName: "system", BatchID: batch, Reason: "third"},
	} {
		l.StartedAt = time.Date(2026, 1, i+1, 0, 0, 0, 0, time.UTC)
		require.NoError(t, lockdowns.Create(ctx, l))
	}
	_, err := lockdowns.MarkRestored(ctx, v.ID, nil)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		f    idp.LockdownFilter
		want []string
	}{
		"newest first": {idp.LockdownFilter{}, []string{"third", "second", "first"}},
		"user":         {idp.LockdownFilter{UserID: &u.ID}, []string{"second", "first"}},
		"actor":        {idp.LockdownFilter{ActorID: &admin.ID}, []string{"first"}},
		"batch":        {idp.LockdownFilter{BatchID: &batch}, []string{"third", "second"}},
		"open":         {idp.LockdownFilter{Open: ptr(true)}, []string{"second", "first"}},
		"restored":     {idp.LockdownFilter{Open: ptr(false)}, []string{"third"}},
		"search":       {idp.LockdownFilter{Paging: idp.Paging{Search: "SECO"}}, []string{"second"}},
	} {
		got, err := lockdowns.Find(ctx, c.f)
		require.NoError(t, err, name)
		var reasons []string
		for _, l := range got.Items {
			reasons = append(reasons, l.Reason)
		}
		require.Equal(t, c.want, reasons, name)
	}
}

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, lockdowns := t.Context(), db.Repos().Lockdowns
	u, v, admin, other := addUser(t, db, "u"), addUser(t, db, "v"), addUser(t, db, "admin"), addUser(t, db, "other")
	add := func(target, actor *idp.User, key string) error {
		l := &idp.Lockdown{UserID: &target.ID, Username: target.Username, ActorName: systemName, IdempotencyKey: key}
		if actor != nil {
			l.ActorID, l.ActorName = &actor.ID, actor.Username
		}
		return lockdowns.Create(ctx, l)
	}
	require.NoError(t, add(u, admin, "k"))
	require.NoError(t, add(v, admin, "k"))
	requireCode(t, idp.CodeConflict, add(u, admin, "k"))
	require.NoError(t, add(u, other, "k"), "another's key is another key")
	require.NoError(t, add(u, nil, "k"))
	require.NoError(t, add(u, admin, ""))
	require.NoError(t, add(u, admin, ""), "no key is no key")
	count := func(actor *idp.UserID, key string) int {
		found, err := lockdowns.FindByKey(ctx, actor, key)
		require.NoError(t, err)
		return len(found)
	}
	require.Equal(t, []int{2, 1, 1, 0, 0}, []int{count(&admin.ID, "k"), count(&other.ID, "k"), count(nil, "k"), count(&admin.ID, "j"), count(&admin.ID, "")})
	require.NoError(t, db.Repos().Users.Delete(ctx, other.ID))
	require.Equal(t, 1, count(nil, "k"), "a deleted actor is not the system")
}
