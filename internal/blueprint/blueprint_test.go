package blueprint_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/blueprint"
	"github.com/portcullis-idp/portcullis/internal/configure"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/invitation"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/policies/expression"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/secret"
	"github.com/portcullis-idp/portcullis/internal/stages/prompt"
	"github.com/portcullis-idp/portcullis/internal/testkit"
	"github.com/portcullis-idp/portcullis/internal/token"
)

// paint are the settings of the kind.
type paint struct {
	Colour string `json:"colour"`
}

// painted are the kinds of stages: one, whose only setting is "colour".
type painted struct{}

func (painted) Kind(name string) (flow.Kind, bool) { return painted{}.Kinds()[0], name == "paint" }

func (painted) Kinds() []flow.Kind {
	return []flow.Kind{{Name: "paint", Model: "stage_paint.paint", Verbose: "Paint Stage", Settings: func() any { return &paint{} },
		Build: func(any) (flow.Stage, error) { return nil, nil }}}
}

func paintPolicies() *policy.Kinds {
	return policy.NewKinds([]policy.Kind{expression.Kind(), {Name: "paint", Model: "policy_paint.paint", Settings: &paint{},
		New: func(raw json.RawMessage) (policy.Policy, error) { return nil, policy.DecodeSettings(raw, &paint{}) }}})
}

// beside is the directory that documents of tests stand in.
var beside = fstest.MapFS{"beside.txt": {Data: []byte(" beside\n")}}

// hasher is one for all tests, as one process has one.
var hasher = secret.New()

type fixture struct {
	*blueprint.Service
	db *postgres.DB
}

func open(t *testing.T) fixture {
	t.Helper()
	db, err := postgres.Open(t.Context(), testkit.Database(t), postgres.Options{})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	env := map[string]string{"PRESENT": "from the environment", "EMPTY": "", "FALSE": "false", "BLUEPRINT_NAME": "for blueprints"}
	checker := access.New()
	rules := configure.New(configure.Deps{Store: db, Access: checker, Stages: painted{}, Policies: paintPolicies(), Prompt: prompt.CheckPrompt})
	roles := access.NewService(access.ServiceDeps{Store: db, Checker: checker, CheckWhere: policy.NewRoleConditions().Check})
	accounts := account.New(account.Deps{Store: db, Access: checker, Hasher: hasher, Roles: roles,
		Closer: lockdown.New(lockdown.Deps{Store: db, Access: checker})})
	return fixture{blueprint.New(blueprint.Deps{Store: db, Access: checker, Rules: rules, Accounts: accounts, Roles: roles,
		Tokens:      token.New(token.Deps{Store: db, Access: checker}),
		Invitations: invitation.New(invitation.Deps{Store: db, Access: checker}), Stages: painted{}, Policies: paintPolicies(),
		Env: func(k string) string { return env[k] }}), db}
}

func (f fixture) apply(t *testing.T, text string) ([]blueprint.Change, error) {
	t.Helper()
	d, err := blueprint.Parse("test.yaml", []byte(text))
	if err != nil {
		return nil, err
	}
	d.Files = beside
	report, err := f.Apply(t.Context(), d, blueprint.Options{Actor: idp.SystemActor()})
	if err != nil {
		return nil, err
	}
	return report.Changes, nil
}

const house = `version: 1
metadata:
  name: House
context:
  word: hello
entries:
  - model: authentik_flows.flow
    id: flow
    identifiers: {slug: house}
    attrs: {name: House, title: !Format ["%s, %s", !Context word, !Env [ABSENT, world]], designation: authentication}
  - model: stage_paint.paint
    id: stage
    identifiers: {name: door}
    attrs: {colour: red}
  - model: authentik_flows.flowstagebinding
    id: binding
    identifiers: {target: !KeyOf flow, stage: !KeyOf stage, order: 10}
  - model: policy_paint.paint
    id: policy
    identifiers: {name: fence}
  - model: authentik_policies.policybinding
    identifiers: {target: !KeyOf binding, policy: !KeyOf policy, order: 0}
  - model: authentik_core.group
    identifiers: {name: Painters}
    attrs: {is_superuser: !If [!Condition [AND, true, !Env PRESENT], true, false]}
  - model: authentik_stages_prompt.prompt
    identifiers: {name: colour}
    attrs: {field_key: colour, label: Colour, type: text}
  - model: authentik_brands.brand
    identifiers: {domain: house.example}
    attrs: {flow_authentication: !Find [authentik_flows.flow, [slug, house]]}
`

