package blueprint_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/blueprint"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

const desk = `version: 1
entries:
  - model: authentik_rbac.role
    id: role
    identifiers: {name: Desk}
    attrs:
      description: Helps people.
      spec: {allow: {rules: [{resources: [user], verbs: [list, read]}, {resources: [lock], verbs: [create], where: lock.target.role == "contractor"}]}}
  - model: authentik_core.group
    id: group
    identifiers: {name: Desk}
    attrs: {roles: [!KeyOf role]}
  - model: authentik_core.user
    identifiers: {username: grace}
    attrs: {name: Grace, roles: [!Find [authentik_rbac.role, [name, Desk]]]}
`

func (f fixture) role(t *testing.T, name string) *idp.Role {
	t.Helper()
	r, err := f.db.Repos().Roles.GetByName(t.Context(), name)
	require.NoError(t, err)
	return r
}

func (f fixture) group(t *testing.T, name string) (*idp.Group, []idp.Role) {
	t.Helper()
	page, err := f.db.Repos().Groups.Find(t.Context(), idp.GroupFilter{Name: &name})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	held, err := f.db.Repos().Roles.OfGroups(t.Context(), []idp.GroupID{page.Items[0].ID})
	require.NoError(t, err)
	return &page.Items[0], held[page.Items[0].ID]
}

func TestRolesAreMadeAndGiven(t *testing.T) {
	t.Parallel()
	f := open(t)
	changes, err := f.apply(t, desk)
	require.NoError(t, err)
	require.Equal(t, "created created created", effects(changes))
	require.Equal(t, blueprint.FieldChange{Field: "roles", To: []any{"Desk"}}, changes[1].Fields[1], "by their names")
	require.Equal(t, []string{"Desk"}, f.user(t, "grace").RoleNames)
	_, held := f.group(t, "Desk")
	require.Len(t, held, 1)
	require.Equal(t, `lock.target.role == "contractor"`, held[0].Spec.Allow.Rules[1].Where)

	changes, err = f.apply(t, desk)
	require.NoError(t, err)
	require.Equal(t, "unchanged unchanged unchanged", effects(changes))

	// What an entry does not name is left alone; a name stands for the key.
	user := func(attrs string) string {
		return "version: 1\nentries:\n  - model: authentik_core.user\n    identifiers: {username: grace}\n    attrs: {" + attrs + "}\n"
	}
	for _, c := range []struct {
		attrs, effect string
		roles         []string
	}{{"name: Lady Grace", "changed", []string{"Desk"}}, {"roles: [Desk]", "unchanged", []string{"Desk"}},
		{"roles: []", "changed", []string{}}, {"name: G, roles: [Desk]", "changed", []string{"Desk"}}} {
		changes, err = f.apply(t, user(c.attrs))
		require.NoError(t, err, c.attrs)
		require.Equal(t, c.effect, effects(changes), c.attrs)
		require.ElementsMatch(t, c.roles, f.user(t, "grace").RoleNames, c.attrs)
	}
	_, err = f.apply(t, user("roles: [Nobody's]"))
	require.ErrorContains(t, err, `test.yaml:5:20: entry 1 (authentik_core.user): roles: There is no role "Nobody's".`)

	// spec is replaced as a whole.
	_, err = f.apply(t, "version: 1\nentries:\n  - model: authentik_rbac.role\n    identifiers: {name: Desk}\n    attrs: {spec: {deny: {rules: [{resources: [user], verbs: [delete]}]}, options: {lock: strict}}}\n")
	require.NoError(t, err)
	require.Equal(t, idp.RoleSpec{Allow: idp.RoleRules{Rules: []idp.RoleRule{}}, Options: idp.RoleOptions{Lock: idp.Strict},
		Deny: idp.RoleRules{Rules: []idp.RoleRule{{Resources: []string{"user"}, Verbs: []string{"delete"}}}}}, f.role(t, "Desk").Spec)
	require.Equal(t, "Helps people.", f.role(t, "Desk").Description)

	_, err = f.apply(t, "version: 1\nentries:\n  - model: authentik_rbac.role\n    state: absent\n    identifiers: {name: Desk}\n")
	require.NoError(t, err)
	require.Empty(t, f.user(t, "grace").RoleNames)
}

