package stagepage_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policies"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/server/admin/stagepage"
	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
	"github.com/portcullis-idp/portcullis/internal/stages"
	"github.com/portcullis-idp/portcullis/internal/stages/prompt"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

// world is the server with the pages, a browser of the administrator, and things
// to choose from.
type world struct {
	*pagetest.Site
	*pagetest.Browser
	t testing.TB
}

// kinds are all the kinds of the product. What they need to run is not there:
// nothing runs here.
func kinds() []flow.Kind { return stages.All(stages.Deps{}) }

func open(t testing.TB, more ...flow.Kind) *world {
	t.Helper()
	db, err := postgres.Open(t.Context(), testkit.Database(t), postgres.Options{MaxConns: 6})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	s := pagetest.New(t, db, pagetest.Parts{Stages: append(kinds(), more...), Prompt: prompt.CheckPrompt,
		Policies: policy.NewKinds(policies.Kinds(policies.Deps{}))})
	pages := stagepage.New(stagepage.Deps{Store: db, Configure: s.Configure, Kinds: s.Flows})
	s.Open(db.NewSessionStore(blank), pages.Routes, pagetest.Elsewhere("stages/", "prompts/"))
	return &world{s, s.As(s.Boss), t}
}

func blank(deadline time.Time, values map[string]any) ([]byte, error) {
	return json.Marshal(map[string]any{"deadline": deadline, "values": values})
}

func (w *world) stage(name, kind, settings string) *idp.Stage {
	w.t.Helper()
	s, err := w.Configure.CreateStage(w.t.Context(), idp.SystemActor(), idp.Stage{Name: name, Kind: kind, Settings: json.RawMessage(settings)})
	require.NoError(w.t, err)
	return s
}

func (w *world) prompt(name string, more ...func(*idp.Prompt)) *idp.Prompt {
	w.t.Helper()
	p := idp.Prompt{Name: name, FieldKey: name, Label: name, Type: "text"}
	for _, change := range more {
		change(&p)
	}
	made, err := w.Configure.CreatePrompt(w.t.Context(), idp.SystemActor(), p)
	require.NoError(w.t, err)
	return made
}

func (w *world) policy(name string) *idp.Policy {
	w.t.Helper()
	p, err := w.Configure.CreatePolicy(w.t.Context(), idp.SystemActor(), idp.Policy{Name: name, Kind: "expression", Settings: []byte(`{"expression": "true"}`)})
	require.NoError(w.t, err)
	return p
}

// flow makes a flow with these stages.
func (w *world) flow(slug string, list ...*idp.Stage) *idp.Flow {
	w.t.Helper()
	ctx := w.t.Context()
	f, err := w.Configure.CreateFlow(ctx, idp.SystemActor(), idp.Flow{Name: "Flow " + slug, Slug: slug, Title: slug, Designation: idp.DesignationRecovery})
	require.NoError(w.t, err)
	for i, s := range list {
		_, err := w.Configure.CreateFlowBinding(ctx, idp.SystemActor(), idp.FlowBinding{FlowID: f.ID, StageID: s.ID, Order: i * 10})
		require.NoError(w.t, err)
	}
	return f
}

// find returns the stage of that name as it is stored.
func (w *world) find(name string) *idp.Stage {
	w.t.Helper()
	found, err := w.Store.Repos().Stages.Find(w.t.Context(), idp.StageFilter{Name: &name})
	require.NoError(w.t, err)
	require.Len(w.t, found.Items, 1, name)
	return &found.Items[0]
}

func settings(t testing.TB, s *idp.Stage) map[string]any {
	t.Helper()
	out := map[string]any{}
	require.NoError(t, json.Unmarshal(s.Settings, &out))
	return out
}

func jsonOf(t testing.TB, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	return string(raw)
}