func effects(changes []blueprint.Change) string {
	var out []string
	for _, c := range changes {
		out = append(out, c.Effect)
	}
	return strings.Join(out, " ")
}

func TestApplyMakesEverythingOnceAndChangesNothingTwice(t *testing.T) {
	t.Parallel()
	f := open(t)
	changes, err := f.apply(t, house)
	require.NoError(t, err)
	require.Equal(t, strings.Repeat("created ", 7)+"created", effects(changes))

	flow, err := f.db.Repos().Flows.GetBySlug(t.Context(), "house")
	require.NoError(t, err)
	require.Equal(t, "hello, world", flow.Title)
	brand, err := f.db.Repos().Brands.ForHost(t.Context(), "house.example")
	require.NoError(t, err)
	require.Equal(t, flow.ID, *brand.FlowAuthentication)
	groups, err := f.db.Repos().Groups.Find(t.Context(), idp.GroupFilter{})
	require.NoError(t, err)
	require.True(t, groups.Items[0].IsSuperuser)

	changes, err = f.apply(t, house)
	require.NoError(t, err)
	require.Equal(t, strings.Repeat("unchanged ", 7)+"unchanged", effects(changes))

	changes, err = f.apply(t, strings.Replace(house, "colour: red", "colour: blue", 1))
	require.NoError(t, err)
	require.Equal(t, "unchanged changed", effects(changes[:2]))
}

func TestStates(t *testing.T) {
	t.Parallel()
	f := open(t)
	entry := func(state, label string) string {
		return "version: 1\nentries:\n  - model: authentik_core.group\n    state: " + state +
			"\n    identifiers: {name: G}\n    attrs: {attributes: {label: " + label + "}}\n"
	}
	label := func() any {
		page, err := f.db.Repos().Groups.Find(t.Context(), idp.GroupFilter{})
		require.NoError(t, err)
		if page.Total == 0 {
			return nil
		}
		return page.Items[0].Attributes["label"]
	}
	for _, c := range []struct{ state, label, want, fault string }{
		{"absent", "a", "", ""},
		{"must_created", "b", "b", ""},
		{"must_created", "c", "b", "object exists already"},
		{"created", "d", "b", ""},
		{"present", "e", "e", ""},
		{"absent", "f", "", ""},
	} {
		_, err := f.apply(t, entry(c.state, c.label))
		if c.fault != "" {
			require.ErrorContains(t, err, c.fault)
		} else {
			require.NoError(t, err, c.state)
		}
		if c.want == "" {
			require.Nil(t, label(), c.state)
		} else {
			require.Equal(t, c.want, label(), c.state)
		}
	}
}

func TestOneBadEntryUndoesAll(t *testing.T) {
	t.Parallel()
	f := open(t)
	_, err := f.apply(t, house+"  - model: authentik_core.group\n    identifiers: {name: X}\n    attrs: {nonsense: 1}\n")
	require.ErrorContains(t, err, "nonsense")
	page, err := f.db.Repos().Flows.Find(t.Context(), idp.FlowFilter{})
	require.NoError(t, err)
	require.Zero(t, page.Total)
}

