package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/application"
	"github.com/portcullis-idp/portcullis/internal/blueprint"
	"github.com/portcullis-idp/portcullis/internal/configure"
	"github.com/portcullis-idp/portcullis/internal/consent"
	"github.com/portcullis-idp/portcullis/internal/elevate"
	"github.com/portcullis-idp/portcullis/internal/factor"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/invitation"
	"github.com/portcullis-idp/portcullis/internal/lock"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/lockout"
	"github.com/portcullis-idp/portcullis/internal/notify"
	"github.com/portcullis-idp/portcullis/internal/oidc"
	"github.com/portcullis-idp/portcullis/internal/policies"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/restore"
	"github.com/portcullis-idp/portcullis/internal/secret"
	"github.com/portcullis-idp/portcullis/internal/server"
	"github.com/portcullis-idp/portcullis/internal/server/api"
	"github.com/portcullis-idp/portcullis/internal/server/api/contract"
	"github.com/portcullis-idp/portcullis/internal/server/page"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/internal/session"
	"github.com/portcullis-idp/portcullis/internal/stages"
	"github.com/portcullis-idp/portcullis/internal/stages/prompt"
	"github.com/portcullis-idp/portcullis/internal/testkit"
	"github.com/portcullis-idp/portcullis/internal/token"
)

// rig is a whole server over a database of its own. Every answer of the API is
// checked against the contract.
type rig struct {
	t         testing.TB
	db        *postgres.DB
	server    *server.Server
	handler   http.Handler
	accounts  *account.Service
	sessions  *session.Service
	tokens    *token.Service
	lockdowns *lockdown.Service
	configure *configure.Service

	roles       *access.Roles // as of the last Reset: no feed keeps them in step here
	roleService *access.Service
	lockouts    *lockout.Service
	receiver    *receiver // of webhooks

	log     *lines
	rest    *api.API
	shipped fstest.MapFS // blueprints

	admin, person *idp.User // a superuser and somebody ordinary
	flow          *idp.Flow // authentication: one question, then signed in as person
	brand         *idp.Brand
}

// lines collects the log.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// open lets every policy pass.
type open struct{}

func (open) Evaluate(context.Context, idp.UUID, idp.PolicyMode, idp.PolicyRequest) (idp.PolicyResult, error) {
	return idp.PolicyResult{Passing: true}, nil
}

