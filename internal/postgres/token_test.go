package postgres

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestTokenKeepsEveryField(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, tokens := t.Context(), db.Repos().Tokens
	u := addUser(t, db, "mira")
	later := time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond)
	k := &idp.Token{Identifier: "ci", Intent: idp.IntentAppPassword, UserID: u.ID, Digest: digest(), Description: "d",
		Expiring: true, ExpiresAt: &later, Managed: ptr("m"), FlowSlug: "f", Reusable: true}
	require.NoError(t, tokens.Create(ctx, k))
	got, err := tokens.Get(ctx, k.ID)
	require.NoError(t, err)
	want := *k
	want.Username, want.Live = "mira", true
	require.Empty(t, cmp.Diff(&want, got))

	ben := addUser(t, db, "ben")
	got.Identifier, got.Intent, got.UserID, got.Digest, got.Description = "ci2", idp.IntentAPI, ben.ID, digest(), "e"
	got.Expiring, got.ExpiresAt, got.Managed, got.FlowSlug, got.Reusable = false, nil, nil, "", false
	require.NoError(t, tokens.Update(ctx, got))
	again, err := tokens.GetByIdentifier(ctx, "ci2")
	require.NoError(t, err)
	got.Username = "ben"
	require.Empty(t, cmp.Diff(got, again))

	require.NoError(t, tokens.Delete(ctx, k.ID))
	requireCode(t, idp.CodeNotFound, tokens.Delete(ctx, k.ID))
	requireCode(t, idp.CodeNotFound, tokens.Update(ctx, got))
	_, err = tokens.GetByIdentifier(ctx, "ci2")
	requireCode(t, idp.CodeNotFound, err)
}

func TestTokenRefusals(t *testing.T) {
	t.Parallel()
	db := open(t)
	u := addUser(t, db, "u")
	k := addToken(t, db, u, idp.IntentAPI)
	for name, c := range map[string]struct {
		change func(*idp.Token)
		field  string
	}{
		"identifier taken": {func(n *idp.Token) { n.Identifier = k.Identifier }, "identifier"},
		"identifier blank": {func(n *idp.Token) { n.Identifier = "" }, "identifier"},
		"identifier long":  {func(n *idp.Token) { n.Identifier = strings.Repeat("x", 256) }, "identifier"},
		"key taken":        {func(n *idp.Token) { n.Digest = k.Digest }, "key"},
		"intent":           {func(n *idp.Token) { n.Intent = "root" }, "intent"},
		"user":             {func(n *idp.Token) { n.UserID = 4711 }, "user"},
		"no date":          {func(n *idp.Token) { n.Expiring = true }, "expires"},
	} {
		n := &idp.Token{Identifier: "new", Intent: idp.IntentAPI, UserID: u.ID, Digest: digest()}
		c.change(n)
		requireField(t, db.Repos().Tokens.Create(t.Context(), n), c.field, "")
		require.Equal(t, 1, scalar[int](t, db, `SELECT count(*) FROM tokens`), name)
	}
}

func TestUseJudgesNothingAndNotesOnlyLiveUse(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, tokens := t.Context(), db.Repos().Tokens
	u := addUser(t, db, "u")
	old, revoked, expired := addToken(t, db, u, idp.IntentAPI), addToken(t, db, u, idp.IntentAPI), addToken(t, db, u, idp.IntentAPI)
	did, err := tokens.Revoke(ctx, revoked.ID)
	require.NoError(t, err)
	require.True(t, did)
	did, err = tokens.Revoke(ctx, revoked.ID)
	require.NoError(t, err)
	require.False(t, did)
	_, err = tokens.Revoke(ctx, idp.NewID[idp.Token]())
	requireCode(t, idp.CodeNotFound, err)
	sql(t, db, `UPDATE tokens SET expiring = true, expires_at = clock_timestamp() WHERE id = $1`, expired.ID)
	raise(t, db, u.ID)
	u.TokenGeneration++
	live := addToken(t, db, u, idp.IntentAPI)
	for name, c := range map[string]struct {
		k                      *idp.Token
		expired, revoked, live bool
	}{
		"live":           {live, false, false, true},
		"old generation": {old, false, false, false},
		"revoked":        {revoked, false, true, false},
		"expired":        {expired, true, false, false},
	} {
		_, _, err := tokens.Use(ctx, c.k.Digest)
		require.NoError(t, err, name)
		got, user, err := tokens.Use(ctx, c.k.Digest)
		require.NoError(t, err, name)
		require.Equal(t, []bool{c.expired, c.revoked, c.live}, []bool{got.Expired, got.RevokedAt != nil, got.Live}, name)
		require.Equal(t, c.live, got.LastUsedAt != nil, name)
		require.Empty(t, cmp.Diff(u, user, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(idp.User{}, "UpdatedAt", "SessionGeneration")), name)
	}
	first := scalar[time.Time](t, db, `SELECT last_used_at FROM tokens WHERE id = $1`, live.ID)
	_, _, err = tokens.Use(ctx, live.Digest)
	require.NoError(t, err)
	require.Equal(t, first, scalar[time.Time](t, db, `SELECT last_used_at FROM tokens WHERE id = $1`, live.ID))
	sql(t, db, `UPDATE tokens SET last_used_at = last_used_at - interval '61 seconds'`)
	_, _, err = tokens.Use(ctx, live.Digest)
	require.NoError(t, err)
	require.False(t, scalar[time.Time](t, db, `SELECT last_used_at FROM tokens WHERE id = $1`, live.ID).Before(first))
	_, _, err = tokens.Use(ctx, digest())
	requireCode(t, idp.CodeNotFound, err)
}

