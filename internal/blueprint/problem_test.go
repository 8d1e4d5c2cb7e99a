package blueprint_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/blueprint"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// foreign is a file as another product has it, with entries that are offered
// here and entries that are not.
const foreign = `version: 1
metadata:
  name: From elsewhere
entries:
  flows:
    - model: authentik_flows.flow
      id: flow
      identifiers: {slug: foreign}
      attrs: {name: Foreign, title: Foreign, designation: authentication}
    - model: authentik_stages_source.sourcestage
      id: source
      identifiers: {name: a-source}
  bindings:
    - model: authentik_flows.flowstagebinding
      id: bound
      identifiers: {target: !KeyOf flow, stage: !KeyOf source, order: 10}
    - model: authentik_policies_expression.expressionpolicy
      id: python
      identifiers: {name: python}
      attrs:
        expression: |
          # only inside
          import re
          if request.user is None:
              return False
          return bool(user)
    - model: authentik_policies.policybinding
      identifiers: {target: !KeyOf bound, policy: !KeyOf python, order: 0}
    - model: authentik_core.group
      identifiers: {name: Kept}
      permissions: []
    - model: authentik_core.group
      identifiers: {name: Permitted}
      permissions:
        - {permission: authentik_core.view_user, user: 1}
`

func lines(problems []blueprint.Problem) []string {
	var out []string
	for _, p := range problems {
		out = append(out, p.String())
	}
	return out
}

func TestEverythingThatIsNotOfferedIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	f := open(t)
	_, err := f.apply(t, foreign)
	problems := blueprint.Problems(err)
	require.Len(t, problems, 3, "what refers to an entry with a problem is no problem of its own: %v", lines(problems))
	for i, want := range []string{
		`test.yaml:10:14: entry 2 (authentik_stages_source.sourcestage): model: model "authentik_stages_source.sourcestage" is not offered`,
		`test.yaml:22: entry 4 (authentik_policies_expression.expressionpolicy): expression: the expression is written in Python`,
		`test.yaml:35:11: entry 7 (authentik_core.group): permissions: permissions on single objects are not offered: authentik_core.view_user for user 1; rules`,
	} {
		require.True(t, strings.HasPrefix(problems[i].String(), want), "%s", problems[i])
		require.True(t, problems[i].Unsupported)
	}
	require.Contains(t, problems[1].Message, "Line 24, “if request.user is None:”: write", "lines are those of the file")
	page, err := f.db.Repos().Flows.Find(t.Context(), idp.FlowFilter{})
	require.NoError(t, err)
	require.Zero(t, page.Total)

	// Where the meaning is certain, the file gets its expression back.
	_, err = f.apply(t, "version: 1\nentries:\n  - model: authentik_policies_expression.expressionpolicy\n    identifiers: {name: p}\n    attrs:\n      expression: |\n        return request.user.username == \"ada\"\n")
	require.ErrorContains(t, err, "test.yaml:7: entry 1")
	require.ErrorContains(t, err, "The same, written here:\n")
}

func TestTheRestIsAppliedWhenAskedTo(t *testing.T) {
	t.Parallel()
	f := open(t)
	d, err := blueprint.Parse("test.yaml", []byte(foreign))
	require.NoError(t, err)
	o := blueprint.Options{Actor: idp.SystemActor(), SkipUnsupported: true}
	planned, err := f.Plan(t.Context(), d, o)
	require.NoError(t, err)
	report, err := f.Apply(t.Context(), d, o)
	require.NoError(t, err)
	require.Equal(t, lines(planned.Problems), lines(report.Problems))
	require.Equal(t, "created skipped skipped skipped skipped created skipped", effects(report.Changes))
	require.Len(t, report.Problems, 5)
	require.Equal(t, `test.yaml:16:49: entry 3 (authentik_flows.flowstagebinding): left out, because it refers to entry 2 (source), which is left out`, report.Problems[1].String())
	report, err = f.Apply(t.Context(), d, o)
	require.NoError(t, err)
	require.Equal(t, "unchanged skipped skipped skipped skipped unchanged skipped", effects(report.Changes))

	// What looks for something that is left out is left out, too.
	report, err = f.Apply(t.Context(), parse(t, foreign+"    - model: authentik_policies.policybinding\n      identifiers: {target: !KeyOf flow, policy: !Find [authentik_policies_expression.expressionpolicy, [name, python]], order: 0}\n"), o)
	require.NoError(t, err)
	require.Equal(t, "skipped", report.Changes[7].Effect)

	// What is wrong for another reason is never passed over.
	_, err = f.Apply(t.Context(), parse(t, strings.Replace(foreign, "designation: authentication", "designation: party", 1)), o)
	require.ErrorContains(t, err, `"party" is not a valid choice`)
}

