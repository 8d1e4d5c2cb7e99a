package blueprint_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// Values are judged as if a person had sent them, and the error has the line.
func TestFilesKeepToTheRulesOfEverybody(t *testing.T) {
	t.Parallel()
	f := open(t)
	_, err := f.apply(t, house)
	require.NoError(t, err)
	const none = "00000000-0000-7000-8000-000000000000"
	find := "!Find [authentik_flows.flow, [slug, house]]"
	for _, c := range []struct{ model, identifiers, attrs, want string }{
		{"authentik_brands.brand", "domain: https://a.example", "{default: true}", "test.yaml:4:27: entry 1 (authentik_brands.brand): domain: Expected a host name"},
		{"authentik_brands.brand", "domain: a.example", "{flow_lockdown: " + none + "}", "flow_lockdown: Invalid pk \"" + none + "\" - object does not exist."},
		{"authentik_flows.flow", "slug: a b", "{name: a, designation: recovery}", "slug: Enter a valid"},
		{"authentik_flows.flow", "slug: ab", "{name: a, designation: party}", `test.yaml:5:35: entry 1 (authentik_flows.flow): designation: "party" is not a valid choice.`},
		{"authentik_flows.flowstagebinding", "target: " + find + ", stage: " + none, "{order: 1}", "stage: Invalid pk"},
		{"authentik_policies.policybinding", "target: " + find + ", order: 5", "{}", "One of 'policy', 'user', 'group' must be set."},
		{"authentik_policies.policybinding", "target: " + none + ", user: 1", "{}", "Invalid pk"},
		{"authentik_policies.policybinding", "target: " + find, "{timeout: 99999999999}", "timeout: Ensure this value is between 0 and 2147483647."},
		{"stage_paint.paint", "name: a", "{colour: 1}", "test.yaml:5:21: entry 1 (stage_paint.paint): colour: Not valid: expected a string."},
		{"stage_paint.paint", "name: 1", "{}", "name: expected a text, got a number"},
		{"policy_paint.paint", "name: a", "{taste: 1}", "taste: Unknown field"},
	} {
		_, err := f.apply(t, "version: 1\nentries:\n  - model: "+c.model+"\n    identifiers: {"+c.identifiers+"}\n    attrs: "+c.attrs+"\n")
		require.ErrorContains(t, err, c.want, "%+v", c)
		require.True(t, idp.Is(err, idp.CodeInvalid), "%+v: %v", c, err)
	}
}

func TestDefaultBrandOfAFileTakesTheFormersPlace(t *testing.T) {
	t.Parallel()
	f := open(t)
	require.NoError(t, f.db.Repos().Brands.Create(t.Context(), &idp.Brand{Domain: "former.example", Default: true}))
	_, err := f.apply(t, "version: 1\nentries:\n  - model: authentik_brands.brand\n    identifiers: {domain: new.example}\n    attrs: {default: true}\n")
	require.NoError(t, err)
	brand, err := f.db.Repos().Brands.ForHost(t.Context(), "elsewhere.example")
	require.NoError(t, err)
	require.Equal(t, "new.example", brand.Domain)
}

func TestFileThatChangesSomethingWritesOneEvent(t *testing.T) {
	t.Parallel()
	f := open(t)
	_, err := f.apply(t, house)
	require.NoError(t, err)
	require.Equal(t, []any{map[string]any{"created": 8.0}}, f.effects(t))

	_, err = f.apply(t, house)
	require.NoError(t, err)
	require.Len(t, f.effects(t), 1, "nothing was changed")

	painted := strings.Replace(house, "colour: red", "colour: blue", 1)
	_, err = f.apply(t, painted+"  - model: nonsense.model\n    identifiers: {a: b}\n")
	require.Error(t, err)
	require.Len(t, f.effects(t), 1, "nothing was kept")

	_, err = f.apply(t, painted+"  - model: authentik_brands.brand\n    state: absent\n    identifiers: {domain: house.example}\n")
	require.NoError(t, err)
	require.Equal(t, map[string]any{"changed": 1.0, "removed": 1.0}, f.effects(t)[1])
}

// effects are those of the events of files, oldest first.
func (f fixture) effects(t *testing.T) []any {
	t.Helper()
	page, err := f.db.Repos().Events.Find(t.Context(), idp.EventFilter{Paging: idp.Paging{Order: []string{"created"}}})
	require.NoError(t, err)
	var out []any
	for _, e := range page.Items {
		if e.App == "account" { // groups tell of themselves
			continue
		}
		require.Equal(t, []any{idp.ActionModelUpdated, "blueprint", map[string]any{}}, []any{e.Action, e.App, e.User})
		require.Equal(t, "test.yaml", e.Context["model"].(map[string]any)["name"])
		out = append(out, e.Context["effects"])
	}
	return out
}
