package access_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// knowing is a checker that knows of these roles.
func knowing(where access.Where, roles ...*idp.Role) *access.Checker {
	known := access.NewRoles(nil, where)
	var changes []idp.Change
	for _, r := range roles {
		r.ID = idp.NewID[idp.Role]()
		changes = append(changes, idp.Change{Kind: idp.ChangeRole, Subject: r.ID.String(), Role: r})
	}
	known.Apply(changes)
	return access.New(access.Deps{Roles: known})
}

func rule(on, verb, where string) idp.RoleRule {
	return idp.RoleRule{Resources: []string{on}, Verbs: []string{verb}, Where: where}
}

func role(name string, deny []idp.RoleRule, allow ...idp.RoleRule) *idp.Role {
	return &idp.Role{Name: name, Spec: idp.RoleSpec{Allow: idp.RoleRules{Rules: allow}, Deny: idp.RoleRules{Rules: deny}}}
}

func with(names ...string) idp.Actor {
	return idp.Actor{User: &idp.User{ID: 7, Username: "mia", IsActive: true, RoleNames: names}}
}

func TestDenialsComeFirstAndNothingIsAllowedByItself(t *testing.T) {
	t.Parallel()
	check := knowing(nil, role("keeper", nil, rule("lock", "*", "")), role("lister", nil, rule("lock", "list", "")),
		role("all", nil, rule("*", "*", "")), role("barred", []idp.RoleRule{rule("lock", "*", "")}), role("limited", nil, rule("lock", "create", "true")),
		role("careful", []idp.RoleRule{rule("lock", "create", "false")}, rule("lock", "*", "")))
	on := idp.Object{Resource: idp.ResourceLock}
	for _, c := range []struct {
		verb  idp.Verb
		names []string
		may   bool
	}{
		{idp.VerbCreate, nil, false}, {idp.VerbCreate, []string{"unknown"}, false}, {idp.VerbCreate, []string{"keeper"}, true},
		{idp.VerbRead, []string{"lister"}, true}, {idp.VerbList, []string{"lister"}, true}, {idp.VerbCreate, []string{"lister"}, false},
		{idp.VerbDelete, []string{"all"}, true}, {idp.VerbDelete, []string{"all", "barred"}, false}, {idp.VerbDelete, []string{"barred", "keeper"}, false},
		{idp.VerbCreate, []string{"limited"}, false}, {idp.VerbCreate, []string{"careful"}, false}, {idp.VerbDelete, []string{"careful"}, true},
	} {
		require.Equal(t, c.may, check.Check(with(c.names...), c.verb, on) == nil, "%v %s", c.names, c.verb)
	}
	off := with("all")
	off.User.IsActive = false
	require.Error(t, check.Check(off, idp.VerbRead, on))
}

func TestAConditionThatCannotBeJudgedAllowsNothingAndDeniesEverything(t *testing.T) {
	t.Parallel()
	for answer, where := range map[string]access.Where{
		"holds": func(string, idp.Verb, idp.Object) (bool, error) { return true, nil },
		"not":   func(string, idp.Verb, idp.Object) (bool, error) { return false, nil },
		"fault": func(string, idp.Verb, idp.Object) (bool, error) { return true, errors.New("x") },
	} {
		check := knowing(where, role("some", nil, rule("lock", "create", "x")), role("but", []idp.RoleRule{rule("lock", "create", "x")}, rule("lock", "create", "")))
		on := idp.Object{Resource: idp.ResourceLock}
		require.Equal(t, answer == "holds", check.Check(with("some"), idp.VerbCreate, on) == nil, answer)
		require.Equal(t, answer == "not", check.Check(with("but"), idp.VerbCreate, on) == nil, answer)
	}
}

// The rights on the left cover those of the role on the right, or do not.
func TestCovers(t *testing.T) {
	t.Parallel()
	but := func(name string, deny ...idp.RoleRule) *idp.Role { return role(name, deny, rule("*", "*", "")) }
	check := knowing(nil, role("all", nil, rule("*", "*", "")), role("locks", nil, rule("lock", "*", "")), role("make", nil, rule("lock", "create", "")),
		role("list", nil, rule("lock", "list", "")), role("read", nil, rule("lock", "read", "")), role("where", nil, rule("lock", "create", "x")),
		role("elsewhere", nil, rule("lock", "create", "y")), but("but", rule("lock", "*", "")), but("butwhere", rule("lock", "create", "x")),
		role("denial", []idp.RoleRule{rule("lock", "*", "")}), role("nothing", nil),
		role("each", nil, idp.RoleRule{Resources: names(idp.Resources()), Verbs: []string{"*"}}))
	for _, c := range []struct {
		has  []string
		of   string
		want bool
	}{
		{nil, "nothing", true}, {nil, "read", false}, {[]string{"all"}, "all", true}, {[]string{"all"}, "where", true}, {[]string{"all"}, "but", true},
		{[]string{"locks"}, "make", true}, {[]string{"locks"}, "all", false}, {[]string{"make"}, "locks", false},
		{[]string{"list"}, "read", true}, {[]string{"read"}, "list", false}, {[]string{"make"}, "where", true}, {[]string{"where"}, "make", false},
		{[]string{"where"}, "where", true}, {[]string{"where"}, "elsewhere", false}, {[]string{"where", "elsewhere"}, "make", false},
		{[]string{"but"}, "but", true}, {[]string{"but"}, "all", false}, {[]string{"but"}, "locks", false}, {[]string{"butwhere"}, "make", false},
		{[]string{"butwhere"}, "butwhere", true}, {[]string{"locks", "denial"}, "make", false}, {[]string{"each"}, "all", false}, {[]string{"all"}, "each", true},
		{[]string{"all"}, "unknown", false}, {[]string{"each"}, "each", true}, {[]string{"read", "make"}, "list", false},
	} {
		require.Equal(t, c.want, check.Covers(with(c.has...), idp.Rights{Roles: []string{c.of}}) == nil, "%v covers %s", c.has, c.of)
	}
	for _, c := range []struct {
		has  []string
		want bool
	}{{[]string{"all"}, true}, {[]string{"locks"}, true}, {[]string{"make"}, false}, {[]string{"all", "denial"}, false}, {nil, false}} {
		require.Equal(t, c.want, check.Covers(with(c.has...), idp.Rights{Roles: []string{"denial"}, Taken: true}) == nil, "%v takes the denial", c.has)
	}
	super := idp.Rights{Superuser: true}
	require.Equal(t, idp.CodeForbidden, idp.CodeOf(check.Covers(with("all"), super)), "a role of everything makes no superuser")
	root := with()
	root.User.IsSuperuser = true
	require.NoError(t, check.Covers(root, super))
	require.NoError(t, check.Covers(root, idp.Rights{Roles: []string{"unknown"}}))
	require.NoError(t, check.Covers(idp.SystemActor(), super))
	require.Error(t, check.Covers(idp.Actor{}, idp.Rights{Roles: []string{"read"}}))
}

func names(resources []idp.Resource) []string {
	var out []string
	for _, r := range resources {
		out = append(out, string(r))
	}
	return out
}
