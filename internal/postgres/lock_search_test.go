package postgres

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// A search finds locks by what begins with its words, in all that a lock says,
// whether few or many have them.
func TestLockSearch(t *testing.T) {
	t.Parallel()
	db := open(t)
	ctx, locks := t.Context(), db.Repos().Locks
	add := func(message, by string, target ...idp.LockKey) string {
		l := &idp.Lock{Target: target, Message: message, CreatedBy: by}
		require.NoError(t, locks.Create(ctx, l))
		return l.ID.String()
	}
	alice := add("Suspicious activity.", "admin", idp.LockKey{Kind: idp.LockUser, Value: "Alice.Müller@example.org"})
	net := add("Botnet (Straße)", "ops", idp.LockKey{Kind: idp.LockIP, Value: "192.0.2.0/24"})
	sql(t, db, `INSERT INTO locks (id, target, message, created_by) SELECT gen_random_uuid(), '{"login": "root"}', 'Everybody''s', 'bulk' FROM generate_series(1, $1)`, fewFound+10)
	find := func(text string, uncounted bool) []string {
		page, err := locks.Find(ctx, idp.LockFilter{Uncounted: uncounted, Paging: idp.Paging{Limit: 50, Search: text}})
		require.NoError(t, err, "%q", text)
		var out []string
		for i := range page.Items {
			out = append(out, page.Items[i].ID.String())
		}
		slices.Sort(out)
		return out
	}
	for text, want := range map[string][]string{
		"alice": {alice}, "ALICE.mü": {alice}, "müller@example": {alice}, "example.org": {alice}, "suspicious act": {alice}, "botnet": {net},
		"straße)": {net}, "192.0.2": {net}, "0.2.0/24": {net}, "ops": {net}, alice[:13]: {alice}, "  user  ": {alice},
		"act suspicious": nil, "nowhere": nil, "%": nil, "@": nil, "' | 'x": nil, `\`: nil, "a:b & !c": nil, "192_0": nil,
	} {
		require.Equal(t, want, find(text, true), "%q", text)
		require.Equal(t, want, find(text, false), "%q", text)
	}
	require.Len(t, find("everybody", true), 50, "as many as all the others")
	inForce := true
	page, err := locks.Find(ctx, idp.LockFilter{InForce: &inForce, Target: idp.LockTarget{{Kind: idp.LockLogin, Value: "root"}}, Uncounted: true,
		Paging: idp.Paging{Limit: 5, Search: "bulk"}})
	require.NoError(t, err)
	require.Len(t, page.Items, 5, "with a target")
}
