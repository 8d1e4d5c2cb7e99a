package rolepage_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

func TestInChromium(t *testing.T) {
	t.Parallel()
	s := open(t)
	ada := s.give(s.User("ada", func(n *account.NewUser) { n.Name = "Ada Lovelace" }), "helpdesk", "viewer")
	group, err := s.Accounts.CreateGroup(t.Context(), idp.SystemActor(), account.NewGroup{Name: "Night shift", Users: []idp.UserID{ada.ID}, Parents: nil})
	require.NoError(t, err)
	require.NoError(t, s.roles.SetGroupRoles(t.Context(), idp.SystemActor(), group.ID, []string{"locksmith"}))
	own, err := s.roles.Create(t.Context(), idp.SystemActor(), access.Draft{Name: "contractor-keeper", Description: "Locks contractors, and nobody else",
		Spec: idp.RoleSpec{Allow: idp.RoleRules{Rules: []idp.RoleRule{{Resources: []string{"lock"}, Verbs: []string{"create"}, Where: `lock.target.role == "contractor"`},
			{Resources: []string{"user", "group"}, Verbs: []string{"list"}}}}, Deny: idp.RoleRules{Rules: []idp.RoleRule{{Resources: []string{"event"}, Verbs: []string{"*"}}}},
			Options: idp.RoleOptions{Lock: idp.Strict}}})
	require.NoError(t, err)
	tab := s.boss.Tab()
	for name, path := range map[string]string{"roles": list, "role-new": list + "new/", "role": at(own), "role-built-in": at(s.named("helpdesk")),
		"role-holders": at(s.named("locksmith")) + "holders/", "user-roles": "/if/admin/users/" + ada.ID.String() + "/roles/",
		"group-roles": "/if/admin/groups/" + group.ID.String() + "/roles/"} {
		tab.Open(path)
		tab.Judge(name)
	}
	require.Empty(t, tab.Complaints())

	desk := s.As(ada).Tab()
	for name, path := range map[string]string{"helpdesk-overview": "/if/admin/", "helpdesk-users": "/if/admin/users/", "helpdesk-user": "/if/admin/users/" + ada.ID.String() + "/",
		"helpdesk-superuser": "/if/admin/users/" + s.Boss.ID.String() + "/", "helpdesk-role": at(own), "helpdesk-refused": "/if/admin/brands/"} {
		desk.Open(path)
		desk.Judge(name)
	}
}
