package stages_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"io/fs"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/blueprints"
	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/blueprint"
	"github.com/portcullis-idp/portcullis/internal/configure"
	"github.com/portcullis-idp/portcullis/internal/consent"
	"github.com/portcullis-idp/portcullis/internal/factor"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/invitation"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/policies"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/secret"
	"github.com/portcullis-idp/portcullis/internal/session"
	"github.com/portcullis-idp/portcullis/internal/stages"
	"github.com/portcullis-idp/portcullis/internal/stages/prompt"
	"github.com/portcullis-idp/portcullis/internal/testkit"
	"github.com/portcullis-idp/portcullis/internal/token"
)

const goodPassword = "correct horse battery"

// world is an installation with the shipped flows, and the real use cases
// behind the stages.
type world struct {
	testing.TB
	ctx         context.Context
	url         string
	post        post
	store       *counting
	flows       *flow.Executor
	accounts    *account.Service
	sessions    *session.Service
	lockdowns   *lockdown.Service
	tokens      *token.Service
	invitations *invitation.Service
	consents    *consent.Service
	factors     *factor.Service
	step        time.Time     // when the first code of an app was made: others are so many steps from there
	fresh       time.Duration // how old a proof may be of who sets a factor up; 0 = any
	hasher      *secret.Hasher
	admins      idp.GroupID
}

func newWorld(t testing.TB, more ...flow.Kind) *world {
	t.Helper()
	ctx := context.Background()
	url := testkit.Database(t)
	db, err := postgres.Open(ctx, url, postgres.Options{})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	checker := access.New()
	w := &world{TB: t, ctx: ctx, url: url, store: &counting{DB: db}, hasher: secret.New()}
	w.lockdowns = lockdown.New(lockdown.Deps{Store: w.store, Access: checker})
	w.accounts = account.New(account.Deps{Store: w.store, Access: checker, Closer: w.lockdowns, Hasher: w.hasher})
	w.sessions = session.New(session.Deps{Store: w.store, Access: checker})
	w.tokens = token.New(token.Deps{Store: w.store, Access: checker})
	w.invitations = invitation.New(invitation.Deps{Store: w.store, Access: checker})
	w.consents = consent.New(consent.Deps{Store: w.store, Access: checker})
	w.factors = factor.New(factor.Deps{Store: w.store, Access: access.New(access.Deps{ProofAge: func() time.Duration { return w.fresh }}), Sealer: sealer,
		Lasts: true, PublicURL: "https://idp.example.org"})
	w.flows = w.executor(more...)
	kinds := policy.NewKinds(policies.Kinds(policies.Deps{Reputations: w.repos().Reputations, Clock: w.store}))
	rules := configure.New(configure.Deps{Store: w.store, Access: checker, Stages: w.flows, Policies: kinds, Prompt: prompt.CheckPrompt})
	applyShipped(t, blueprint.New(blueprint.Deps{Store: w.store, Access: checker, Rules: rules, Accounts: w.accounts, Tokens: w.tokens,
		Stages: w.flows, Policies: kinds}))
	group := &idp.Group{Name: "admins", IsSuperuser: true}
	require.NoError(t, w.repos().Groups.Create(ctx, group))
	w.admins = group.ID
	return w
}

// executor is one replica's.
func (w *world) executor(more ...flow.Kind) *flow.Executor {
	bound := stages.NewPolicies(w.store, policy.NewEngine(policy.NewKinds(policies.Kinds(policies.Deps{Reputations: w.repos().Reputations, Clock: w.store}))))
	return flow.NewExecutor(flow.Deps{Store: w.store, Policies: bound, Kinds: append(stages.All(stages.Deps{
		Store: w.store, Accounts: w.accounts, Sessions: w.sessions, Factors: w.factors, Lockdowns: w.lockdowns, Invitations: w.invitations, Consents: w.consents, Policies: bound,
		Links: w.tokens, Post: &w.post}), more...)})
}

func (w *world) repos() idp.Repos { return w.store.Repos() }

// applyShipped applies the blueprints that every installation starts with.
func applyShipped(t testing.TB, prints *blueprint.Service) {
	t.Helper()
	names, err := fs.Glob(blueprints.FS, "default/*.yaml")
	require.NoError(t, err)
	var documents []*blueprint.Document
	for _, name := range names {
		content, err := blueprints.FS.ReadFile(name)
		require.NoError(t, err)
		d, err := blueprint.Parse(name, content)
		require.NoError(t, err)
		documents = append(documents, d)
	}
	_, err = prints.ApplyAll(context.Background(), documents, blueprint.Options{Actor: idp.SystemActor()})
	require.NoError(t, err)
}

