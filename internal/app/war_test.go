package app_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// weapons are the ways in which one administrator takes another's power.
var weapons = []func(b *browser, group idp.GroupID, target *idp.User) (*answer, error){
	func(b *browser, _ idp.GroupID, target *idp.User) (*answer, error) {
		return b.send(http.MethodPatch, fmt.Sprintf("/api/v3/core/users/%d/", target.ID), map[string]any{"is_active": false})
	},
	func(b *browser, _ idp.GroupID, target *idp.User) (*answer, error) {
		return b.send(http.MethodPatch, fmt.Sprintf("/api/v3/core/users/%d/", target.ID), map[string]any{"groups": []any{}})
	},
	func(b *browser, _ idp.GroupID, target *idp.User) (*answer, error) {
		return b.send(http.MethodPost, "/api/v3/lockdowns/", map[string]any{"users": []idp.UserID{target.ID}})
	},
	func(b *browser, _ idp.GroupID, target *idp.User) (*answer, error) {
		return b.send(http.MethodDelete, fmt.Sprintf("/api/v3/core/users/%d/", target.ID), nil)
	},
	func(b *browser, group idp.GroupID, target *idp.User) (*answer, error) {
		return b.send(http.MethodPost, "/api/v3/core/groups/"+group.String()+"/remove_user/", map[string]any{"pk": target.ID})
	},
	func(b *browser, group idp.GroupID, _ *idp.User) (*answer, error) {
		return b.send(http.MethodPatch, "/api/v3/core/groups/"+group.String()+"/", map[string]any{"is_superuser": false})
	},
	func(b *browser, group idp.GroupID, _ *idp.User) (*answer, error) {
		return b.send(http.MethodPatch, "/api/v3/core/groups/"+group.String()+"/", map[string]any{"users": []any{}})
	},
	func(b *browser, group idp.GroupID, _ *idp.User) (*answer, error) {
		return b.send(http.MethodDelete, "/api/v3/core/groups/"+group.String()+"/", nil)
	},
}

// Four administrators, all there are, take each other's power at the same moment
// over two replicas, each in another way, themselves included: nothing breaks,
// and somebody who can administer always remains.
func TestAnAdministratorAlwaysRemains(t *testing.T) {
	t.Parallel()
	const rounds = 40
	s := newSite(t, 2)
	dice := rand.New(rand.NewPCG(3, 5))
	former := []*idp.User{s.named("admin")}
	for round := range rounds {
		group, err := s.replicas[0].Accounts.CreateGroup(t.Context(), idp.SystemActor(), account.NewGroup{Name: unique("power"), IsSuperuser: true})
		require.NoError(t, err)
		var powers []*idp.User
		for range 4 {
			powers = append(powers, s.user(unique("power"), func(n *account.NewUser) { n.Groups = []idp.GroupID{group.ID} }))
		}
		for _, u := range former {
			require.NoError(t, s.replicas[0].Accounts.Delete(t.Context(), idp.SystemActor(), u.ID))
		}
		var wg sync.WaitGroup
		start, answers, failures := make(chan struct{}), make([]*answer, len(powers)), make([]error, len(powers))
		for i, u := range powers {
			b, weapon, target := s.with(u).at(s.replicas[i%2]), weapons[dice.IntN(len(weapons))], powers[dice.IntN(len(powers))]
			wg.Go(func() {
				<-start
				answers[i], failures[i] = weapon(b, group.ID, target)
			})
		}
		close(start)
		wg.Wait()
		for i, a := range answers {
			require.NoError(t, failures[i])
			require.Less(t, a.status, 500, "round %d: %s: %s", round, a.path, a.body)
		}
		yes := true
		left, err := s.repos().Users.Find(t.Context(), idp.UserFilter{IsSuperuser: &yes, IsActive: &yes})
		require.NoError(t, err)
		require.NotEmpty(t, left.Items, "round %d: %+v", round, answers)
		former = nil
		for i := range left.Items {
			former = append(former, &left.Items[i])
		}
	}
	for _, r := range s.replicas {
		require.NoError(t, r.Close()) // connections report what happened to them when they end
	}
	require.Zero(t, s.deadlocks())
}
