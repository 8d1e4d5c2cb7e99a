package app_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// forRow is the installation for one row of a table, which fails by itself.
func (s *site) forRow(t *testing.T) *site {
	row := *s
	row.T = t
	return &row
}

// upload sends a form with a file to the API; pairs are its other fields.
func (b *browser) upload(path, content string, pairs ...string) *answer {
	b.site.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	if content != "" {
		part, err := w.CreateFormFile("file", "blueprint.yaml")
		require.NoError(b.site, err)
		_, err = part.Write([]byte(content))
		require.NoError(b.site, err)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		require.NoError(b.site, w.WriteField(pairs[i], pairs[i+1]))
	}
	require.NoError(b.site, w.Close())
	return b.do(http.MethodPost, "/api/v3"+path, raw{w.FormDataContentType(), body.String()})
}

// printed is what came of a document.
type printed struct {
	success bool
	effects string   // of the entries, in their order
	faults  []string // in full
	changes []any
}

// apply imports a document as an administrator.
func (s *site) apply(content string, pairs ...string) printed {
	s.Helper()
	got := s.admin().upload("/managed/blueprints/import/", content, pairs...).json(http.StatusOK)
	out := printed{success: got["success"].(bool), changes: got["changes"].([]any)}
	var effects []string
	for _, c := range out.changes {
		effects = append(effects, c.(anyMap)["effect"].(string))
	}
	out.effects = strings.Join(effects, " ")
	for _, p := range got["problems"].([]any) {
		p := p.(anyMap)
		out.faults = append(out.faults, p["model"].(string)+": "+p["field"].(string)+": "+p["message"].(string))
	}
	return out
}

// first is the one object of a list that the query selects; nil when there is
// none.
func (s *site) first(path string) anyMap {
	s.Helper()
	list := s.admin().api(http.StatusOK, http.MethodGet, path, nil)["results"].([]any)
	if len(list) == 0 {
		return nil
	}
	require.Len(s, list, 1, path)
	return list[0].(anyMap)
}

// blueprintFact is a document, and what comes of it. NAME stands for a name that
// no other row has.
type blueprintFact struct {
	before  string // applied first
	file    string // entries, unless it begins with "version" or is a whole document
	effects string // of the entries; "" = it fails
	fault   string // a part of what is wrong
	then    func(s *site, name string)
}

func document(entries string) string {
	if entries == "" || strings.HasPrefix(entries, "version:") || strings.HasPrefix(entries, "entries:") {
		return entries
	}
	return "version: 1\nmetadata: {name: Fact}\nentries:\n" + entries
}

// group is an entry that makes a group called NAME.
const group = "  - model: authentik_core.group\n    id: group\n    identifiers: {name: NAME}\n"

// groupIs asks for a value of the group called NAME.
func groupIs(field string, want any) func(*site, string) {
	return func(s *site, name string) {
		s.Helper()
		g := s.first("/core/groups/?name=" + name)
		require.NotNil(s, g)
		require.Equal(s, want, g[field])
	}
}

func noGroup(s *site, name string) { s.Helper(); require.Nil(s, s.first("/core/groups/?name="+name)) }