func newRig(t testing.TB, change ...func(*server.Deps)) *rig {
	t.Helper()
	db, err := postgres.Open(t.Context(), testkit.Database(t), postgres.Options{MaxConns: 6})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	r := &rig{t: t, db: db, log: &lines{}}
	conditions := policy.NewRoleConditions()
	r.roles = access.NewRoles(db, conditions.Holds)
	may := access.New(access.Deps{Roles: r.roles})
	r.roleService = access.NewService(access.ServiceDeps{Store: db, Checker: may, CheckWhere: conditions.Check})
	require.NoError(t, r.roleService.EnsureBuiltIn(t.Context()))
	require.NoError(t, r.roles.Reset(t.Context()))
	r.lockdowns = lockdown.New(lockdown.Deps{Store: db, Access: may})
	r.accounts = account.New(account.Deps{Store: db, Access: may, Closer: r.lockdowns, Hasher: secret.New(), Roles: r.roleService,
		Release: func(ctx context.Context, tx idp.Repos, actor idp.Actor, row any) error {
			return r.configure.Release(ctx, tx, actor, row)
		}})
	r.sessions = session.New(session.Deps{Store: db, Access: may})
	sealer, err := secret.NewSealer([]byte(secret.Token()))
	require.NoError(t, err)
	r.lockouts = lockout.New(lockout.Deps{Store: db, Access: may, View: lockout.NewView(db), Keys: sealer})
	r.tokens = token.New(token.Deps{Store: db, Access: may, Sealer: sealer})
	r.populate()
	flows := flow.NewExecutor(flow.Deps{Store: db, Policies: open{}, Kinds: append(stages.All(stages.Deps{
		Store: db, Accounts: r.accounts, Sessions: r.sessions, Lockdowns: r.lockdowns}), question(r))})
	engine := policy.NewEngine(policy.NewKinds(policies.Kinds(policies.Deps{Reputations: db.Repos().Reputations, Clock: db}))).
		With(policies.Directory{Store: db})
	r.configure = configure.New(configure.Deps{Store: db, Access: may, Stages: flows, Policies: engine.Kinds(), Prompt: prompt.CheckPrompt})
	r.receiver = &receiver{}
	factors := factor.New(factor.Deps{Store: db, Access: may, Guard: r.lockouts, Sealer: sealer, Lasts: true})
	told := notify.New(notify.Deps{Store: db, Access: may, Engine: engine, Senders: map[idp.TransportMode]notify.Sender{idp.TransportWebhook: r.receiver}})
	rest := api.New(api.Deps{Store: db, Access: may, Notify: told, Roles: r.roleService, Invitations: invitation.New(invitation.Deps{Store: db, Access: may}),
		Consents: consent.New(consent.Deps{Store: db, Access: may}), Accounts: r.accounts, Sessions: r.sessions, Tokens: r.tokens,
		Lockdowns: r.lockdowns, Flows: flows, Policies: engine, Applications: &application.Access{Store: db, Policies: stages.NewPolicies(db, engine)}, Version: "test",
		Configure: r.configure, Locks: lock.New(lock.Deps{Store: db, Access: may}), Lockouts: r.lockouts, Elevations: elevate.New(elevate.Deps{Store: db, Access: may}),
		Factors: factors, SigningKeys: oidc.New(oidc.Deps{Store: db, Access: may, Sealer: sealer})})
	rest.Restores = restore.New(restore.Deps{Store: db, Access: may, Lockdowns: r.lockdowns, Passwords: r.accounts, Accounts: r.accounts, Roles: r.roleService,
		Tokens: r.tokens, Consents: rest.Consents, Links: recoveryLinks{r.tokens}, Factors: factors, Post: unposted{}})
	rest.Prints = blueprint.New(blueprint.Deps{Store: db, Access: may, Rules: rest.Configure, Accounts: r.accounts, Tokens: r.tokens,
		Stages: flows, Policies: engine.Kinds()})
	r.shipped = fstest.MapFS{}
	rest.Blueprints = blueprint.NewLibrary(blueprint.LibraryDeps{Store: db, Access: may, Prints: rest.Prints, Shipped: r.shipped})
	r.rest = rest
	d := server.Deps{Log: slog.New(slog.NewJSONHandler(r.log, nil)), Store: db, Sessions: r.sessions, Tokens: r.tokens, Accounts: r.accounts, Flows: flows,
		Pages: page.Pages{}, Access: may, SessionStore: db.NewSessionStore(server.BlankSession),
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		Mounts:         []func(chi.Router){rest.Mount, r.mountProbes}}
	for _, c := range change {
		c(&d)
	}
	r.server, err = server.New(d)
	require.NoError(t, err)
	r.handler = contract.Watch(t, r.server)
	return r
}

// mountProbes adds handlers that tell what the middleware found out.
func (r *rig) mountProbes(router chi.Router) {
	router.Get("/probe/panic/", func(http.ResponseWriter, *http.Request) { panic("a fault of ours: s3cret") })
	router.Method(http.MethodGet, "/probe/flash/", web.Handler(func(w http.ResponseWriter, req *http.Request) error {
		web.Flash(req.Context(), web.ToneSuccess, "done <b>")
		return web.Redirect(w, req, "/probe/")
	}))
	router.Method(http.MethodGet, "/probe/private/", web.RequireUser(web.Handler(func(w http.ResponseWriter, _ *http.Request) error {
		return web.WriteJSON(w, http.StatusOK, "in")
	})))
	router.Method(http.MethodPost, "/probe/form/", web.Handler(func(w http.ResponseWriter, req *http.Request) error {
		form, err := web.DecodeForm(req)
		if err != nil {
			return err
		}
		return web.WriteJSON(w, http.StatusOK, form)
	}))
	router.Method(http.MethodGet, "/probe/", web.Handler(func(w http.ResponseWriter, req *http.Request) error {
		info := web.RequestInfo(req)
		out := map[string]any{"client": info.ClientIP.String(), "host": info.Host, "secure": info.Secure, "user": "",
			"brand": web.Brand(req).Domain, "flashes": web.Flashes(req.Context())}
		if u := web.User(req); u != nil {
			out["user"] = u.Username
		}
		return web.WriteJSON(w, http.StatusOK, out)
	}))
}

