package pagetest

import (
	"context"
	"log/slog"
	"net/http"
	"sort"
	"strings"
	"testing"

	"github.com/alexedwards/scs/v2"
	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/configure"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/secret"
	"github.com/portcullis-idp/portcullis/internal/server"
	"github.com/portcullis-idp/portcullis/internal/server/contain"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/session"
	"github.com/portcullis-idp/portcullis/internal/stages/accountlockdown"
	"github.com/portcullis-idp/portcullis/internal/token"
)

// Site is a server with everything behind it.
type Site struct {
	Store     idp.Store
	Access    *access.Checker
	Accounts  *account.Service
	Sessions  *session.Service
	Tokens    *token.Service
	Lockdowns *lockdown.Service
	Configure *configure.Service
	Flows     *flow.Executor
	Lockdown  page.LockdownFlow // what the pages are given
	Begun     []Begun           // the lockdown flows that were planned

	Brand *idp.Brand // the default one; it has a lockdown and a recovery flow
	Boss  *idp.User  // a superuser

	handler http.Handler
	routes  chi.Routes
	tb      testing.TB
}

// Begun is a lockdown flow that was planned.
type Begun struct {
	Users []idp.UserID
	Self  bool
}

// passes lets every policy pass: none are bound here.
type passes struct{}

func (passes) Evaluate(context.Context, idp.UUID, idp.PolicyMode, idp.PolicyRequest) (idp.PolicyResult, error) {
	return idp.PolicyResult{Passing: true}, nil
}

// Parts are what pages about the configuration need beside the rest: the kinds
// that there are, and what judges prompts.
type Parts struct {
	Stages   []flow.Kind
	Policies *policy.Kinds
	Prompt   func(*idp.Prompt) error
	// Access judges with roles and locks; nil = without.
	Access *access.Checker
}

// New builds the use cases over a migrated, empty database, with a superuser
// and a default brand. Without parts there is one kind of stage, note, and none
// of policies.
func New(tb testing.TB, store idp.Store, parts ...Parts) *Site {
	tb.Helper()
	all := Parts{Policies: policy.NewKinds(nil), Prompt: func(*idp.Prompt) error { return nil }}
	for _, p := range parts {
		all = p
	}
	if all.Policies == nil {
		all.Policies = policy.NewKinds(nil)
	}
	if all.Prompt == nil {
		all.Prompt = func(*idp.Prompt) error { return nil }
	}
	s := &Site{Store: store, Access: access.New(), tb: tb}
	if all.Access != nil {
		s.Access = all.Access
	}
	s.Lockdowns = lockdown.New(lockdown.Deps{Store: store, Access: s.Access})
	s.Accounts = account.New(account.Deps{Store: store, Access: s.Access, Closer: s.Lockdowns, Hasher: secret.New()})
	s.Sessions = session.New(session.Deps{Store: store, Access: s.Access})
	sealer, err := secret.NewSealer([]byte(secret.Token()))
	require.NoError(tb, err)
	s.Tokens = token.New(token.Deps{Store: store, Access: s.Access, Sealer: sealer})
	s.Flows = flow.NewExecutor(flow.Deps{Store: store, Policies: passes{}, Kinds: append([]flow.Kind{note}, all.Stages...)})
	s.Configure = configure.New(configure.Deps{Store: store, Access: s.Access, Stages: s.Flows, Policies: all.Policies,
		Prompt: all.Prompt})
	s.Lockdown = page.LockdownFlow{Flow: contain.Flow{Store: store, Lockdowns: s.Lockdowns, Flows: recorder{s}}}
	s.furnish()
	return s
}

// recorder notes which lockdown flows were begun.
type recorder struct{ site *Site }

// Begin implements the planner that pages use.
func (r recorder) Begin(ctx context.Context, v flow.Visit, set func(*flow.Run)) (string, error) {
	return r.site.Flows.Begin(ctx, v, func(run *flow.Run) {
		set(run)
		b := Begun{}
		b.Users, _ = accountlockdown.KeyTargets.In(run.Vars)
		if one, ok := flow.KeyPending.In(run.Vars); ok {
			b.Users = append(b.Users, one.User)
			b.Self = run.Actor.Is(one.User)
		}
		r.site.Begun = append(r.site.Begun, b)
	})
}