func TestRolesThatCannotBe(t *testing.T) {
	t.Parallel()
	f := open(t)
	for attrs, want := range map[string]string{
		"spec: {allow: {rules: [{resources: [door], verbs: [read]}]}}":                  "5:19: entry 1 (authentik_rbac.role): spec.allow.rules: “door” is no resource.",
		"spec: {allow: {rules: [{resources: [user], verbs: [read], where: owner ==}]}}": "spec.allow.rules: Rule 1, where: ",
		"spec: {allow: {rule: []}}":        "spec: unknown field",
		"spec: {options: {lock: perhaps}}": `spec.options.lock: locking mode "perhaps" not supported`,
		"spec: {}, permissions: []":        "permissions: Give either spec or permissions.",
		"permissions: [authentik_core.view_user, authentik_core.change_user, nonsense]":       "no rule of a role means exactly the same as authentik_core.change_user, nonsense; write what the role allows as rules, in spec",
		"permissions: [authentik_flows.view_flow, authentik_core.view_user, authentik_x.y]":   "the same as authentik_flows.view_flow (only together with authentik_flows.view_flowstagebinding), authentik_x.y; write",
		"permissions: [stage_paint.view_paint, authentik_core.add_token]":                     "as stage_paint.view_paint (only together with authentik_stages_prompt.view_prompt), authentik_core.add_token; write",
		"permissions: [authentik_policies.add_policybinding]":                                 "(only together with authentik_policies_expression.add_expressionpolicy and 1 more)",
		"permissions: authentik_core.view_user":                                               "permissions: expected a list, got a text",
		"colour: red":                                                                         "colour: unknown field",
		"permissions: [authentik_rbac.change_role, authentik_core.view_token_key]":            "authentik_rbac.change_role, authentik_core.view_token_key",
		"permissions: [authentik_core.reset_user_password, authentik_core.impersonate, a, b]": "authentik_core.reset_user_password, authentik_core.impersonate, a, b",
	} {
		_, err := f.apply(t, "version: 1\nentries:\n  - model: authentik_rbac.role\n    identifiers: {name: R}\n    attrs: {"+attrs+"}\n")
		require.ErrorContains(t, err, want, attrs)
	}
	page, err := f.db.Repos().Roles.Find(t.Context(), idp.RoleFilter{})
	require.NoError(t, err)
	require.Zero(t, page.Total)
}

// Permissions become rules where those allow the same and no more.
func TestPermissionsOfRolesBecomeRules(t *testing.T) {
	t.Parallel()
	f := open(t)
	for permissions, want := range map[string][]idp.RoleRule{
		"[]": {},
		"[authentik_core.view_user, authentik_core.view_user]": {{Resources: []string{"user"}, Verbs: []string{"list", "read"}}},
		"[authentik_core.delete_group, authentik_core.add_group, authentik_core.change_group]": {
			{Resources: []string{"group"}, Verbs: []string{"create", "update", "delete"}}},
		"[authentik_events.view_event, authentik_core.delete_authenticatedsession, authentik_core.view_userconsent]": {
			{Resources: []string{"session"}, Verbs: []string{"delete"}}, {Resources: []string{"event"}, Verbs: []string{"list", "read"}},
			{Resources: []string{"consent"}, Verbs: []string{"list", "read"}}},
		"[authentik_flows.change_flow, authentik_flows.change_flowstagebinding]": {{Resources: []string{"flow"}, Verbs: []string{"update"}}},
	} {
		text := "version: 1\nentries:\n  - model: authentik_rbac.role\n    identifiers: {name: R}\n    attrs: {permissions: " + permissions + "}\n"
		_, err := f.apply(t, text)
		require.NoError(t, err, permissions)
		require.Equal(t, want, f.role(t, "R").Spec.Allow.Rules, permissions)
		changes, err := f.apply(t, text)
		require.NoError(t, err, permissions)
		require.Equal(t, "unchanged", effects(changes), permissions)
	}
}

