package app_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v4"

	"github.com/portcullis-idp/portcullis/internal/app"
	"github.com/portcullis-idp/portcullis/internal/blueprint"
	"github.com/portcullis-idp/portcullis/internal/cli"
	"github.com/portcullis-idp/portcullis/internal/idp"
)

var update = flag.Bool("update-schema", false, "write blueprints/schema.json")

const schemaFile = "../../blueprints/schema.json"

// system applies as the owner of the server's shell.
var system = blueprint.Options{Actor: idp.SystemActor()}

// shippedFiles are the paths of all blueprints of the repository.
func shippedFiles(t testing.TB) []string {
	t.Helper()
	names, err := fs.Glob(os.DirFS("../../blueprints"), "*/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, names)
	slices.Sort(names)
	return names
}

// shippedDocument parses one of them, as it stands on the disk.
func shippedDocument(t testing.TB, name string) *blueprint.Document {
	t.Helper()
	content, err := os.ReadFile("../../blueprints/" + name)
	require.NoError(t, err)
	d, err := blueprint.Parse(name, content)
	require.NoError(t, err)
	d.Files = os.DirFS("../../blueprints/" + path.Dir(name))
	return d
}

// Every file of the repository can be applied to a fresh installation, and
// applying it again changes nothing.
func TestRepositoryBlueprintsApplyOnceAndThenChangeNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	prints := s.replicas[0].Prints
	for _, name := range shippedFiles(t) {
		d := shippedDocument(t, name)
		planned, err := prints.Plan(t.Context(), d, system)
		require.NoError(t, err, name)
		before := s.contents()
		again, err := prints.Plan(t.Context(), d, system)
		require.NoError(t, err, name)
		require.Equal(t, planned, again, "%s: a plan changes nothing", name)
		require.Equal(t, before, s.contents(), "%s: a plan changes nothing", name)

		report, err := prints.Apply(t.Context(), d, system)
		require.NoError(t, err, name)
		for i := range report.Changes {
			require.Equal(t, planned.Changes[i].Effect, report.Changes[i].Effect, "%s, entry %d", name, i+1)
			if strings.HasPrefix(name, "default/") {
				require.Contains(t, []string{"unchanged", "skipped"}, report.Changes[i].Effect, "%s was applied when the server started: %+v", name, report.Changes[i])
			}
		}
		require.Empty(t, report.Problems, name)
		report, err = prints.Apply(t.Context(), d, system)
		require.NoError(t, err, name)
		for _, c := range report.Changes {
			require.Contains(t, []string{"unchanged", "skipped"}, c.Effect, "%s, the second time: %+v", name, c)
		}
	}
}

// Every shipped flow comes out of an export as the same flow, on an installation
// that has none.
func TestExportedFlowsAreTheSameElsewhere(t *testing.T) {
	t.Parallel()
	from, to := newSite(t, 1), newSite(t, 1)
	flows, err := from.repos().Flows.Find(t.Context(), idp.FlowFilter{Paging: idp.Paging{Limit: 1000}})
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(flows.Items), 6)
	to.empty()
	// Flows that others lead to first; a link to one that does not exist is left out.
	exports := map[string]string{}
	for round := range 2 {
		for _, f := range flows.Items {
			text, err := from.replicas[0].Prints.Export(t.Context(), f.Slug)
			require.NoError(t, err, f.Slug)
			exports[f.Slug] = string(text)
			require.NotContains(t, string(text), f.ID.String(), "no primary keys")
			d, err := blueprint.Parse(f.Slug+".yaml", text)
			require.NoError(t, err, "%s", text)
			_, err = to.replicas[0].Prints.Apply(t.Context(), d, system)
			require.NoError(t, err, "%d: %s", round, text)
		}
	}
	for _, f := range flows.Items {
		text, err := to.replicas[0].Prints.Export(t.Context(), f.Slug)
		require.NoError(t, err, f.Slug)
		require.Equal(t, exports[f.Slug], string(text), f.Slug)
		d, err := blueprint.Parse(f.Slug+".yaml", text)
		require.NoError(t, err)
		report, err := from.replicas[0].Prints.Plan(t.Context(), d, system)
		require.NoError(t, err)
		for _, c := range report.Changes {
			require.Equal(t, "unchanged", c.Effect, "%s: %+v", f.Slug, c)
		}
	}
}

const responders = `version: 1
metadata: {name: Responders}
entries:
  - model: authentik_core.group
    id: group
    identifiers: {name: Responders}
    attrs: {attributes: {team: !Context [team, red]}}
  - model: authentik_core.user
    identifiers: {username: grace}
    attrs: {name: Grace, password: a very long password, groups: [!KeyOf group]}
`

