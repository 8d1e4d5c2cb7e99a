package flowpage_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/configure"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policies"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/server/admin/flowpage"
	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
	"github.com/portcullis-idp/portcullis/internal/stages"
	"github.com/portcullis-idp/portcullis/internal/stages/prompt"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

// site is the whole server over a database of its own, with the product's kinds
// of stages and policies, and a superuser in a browser.
type site struct {
	*pagetest.Site
	t    testing.TB
	boss *pagetest.Browser
}

func open(t testing.TB) *site {
	t.Helper()
	db, err := postgres.Open(t.Context(), testkit.Database(t), postgres.Options{MaxConns: 6})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	s := &site{Site: pagetest.New(t, db), t: t}
	rules := policy.NewKinds(policies.Kinds(policies.Deps{}))
	bound := stages.NewPolicies(db, policy.NewEngine(rules))
	s.Flows = flow.NewExecutor(flow.Deps{Store: db, Policies: bound, Kinds: stages.All(stages.Deps{Store: db, Accounts: s.Accounts,
		Sessions: s.Sessions, Lockdowns: s.Lockdowns, Policies: bound})})
	s.Configure = configure.New(configure.Deps{Store: db, Access: s.Access, Stages: s.Flows, Policies: rules, Prompt: prompt.CheckPrompt})
	pages := flowpage.New(flowpage.Deps{Store: db, Configure: s.Configure, Stages: s.Flows, Policies: rules})
	s.Open(db.NewSessionStore(blank), pages.Routes, neighbours)
	s.boss = s.As(s.Boss)
	return s
}

// blank is the data of a session that has none yet, as the server keeps it.
func blank(deadline time.Time, values map[string]any) ([]byte, error) {
	return json.Marshal(map[string]any{"deadline": deadline, "values": values})
}

// neighbours stand for the pages of other packages that these link to.
func neighbours(r chi.Router) {
	r.Group(func(r chi.Router) {
		for _, path := range []string{"/if/admin/", "/if/admin/stages/*", "/if/admin/policies/*", "/if/admin/groups/*", "/if/admin/users/*", "/if/admin/brands/*",
			"/if/admin/sessions/", "/if/admin/lockdowns/", "/if/admin/prompts/", "/if/admin/invitations/", "/if/admin/locks/", "/if/admin/roles/", "/if/admin/locking-mode/", "/if/admin/lockouts/", "/if/admin/security-settings/",
			"/if/admin/notification-rules/", "/if/admin/notification-transports/", "/if/admin/property-mappings/", "/if/admin/deliveries/", "/if/admin/tokens/", "/if/admin/applications/", "/if/admin/providers/", "/if/admin/scope-mappings/", "/if/admin/access-requests/", "/if/user/notifications/", "/if/admin/blueprints/*", "/if/admin/events/", "/if/admin/search/", "/if/user/", "/if/user/settings/"} {
			r.Get(path, func(http.ResponseWriter, *http.Request) {})
		}
		r.Post("/if/theme/", func(http.ResponseWriter, *http.Request) {})
	})
}

func (s *site) flow(slug string) *idp.Flow {
	s.t.Helper()
	f, err := s.Store.Repos().Flows.GetBySlug(s.t.Context(), slug)
	require.NoError(s.t, err)
	return f
}

func at(f *idp.Flow) string { return "/if/admin/flows/" + f.ID.String() + "/" }

func (s *site) makeFlow(slug string, more ...func(*idp.Flow)) *idp.Flow {
	s.t.Helper()
	f := idp.Flow{Name: "Flow " + slug, Slug: slug, Designation: idp.DesignationAuthentication}
	for _, change := range more {
		change(&f)
	}
	made, err := s.Configure.CreateFlow(s.t.Context(), idp.SystemActor(), f)
	require.NoError(s.t, err)
	return made
}

func (s *site) makeStage(name, kind, settings string) *idp.Stage {
	s.t.Helper()
	made, err := s.Configure.CreateStage(s.t.Context(), idp.SystemActor(), idp.Stage{Name: name, Kind: kind, Settings: json.RawMessage(settings)})
	require.NoError(s.t, err)
	return made
}

// add puts a stage into a flow.
func (s *site) add(f *idp.Flow, st *idp.Stage, order int, more ...func(*idp.FlowBinding)) *idp.FlowBinding {
	s.t.Helper()
	b := idp.FlowBinding{FlowID: f.ID, StageID: st.ID, Order: order, ReEvaluatePolicies: true}
	for _, change := range more {
		change(&b)
	}
	made, err := s.Configure.CreateFlowBinding(s.t.Context(), idp.SystemActor(), b)
	require.NoError(s.t, err)
	return made
}

func (s *site) makePolicy(name, expression string) *idp.Policy {
	s.t.Helper()
	settings, err := json.Marshal(map[string]any{"expression": expression})
	require.NoError(s.t, err)
	made, err := s.Configure.CreatePolicy(s.t.Context(), idp.SystemActor(), idp.Policy{Name: name, Kind: "expression", Settings: settings})
	require.NoError(s.t, err)
	return made
}

// bind binds something to a flow or to one of its stages.
func (s *site) bind(b idp.PolicyBinding) *idp.PolicyBinding {
	s.t.Helper()
	made, err := s.Configure.CreatePolicyBinding(s.t.Context(), idp.SystemActor(), b)
	require.NoError(s.t, err)
	return made
}

// bindings are the stages of the flow in their order.
func (s *site) bindings(f *idp.Flow) []idp.FlowBinding {
	s.t.Helper()
	found, err := s.Store.Repos().FlowBindings.Find(s.t.Context(), idp.FlowBindingFilter{FlowID: &f.ID})
	require.NoError(s.t, err)
	return found.Items
}

// rules are what is bound to the target, in its order.
func (s *site) rules(target idp.UUID) []idp.PolicyBinding {
	s.t.Helper()
	found, err := s.Store.Repos().PolicyBindings.Find(s.t.Context(), idp.PolicyBindingFilter{Targets: []idp.UUID{target}})
	require.NoError(s.t, err)
	return found.Items
}

// page reads a page that must be in order.
func (s *site) page(path string) *pagetest.Page {
	s.t.Helper()
	p := s.boss.Get(path)
	require.Equal(s.t, http.StatusOK, p.Status, "%s: %s", path, p.Text())
	require.Empty(s.t, p.Faults(), path)
	return p
}