func TestPermissionsOnSingleObjectsAreReportedOneByOne(t *testing.T) {
	t.Parallel()
	f := open(t)
	entry := func(permissions string) string {
		return desk + "  - model: authentik_core.group\n    identifiers: {name: G}\n    permissions: " + permissions + "\n"
	}
	_, err := f.apply(t, entry("[{permission: authentik_core.view_group, user: 5}, {permission: authentik_core.change_group, role: Desk}]"))
	require.Equal(t, []string{
		"test.yaml:18:19: entry 4 (authentik_core.group): permissions: permissions on single objects are not offered: authentik_core.view_group for user 5; rules of a role are about all objects of a kind",
		"test.yaml:18:69: entry 4 (authentik_core.group): permissions: permissions on single objects are not offered: authentik_core.change_group for role Desk; rules of a role are about all objects of a kind",
	}, lines(blueprint.Problems(err)))
	for _, p := range blueprint.Problems(err) {
		require.True(t, p.Unsupported)
	}
	for permissions, want := range map[string]string{
		"5":                        "permissions: expected a list, got a number",
		"[x]":                      "expected {permission: …, user: …} or {permission: …, role: …}",
		"[{permission: a, to: b}]": `unknown key "to"; expected permission, user or role`,
	} {
		_, err := f.apply(t, entry(permissions))
		require.ErrorContains(t, err, want)
		require.False(t, blueprint.Problems(err)[0].Unsupported, "a mistake is never passed over")
	}
	_, err = f.apply(t, entry("!If [false, x, []]"))
	require.NoError(t, err)
	_, err = f.apply(t, strings.Replace(desk, "roles: [!Find", "permissions: [authentik_core.view_user], roles: [!Find", 1))
	require.ErrorContains(t, err, "permissions: permissions of single accounts are not offered")
}

// A whole object may stand for its key, as !FindObject gives it.
func TestAnObjectStandsForItsKeyAmongIdentifiers(t *testing.T) {
	t.Parallel()
	f := open(t)
	text := house + "  - model: authentik_flows.flowstagebinding\n    identifiers: {target: !FindObject [authentik_flows.flow, [slug, house]], stage: {pk: !KeyOf stage}, order: 10}\n"
	changes, err := f.apply(t, text)
	require.NoError(t, err)
	require.Equal(t, "unchanged", changes[len(changes)-1].Effect)
}

// What brands of the original have besides may be empty, and is else passed over
// when that is asked for.
func TestBrandsWithWhatIsNotOffered(t *testing.T) {
	t.Parallel()
	f := open(t)
	brand := func(attrs string) string {
		return house + "  - model: authentik_brands.brand\n    identifiers: {domain: b.example}\n    attrs: {" + attrs + "}\n"
	}
	_, err := f.apply(t, brand("default_application: null, web_certificate: \"\", client_certificates: [], flow_request: null"))
	require.NoError(t, err)
	for attrs, want := range map[string]string{
		"default_application: x":    "default_application: brands do not have this here; leave it empty",
		"web_certificate: x":        "web_certificate: brands do not have this here",
		"client_certificates: [x]":  "client_certificates: brands do not have this here",
		"flow_request: !KeyOf flow": "test.yaml:34:27: entry 9 (authentik_brands.brand): flow_request: brands do not have this here",
	} {
		_, err := f.apply(t, brand(attrs))
		require.ErrorContains(t, err, want)
		require.True(t, blueprint.Problems(err)[0].Unsupported, attrs)
	}
}