// populate makes the people, one flow with one stage, and the default brand.
func (r *rig) populate() {
	ctx, t := r.t.Context(), r.t
	system := idp.SystemActor()
	group, err := r.accounts.CreateGroup(ctx, system, account.NewGroup{Name: "admins", IsSuperuser: true})
	require.NoError(t, err)
	r.admin, err = r.accounts.Create(ctx, system, account.NewUser{Username: "root", Name: "Ada Root", Groups: []idp.GroupID{group.ID}})
	require.NoError(t, err)
	r.person, err = r.accounts.Create(ctx, system, account.NewUser{Username: "grace", Name: "Grace", Email: "grace@example.org"})
	require.NoError(t, err)
	r.flow = r.addFlow("sign-in", idp.DesignationAuthentication, idp.AuthenticationNone, "question", "{}")
	r.brand = &idp.Brand{Domain: "localhost", Default: true, Title: "Rig", FlowAuthentication: &r.flow.ID}
	require.NoError(t, r.db.Repos().Brands.Create(ctx, r.brand))
}

func (r *rig) addFlow(slug string, d idp.Designation, a idp.Authentication, kind, settings string) *idp.Flow {
	ctx, t, repos := r.t.Context(), r.t, r.db.Repos()
	f := &idp.Flow{Name: slug, Slug: slug, Title: slug, Designation: d, Authentication: a, DeniedAction: idp.DeniedMessageContinue,
		Layout: "stacked", PolicyMode: idp.PolicyAny}
	require.NoError(t, repos.Flows.Create(ctx, f))
	s := &idp.Stage{Name: slug + "-stage", Kind: kind, Settings: json.RawMessage(settings)}
	require.NoError(t, repos.Stages.Create(ctx, s))
	require.NoError(t, repos.FlowBindings.Create(ctx, &idp.FlowBinding{FlowID: f.ID, StageID: s.ID, EvaluateOnPlan: true,
		ReEvaluatePolicies: true, InvalidResponseAction: idp.InvalidRetry, PolicyMode: idp.PolicyAny}))
	return f
}

// question is a stage that asks for a word and signs person in.
func question(r *rig) flow.Kind {
	return flow.Kind{Name: "question", Model: "test.question", Form: "ak-stage-password-form", Verbose: "Question", VerbosePlural: "Questions",
		Settings: func() any { return &struct{}{} }, Build: func(any) (flow.Stage, error) { return asks{r}, nil },
		View: func(flow.Challenge, flow.Page) flow.View { return note("the question") }}
}

type note string

// Render implements flow.View.
func (n note) Render(_ context.Context, w io.Writer) error {
	_, err := io.WriteString(w, string(n))
	return err
}

type asked struct{ flow.UserInfo }

// Component implements flow.Challenge.
func (asked) Component() string { return "ak-stage-password" }

type asks struct{ r *rig }

// Enter implements flow.Stage.
func (a asks) Enter(context.Context, *flow.Run) (flow.Step, error) {
	return flow.Ask{Challenge: asked{flow.NewUserInfo("grace")}}, nil
}

