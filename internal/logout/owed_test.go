package logout

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// What is owed to applications is one row until somebody looks. Whatever happens in
// between takes no application off the list.
func TestWhatIsOwedIsToldWhateverHappensBefore(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		then string // what happens between the end of everything and the first look
		told []string
	}{
		{"nothing", ``, []string{"mail", "wiki"}},
		{"the sweep ends the grants", `UPDATE oauth_grants SET ended_at = clock_timestamp() WHERE ended_at IS NULL`, []string{"mail", "wiki"}},
		{"the account goes", `DELETE FROM users WHERE username = 'ada'`, []string{"mail", "wiki"}},
		{"a provider goes", `DELETE FROM oauth_providers WHERE name = 'wiki'`, []string{"mail", "wiki"}},
		{"an application goes", `DELETE FROM applications WHERE name = 'wiki'`, []string{"mail", "wiki"}},
		{"all end once more", `UPDATE users SET token_generation = token_generation + 1 WHERE username = 'ada'`, []string{"mail", "wiki"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			u, other := w.user("ada"), w.user("eve")
			for _, name := range []string{"wiki", "mail"} {
				a := w.application(name)
				w.grants(u, a)
				w.grants(other, a)
			}
			w.does(`UPDATE oauth_grants SET ended_at = clock_timestamp() - interval '1 hour' WHERE user_id = (SELECT id FROM users WHERE username = 'eve')`)
			w.does(`UPDATE users SET token_generation = token_generation + 1 WHERE username = 'eve'`) // whose grants were over before
			w.ends(u)
			if c.then != "" {
				w.does(c.then)
			}
			var told []string
			for _, n := range w.notices(idp.LogoutNoticeFilter{Paging: idp.Paging{Order: []string{"application"}}}) {
				require.Equal(t, "ada", n.Username)
				require.Equal(t, idp.NoticePending, n.State)
				told = append(told, n.ApplicationName)
			}
			require.Equal(t, c.told, told)
			require.Len(t, w.notices(idp.LogoutNoticeFilter{}), len(c.told), "once, however often somebody looks")
		})
	}
}

// Servers settle while accounts end and go.
func TestWhatIsOwedIsSettledOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.application("wiki")
	const accounts = 24
	var all []*idp.User
	for i := range accounts {
		u := w.user(fmt.Sprintf("user%d", i))
		w.grants(u, a)
		all = append(all, u)
	}
	var busy sync.WaitGroup
	for i, u := range all {
		busy.Go(func() {
			u.TokenGeneration++
			if err := w.db.InTx(t.Context(), func(tx idp.Repos) error { return tx.Users.Update(t.Context(), u) }); err != nil {
				t.Error(err)
			}
			if i%3 == 0 {
				err := w.db.InTx(t.Context(), func(tx idp.Repos) error {
					if _, err := tx.Users.Hold(t.Context(), u.ID); err != nil {
						return err
					}
					return tx.Users.Delete(t.Context(), u.ID)
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
		busy.Go(func() {
			if _, err := w.db.Repos().LogoutNotices.Due(t.Context(), time.Second); err != nil {
				t.Error(err)
			}
		})
	}
	busy.Wait()
	seen := map[string]int{}
	for _, n := range w.notices(idp.LogoutNoticeFilter{Paging: idp.Paging{Limit: 100}}) {
		seen[n.Username]++
	}
	require.Len(t, seen, accounts)
	for name, n := range seen {
		require.Equal(t, 1, n, name)
	}
}