// The command line does the same on the database of this machine and on a server
// elsewhere. Not parallel: the token is in the environment.
func TestCommandLineWorksHereAndElsewhere(t *testing.T) {
	for _, where := range []string{"here", "elsewhere"} {
		s := newSite(t, 1)
		flags := []string{"--database-url", s.url}
		if where == "elsewhere" {
			_, key := s.key(s.named("admin"), idp.IntentAPI)
			t.Setenv("PORTCULLIS_TOKEN", key)
			flags = []string{"--server", s.replicas[0].base}
		}
		file := filepath.Join(t.TempDir(), "responders.yaml")
		require.NoError(t, os.WriteFile(file, []byte(responders), 0o600))
		run := func(code int, args ...string) string {
			var out, errs bytes.Buffer
			args = append(append([]string{"blueprint"}, args...), flags...)
			require.Equal(t, code, cli.Run(app.Program(), args, &out, &errs), "%s: %v: %s%s", where, args, out.String(), errs.String())
			return out.String()
		}
		before := s.contents()["users"]
		require.Equal(t, "ok "+file+": 2 entries\n", run(0, "validate", file))
		plan := run(0, "plan", file, "--context", "team=blue")
		require.Contains(t, plan, "  + group Responders  line 4\n      name: Responders\n      attributes: {\"team\":\"blue\"}\n")
		require.Contains(t, plan, "      password: ***\n")
		require.Contains(t, plan, "Plan: 2 to create, 0 to change, 0 to remove, 0 unchanged.\n")
		require.Equal(t, before, s.contents()["users"])
		require.Contains(t, run(0, "apply", file, "--context", "team=blue"), "Applied: 2 created, 0 changed, 0 removed, 0 unchanged.\n")
		require.Contains(t, run(0, "apply", file, "--context", "team=blue"), "Applied: 0 created, 0 changed, 0 removed, 2 unchanged.\n")
		require.Contains(t, run(0, "plan", file), "      attributes: {\"team\":\"blue\"} → {\"team\":\"red\"}\n")
		in, err := s.browser().tryToSignIn("grace", "a very long password")
		require.NoError(t, err)
		require.True(t, in, where)

		require.NoError(t, os.WriteFile(file, []byte(responders+"  - model: nothing.at_all\n    identifiers: {a: b}\n"), 0o600))
		require.Contains(t, run(1, "validate", file), "problem "+file+":11:12: entry 3 (nothing.at_all): model: model \"nothing.at_all\" is not offered\n")
		require.Contains(t, run(0, "apply", file, "--skip-unsupported", "--format", "json"), `"effect": "skipped"`)
		exported := run(0, "export", signInFlow)
		require.True(t, strings.HasPrefix(exported, blueprint.Modeline), exported)
	}
}

// empty takes the configuration out.
func (s *site) empty() {
	s.Helper()
	_, err := s.connect().Exec(s.Context(), `TRUNCATE policy_bindings, policies, flow_bindings, prompts, stages, brands, flows, runs CASCADE`)
	require.NoError(s, err)
}

// The schema in the repository is that of this version.
func TestSchemaInTheRepositoryIsFresh(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	made, err := s.replicas[0].Prints.Schema()
	require.NoError(t, err)
	if *update {
		require.NoError(t, os.WriteFile(schemaFile, made, 0o644))
	}
	kept, err := os.ReadFile(schemaFile)
	require.NoError(t, err)
	require.Equal(t, string(kept), string(made), "run: go test ./internal/app -run TestSchemaInTheRepositoryIsFresh -update-schema")
}

// Editors find nothing wrong with the files of the repository, which tell them
// where the schema is, and find what is wrong with others.
func TestRepositoryBlueprintsFitTheSchema(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(schemaFile)
	require.NoError(t, err)
	var root map[string]any
	require.NoError(t, json.Unmarshal(raw, &root))
	for _, name := range shippedFiles(t) {
		content, err := os.ReadFile("../../blueprints/" + name)
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(content), blueprint.Modeline), "%s begins with %s", name, blueprint.Modeline)
		require.Empty(t, check(t, root, string(content)), name)
	}
	for _, c := range []struct{ text, want string }{
		{"version: 2\nentries: []", "version"},
		{"version: 1\nentries: [{model: authentik_flows.flow, identifiers: {slug: a}, attrs: {designation: party}}]", "designation"},
		{"version: 1\nentries: [{model: authentik_flows.flow, identifiers: {slug: a}, attrs: {colour: red}}]", "colour"},
		{"version: 1\nentries: [{model: authentik_flows.flow, identifiers: {slug: a}, attrs: {compatibility_mode: maybe}}]", "compatibility_mode"},
		{"version: 1\nentries: [{model: authentik_flows.flow, identifiers: {}}]", "identifiers"},
		{"version: 1\nentries: [{model: nothing.at_all, identifiers: {a: b}}]", "model"},
		{"version: 1\nentries: {section: [{modle: a}]}", "entries"},
	} {
		require.Contains(t, check(t, root, c.text), c.want, c.text)
	}
}