func parse(t *testing.T, text string) *blueprint.Document {
	t.Helper()
	d, err := blueprint.Parse("test.yaml", []byte(text))
	require.NoError(t, err)
	d.Files = beside
	return d
}

func TestAllProblemsComeTogether(t *testing.T) {
	t.Parallel()
	f := open(t)
	_, err := blueprint.Parse("test.yaml", []byte("version: 3\nmetadata: {colour: red}\nentries:\n  - modle: x\n  - model: y\n    state: gone\n    id: a\n  - {model: z, id: a, conditions: 5}\n"))
	require.Len(t, blueprint.Problems(err), 7, "%v", err)

	_, err = f.apply(t, `version: 1
entries:
  - model: authentik_core.group
    identifiers: {name: !KeyOf a, is_superuser: !Nonsense b}
    attrs: {colour: red}
  - model: authentik_core.group
    id: broken
    identifiers: {name: B}
    attrs: {is_superuser: perhaps, colour: red, parents: nobody}
  - model: authentik_core.group
    identifiers: {name: C}
    attrs: {parents: [!KeyOf broken]}
  - model: authentik_core.group
    identifiers: {name: twice}
  - model: authentik_flows.flow
    identifiers: {slug: no spaces}
`)
	require.Equal(t, []string{
		"test.yaml:4:25: entry 1 (authentik_core.group): name: !KeyOf a: no earlier entry has this id",
		"test.yaml:4:49: entry 1 (authentik_core.group): is_superuser: unknown tag !Nonsense; expected !KeyOf, !Find, !FindObject, !Context, !Env, !File, !Format, !Condition, !If, !Enumerate, !Index, !Value, !AtIndex or !ParseJSON",
		"test.yaml:9:44: entry 2 (authentik_core.group): colour: unknown field",
		"test.yaml:9:27: entry 2 (authentik_core.group): is_superuser: expected true or false, got a text",
		"test.yaml:9:58: entry 2 (authentik_core.group): parents: expected a list, got a text",
	}, lines(blueprint.Problems(err))[:5])
	require.ErrorContains(t, err, "test.yaml:16:25: entry 5 (authentik_flows.flow): slug: Enter a valid")
	var e *idp.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, lines(blueprint.Problems(err)), e.Fields["content"], "as the API shows it")
}

// The database refuses the first entry in the middle of the transaction.
func TestProblemsBehindOneThatTheDatabaseFindsAreFoundToo(t *testing.T) {
	t.Parallel()
	f := open(t)
	_, err := f.apply(t, `version: 1
entries:
  - {model: authentik_stages_prompt.prompt, identifiers: {name: taken}, attrs: {field_key: a, label: A, type: text}}
  - {model: authentik_stages_prompt.prompt, identifiers: {field_key: b}, attrs: {name: taken, label: B, type: text}}
  - {model: authentik_core.group, identifiers: {name: X}, attrs: {parents: [0198c0de-0000-7000-8000-000000000000]}}
`)
	problems := blueprint.Problems(err)
	require.Len(t, problems, 2, "%v", err)
	require.Equal(t, "test.yaml:4:88: entry 2 (authentik_stages_prompt.prompt): name: This field must be unique.", problems[0].String())
	require.ErrorContains(t, err, "entry 3 (authentik_core.group): parents: Invalid pk")
}

