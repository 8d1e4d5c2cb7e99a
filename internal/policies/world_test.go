package policies_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"log/slog"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/policies"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/secret"
	"github.com/portcullis-idp/portcullis/internal/session"
	"github.com/portcullis-idp/portcullis/internal/stages"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

const goodPassword = "correct horse battery"

// world is an installation without flows, wired as the product is.
type world struct {
	*testing.T
	url      string
	db       *postgres.DB
	accounts *account.Service
	bound    *stages.Policies
	flows    *flow.Executor
}

func newWorld(t *testing.T) *world {
	t.Helper()
	url := testkit.Database(t)
	db, err := postgres.Open(t.Context(), url, postgres.Options{})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	checker, hasher := access.New(), secret.New()
	w := &world{T: t, url: url, db: db}
	closer := lockdown.New(lockdown.Deps{Store: db, Access: checker})
	w.accounts = account.New(account.Deps{Store: db, Access: checker, Closer: closer, Hasher: hasher})
	kinds := policy.NewKinds(policies.Kinds(policies.Deps{Reputations: db.Repos().Reputations, Clock: db}))
	w.bound = stages.NewPolicies(db, policy.NewEngine(kinds).With(policies.Directory{Store: db}).Acting(policies.Effects{Store: db, Post: counter(true), Log: slog.New(slog.DiscardHandler)}))
	w.flows = flow.NewExecutor(flow.Deps{Store: db, Policies: w.bound, Kinds: stages.All(stages.Deps{Store: db,
		Accounts: w.accounts, Sessions: session.New(session.Deps{Store: db, Access: checker}), Lockdowns: closer, Policies: w.bound})})
	return w
}

// user is an account whose password is goodPassword.
func (w *world) user(name string) *idp.User {
	w.Helper()
	password := goodPassword
	u, err := w.accounts.Create(w.Context(), idp.SystemActor(), account.NewUser{Username: name, Password: &password})
	require.NoError(w, err)
	return u
}

func (w *world) policy(kind, settings string) *idp.Policy {
	w.Helper()
	p := &idp.Policy{Name: kind, Kind: kind, Settings: json.RawMessage(settings)}
	require.NoError(w, w.db.Repos().Policies.Create(w.Context(), p))
	return p
}

func (w *world) bind(p *idp.Policy, target idp.UUID) {
	w.Helper()
	require.NoError(w, w.db.Repos().PolicyBindings.Create(w.Context(), &idp.PolicyBinding{Target: target, PolicyID: &p.ID, Enabled: true}))
}

func (w *world) flow(slug string, designation idp.Designation) *idp.Flow {
	w.Helper()
	f := &idp.Flow{Name: slug, Slug: slug, Title: slug, Designation: designation, Authentication: idp.AuthenticationNone,
		DeniedAction: idp.DeniedMessage, Layout: "stacked", PolicyMode: idp.PolicyAny}
	require.NoError(w, w.db.Repos().Flows.Create(w.Context(), f))
	return f
}

// stage stores a stage and binds it; its policies are asked when it is reached.
func (w *world) stage(f *idp.Flow, order int, kind, settings string) *idp.FlowBinding {
	w.Helper()
	repos := w.db.Repos()
	k, ok := w.flows.Kind(kind)
	require.True(w, ok, kind)
	full, err := k.Validate(w.Context(), &repos, json.RawMessage(settings))
	require.NoError(w, err)
	s := &idp.Stage{Name: f.Slug + " " + kind, Kind: kind, Settings: full}
	require.NoError(w, repos.Stages.Create(w.Context(), s))
	b := &idp.FlowBinding{FlowID: f.ID, StageID: s.ID, Order: order, ReEvaluatePolicies: true,
		InvalidResponseAction: idp.InvalidRetry, PolicyMode: idp.PolicyAny}
	require.NoError(w, repos.FlowBindings.Create(w.Context(), b))
	return b
}

// browser is a browser at an address.
type browser struct {
	*world
	ip netip.Addr
}

func (w *world) at(ip string) browser { return browser{world: w, ip: netip.MustParseAddr(ip)} }

func (b browser) actor() idp.Actor {
	return idp.Actor{Request: &idp.RequestInfo{Method: "POST", Path: "/", ClientIP: b.ip}}
}

func (b browser) visit(slug string) flow.Visit {
	key := sha256.Sum256([]byte(b.ip.String()))
	return flow.Visit{Slug: slug, Browser: key[:], Actor: b.actor()}
}

// post sends a form and, where that leads on in the flow, reads the next page.
func (b browser) post(slug string, in flow.Input) *flow.Answer {
	b.Helper()
	ctx := context.Background()
	a, err := b.flows.Solve(ctx, b.visit(slug), in)
	require.NoError(b, err)
	if a.Redirect != "" && !a.Done {
		a, err = b.flows.Get(ctx, b.visit(slug))
		require.NoError(b, err)
	}
	return a
}

// begin goes to a flow's first page, as a new tab does.
func (b browser) begin(slug string) *flow.Answer {
	b.Helper()
	_, err := b.flows.Begin(b.Context(), b.visit(slug), func(*flow.Run) {})
	require.NoError(b, err)
	a, err := b.flows.Get(b.Context(), b.visit(slug))
	require.NoError(b, err)
	return a
}
