package lock_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lock"
)

// Whatever is renamed does not escape the locks on its old name.
func TestLocksFollowWhatIsRenamed(t *testing.T) {
	w := newWorld(t)
	repos := w.db.Repos()
	alice := w.user("Alice")
	group := &idp.Group{Name: "night"}
	require.NoError(t, repos.Groups.Create(t.Context(), group))
	role := &idp.Role{ID: idp.NewID[idp.Role](), Name: "staff"}
	require.NoError(t, repos.Roles.Create(t.Context(), role))
	token := &idp.Token{Identifier: "ci", Intent: idp.IntentAPI, UserID: alice.ID, Digest: []byte("00000000000000000000000000000000")}
	require.NoError(t, repos.Tokens.Create(t.Context(), token))
	make := func(named map[string]string) idp.LockID {
		made, _, err := w.locks.Create(t.Context(), idp.SystemActor(), lock.Draft{Target: named, Message: "Stay."})
		require.NoError(t, err)
		return made.ID
	}
	user, both, byGroup, byRole, byToken := make(target("user", "alice")), make(map[string]string{"user": "ALICE", "login": "root"}),
		make(target("group", "night")), make(target("role", "staff")), make(target("token", "ci"))
	other, login, lifted := make(target("user", "alice2")), make(target("login", "alice")), make(target("user", "alice"))
	_, err := w.locks.Lift(t.Context(), idp.SystemActor(), lifted)
	require.NoError(t, err)

	alice.Username = "Alicia"
	require.NoError(t, repos.Users.Update(t.Context(), alice))
	group.Name, role.Name, token.Identifier = "late", "crew", "ci-2"
	require.NoError(t, repos.Groups.Update(t.Context(), group))
	require.NoError(t, repos.Roles.Update(t.Context(), role))
	require.NoError(t, repos.Tokens.Update(t.Context(), token))
	for id, want := range map[idp.LockID]string{user: `User:"Alicia"`, both: `User:"Alicia" Login:"root"`, byGroup: `Group:"late"`, byRole: `Role:"crew"`,
		byToken: `Token:"ci-2"`, other: `User:"alice2"`, login: `Login:"alice"`, lifted: `User:"alice"`} {
		l, err := w.locks.Get(t.Context(), idp.SystemActor(), id)
		require.NoError(t, err)
		require.Equal(t, want, l.Target.String())
		require.Equal(t, id != lifted, l.InForce)
	}
	told := w.events(lock.ActionUpdated)
	require.Len(t, told, 5)
	require.Equal(t, map[string]any{"kind": "token", "from": "ci", "to": "ci-2"}, told[0].Context["followed"])

	alice.Username = "ALICIA"
	require.NoError(t, repos.Users.Update(t.Context(), alice))
	require.Len(t, w.events(lock.ActionUpdated), 5, "the same name")
	bob := w.user("bob")
	bob.Username = "alice"
	require.NoError(t, repos.Users.Update(t.Context(), bob), "the old name is free, and not locked")
}

// The event of a lock that followed names who renamed what it is about.
func TestWhoRenamesIsNamed(t *testing.T) {
	w := newWorld(t)
	carol, admin := w.user("carol"), w.user("boss")
	made, _, err := w.locks.Create(t.Context(), idp.SystemActor(), lock.Draft{Target: map[string]string{"user": "carol", "login": "root"}})
	require.NoError(t, err)
	by := idp.Actor{User: admin}
	require.NoError(t, w.db.InTx(t.Context(), func(tx idp.Repos) error {
		for _, name := range []string{"caroline", "karoline"} { // twice in one act
			carol.Username = name
			if err := tx.Users.Update(t.Context(), carol); err != nil {
				return err
			}
		}
		return tx.Events.Append(t.Context(), idp.ModelUpdatedEvent("account", by, carol, nil))
	}))
	told := w.events(lock.ActionUpdated)
	require.Len(t, told, 2)
	for _, e := range told {
		require.Equal(t, "boss", e.User["username"])
		require.Equal(t, made.ID.String(), e.Context["name"])
	}
	_, _, err = w.locks.Change(t.Context(), idp.SystemActor(), made.ID, lock.Patch{Target: &map[string]string{"user": "karoline", "login": "admin"}})
	require.NoError(t, err)
	require.Len(t, w.events(lock.ActionUpdated), 3, "a change tells of itself, once")
}