// Submit implements flow.Stage.
func (a asks) Submit(ctx context.Context, run *flow.Run, in flow.Input) (flow.Step, error) {
	word, err := in.Required("password")
	if err != nil {
		return nil, err
	}
	if word != "open sesame" {
		return nil, idp.Invalid("password", "Failed to authenticate.")
	}
	u, err := run.User(ctx, a.r.person.ID)
	if err != nil {
		return nil, err
	}
	s, cookie, err := a.r.sessions.Start(ctx, run.Actor, session.Begin{User: u.ID, Generation: u.SessionGeneration, AuthMethod: "password"})
	if err != nil {
		return nil, err
	}
	run.SignIn(u, s, cookie, time.Time{})
	return flow.Next{}, nil
}

// cookieOf signs a user in and returns the session cookie's value.
func (r *rig) cookieOf(u *idp.User) string {
	fresh, err := r.db.Repos().Users.Get(r.t.Context(), u.ID)
	require.NoError(r.t, err)
	_, cookie, err := r.sessions.Start(r.t.Context(), idp.SystemActor(), session.Begin{User: u.ID,
		Generation: fresh.SessionGeneration, AuthMethod: "password", UserAgent: "curl/8.5.0", IP: netip.MustParseAddr("192.0.2.7")})
	require.NoError(r.t, err)
	return cookie
}

// keyOf issues an API token.
func (r *rig) keyOf(u *idp.User) string {
	_, key, err := r.tokens.Issue(r.t.Context(), idp.SystemActor(), token.Draft{User: u.ID, Identifier: "key-" + secret.Token(), Intent: idp.IntentAPI})
	require.NoError(r.t, err)
	return key
}

// request is one request; the zero value is an anonymous GET of /.
type request struct {
	method, path string
	body         any // string and []byte as they are, else JSON
	as           *idp.User
	cookie       string // session
	key          string // bearer
	header       map[string]string
	remote       string
	gone         bool // nobody waits for the answer
}

type response struct {
	*httptest.ResponseRecorder
	t testing.TB
}

func (r *rig) do(q request) *response {
	r.t.Helper()
	if q.method == "" {
		q.method = http.MethodGet
	}
	var body io.Reader
	kind := "application/json"
	switch b := q.body.(type) {
	case nil:
	case string:
		body = strings.NewReader(b)
	case []byte:
		body = bytes.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		require.NoError(r.t, err)
		body = bytes.NewReader(raw)
	}
	if q.path == "" {
		q.path = "/"
	}
	req := httptest.NewRequest(q.method, q.path, body)
	req.Host = "localhost"
	req.RemoteAddr = "192.0.2.1:1234"
	if q.remote != "" {
		req.RemoteAddr = q.remote
	}
	if body != nil {
		req.Header.Set("Content-Type", kind)
	}
	if q.as != nil {
		q.key = r.keyOf(q.as)
	}
	if q.key != "" {
		req.Header.Set("Authorization", "Bearer "+q.key)
	}
	if q.cookie != "" {
		req.AddCookie(&http.Cookie{Name: web.SessionCookie, Value: q.cookie})
		if q.method != http.MethodGet {
			req.Header.Set("Sec-Fetch-Site", "same-origin")
		}
	}
	for name, value := range q.header {
		switch {
		case name == "Cookie":
			req.Header.Add(name, value)
		case value == "":
			req.Header.Del(name)
		default:
			req.Header.Set(name, value)
		}
	}
	rec := httptest.NewRecorder()
	if q.gone {
		ctx, leave := context.WithCancel(req.Context())
		leave()
		req = req.WithContext(ctx)
	}
	r.handler.ServeHTTP(rec, req)
	return &response{rec, r.t}
}

// json decodes the body after checking the status.
func (a *response) json(status int) map[string]any {
	a.t.Helper()
	require.Equal(a.t, status, a.Code, a.Body.String())
	out := map[string]any{}
	if a.Body.Len() > 0 {
		require.NoError(a.t, json.Unmarshal(a.Body.Bytes(), &out), a.Body.String())
	}
	return out
}

// set returns a cookie that the answer sets, nil when it sets none.
func (a *response) set(name string) *http.Cookie {
	for _, c := range a.Result().Cookies() {
		if c.Name == name {
			return c
		}
	}
	return nil
}

func path(format string, args ...any) string { return "/api/v3" + fmt.Sprintf(format, args...) }
