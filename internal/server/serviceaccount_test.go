package server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

const serviceAccounts = "/core/users/service_account/"

func TestServiceAccounts(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	made := c.send(http.MethodPost, serviceAccounts, fields{"name": "backup robot", "create_group": true}).json(http.StatusOK)
	u := c.get("/core/users/" + text(made["user_pk"]) + "/")
	require.Subset(t, u, fields{"username": "backup robot", "name": "backup robot", "type": "service_account", "is_active": true, "is_superuser": false,
		"uid": made["user_uid"], "groups": []any{made["group_pk"]}})
	require.Equal(t, made["username"], u["username"])
	require.Equal(t, "backup robot", c.get("/core/groups/" + made["group_pk"].(string) + "/")["name"])

	me := r.do(request{path: path("/core/users/me/"), key: made["token"].(string)}).json(http.StatusOK)
	require.Equal(t, made["user_pk"], me["user"].(map[string]any)["pk"], "the token is good for the API")
	issued := c.get("/core/tokens/?user__username=backup+robot")["results"].([]any)[0].(map[string]any)
	ends, err := time.Parse(time.RFC3339, issued["expires"].(string))
	require.NoError(t, err)
	require.InDelta(t, 360*24, time.Until(ends).Hours(), 1)

	plain := c.send(http.MethodPost, serviceAccounts, fields{"name": "printer", "expiring": false}).json(http.StatusOK)
	require.NotContains(t, plain, "group_pk")
	require.Equal(t, false, c.get("/core/tokens/?user__username=printer")["results"].([]any)[0].(map[string]any)["expiring"])
	dated := time.Now().Add(48 * time.Hour).UTC().Truncate(time.Second)
	c.send(http.MethodPost, serviceAccounts, fields{"name": "scanner", "expires": dated}).json(http.StatusOK)
	require.Equal(t, dated.Format(time.RFC3339), c.get("/core/tokens/?user__username=scanner")["results"].([]any)[0].(map[string]any)["expires"])
}

// What is refused leaves nothing behind.
func TestServiceAccountsAreMadeWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	c := r.by(r.admin)
	for _, bad := range []struct {
		field string
		body  fields
	}{
		{"name", fields{}}, {"name", fields{"name": ""}}, {"name", fields{"name": strings.Repeat("x", 151)}}, {"name", fields{"name": "GRACE"}},
		{"name", fields{"name": "admins", "create_group": true}}, {"expires", fields{"name": "late", "expires": "2001-01-01T00:00:00Z"}},
		{"expires", fields{"name": "late", "expires": "soon"}}, {"expiring", fields{"name": "late", "expiring": "no"}},
	} {
		c.refuse(http.MethodPost, serviceAccounts, bad.field, bad.body)
	}
	for _, name := range []string{"late", "admins"} {
		require.Empty(t, c.all("/core/users/?username="+name, "pk"))
	}
	other := r.by(r.person)
	other.send(http.MethodPost, serviceAccounts, fields{"name": "mine"}).json(http.StatusForbidden)
	helper := &idp.Role{Name: "makes users", Spec: idp.RoleSpec{Allow: idp.RoleRules{Rules: []idp.RoleRule{{Resources: []string{"user"}, Verbs: []string{"*"}}}}}}
	require.NoError(t, r.db.Repos().Roles.Create(t.Context(), helper))
	require.NoError(t, r.db.Repos().Roles.SetUserRoles(t.Context(), r.person.ID, []idp.RoleID{helper.ID}))
	other.send(http.MethodPost, serviceAccounts, fields{"name": "mine"}).json(http.StatusForbidden)
	require.Empty(t, c.all("/core/users/?username=mine", "pk"))
}