func blueprintFileFacts() map[string]blueprintFact {
	return map[string]blueprintFact{
		"version 1 is the version there is":         {file: "version: 1\nentries:\n" + group, effects: "created"},
		"another version is refused":                {file: "version: 2\nentries:\n" + group, fault: "version: expected 1", then: noGroup},
		"a file without a version is refused":       {file: "entries:\n" + group, fault: "version: expected 1", then: noGroup},
		"metadata and context may be left out":      {file: "version: 1\nentries: []\n", effects: ""},
		"labels are texts by name":                  {file: "version: 1\nmetadata: {name: L, labels: {blueprints.goauthentik.io/system: \"true\", any.thing/else: x}}\nentries:\n" + group, effects: "created"},
		"entries may be a list":                     {file: group + strings.ReplaceAll(strings.ReplaceAll(group, "id: group", "id: other"), "NAME", "NAME-2"), effects: "created created"},
		"entries may be lists by section, in order": {file: "version: 1\nentries:\n  first:\n    - model: authentik_core.group\n      id: a\n      identifiers: {name: NAME}\n  second:\n    - model: authentik_core.group\n      identifiers: {name: NAME-2}\n      attrs: {parents: [!KeyOf a]}\n", effects: "created created"},
		"a model that does not exist is an error":   {file: "  - model: authentik_nothing.nothing\n    identifiers: {name: NAME}\n", fault: `model: model "authentik_nothing.nothing" is not offered`},
		"an entry names its model":                  {file: "  - identifiers: {name: NAME}\n", fault: "model is missing"},
		"a model may be given by a tag":             {file: "  - model: !Format [\"authentik_core.%s\", group]\n    identifiers: {name: NAME}\n", effects: "created"},
		"a state may be given by a tag":             {before: group, file: group + "    state: !If [true, absent, present]\n", effects: "removed", then: noGroup},
		"an unknown state is refused":               {file: group + "    state: gone\n", fault: "expected present, created, must_created or absent", then: noGroup},

		"present is the state of an entry that names none, and makes what is missing": {file: group + "    attrs: {is_superuser: true}\n", effects: "created", then: groupIs("is_superuser", true)},
		"present changes the attributes that are named, and no others": {before: group + "    attrs: {is_superuser: true, attributes: {a: 1}}\n",
			file: group + "    state: present\n    attrs: {attributes: {b: 2}}\n", effects: "changed", then: func(s *site, name string) {
				groupIs("is_superuser", true)(s, name)
				groupIs("attributes", anyMap{"b": 2.0})(s, name)
			}},
		"present puts identifiers into what it makes": {file: "  - model: authentik_core.group\n    identifiers: {name: NAME, is_superuser: true}\n    attrs: {attributes: {a: 1}}\n",
			effects: "created", then: groupIs("is_superuser", true)},
		"present twice changes nothing":                      {before: group + "    attrs: {is_superuser: true}\n", file: group + "    attrs: {is_superuser: true}\n", effects: "unchanged"},
		"created makes what is missing":                      {file: group + "    state: created\n    attrs: {is_superuser: true}\n", effects: "created", then: groupIs("is_superuser", true)},
		"created leaves what exists as it is":                {before: group, file: group + "    state: created\n    attrs: {is_superuser: true}\n", effects: "unchanged", then: groupIs("is_superuser", false)},
		"what created leaves alone has a key for others":     {before: group, file: group + "    state: created\n" + strings.ReplaceAll(strings.ReplaceAll(group, "id: group", "id: o"), "NAME", "NAME-2") + "    attrs: {parents: [!KeyOf group]}\n", effects: "unchanged created"},
		"must_created makes what is missing":                 {file: group + "    state: must_created\n", effects: "created"},
		"must_created refuses what exists":                   {before: group, file: group + "    state: must_created\n    attrs: {is_superuser: true}\n", fault: "State is set to must_created and object exists already", then: groupIs("is_superuser", false)},
		"absent deletes":                                     {before: group, file: group + "    state: absent\n", effects: "removed", then: noGroup},
		"absent of what is not there does nothing":           {file: group + "    state: absent\n", effects: "unchanged", then: noGroup},
		"absent does not look at attributes":                 {before: group, file: group + "    state: absent\n    attrs: {colour: !Format [\"%d\", x]}\n", effects: "removed", then: noGroup},
		"an entry is applied when all conditions are truthy": {file: group + "    conditions: [true, 1, text, !Condition [NOR, !Find [authentik_core.group, [name, NAME]]]]\n", effects: "created"},
		"one falsy condition is enough to skip an entry":     {file: group + "    conditions: [true, !Context nowhere]\n", effects: "skipped", then: noGroup},
		"a condition that cannot be judged is an error":      {file: group + "    conditions: [!KeyOf nobody]\n", fault: "no earlier entry has this id", then: noGroup},

		"the object is the one with the primary key": {before: group, file: "  - model: authentik_core.group\n    identifiers: {pk: !Find [authentik_core.group, [name, NAME]], name: NAME-other}\n    attrs: {is_superuser: true}\n",
			effects: "changed", then: func(s *site, name string) {
				require.Nil(s, s.first("/core/groups/?name="+name))
				groupIs("is_superuser", true)(s, name+"-other")
			}},
		"or else the one that has all other identifiers": {before: group, file: "  - model: authentik_core.group\n    identifiers: {pk: 0198c0de-0000-7000-8000-0000000000aa, name: NAME}\n    attrs: {is_superuser: true}\n",
			effects: "changed", then: groupIs("is_superuser", true)},
		"a primary key that is not there becomes that of what is made": {file: "  - model: authentik_core.group\n    identifiers: {pk: 0198c0de-0000-7000-8000-0000000000bb}\n    attrs: {name: NAME}\n",
			effects: "created", then: groupIs("pk", "0198c0de-0000-7000-8000-0000000000bb")},
		"of identifiers that are mappings the object need hold a part": {before: group + "    attrs: {attributes: {team: NAME, more: {x: 1, y: 2}}}\n",
			file: "  - model: authentik_core.group\n    identifiers: {attributes: {team: NAME, more: {y: 2}}}\n    attrs: {is_superuser: true}\n", effects: "changed", then: groupIs("is_superuser", true)},
		"a mapping with a pk among identifiers stands for the key": {before: bound, file: "  - model: authentik_flows.flowstagebinding\n    identifiers: {target: {pk: !Find [authentik_flows.flow, [slug, NAME]]}, order: 7}\n    attrs: {evaluate_on_plan: true}\n", effects: "changed"},
		"so does a whole object":                                   {before: bound, file: "  - model: authentik_flows.flowstagebinding\n    identifiers: {target: !FindObject [authentik_flows.flow, [slug, NAME]], order: 7}\n    attrs: {evaluate_on_plan: true}\n", effects: "changed"},
		"an entry without identifiers is an error":                 {file: "  - model: authentik_core.group\n    attrs: {name: NAME}\n", fault: "identifiers are missing", then: noGroup},
		"an identifier is the name of a field":                     {file: "  - model: authentik_core.group\n    identifiers: {colour: NAME}\n", fault: "colour: unknown field"},
		"of several objects that fit the first is taken": {before: group + "    attrs: {attributes: {team: NAME}}\n" + strings.ReplaceAll(strings.ReplaceAll(group, "id: group", "id: o"), "NAME", "NAME-2") + "    attrs: {attributes: {team: NAME}}\n",
			file: "  - model: authentik_core.group\n    identifiers: {attributes: {team: NAME}}\n    attrs: {is_superuser: true}\n", effects: "changed", then: func(s *site, name string) {
				one, two := s.first("/core/groups/?name="+name), s.first("/core/groups/?name="+name+"-2")
				require.NotEqual(s, one["is_superuser"], two["is_superuser"])
			}},
	}
}