// counting counts what is committed.
type counting struct {
	*postgres.DB
	commits atomic.Int64
}

func (c *counting) InTx(ctx context.Context, fn func(idp.Repos) error) error {
	c.commits.Add(1)
	return c.DB.InTx(ctx, fn)
}

func (c *counting) Lockdown(ctx context.Context, fn func(idp.Repos) error) error {
	c.commits.Add(1)
	return c.DB.Lockdown(ctx, fn)
}

func (c *counting) Repos() idp.Repos {
	r := c.DB.Repos()
	r.Runs = countedRuns{r.Runs, c}
	r.Events = countedEvents{r.Events, c}
	return r
}

type countedRuns struct {
	idp.Runs
	c *counting
}

func (r countedRuns) Create(ctx context.Context, run *idp.Run, d time.Duration) error {
	r.c.commits.Add(1)
	return r.Runs.Create(ctx, run, d)
}

func (r countedRuns) Save(ctx context.Context, run *idp.Run) error {
	r.c.commits.Add(1)
	return r.Runs.Save(ctx, run)
}

func (r countedRuns) Delete(ctx context.Context, id idp.RunID) error {
	r.c.commits.Add(1)
	return r.Runs.Delete(ctx, id)
}

type countedEvents struct {
	idp.Events
	c *counting
}

func (e countedEvents) Append(ctx context.Context, event *idp.Event) error {
	e.c.commits.Add(1)
	return e.Events.Append(ctx, event)
}

// goodHash is made once: hashing takes most of a test's time.
var goodHash = sync.OnceValues(func() (string, error) { return secret.New().Hash(context.Background(), goodPassword) })

// user makes an account whose password is goodPassword.
func (w *world) user(name string, change ...func(*idp.User)) *idp.User {
	w.Helper()
	hash, err := goodHash()
	require.NoError(w, err)
	u := &idp.User{Username: name, Name: strings.ToUpper(name[:1]) + name[1:], Email: name + "@example.org", Path: "users",
		Type: idp.UserInternal, IsActive: true, Password: hash}
	for _, c := range change {
		c(u)
	}
	require.NoError(w, w.repos().Users.Create(w.ctx, u))
	return w.now(u)
}

func (w *world) administrator(name string) *idp.User {
	w.Helper()
	u := w.user(name)
	require.NoError(w, w.repos().Groups.AddUser(w.ctx, w.admins, u.ID))
	return w.now(u)
}

func (w *world) now(u *idp.User) *idp.User {
	w.Helper()
	fresh, err := w.repos().Users.Get(w.ctx, u.ID)
	require.NoError(w, err)
	return fresh
}

func (w *world) events(action idp.Action) []idp.Event {
	w.Helper()
	page, err := w.repos().Events.Find(w.ctx, idp.EventFilter{Actions: []idp.Action{action}, Paging: idp.Paging{Limit: 1000}})
	require.NoError(w, err)
	return page.Items
}

// browser is one browser: it keeps the session's cookie as a real one does.
type browser struct {
	*world
	key    []byte
	cookie string
	device flow.Device
	query  map[string]string
}

func (w *world) browser(name string) *browser {
	sum := sha256.Sum256([]byte(name))
	return &browser{world: w, key: sum[:], device: flow.Device{Keeps: true}}
}

// signedIn is a browser with a session of u.
func (w *world) signedIn(u *idp.User) *browser {
	w.Helper()
	b := w.browser("browser of " + u.Username)
	_, cookie, err := w.sessions.Start(w.ctx, b.actor(), session.Begin{User: u.ID, Generation: u.SessionGeneration, AuthMethod: "password"})
	require.NoError(w, err)
	b.cookie = cookie
	return b
}

func (b *browser) actor() idp.Actor {
	a := idp.Actor{Request: &idp.RequestInfo{ID: "req", Method: "POST", Path: "/", UserAgent: "test", ClientIP: netip.MustParseAddr("192.0.2.1")}}
	if s, u, err := b.sessions.Visit(b.ctx, b.cookie); err == nil {
		a.Session, a.User = s, u
	}
	return a
}

