package blueprint_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/blueprint"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

// tagged is a value of a file and what it comes to; want is what an error says
// where fault is set.
type tagged struct {
	value string
	want  any
	fault string
}

const tagContext = `
  plain: text
  list: [a, b, c]
  map: {x: 1, y: {z: deep}}
  a.b: literal
  a: {b: path}
  wanted: Findme
  later: !Format ["%s!", !Context plain]
  octets: {one: &one {k: v, same: base}, two: {<<: *one, same: own}}
`

func tagTable() []tagged {
	return []tagged{
		{"!Env PRESENT", "from the environment", ""},
		{"!Env ABSENT", nil, ""},
		{"!Env [ABSENT, other]", "other", ""},
		{"!Env [EMPTY, other]", "other", ""},
		{"!If [!Env FALSE]", true, ""}, // a value is a text, and no text but the empty one is false
		{"!Env []", nil, "expected a name, or [name, default]"},
		{"!Env [ABSENT, !Context plain]", "text", ""},
		{"!File beside.txt", "beside", ""},
		{"!File [absent.txt, {a: 1}]", map[string]any{"a": 1.0}, ""},
		{"!File absent.txt", nil, "!File absent.txt: cannot be read; !File [absent.txt, default] would do without"},
		{"!File ../beside.txt", nil, "expected a path below the directory of the blueprint"},
		{"!File /etc/passwd", nil, "expected a path below the directory of the blueprint"},
		{"!Context plain", "text", ""},
		{"!Context map.y.z", "deep", ""},
		{"!Context list.1", "b", ""},
		{"!Context list.3", nil, ""},
		{"!Context [list.3, other]", "other", ""},
		{"!Context a.b", "literal", ""},
		{"!Context later", "text!", ""},
		{"!Context octets.two", map[string]any{"k": "v", "same": "own"}, ""},
		{"!Context nowhere", nil, ""},
		{"!Context [nowhere, [1, 2]]", []any{1.0, 2.0}, ""},
		{"!Context given", "by the instance", ""},
		{"!Context goauthentik.io/enterprise/licensed", true, ""},
		{"!AtIndex [!Context goauthentik.io/rbac/models, user]", "authentik_core", ""},
		{`!Format ["%s-%d-%05.1f-%x-%%-%r", a, 7, 2.25, 255, q]`, "a-7-002.2-ff-%-'q'", ""},
		{`!Format ["%-4s|%4s|%+d|%.2s", ab, cd, 3, xyz]`, "ab  |  cd|+3|xy", ""},
		{`!Format ["%s %s %s %s", true, null, [1, "b"], {k: 1.5}]`, "True None [1, 'b'] {'k': 1.5}", ""},
		{`!Format ["%s"]`, nil, "asks for more values than the 0 given"},
		{`!Format ["x", 1]`, nil, "asks for 0 of the 1 values given"},
		{`!Format ["%d", x]`, nil, "%d: expected a number, got a text"},
		{`!Format ["%(a)s", 1]`, nil, "values have no names here"},
		{`!Format ["%999999999d", 1]`, nil, "a width of more than 1000 characters"},
		{`!Format ["%q", 1]`, nil, "unknown conversion %q"},
		{`!Format ["100%", 1]`, nil, "%% is a percent sign"},
		{"!Condition [AND, true, 1, x]", true, ""},
		{"!Condition [nand, true, '']", true, ""},
		{"!Condition [OR, false, 0]", false, ""},
		{"!Condition [NOR, null, []]", true, ""},
		{"!Condition [XOR, 1, 1, 1]", true, ""},
		{"!Condition [XNOR, 1, 0]", false, ""},
		{"!Condition [EQ, 1, 1.0, !ParseJSON '1']", true, ""},
		{"!Condition [neq, {a: 1}, {a: 2}]", true, ""},
		{"!Condition [AND]", nil, "expected [MODE, value, …]"},
		{"!Condition [NOR, !Find [authentik_flows.flow, [slug, none]]]", true, ""},
		{"!If [!Context plain]", true, ""},
		{"!If [!Find [authentik_flows.flow, [slug, none]], 1, 2]", 2.0, ""},
		{"!If [true, yes, !KeyOf nobody]", true, ""},
		{"!If [1, 2]", nil, "expected [condition] or [condition, yes, no]"},
		{`!Enumerate [!Context list, SEQ, !Format ["%d%s", !Index 0, !Value 0]]`, []any{"0a", "1b", "2c"}, ""},
		{`!Enumerate [abc, MAP, [!Value 0, !Index 0]]`, map[string]any{"a": 0.0, "b": 1.0, "c": 2.0}, ""},
		{`!Enumerate [[1, 2], MAP, {x: {!Value 0: 1}}]`, nil, "expected a plain text as key"},
		{`!Enumerate [[p, q], MAP, !ParseJSON '{"x": {"same": 1}}']`, map[string]any{"x": map[string]any{"same": 1.0}}, ""},
		{`!Enumerate [!Context map, SEQ, !Index 0]`, []any{"x", "y"}, ""},
		{`!Enumerate [{a: 1, b: 2}, map, [!Format ["%s%s", !Index 0, !Value 0], !Value 0]]`, map[string]any{"a1": 1.0, "b2": 2.0}, ""},
		{`!Enumerate [[1, 2], MAP, {x: [!Value 0], y: {z: !Value 0}}]`, map[string]any{"x": []any{1.0, 2.0}, "y": map[string]any{"z": 2.0}}, ""},
		{`!Enumerate [[[1, 2], [3]], SEQ, !Enumerate [!Value 1, SEQ, !Format ["%s.%s", !Index 1, !Value 0]]]`, []any{[]any{"0.1", "0.2"}, []any{"1.3"}}, ""},
		{`!Enumerate [!Value 0, SEQ, 1]`, nil, "cannot be one of its own values"},
		{`!Enumerate [[1], SEQ, !Value 1]`, nil, "it stands inside 1 !Enumerate"},
		{`!Index 0`, nil, "it stands inside 0 !Enumerate"},
		{`!Enumerate [5, SEQ, 1]`, nil, "expected a list, a mapping or a text, got a number"},
		{`!Enumerate [[1], BAG, 1]`, nil, "expected SEQ or MAP"},
		{"!AtIndex [!Context list, 2]", "c", ""},
		{"!AtIndex [!Context list, -1]", "c", ""},
		{"!AtIndex [!Context map, q, fallback]", "fallback", ""},
		{"!AtIndex [!Context map, q]", nil, "there is nothing at q"},
		{"!AtIndex [5, 1]", nil, "expected a list or a mapping, got a number"},
		{`!ParseJSON '{"a": [1, 2.5, null]}'`, map[string]any{"a": []any{1.0, 2.5, nil}}, ""},
		{"!ParseJSON 'null'", nil, ""},
		{"!ParseJSON [x]", nil, "!ParseJSON: expected a text"},
		{"!KeyOf before", "pk", ""},
		{"!KeyOf nobody", nil, "!KeyOf nobody: no earlier entry has this id"},
		{"!KeyOf [before]", nil, "!KeyOf: expected the id of an earlier entry"},
		{"!Nonsense x", nil, "unknown tag !Nonsense"},
		{"!ParseJSON '{'", nil, "not valid JSON"},
		{"!ParseJSON '1 2'", nil, "expected one JSON value"},
		{"!Find [authentik_core.group, [name__iexact, FINDME]]", "pk", ""},
		{"!Find [authentik_core.group, [name__in, [x, Findme]], [is_superuser, true]]", "pk", ""},
		{"!Find [authentik_core.group, [attributes__deep__key__startswith, val]]", "pk", ""},
		{"!Find [authentik_core.group, [attributes__contains, {deep: {key: value}}]]", "pk", ""},
		{"!Find [authentik_core.group, [pk__isnull, false]]", "pk", ""},
		{"!Find [authentik_core.group, [name, nobody], {default: null}]", nil, ""},
		{"!Find [authentik_core.group, [name__regex, '.*']]", nil, `cannot be looked up by "regex"; expected one of contains, endswith`},
		{"!Find [authentik_core.group, [colour, red]]", nil, "colour: unknown field; expected one of pk, attributes"},
		{"!Find [!Format [\"authentik_core.%s\", group], [!Format [\"na%s\", me], !Context wanted]]", "pk", ""},
		{"!Find [authentik_core.group, [name, nobody]]", nil, "no authentik_core.group has name nobody; {default: null} as the last item would do without"},
		{"!FindObject [authentik_core.group, [name, nobody], {default: null}]", nil, ""},
		{"!FindObject [authentik_core.group, [name, nobody]]", nil, "no authentik_core.group has name nobody"},
		{"!Find [authentik_core.group]", nil, "expected [model, [field, value], …]"},
		{"!Find [authentik_nothing.at_all, [a, b]]", nil, `model "authentik_nothing.at_all" is not offered`},
		{"!AtIndex [!FindObject [authentik_core.group, [name, Findme]], name]", "Findme", ""},
		{"012", nil, "012 would be read as an octal number"},
		{"0o14", 12.0, ""},
		{"yes", true, ""},
		{"'yes'", "yes", ""},
		{"2026-01-02", "2026-01-02", ""},
		{".inf", nil, "expected a finite number"},
		{"!!binary aGk=", nil, "YAML's own tag !!binary is not used here"},
	}
}