func TestAnEntryThatRefersToOneLeftOutByItsConditionsIsWrong(t *testing.T) {
	t.Parallel()
	f := open(t)
	_, err := f.apply(t, "version: 1\nentries:\n  - model: authentik_core.group\n    id: a\n    conditions: [false]\n    identifiers: {name: A}\n  - model: authentik_core.group\n    identifiers: {name: B}\n    attrs: {parents: [!KeyOf a]}\n")
	require.ErrorContains(t, err, "!KeyOf a: the conditions of entry 1 leave it out; give this entry the same conditions")
}

// others stands for the blueprints that are kept here.
type others struct {
	blueprint.Instances // the rest is not asked for
	f                   fixture
	texts               map[string]string
}

func (o others) ApplyNamed(ctx context.Context, tx idp.Repos, actor idp.Actor, identifiers map[string]any) error {
	text, ok := o.texts[fmt.Sprint(identifiers["name"])]
	if !ok {
		return idp.NotFound("blueprint")
	}
	d, err := blueprint.Parse(fmt.Sprint(identifiers["name"]), []byte(text))
	if err != nil {
		return err
	}
	_, err = o.f.ApplyIn(ctx, tx, d, blueprint.Options{Actor: actor})
	return err
}

func TestBlueprintsApplyOthersFirst(t *testing.T) {
	t.Parallel()
	f := open(t)
	apply := func(name, attrs string) string {
		return "version: 1\nentries:\n  - model: authentik_blueprints.metaapplyblueprint\n    identifiers: {name: " + name + "}\n    attrs: {" + attrs + "}\n"
	}
	_, err := f.apply(t, apply("first", ""))
	require.ErrorContains(t, err, "other blueprints cannot be applied here")
	f.Instances = others{nil, f, map[string]string{
		"first": accounts, // with a password, to be hashed outside of both
		"loop":  apply("loop", ""),
		"bad":   "version: 1\nentries:\n  - model: nothing.at_all\n    identifiers: {a: b}\n",
	}}
	_, err = f.apply(t, apply("first", "")+"  - model: authentik_core.group\n    identifiers: {name: !AtIndex [!FindObject [authentik_core.user, [username, ada]], name]}\n")
	require.NoError(t, err)
	require.True(t, f.user(t, "ada").IsSuperuser)
	for name, want := range map[string]string{
		"loop": "the blueprints apply one another in a circle: test.yaml → loop → loop",
		"bad":  `bad:3:12: entry 1 (nothing.at_all): model: model "nothing.at_all" is not offered`,
		"none": "no blueprint has {'name': 'none'}; attrs: {required: false} would do without",
	} {
		_, err := f.apply(t, apply(name, ""))
		require.ErrorContains(t, err, want)
	}
	_, err = f.apply(t, apply("none", "required: false"))
	require.NoError(t, err)
}

func TestAModelOfTheConfigurationIsClearedAtOnce(t *testing.T) {
	t.Parallel()
	f := open(t)
	_, err := f.apply(t, house)
	require.NoError(t, err)
	clear := func(model string) error {
		_, err := f.apply(t, "version: 1\nentries:\n  - model: authentik_blueprints.metacleanblueprint\n    identifiers: {model_name: "+model+"}\n")
		return err
	}
	require.ErrorContains(t, clear("authentik_core.group"), "only objects of the configuration are deleted all at once")
	require.ErrorContains(t, clear("nothing.at_all"), "is not offered")
	require.NoError(t, clear("stage_paint.paint"))
	page, err := f.db.Repos().Stages.Find(t.Context(), idp.StageFilter{})
	require.NoError(t, err)
	require.Zero(t, page.Total)
	flows, err := f.db.Repos().Flows.Find(t.Context(), idp.FlowFilter{})
	require.NoError(t, err)
	require.Equal(t, 1, flows.Total)
}