// alive reports whether the browser's session still acts.
func (b *browser) alive() bool { return b.actor().User != nil }

func (b *browser) visit(slug string) flow.Visit {
	return flow.Visit{Slug: slug, Browser: b.key, Actor: b.actor(), Device: b.device, Query: b.query}
}

func (b *browser) keep(a *flow.Answer, err error) *flow.Answer {
	b.Helper()
	require.NoError(b, err)
	if a.Effects.SignedIn != nil {
		b.cookie = a.Effects.SignedIn.Cookie
	}
	if d := a.Effects.Remembered; d != nil {
		b.device.Value = d.Cookie
	}
	if a.Effects.SignedOut {
		b.cookie = ""
	}
	return a
}

func (b *browser) get(slug string) *flow.Answer {
	b.Helper()
	return b.keep(b.flows.Get(b.ctx, b.visit(slug)))
}

// post sends the form and, where it leads back to the flow, reads the page.
func (b *browser) post(slug string, in flow.Input) *flow.Answer {
	b.Helper()
	a := b.keep(b.flows.Solve(b.ctx, b.visit(slug), in))
	if a.Redirect != "" && !a.Done {
		effects := a.Effects
		a = b.get(slug)
		if a.Effects.SignedIn == nil {
			a.Effects = effects
		}
	}
	return a
}

func (b *browser) begin(slug string, set func(*flow.Run)) {
	b.Helper()
	link, err := b.flows.Begin(b.ctx, b.visit(slug), set)
	require.NoError(b, err)
	require.Equal(b, "/if/flow/"+slug+"/", link)
}

// shows requires the component and returns the challenge as JSON.
func shows(t testing.TB, a *flow.Answer, component string) map[string]any {
	t.Helper()
	require.NoError(t, a.Err)
	require.NotNil(t, a.Challenge, "redirect to %q", a.Redirect)
	raw, _, err := a.JSON()
	require.NoError(t, err)
	var out map[string]any
	require.NoError(t, json.Unmarshal(raw, &out))
	require.Equal(t, component, out["component"], string(raw))
	return out
}

// wrong requires a message beside a field.
func wrong(t testing.TB, a *flow.Answer, field, message string) {
	t.Helper()
	require.NotEmpty(t, a.Errors[field], "%v", a.Errors)
	require.Equal(t, message, a.Errors[field][0].String)
}

func denied(t testing.TB, a *flow.Answer, message string) {
	t.Helper()
	c, ok := a.Challenge.(flow.AccessDenied)
	require.True(t, ok, "%#v, redirect %q", a.Challenge, a.Redirect)
	require.Equal(t, message, c.ErrorMessage)
}

func done(t testing.TB, a *flow.Answer, to string) {
	t.Helper()
	require.True(t, a.Done, "%#v", a.Challenge)
	require.Equal(t, to, a.Redirect)
}

// stage stores a stage and binds it to a flow at the end.
func (w *world) stage(f *idp.Flow, order int, kind, settings string) *idp.FlowBinding {
	w.Helper()
	k, ok := w.flows.Kind(kind)
	require.True(w, ok, kind)
	repos := w.repos()
	full, err := k.Validate(w.ctx, &repos, json.RawMessage(settings))
	require.NoError(w, err)
	s := &idp.Stage{Name: f.Slug + " " + kind + " " + idp.NewID[idp.Stage]().String(), Kind: kind, Settings: full}
	require.NoError(w, repos.Stages.Create(w.ctx, s))
	b := &idp.FlowBinding{FlowID: f.ID, StageID: s.ID, Order: order, ReEvaluatePolicies: true,
		InvalidResponseAction: idp.InvalidRetry, PolicyMode: idp.PolicyAny}
	require.NoError(w, repos.FlowBindings.Create(w.ctx, b))
	return b
}

func (w *world) flow(slug string) *idp.Flow {
	w.Helper()
	f := &idp.Flow{Name: slug, Slug: slug, Title: slug, Designation: idp.DesignationStageConfiguration,
		Authentication: idp.AuthenticationNone, DeniedAction: idp.DeniedMessage, Layout: "stacked", PolicyMode: idp.PolicyAny}
	require.NoError(w, w.repos().Flows.Create(w.ctx, f))
	return f
}