// Every tag is tried as the attribute of a group, where it can be read back.
func TestTags(t *testing.T) {
	t.Parallel()
	f := open(t)
	_, err := f.apply(t, "version: 1\nentries:\n  - model: authentik_core.group\n    identifiers: {name: Findme}\n    attrs: {is_superuser: true, attributes: {deep: {key: value}}}\n")
	require.NoError(t, err)
	found, err := f.db.Repos().Groups.Find(t.Context(), idp.GroupFilter{})
	require.NoError(t, err)
	for _, c := range tagTable() {
		d, err := blueprint.Parse("tags.yaml", []byte("version: 1\ncontext:"+tagContext+"entries:\n  - model: authentik_core.group\n    id: before\n    identifiers: {name: Findme}\n  - model: authentik_core.group\n    identifiers: {name: Tags}\n    attrs: {attributes: {v: "+c.value+"}}\n"))
		if err == nil {
			d.Files = beside
			_, err = f.Apply(t.Context(), d, blueprint.Options{Actor: idp.SystemActor(), Context: map[string]any{"given": "by the instance"}})
		}
		if c.fault != "" {
			require.ErrorContains(t, err, c.fault, c.value)
			require.NotEmpty(t, blueprint.Problems(err), c.value)
			continue
		}
		require.NoError(t, err, c.value)
		name := "Tags"
		page, err := f.db.Repos().Groups.Find(t.Context(), idp.GroupFilter{Name: &name})
		require.NoError(t, err)
		if c.want == "pk" {
			c.want = found.Items[0].ID.String()
		}
		require.Equal(t, c.want, page.Items[0].Attributes["v"], c.value)
	}
}