// bound is a flow called NAME with a stage at 7.
const bound = `  - {model: authentik_flows.flow, id: flow, identifiers: {slug: NAME}, attrs: {name: N, title: N, designation: stage_configuration}}
  - {model: authentik_stages_dummy.dummystage, id: stage, identifiers: {name: NAME}}
  - {model: authentik_flows.flowstagebinding, id: binding, identifiers: {target: !KeyOf flow, stage: !KeyOf stage, order: 7}}
`

func blueprintModelFacts() map[string]blueprintFact {
	user := "  - model: authentik_core.user\n    id: user\n    identifiers: {username: NAME}\n"
	return map[string]blueprintFact{
		"a user may be given a password, which is never shown": {file: user + "    attrs: {name: N, password: " + password + "}\n", effects: "created", then: func(s *site, name string) {
			in, err := s.browser().tryToSignIn(name, password)
			require.NoError(s, err)
			require.True(s, in)
			again := s.apply(document("  - model: authentik_core.user\n    identifiers: {username: " + name + "}\n    attrs: {password: " + password + "}\n"))
			require.Equal(s, "unchanged", again.effects, "one that fits already is left alone")
		}},
		"a user may be given the hash of one": {file: user + "    attrs: {name: N, password_hash: \"pbkdf2_sha256$1000$somesalt$5NqnriRzde8KOfbCs90nVT5I8zEwvmlRhvQVuyQ2JGc=\"}\n", effects: "created", then: func(s *site, name string) {
			in, err := s.browser().tryToSignIn(name, "imported secret")
			require.NoError(s, err)
			require.True(s, in)
		}},
		"a password and a hash at once are refused": {file: user + "    attrs: {name: N, password: " + password + ", password_hash: x}\n", fault: "Give either a password or a hash of one."},
		"a token may be given its key": {file: user + "    attrs: {name: N}\n  - model: authentik_core.token\n    identifiers: {identifier: NAME}\n    attrs: {user: !KeyOf user, intent: api, key: NAME-secret-key-that-nobody-guesses}\n",
			effects: "created created", then: func(s *site, name string) {
				me := s.program(name+"-secret-key-that-nobody-guesses").api(http.StatusOK, http.MethodGet, "/core/users/me/", nil)
				require.Equal(s, name, me["user"].(anyMap)["username"])
			}},
		"an invitation may be given whose it is": {file: user + "    attrs: {name: N}\n  - model: authentik_stages_invitation.invitation\n    identifiers: {name: NAME}\n    attrs: {created_by: !KeyOf user, single_use: true}\n",
			effects: "created created", then: func(s *site, name string) {
				require.Equal(s, name, s.first("/stages/invitation/invitations/?name=" + name)["created_by"].(anyMap)["username"])
			}},
		"the address of a flow's background may be given": {file: "  - model: authentik_flows.flow\n    identifiers: {slug: NAME}\n    attrs: {name: N, title: N, designation: enrollment, background: /static/x.png}\n",
			effects: "created", then: func(s *site, name string) {
				require.Equal(s, "/static/x.png", s.first("/flows/instances/?slug=" + name)["background_url"])
			}},
		"a policy binding finds flows and their bindings by their ids": {before: bound, file: bound + "  - {model: authentik_policies_dummy.dummypolicy, id: policy, identifiers: {name: NAME}}\n" +
			"  - {model: authentik_policies.policybinding, identifiers: {target: !KeyOf flow, policy: !KeyOf policy, order: 0}}\n" +
			"  - {model: authentik_policies.policybinding, identifiers: {target: !KeyOf binding, policy: !KeyOf policy, order: 0}}\n",
			effects: "unchanged unchanged unchanged created created created"},

		"a role has rules, and a group and a user have roles": {file: "  - model: authentik_rbac.role\n    id: role\n    identifiers: {name: NAME}\n    attrs: {spec: {allow: {rules: [{resources: [user], verbs: [list, read]}]}}}\n" +
			group + "    attrs: {roles: [!KeyOf role]}\n" + user + "    attrs: {name: N, roles: [!Find [authentik_rbac.role, [name, NAME]]]}\n",
			effects: "created created created", then: func(s *site, name string) {
				role := s.first("/rbac/roles/?name=" + name)
				require.Equal(s, []any{role["pk"]}, s.first("/core/groups/?name=" + name)["roles"])
				require.Equal(s, []any{role["pk"]}, s.first("/core/users/?username=" + name)["roles"])
				b := s.with(s.named(name))
				require.Equal(s, http.StatusOK, b.get("/api/v3/core/users/?username=admin").status)
				require.Equal(s, http.StatusForbidden, b.get("/api/v3/core/brands/").status)
			}},
		"permissions of a role become rules where those mean the same": {file: "  - model: authentik_rbac.role\n    identifiers: {name: NAME}\n" +
			"    attrs: {permissions: !Enumerate [!Context goauthentik.io/rbac/models, SEQ, !Format [\"%s.view_%s\", !Value 0, !Index 0]]}\n", effects: "created", then: func(s *site, name string) {
			var resources []string
			for _, rule := range s.first("/rbac/roles/?name=" + name)["spec"].(anyMap)["allow"].(anyMap)["rules"].([]any) {
				require.Equal(s, []any{"list", "read"}, rule.(anyMap)["verbs"])
				resources = append(resources, rule.(anyMap)["resources"].([]any)[0].(string))
			}
			require.Subset(s, resources, []string{"user", "group", "role", "token", "brand", "flow", "stage", "policy", "blueprint", "invitation"})
		}},
		"a permission that a rule would widen is reported": {file: "  - model: authentik_rbac.role\n    identifiers: {name: NAME}\n    attrs: {permissions: [authentik_core.change_user]}\n",
			fault: "no rule of a role means exactly the same as authentik_core.change_user"},
		"permissions on one object are reported": {file: group + "    permissions: [{permission: authentik_core.view_group, user: 1}]\n", fault: "permissions on single objects are not offered", then: noGroup},
		"permissions may be empty":               {file: group + "    permissions: []\n", effects: "created"},
		"what is not offered can be left out, and the rest applied": {file: group + "    permissions: [{permission: authentik_core.view_group, user: 1}]\n" + strings.ReplaceAll(strings.ReplaceAll(group, "id: group", "id: o"), "NAME", "NAME-2"),
			fault: "permissions on single objects are not offered", then: func(s *site, name string) {
				text := document(strings.ReplaceAll(group+"    permissions: [{permission: authentik_core.view_group, user: 1}]\n"+strings.ReplaceAll(strings.ReplaceAll(group, "id: group", "id: o"), "NAME", "NAME-2"), "NAME", name))
				got := s.apply(text, "skip_unsupported", "true")
				require.Equal(s, "skipped created", got.effects)
				require.Len(s, got.faults, 1)
			}},
		"another blueprint is applied first": {file: "  - model: authentik_blueprints.metaapplyblueprint\n    attrs: {identifiers: {name: Default - Password change flow}}\n" + group, effects: "unchanged created"},
		"one that is not there is an error":  {file: "  - model: authentik_blueprints.metaapplyblueprint\n    attrs: {identifiers: {name: NAME}}\n" + group, fault: "no blueprint has {'name': 'NAME'}", then: noGroup},
		"unless it is not required":          {file: "  - model: authentik_blueprints.metaapplyblueprint\n    attrs: {identifiers: {name: NAME}, required: false}\n" + group, effects: "skipped created"},
		"a blueprint may keep another one": {file: "  - model: authentik_blueprints.blueprintinstance\n    identifiers: {name: NAME}\n    attrs: {content: \"version: 1\\nentries: [{model: authentik_core.group, identifiers: {name: NAME}}]\\n\"}\n",
			effects: "created", then: groupIs("is_superuser", false)},
		"all objects of a model may be deleted at once": {before: "  - {model: authentik_policies_password.passwordpolicy, identifiers: {name: NAME}}\n",
			file: "  - model: authentik_blueprints.metacleanblueprint\n    attrs: {model_name: authentik_policies_reputation.reputationpolicy}\n", effects: "unchanged", then: func(s *site, name string) {
				got := s.apply(document("  - {model: authentik_policies_reputation.reputationpolicy, identifiers: {name: " + name + "-2}, attrs: {check_username: true}}\n"))
				require.Equal(s, "created", got.effects, "%v", got.faults)
				got = s.apply(document("  - model: authentik_blueprints.metacleanblueprint\n    attrs: {model_name: authentik_policies_reputation.reputationpolicy}\n"))
				require.Equal(s, "removed", got.effects)
				require.Nil(s, s.first("/policies/reputation/"))
				require.NotNil(s, s.first("/policies/password/?name="+name), "of another kind")
			}},

		"the first bad entry undoes all": {file: group + "  - {model: authentik_core.group, identifiers: {name: NAME-2}, attrs: {colour: red}}\n", fault: "authentik_core.group: colour: unknown field", then: noGroup},
		"every bad entry is told":        {file: "  - {model: authentik_core.group, identifiers: {name: NAME}, attrs: {colour: red}}\n  - {model: authentik_flows.flow, identifiers: {slug: no slug}}\n", fault: "authentik_flows.flow: slug: Enter a valid"},
		"a flow whose slug is no slug":   {file: "  - {model: authentik_flows.flow, identifiers: {slug: a/b}, attrs: {name: N, title: N, designation: recovery}}\n", fault: "slug: Enter a valid “slug”"},
	}
}

// TestBlueprintFacts proves what is promised of the format, one document each.
func TestBlueprintFacts(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	for _, table := range []map[string]blueprintFact{blueprintFileFacts(), blueprintModelFacts()} {
		for title, fact := range table {
			t.Run(title, func(t *testing.T) {
				t.Parallel()
				fact.prove(s.forRow(t))
			})
		}
	}
}

func (f blueprintFact) prove(s *site) {
	s.Helper()
	name := unique("fact")
	named := func(text string) string { return strings.ReplaceAll(text, "NAME", name) }
	if f.before != "" {
		got := s.apply(named(document(f.before)))
		require.True(s, got.success, "%v", got.faults)
	}
	got := s.apply(named(document(f.file)))
	if f.fault != "" {
		require.False(s, got.success)
		require.Contains(s, strings.Join(got.faults, "\n"), named(f.fault))
	} else {
		require.True(s, got.success, "%v", got.faults)
		require.Equal(s, f.effects, got.effects, "%v", got.changes)
	}
	if f.then != nil {
		f.then(s, name)
	}
}
