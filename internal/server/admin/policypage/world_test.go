package policypage_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policies"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/server/admin/policypage"
	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
	"github.com/portcullis-idp/portcullis/internal/stages"
	"github.com/portcullis-idp/portcullis/internal/stages/prompt"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

const policiesAt = "/if/admin/policies/"

// world is the server with the pages and a browser of the administrator.
type world struct {
	*pagetest.Site
	*pagetest.Browser
	t testing.TB
}

func open(t testing.TB) *world {
	t.Helper()
	db, err := postgres.Open(t.Context(), testkit.Database(t), postgres.Options{MaxConns: 6})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	kinds := policy.NewKinds(policies.Kinds(policies.Deps{Reputations: db.Repos().Reputations, Clock: db}))
	s := pagetest.New(t, db, pagetest.Parts{Stages: stages.All(stages.Deps{}), Policies: kinds, Prompt: prompt.CheckPrompt})
	pages := policypage.New(policypage.Deps{Store: db, Configure: s.Configure, Engine: policy.NewEngine(kinds).With(policies.Directory{Store: db})})
	s.Open(db.NewSessionStore(blank), pages.Routes, pagetest.Elsewhere("policies/"))
	return &world{s, s.As(s.Boss), t}
}

func blank(deadline time.Time, values map[string]any) ([]byte, error) {
	return json.Marshal(map[string]any{"deadline": deadline, "values": values})
}

func kinds() []policy.Kind { return policies.Kinds(policies.Deps{}) }

func (w *world) policy(name, kind, settings string) *idp.Policy {
	w.t.Helper()
	p, err := w.Configure.CreatePolicy(w.t.Context(), idp.SystemActor(), idp.Policy{Name: name, Kind: kind, Settings: []byte(settings)})
	require.NoError(w.t, err)
	return p
}

// find returns the policy of that name as it is stored.
func (w *world) find(name string) *idp.Policy {
	w.t.Helper()
	found, err := w.Store.Repos().Policies.Find(w.t.Context(), idp.PolicyFilter{Name: &name})
	require.NoError(w.t, err)
	require.Len(w.t, found.Items, 1, name)
	return &found.Items[0]
}

// bind binds a policy to a new flow and to the stage in it.
func (w *world) bind(p *idp.Policy, slug string) {
	w.t.Helper()
	ctx, sys := w.t.Context(), idp.SystemActor()
	f, err := w.Configure.CreateFlow(ctx, sys, idp.Flow{Name: "Flow " + slug, Slug: slug, Title: slug, Designation: idp.DesignationRecovery})
	require.NoError(w.t, err)
	s, err := w.Configure.CreateStage(ctx, sys, idp.Stage{Name: "stage of " + slug, Kind: "deny"})
	require.NoError(w.t, err)
	b, err := w.Configure.CreateFlowBinding(ctx, sys, idp.FlowBinding{FlowID: f.ID, StageID: s.ID})
	require.NoError(w.t, err)
	for _, target := range []idp.UUID{f.ID.UUID(), b.ID.UUID()} {
		_, err = w.Configure.CreatePolicyBinding(ctx, sys, idp.PolicyBinding{Target: target, PolicyID: &p.ID, Enabled: true})
		require.NoError(w.t, err)
	}
}

// partial asks as the page's script does.
func (w *world) partial(path string, pairs ...string) *pagetest.Page {
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequestWithContext(w.t.Context(), http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Partial", "part")
	return w.Do(r)
}