func TestRevokedStaysRevoked(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, tokens := t.Context(), db.Repos().Tokens
	k := addToken(t, db, addUser(t, db, "u"), idp.IntentAPI)
	_, err := tokens.Revoke(ctx, k.ID)
	require.NoError(t, err)
	k.Description, k.RevokedAt = "edited meanwhile", nil
	require.NoError(t, tokens.Update(ctx, k))
	require.NotNil(t, k.RevokedAt)
}

func TestRevokeIntent(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, tokens := t.Context(), db.Repos().Tokens
	u, other := addUser(t, db, "u"), addUser(t, db, "other")
	first := addToken(t, db, u, idp.IntentRecovery)
	addToken(t, db, u, idp.IntentRecovery)
	kept := []*idp.Token{addToken(t, db, u, idp.IntentAPI), addToken(t, db, other, idp.IntentRecovery)}
	n, err := tokens.RevokeIntent(ctx, u.ID, idp.IntentRecovery, &first.ID)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	n, err = tokens.RevokeIntent(ctx, u.ID, idp.IntentRecovery, nil)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	n, err = tokens.RevokeIntent(ctx, u.ID, idp.IntentRecovery, nil)
	require.NoError(t, err)
	require.Zero(t, n)
	for _, k := range kept {
		got, err := tokens.Get(ctx, k.ID)
		require.NoError(t, err)
		require.True(t, got.Live)
	}
}

func TestTokenFilters(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, tokens := t.Context(), db.Repos().Tokens
	u := addUser(t, db, "Mira")
	a := &idp.Token{Identifier: "alpha", Intent: idp.IntentAPI, UserID: u.ID, Digest: digest(), Description: "Robot"}
	b := &idp.Token{Identifier: "beta", Intent: idp.IntentRecovery, UserID: addUser(t, db, "ben").ID, Digest: digest(), Managed: ptr("sys")}
	require.NoError(t, tokens.Create(ctx, a))
	require.NoError(t, tokens.Create(ctx, b))
	_, err := tokens.Revoke(ctx, b.ID)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		f    idp.TokenFilter
		want string
	}{
		"all":        {idp.TokenFilter{}, "alpha beta"},
		"user":       {idp.TokenFilter{UserID: &u.ID}, "alpha"},
		"intent":     {idp.TokenFilter{Intent: ptr(idp.IntentRecovery)}, "beta"},
		"identifier": {idp.TokenFilter{Identifier: ptr("beta")}, "beta"},
		"managed":    {idp.TokenFilter{Managed: ptr("sys")}, "beta"},
		"live":       {idp.TokenFilter{Live: ptr(true)}, "alpha"},
		"dead":       {idp.TokenFilter{Live: ptr(false)}, "beta"},
		"search":     {idp.TokenFilter{Paging: idp.Paging{Search: "robot"}}, "alpha"},
		"by user":    {idp.TokenFilter{Paging: idp.Paging{Search: "mira"}}, "alpha"},
		"newest":     {idp.TokenFilter{Paging: idp.Paging{Order: []string{"-created"}}}, "beta alpha"},
	} {
		got, err := tokens.Find(ctx, c.f)
		require.NoError(t, err, name)
		var ids []string
		for _, k := range got.Items {
			ids = append(ids, k.Identifier)
		}
		require.Equal(t, c.want, strings.Join(ids, " "), name)
	}
}