func TestObjectsAreFoundByKeyOrByAllOtherIdentifiers(t *testing.T) {
	t.Parallel()
	f := open(t)
	const pk = "0198c0de-0000-7000-8000-00000000abcd"
	changes, err := f.apply(t, "version: 1\nentries:\n  - model: authentik_flows.flow\n    identifiers: {pk: "+pk+", slug: mine}\n    attrs: {name: Mine, title: Mine, designation: recovery}\n")
	require.NoError(t, err)
	require.Equal(t, pk, changes[0].PK, "a new object gets the key that the file gives it")
	for _, identifiers := range []string{"{pk: " + pk + "}", "{slug: mine}", "{pk: 0198c0de-0000-7000-8000-000000000001, slug: mine}",
		"{name: Mine, designation: recovery}", "{slug: mine, pk: " + pk + "}"} {
		changes, err := f.apply(t, "version: 1\nentries:\n  - model: authentik_flows.flow\n    identifiers: "+identifiers+"\n    attrs: {title: !Format [\"%s\", \""+strings.ReplaceAll(identifiers, `"`, "")+"\"]}\n")
		require.NoError(t, err, identifiers)
		require.Equal(t, "changed", effects(changes), identifiers)
		require.Equal(t, pk, changes[0].PK)
	}
	_, err = f.apply(t, "version: 1\nentries:\n  - model: stage_paint.paint\n    id: s\n    identifiers: {name: s}\n  - model: authentik_flows.flowstagebinding\n    identifiers: {target: {pk: "+pk+"}, stage: !KeyOf s, order: 1}\n")
	require.NoError(t, err, "a mapping with nothing but pk stands for the key")
	_, err = f.apply(t, "version: 1\nentries:\n  - model: authentik_flows.flowstagebinding\n    identifiers: {target: !Find [authentik_flows.flow, [slug, mine]], order: 1}\n    attrs: {order: 2, evaluate_on_plan: true}\n")
	require.NoError(t, err)
	for _, c := range []struct{ find, want string }{
		{"[target__slug, mine], [stage__name, s]", ""},
		{"[target__slug__startswith, mi], [order__gte, 1], [order__lt, 2]", ""},
		{"[target__colour, mine]", `what it refers to has no field "colour"`},
		{"[order__regex, 1]", `cannot be looked up by "regex"`},
	} {
		_, err = f.apply(t, "version: 1\nentries:\n  - model: authentik_core.group\n    identifiers: {name: x}\n    attrs: {attributes: {b: !Find [authentik_flows.flowstagebinding, "+c.find+"]}}\n")
		if c.want == "" {
			require.NoError(t, err, c.find)
		} else {
			require.ErrorContains(t, err, c.want, c.find)
		}
	}
	_, err = f.apply(t, "version: 1\nentries:\n  - model: authentik_flows.flow\n    identifiers: {slug__iexact: mine}\n")
	require.ErrorContains(t, err, "only !Find looks fields up in other ways")

	for range 2 { // attributes are found by a part of them, and keep the rest
		_, err = f.apply(t, "version: 1\nentries:\n  - model: authentik_core.group\n    identifiers: {attributes: {a: {b: 1}}}\n    attrs: {name: part}\n")
		require.NoError(t, err)
	}
	_, err = f.apply(t, "version: 1\nentries:\n  - model: authentik_core.group\n    identifiers: {name: part}\n    attrs: {attributes: {a: {b: 1, c: 2}}}\n  - model: authentik_core.group\n    identifiers: {attributes: {a: {b: 1}}}\n    attrs: {is_superuser: true}\n")
	require.NoError(t, err)
	name := "part"
	page, err := f.db.Repos().Groups.Find(t.Context(), idp.GroupFilter{Name: &name})
	require.NoError(t, err)
	require.Equal(t, idp.Attributes{"a": map[string]any{"b": 1.0, "c": 2.0}}, page.Items[0].Attributes)
	require.True(t, page.Items[0].IsSuperuser)
}
