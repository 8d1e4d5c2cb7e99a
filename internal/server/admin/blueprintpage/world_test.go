package blueprintpage_test

import (
	"encoding/json"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/blueprint"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policies"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/server/admin/blueprintpage"
	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
	"github.com/portcullis-idp/portcullis/internal/stages"
	"github.com/portcullis-idp/portcullis/internal/stages/prompt"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

const at = "/if/admin/blueprints/"

// world is the server with the pages and a browser of the administrator.
type world struct {
	*pagetest.Site
	*pagetest.Browser
	*blueprint.Library
	files fstest.MapFS // shipped
	t     testing.TB
}

func open(t testing.TB) *world {
	t.Helper()
	db, err := postgres.Open(t.Context(), testkit.Database(t), postgres.Options{MaxConns: 6})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	kinds := policy.NewKinds(policies.Kinds(policies.Deps{Reputations: db.Repos().Reputations, Clock: db}))
	s := pagetest.New(t, db, pagetest.Parts{Stages: stages.All(stages.Deps{}), Policies: kinds, Prompt: prompt.CheckPrompt})
	prints := blueprint.New(blueprint.Deps{Store: db, Access: s.Access, Rules: s.Configure, Accounts: s.Accounts, Tokens: s.Tokens,
		Stages: s.Flows, Policies: kinds})
	files := fstest.MapFS{}
	library := blueprint.NewLibrary(blueprint.LibraryDeps{Store: db, Access: s.Access, Prints: prints, Shipped: files})
	prints.Instances = library
	s.Open(db.NewSessionStore(blank), blueprintpage.New(library).Routes, pagetest.Elsewhere("blueprints/"))
	return &world{s, s.As(s.Boss), library, files, t}
}

func blank(deadline time.Time, values map[string]any) ([]byte, error) {
	return json.Marshal(map[string]any{"deadline": deadline, "values": values})
}

// ship puts a file where shipped ones are and has it found.
func (w *world) ship(path, content string) {
	w.t.Helper()
	w.files[path] = &fstest.MapFile{Data: []byte(content)}
	_, err := w.Discover(w.t.Context())
	require.NoError(w.t, err)
}

// keep keeps a blueprint with text of its own.
func (w *world) keep(name, content string) *idp.Blueprint {
	w.t.Helper()
	b, err := w.Create(w.t.Context(), idp.SystemActor(), idp.Blueprint{Name: name, Content: content, Enabled: true})
	require.NoError(w.t, err)
	return b
}

// named is the blueprint as it is kept.
func (w *world) named(name string) *idp.Blueprint {
	w.t.Helper()
	found, err := w.Find(w.t.Context(), idp.SystemActor(), idp.BlueprintFilter{Name: &name})
	require.NoError(w.t, err)
	require.Len(w.t, found.Items, 1, name)
	return &found.Items[0]
}

// label is that of a prompt, "" when there is none.
func (w *world) label(name string) string {
	w.t.Helper()
	found, err := w.Store.Repos().Prompts.Find(w.t.Context(), idp.PromptFilter{Name: &name})
	require.NoError(w.t, err)
	if len(found.Items) == 0 {
		return ""
	}
	return found.Items[0].Label
}

// text describes a prompt and the flow that shows it.
func text(name, label string) string {
	return `# What is asked of somebody new.
version: 1
metadata:
  name: ` + name + `
entries:
  - model: authentik_stages_prompt.prompt
    id: question
    identifiers:
      name: ` + name + `
    attrs:
      field_key: colour
      label: ` + label + ` # what people read
      type: text
      required: true
  - model: authentik_stages_prompt.promptstage
    id: stage
    identifiers:
      name: ` + name + `-stage
    attrs:
      fields:
        - !KeyOf question
  - model: authentik_flows.flow
    id: flow
    identifiers:
      slug: ` + name + `
    attrs:
      name: Ask for ` + name + `
      title: Tell us
      designation: stage_configuration
  - model: authentik_flows.flowstagebinding
    identifiers:
      target: !KeyOf flow
      stage: !KeyOf stage
      order: 10
`
}

// wrong has two faults, on lines 11 and 13.
const wrong = `version: 1
metadata:
  name: wrong
entries:
  - model: authentik_stages_prompt.prompt
    id: question
    identifiers:
      name: wrong
    attrs:
      field_key: colour
      type: nonsense
      label: l
  - model: authentik_nothing.thing
    identifiers:
      name: x
`