// What did not come from the server's disk reads neither its files nor its
// secrets.
func TestContentFromElsewhereReadsNothingOfTheServer(t *testing.T) {
	t.Parallel()
	f := open(t)
	for _, c := range []struct{ value, want string }{
		{"!File beside.txt", "content that is not a file of the server may not read files"},
		{"!File [beside.txt, x]", ""},
		{"!Env PRESENT", "may read only variables that begin with BLUEPRINT_"},
		{"!Env [PRESENT, x]", ""},
		{"!Env BLUEPRINT_NAME", ""},
	} {
		d, err := blueprint.Parse("content", []byte("version: 1\nentries:\n  - model: authentik_core.group\n    identifiers: {name: G}\n    attrs: {attributes: {v: "+c.value+"}}\n"))
		require.NoError(t, err)
		_, err = f.Apply(t.Context(), d, blueprint.Options{Actor: idp.SystemActor()})
		if c.want != "" {
			require.ErrorContains(t, err, c.want)
		} else {
			require.NoError(t, err, c.value)
		}
	}
	page, err := f.db.Repos().Groups.Find(t.Context(), idp.GroupFilter{})
	require.NoError(t, err)
	require.Equal(t, "for blueprints", page.Items[0].Attributes["v"])
}

// A few lines must not stand for more than the server's memory.
func TestBombsAreRefused(t *testing.T) {
	t.Parallel()
	f := open(t)
	doubling := "  a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	texts := "  t0: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
	for i := range 40 {
		n := strings.Repeat("I", i+1)
		before := strings.Repeat("I", i)
		if i == 0 {
			before = "0"
		}
		doubling += "  a" + n + ": &a" + n + " [*a" + before + ", *a" + before + "]\n"
		texts += "  t" + n + ": !Format [\"%s%s\", !Context t" + before + ", !Context t" + before + "]\n"
	}
	merges := "  m0: &m0 {a: 1}\n"
	for i := range 40 {
		n, before := strings.Repeat("I", i+1), strings.Repeat("I", i)
		if i == 0 {
			before = "0"
		}
		merges += "  m" + n + ": &m" + n + " {<<: [*m" + before + ", *m" + before + "]}\n"
	}
	last := strings.Repeat("I", 40)
	for _, c := range []struct{ context, value, want string }{
		{doubling, "!Context a" + strings.Repeat("I", 18), "too large"},
		{texts, "!Context t" + last, "nested more than"},
		{texts, "!Context t" + strings.Repeat("I", 20), "too large"},
		{merges, "!Context m" + strings.Repeat("I", 30), "too large"},
		{"  l: !Context l\n", "!Context l", "nested more than"},
		{"  n: " + strings.Repeat("[", 60) + strings.Repeat("]", 60) + "\n", "!Context n", "nested more than"},
		{"  s: " + strings.Repeat("x", 2000) + "\n", "!Enumerate [!Context s, SEQ, !Enumerate [!Context s, SEQ, !Value 0]]", "too large"},
		{"  s: " + strings.Repeat("x", 60_000) + "\n", "!Enumerate [!Context s, MAP, [k, !Enumerate [[!Index 1], MAP, [!Value 0, 1]]]]", "too large"},
		{"  s: x\n", "!Context " + strings.Repeat("a.", 5000) + "a", "a name of at most 1000 characters"},
		{"  j: x\n", "!ParseJSON '" + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "'", "nested more than"},
	} {
		_, err := f.apply(t, "version: 1\ncontext:\n"+c.context+"entries:\n  - model: authentik_core.group\n    identifiers: {name: G}\n    attrs: {attributes: {v: "+c.value+"}}\n")
		require.ErrorContains(t, err, c.want, c.value)
	}
}