func TestErrorsNameThePlaceAndWhatWasExpected(t *testing.T) {
	t.Parallel()
	f := open(t)
	entry := "version: 1\nentries:\n  - model: authentik_core.group\n"
	for _, c := range []struct{ text, want string }{
		{"a: [", "test.yaml:2: not valid YAML"},
		{"[]", "expected a mapping"},
		{"entries: []", "version: expected 1"},
		{"version: 2\nentries: []", "version: expected 1"},
		{"version: 1\nentrys: []", `test.yaml:2:9: unknown key "entrys"`},
		{"version: 1\nversion: 1", `test.yaml:2:1: key "version" stands twice`},
		{"version: 1\n---\nversion: 1", "expected one YAML document"},
		{"version: 1\nentries:\n  - identifiers: {a: b}", "entry 1: model is missing"},
		{"version: 1\nentries:\n  - model: x.y\n    identifiers: {a: b}", `test.yaml:3:12: entry 1 (x.y): model: model "x.y" is not offered`},
		{entry + "    identifiers: {}", "identifiers are missing"},
		{entry + "    state: gone\n    identifiers: {name: a}", `test.yaml:4:12: entry 1 (authentik_core.group): state "gone"`},
		{entry + "    identifiers: {name: a}\n    attrs:\n      is_superuser: perhaps", "test.yaml:6:21: entry 1 (authentik_core.group): is_superuser: expected true or false, got a text"},
		{entry + "    identifiers: {name: a}\n    attrs:\n      colour: 1", "test.yaml:6:15: entry 1 (authentik_core.group): colour: unknown field"},
		{entry + "    identifiers: {name: !KeyOf nobody}", "test.yaml:4:25: entry 1 (authentik_core.group): name: !KeyOf nobody: no earlier entry"},
		{entry + "    identifiers: {name: !Find [authentik_flows.flow, [slug, none]]}", "no authentik_flows.flow has slug none; {default: null}"},
		{entry + "    identifiers: {name: &a [*a]}", "nested more than"},
		{entry + "    identifiers: {name: !Nonsense x}", "unknown tag !Nonsense"},
		{entry + "    identifiers: {name: !Condition [MAYBE, true]}", `mode "MAYBE"`},
		{"version: 1\nentries:\n  - model: stage_paint.paint\n    identifiers: {name: a}\n    attrs: {taste: sweet}", "taste: Unknown setting. Known settings: colour."},
	} {
		_, err := f.apply(t, c.text)
		require.ErrorContains(t, err, c.want, "%s", c.text)
		require.True(t, idp.Is(err, idp.CodeInvalid), "%s: %v", c.text, err)
	}
}

func TestConditionsSkipAnEntry(t *testing.T) {
	t.Parallel()
	f := open(t)
	changes, err := f.apply(t, "version: 1\nentries:\n  - model: authentik_core.group\n    identifiers: {name: a}\n    conditions: [true, !Env ABSENT]\n")
	require.NoError(t, err)
	require.Equal(t, "skipped", effects(changes))
}

func TestAFileCannotRemoveTheLastAdministrator(t *testing.T) {
	t.Parallel()
	f := open(t)
	repos := f.db.Repos()
	g := &idp.Group{Name: "Keepers", IsSuperuser: true}
	require.NoError(t, repos.Groups.Create(t.Context(), g))
	u := &idp.User{Username: "keeper", Type: idp.UserInternal, IsActive: true, Password: "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2g"}
	require.NoError(t, repos.Users.Create(t.Context(), u))
	require.NoError(t, repos.Groups.AddUser(t.Context(), g.ID, u.ID))
	for _, change := range []string{"    state: absent\n", "    attrs: {is_superuser: false}\n"} {
		_, err := f.apply(t, "version: 1\nentries:\n  - model: authentik_core.group\n    identifiers: {name: Keepers}\n"+change)
		require.ErrorContains(t, err, "no account that can administer", change)
		again, err := repos.Groups.Get(t.Context(), g.ID)
		require.NoError(t, err)
		require.True(t, again.IsSuperuser)
	}
	_, err := f.apply(t, "version: 1\nentries:\n  - model: authentik_core.group\n    identifiers: {name: Keepers}\n    attrs: {attributes: {a: b}}\n")
	require.NoError(t, err)
}