// furnish makes what every installation has.
func (s *Site) furnish() {
	s.tb.Helper()
	ctx, sys := s.tb.Context(), idp.SystemActor()
	admins, err := s.Accounts.CreateGroup(ctx, sys, account.NewGroup{Name: "Administrators", IsSuperuser: true})
	require.NoError(s.tb, err)
	s.Boss = s.User("boss", func(n *account.NewUser) { n.Name, n.Groups = "Bo Ss", []idp.GroupID{admins.ID} })
	locks := s.flow("lock-account", idp.DesignationStageConfiguration)
	recovers := s.flow("recovery", idp.DesignationRecovery)
	s.flow("sign-in", idp.DesignationAuthentication)
	brands := s.Store.Repos().Brands
	found, err := brands.Find(ctx, idp.BrandFilter{})
	require.NoError(s.tb, err)
	for i := range found.Items {
		require.NoError(s.tb, brands.Delete(ctx, found.Items[i].ID))
	}
	s.Brand = &idp.Brand{Domain: "example.com", Default: true, Title: "Example", FlowLockdown: &locks, FlowRecovery: &recovers}
	require.NoError(s.tb, brands.Create(ctx, s.Brand))
}

// flow makes a flow with one stage.
func (s *Site) flow(slug string, d idp.Designation) idp.FlowID {
	s.tb.Helper()
	ctx, repos := s.tb.Context(), s.Store.Repos()
	f := &idp.Flow{Name: slug, Slug: slug, Title: slug, Designation: d, Authentication: idp.AuthenticationNone,
		DeniedAction: idp.DeniedMessage, Layout: "stacked", PolicyMode: idp.PolicyAny}
	require.NoError(s.tb, repos.Flows.Create(ctx, f))
	st := &idp.Stage{Name: "note of " + slug, Kind: note.Name, Settings: []byte("{}")}
	require.NoError(s.tb, repos.Stages.Create(ctx, st))
	require.NoError(s.tb, repos.FlowBindings.Create(ctx, &idp.FlowBinding{FlowID: f.ID, StageID: st.ID,
		EvaluateOnPlan: true, InvalidResponseAction: idp.InvalidRetry, PolicyMode: idp.PolicyAny}))
	return f.ID
}

// SetBrand changes the default brand.
func (s *Site) SetBrand(change func(*idp.Brand)) {
	s.tb.Helper()
	change(s.Brand)
	require.NoError(s.tb, s.Store.Repos().Brands.Update(s.tb.Context(), s.Brand))
}

// Open puts the server in front of the use cases, with the pages mounted.
func (s *Site) Open(store scs.Store, mounts ...func(chi.Router)) {
	s.tb.Helper()
	keep := func(r chi.Router) {
		for _, mount := range mounts {
			mount(r)
		}
		s.routes = r
	}
	srv, err := server.New(server.Deps{Log: slog.New(slog.NewTextHandler(s.tb.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})), Store: s.Store, Sessions: s.Sessions, Tokens: s.Tokens, Flows: s.Flows,
		Pages: page.Pages{}, Access: s.Access, SessionStore: store, Mounts: []func(chi.Router){keep}})
	require.NoError(s.tb, err)
	s.handler = srv
}

// Handler is the server.
func (s *Site) Handler() http.Handler { return s.handler }

// User makes an account of that name; more changes it before.
func (s *Site) User(name string, more ...func(*account.NewUser)) *idp.User {
	s.tb.Helper()
	n := account.NewUser{Username: name, Email: name + "@example.com"}
	for _, change := range more {
		change(&n)
	}
	u, err := s.Accounts.Create(s.tb.Context(), idp.SystemActor(), n)
	require.NoError(s.tb, err)
	return u
}

// Reload reads the account again.
func (s *Site) Reload(u *idp.User) *idp.User {
	s.tb.Helper()
	fresh, err := s.Store.Repos().Users.Get(s.tb.Context(), u.ID)
	require.NoError(s.tb, err)
	return fresh
}

// Token makes an API token of the account.
func (s *Site) Token(u *idp.User, identifier string) *idp.Token {
	s.tb.Helper()
	t, _, err := s.Tokens.Issue(s.tb.Context(), idp.SystemActor(), token.Draft{User: u.ID, Identifier: identifier, Intent: idp.IntentAPI})
	require.NoError(s.tb, err)
	return t
}

// Routes lists the routes under a path, as "METHOD pattern".
func (s *Site) Routes(under string) []string {
	s.tb.Helper()
	var out []string
	err := chi.Walk(s.routes, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if strings.HasPrefix(route, under) {
			out = append(out, method+" "+route)
		}
		return nil
	})
	require.NoError(s.tb, err)
	require.NotEmpty(s.tb, out)
	sort.Strings(out)
	return out
}