func check(t *testing.T, root map[string]any, text string) string {
	t.Helper()
	var n yaml.Node
	require.NoError(t, yaml.Unmarshal([]byte(text), &n))
	v := validator{root}
	return v.node(root, seen(n.Content[0]), "")
}

// seen is a document as editors see it: tags with a list behind them are lists,
// others are texts.
func seen(n *yaml.Node) any {
	switch n.Kind {
	case yaml.MappingNode:
		out := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			out[n.Content[i].Value] = seen(n.Content[i+1])
		}
		return out
	case yaml.SequenceNode:
		out := []any{}
		for _, c := range n.Content {
			out = append(out, seen(c))
		}
		return out
	}
	if strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
		return n.Value
	}
	var v any
	if n.Decode(&v) != nil {
		return n.Value
	}
	raw, _ := json.Marshal(v)
	_ = json.Unmarshal(raw, &v)
	return v
}

// validator knows the words of JSON Schema that ours uses, and fails on others.
type validator struct{ root map[string]any }

// node returns the path of the first value that does not fit, with the reason.
func (v validator) node(s map[string]any, value any, at string) string {
	if ref, ok := s["$ref"].(string); ok {
		return v.node(v.root["definitions"].(map[string]any)[strings.TrimPrefix(ref, "#/definitions/")].(map[string]any), value, at)
	}
	object, _ := value.(map[string]any)
	list, _ := value.([]any)
	for word, rule := range s {
		if fault := v.word(s, word, rule, value, object, list, at); fault != "" {
			return fault
		}
	}
	return ""
}

func (v validator) word(s map[string]any, word string, rule, value any, object map[string]any, list []any, at string) string {
	switch word {
	case "$schema", "title", "description", "default", "definitions", "then":
	case "type":
		types, several := rule.([]any)
		if !several {
			types = []any{rule}
		}
		if !slices.ContainsFunc(types, func(t any) bool { return isA(value, t.(string)) }) {
			return fmt.Sprintf("%s: %v is no %v", at, value, rule)
		}
	case "const":
		if fmt.Sprint(rule) != fmt.Sprint(value) {
			return fmt.Sprintf("%s: not %v", at, rule)
		}
	case "enum":
		if !slices.Contains(rule.([]any), value) {
			return fmt.Sprintf("%s: %v is none of %v", at, value, rule)
		}
	case "anyOf":
		var faults []string
		for _, r := range rule.([]any) {
			fault := v.node(r.(map[string]any), value, at)
			if fault == "" {
				return ""
			}
			faults = append(faults, fault)
		}
		return strings.Join(faults, " or ")
	case "allOf":
		for _, r := range rule.([]any) {
			if fault := v.node(r.(map[string]any), value, at); fault != "" {
				return fault
			}
		}
	case "if":
		if v.node(rule.(map[string]any), value, at) == "" {
			return v.node(s["then"].(map[string]any), value, at)
		}
	case "required":
		for _, name := range rule.([]any) {
			if _, ok := object[name.(string)]; !ok && object != nil {
				return fmt.Sprintf("%s: %v is missing", at, name)
			}
		}
	case "minProperties":
		if object != nil && float64(len(object)) < rule.(float64) {
			return at + ": too few"
		}
	case "maxItems":
		if float64(len(list)) > rule.(float64) {
			return at + ": too many"
		}
	case "items":
		for i, item := range list {
			if fault := v.node(rule.(map[string]any), item, fmt.Sprintf("%s[%d]", at, i)); fault != "" {
				return fault
			}
		}
	case "properties":
		for name, r := range rule.(map[string]any) {
			if item, ok := object[name]; ok {
				if fault := v.node(r.(map[string]any), item, at+"."+name); fault != "" {
					return fault
				}
			}
		}
	case "additionalProperties":
		known, _ := s["properties"].(map[string]any)
		for name, item := range object {
			if _, ok := known[name]; ok {
				continue
			}
			if rule == false {
				return at + ": unknown " + name
			}
			if fault := v.node(rule.(map[string]any), item, at+"."+name); fault != "" {
				return fault
			}
		}
	default:
		return "the test does not know the word " + word
	}
	return ""
}

func isA(v any, name string) bool {
	switch v := v.(type) {
	case nil:
		return name == "null"
	case bool:
		return name == "boolean"
	case string:
		return name == "string"
	case float64:
		return name == "number" || name == "integer" && v == float64(int64(v))
	case []any:
		return name == "array"
	}
	return name == "object"
}
