package access_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

// Whoever makes a role that the product has already, as the seed does with
// locksmith, gets it as their own; one that says something else stays refused.
func TestRolesOfTheProductAreAdoptedAsTheyAre(t *testing.T) {
	t.Parallel()
	db, err := postgres.Open(t.Context(), testkit.Database(t), postgres.Options{MaxConns: 2})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	roles := access.NewService(access.ServiceDeps{Store: db, Checker: access.New()})
	require.NoError(t, roles.EnsureBuiltIn(t.Context()))
	system := idp.SystemActor()
	rule := func(verbs ...string) idp.RoleSpec {
		return idp.RoleSpec{Allow: idp.RoleRules{Rules: []idp.RoleRule{{Resources: []string{"lock"}, Verbs: verbs}}}}
	}
	same := access.Draft{Name: access.Locksmith, Spec: rule("list", "create", "read", "update", "delete")}

	_, err = roles.Create(t.Context(), system, access.Draft{Name: access.Locksmith, Spec: rule("list")})
	require.True(t, idp.Is(err, idp.CodeInvalid), "%v", err)
	_, _, err = roles.Replace(t.Context(), system, access.Draft{Name: access.Locksmith, Spec: rule("list")})
	require.ErrorContains(t, err, "built in")

	before, err := roles.GetByName(t.Context(), system, access.Locksmith)
	require.NoError(t, err)
	made, err := roles.Create(t.Context(), system, same)
	require.NoError(t, err)
	require.Equal(t, before.ID, made.ID, "whoever has it has it still")
	require.Equal(t, before.Description, made.Description)
	require.Empty(t, made.Managed)
	_, err = roles.Create(t.Context(), system, same)
	require.True(t, idp.Is(err, idp.CodeInvalid), "once: %v", err)

	// It is theirs, also after the next start.
	_, created, err := roles.Replace(t.Context(), system, access.Draft{Name: access.Locksmith, Spec: rule("list")})
	require.NoError(t, err)
	require.False(t, created)
	require.NoError(t, roles.EnsureBuiltIn(t.Context()))
	now, err := roles.GetByName(t.Context(), system, access.Locksmith)
	require.NoError(t, err)
	require.Equal(t, []string{"list"}, now.Spec.Allow.Rules[0].Verbs)

	_, created, err = roles.Replace(t.Context(), system, access.Draft{Name: access.Viewer, Spec: spec(t, roles, access.Viewer)})
	require.NoError(t, err)
	require.True(t, created, "replacing one by the same adopts it as well")
}

func spec(t *testing.T, roles *access.Service, name string) idp.RoleSpec {
	t.Helper()
	r, err := roles.GetByName(t.Context(), idp.SystemActor(), name)
	require.NoError(t, err)
	return r.Spec
}
