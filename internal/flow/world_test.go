package flow_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

// world is an executor over a database of its own, with stages and policies
// that do what the test says.
type world struct {
	t        testing.TB
	ctx      context.Context
	store    *postgres.DB
	x        *flow.Executor
	policies *answers
	log      *trail
	last     *idp.Flow
	bindings []*idp.FlowBinding // of last, in order
	number   int
}

func newWorld(t testing.TB) *world {
	t.Helper()
	ctx := context.Background()
	store, err := postgres.Open(ctx, testkit.Database(t), postgres.Options{})
	require.NoError(t, err)
	t.Cleanup(store.Close)
	w := &world{t: t, ctx: ctx, store: store, policies: &answers{by: map[idp.UUID]rule{}}, log: &trail{}}
	w.x = flow.NewExecutor(flow.Deps{Store: store, Policies: w.policies, Kinds: []flow.Kind{probeKind(w.log), silentKind(w.log)}})
	return w
}

// trail notes what stages did, in order.
type trail struct {
	mu   sync.Mutex
	acts []string
}

func (l *trail) note(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acts = append(l.acts, fmt.Sprintf(format, args...))
}

func (l *trail) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.acts
	l.acts = nil
	return out
}

func (l *trail) count(act string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, a := range l.acts {
		if a == act {
			n++
		}
	}
	return n
}

// rule answers for a policy target.
type rule func(req idp.PolicyRequest) (idp.PolicyResult, error)

// answers are scripted policies; targets without a rule pass.
type answers struct {
	mu sync.Mutex
	by map[idp.UUID]rule
}

func (a *answers) set(target idp.UUID, r rule) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.by[target] = r
}

func (a *answers) Evaluate(_ context.Context, target idp.UUID, _ idp.PolicyMode, req idp.PolicyRequest) (idp.PolicyResult, error) {
	a.mu.Lock()
	r, ok := a.by[target]
	a.mu.Unlock()
	if !ok {
		return idp.PolicyResult{Passing: true}, nil
	}
	return r(req)
}

func passes(req idp.PolicyRequest) (idp.PolicyResult, error) {
	return idp.PolicyResult{Passing: true}, nil
}

func fails(req idp.PolicyRequest) (idp.PolicyResult, error) {
	return idp.PolicyResult{Messages: []string{"Not you."}}, nil
}

func breaks(req idp.PolicyRequest) (idp.PolicyResult, error) {
	return idp.PolicyResult{}, fmt.Errorf("the policy broke")
}

// probe is a stage that does what its settings say.
type probe struct {
	Label string      `json:"label"`
	Enter string      `json:"enter" enum:"ask,next,deny,refuse,boom,panic,invalid,url,flow,peek"`
	URL   string      `json:"url"`
	Flow  *idp.FlowID `json:"flow" ref:"flow"`
	Keep  bool        `json:"keep"`
}

type asks struct {
	flow.UserInfo
	Label string `json:"label"`
}

func (asks) Component() string { return "ak-probe" }

type probeStage struct {
	probe
	log *trail
}

// keyAnswers is what the probes were told.
const keyAnswers flow.Key[[]string] = "answers"

func probeKind(log *trail) flow.Kind {
	return flow.Kind{Name: "probe", Model: "test.probe", Summary: "Does what it is told.",
		Settings: func() any { return &probe{Enter: "ask"} },
		Build:    func(s any) (flow.Stage, error) { return probeStage{*s.(*probe), log}, nil },
		Examples: []flow.Challenge{asks{}},
		View: func(c flow.Challenge, p flow.Page) flow.View {
			return page{c, p}
		}}
}

func silentKind(log *trail) flow.Kind {
	k := probeKind(log)
	k.Name, k.Model, k.Headless = "silent", "test.silent", true
	k.Settings = func() any { return &probe{Enter: "next"} }
	return k
}

type page struct {
	c flow.Challenge
	p flow.Page
}

func (v page) Render(_ context.Context, w io.Writer) error {
	_, err := fmt.Fprintf(w, "%+v %+v", v.c, v.p)
	return err
}

func (s probeStage) Enter(ctx context.Context, run *flow.Run) (flow.Step, error) {
	s.log.note("enter %s", s.Label)
	switch s.probe.Enter {
	case "ask":
		who, err := run.Who(ctx)
		return flow.Ask{Challenge: asks{who, s.Label}}, err
	case "deny":
		return flow.Deny{Reason: "Denied by " + s.Label}, nil
	case "refuse":
		return nil, idp.Refuse(idp.DoorSignIn, idp.RefusedInactive)
	case "boom":
		return nil, fmt.Errorf("stage %s exploded", s.Label)
	case "panic":
		var nobody *idp.User
		return flow.Deny{Reason: nobody.Name}, nil
	case "invalid":
		if told, _ := keyAnswers.In(run.Vars); slices.Contains(told, "weak") {
			return nil, idp.Invalid("answer", "Too weak.")
		}
		return flow.Next{}, nil
	case "peek":
		s.log.note("asks next %t", run.AsksNext(ctx))
	case "url":
		return flow.Redirect{URL: s.URL}, nil
	case "flow":
		return flow.Redirect{Flow: s.Flow, KeepContext: s.Keep}, nil
	}
	return flow.Next{}, nil
}

func (s probeStage) Submit(ctx context.Context, run *flow.Run, in flow.Input) (flow.Step, error) {
	s.log.note("submit %s", s.Label)
	answer, err := in.Required("answer")
	if err != nil {
		return nil, err
	}
	told, _ := keyAnswers.In(run.Vars)
	keyAnswers.Put(run.Vars, append(told, answer))
	switch answer {
	case "deny":
		return flow.Deny{Reason: "You said so."}, nil
	case "wrong":
		return nil, idp.Invalid("answer", "Wrong.")
	case "panic":
		panic(idp.Invalid("answer", "This is no fault of the answer."))
	case "sign in":
		u, err := run.Pending(ctx)
		if err != nil {
			return nil, err
		}
		run.SignIn(u, &idp.Session{UserID: u.ID}, "cookie", u.JoinedAt)
	case "sign out":
		run.SignOut()
	}
	return flow.Next{}, nil
}

// step describes one stage of a test's flow.
type step struct {
	kind     string // "" = probe
	settings probe
	binding  idp.FlowBinding
}

func ask(label string) step { return step{settings: probe{Label: label, Enter: "ask"}} }
func silent(label, enter string) step {
	return step{kind: "silent", settings: probe{Label: label, Enter: enter}}
}

func (s step) with(change func(*idp.FlowBinding)) step {
	change(&s.binding)
	return s
}

// flow stores a flow with its stages; its bindings are in w.bindings.
func (w *world) flow(slug string, change func(*idp.Flow), steps ...step) *idp.Flow {
	w.t.Helper()
	f := &idp.Flow{Name: slug, Slug: slug, Title: "Flow " + slug, Designation: idp.DesignationStageConfiguration,
		Authentication: idp.AuthenticationNone, DeniedAction: idp.DeniedMessageContinue, Layout: "stacked", PolicyMode: idp.PolicyAny}
	if change != nil {
		change(f)
	}
	repos := w.store.Repos()
	require.NoError(w.t, repos.Flows.Create(w.ctx, f))
	w.last, w.bindings = f, nil
	for i, s := range steps {
		w.number++
		raw, err := json.Marshal(s.settings)
		require.NoError(w.t, err)
		if s.kind == "" {
			s.kind = "probe"
		}
		row := &idp.Stage{Name: fmt.Sprintf("%s %s %d", slug, s.settings.Label, w.number), Kind: s.kind, Settings: raw}
		require.NoError(w.t, repos.Stages.Create(w.ctx, row))
		b := s.binding
		b.FlowID, b.StageID, b.Order = f.ID, row.ID, i*10
		if b.InvalidResponseAction == "" {
			b.InvalidResponseAction = idp.InvalidRetry
		}
		b.PolicyMode = idp.PolicyAny
		require.NoError(w.t, repos.FlowBindings.Create(w.ctx, &b))
		w.bindings = append(w.bindings, &b)
	}
	return f
}

func (w *world) user(name string) *idp.User {
	w.t.Helper()
	u := &idp.User{Username: name, Name: name, Path: "users", Type: idp.UserInternal, IsActive: true}
	require.NoError(w.t, w.store.Repos().Users.Create(w.ctx, u))
	got, err := w.store.Repos().Users.Get(w.ctx, u.ID)
	require.NoError(w.t, err)
	return got
}

// browser is one browser.
type browser struct {
	w     *world
	key   []byte
	actor idp.Actor
	query map[string]string
}

func (w *world) browser(name string) *browser {
	sum := sha256.Sum256([]byte(name))
	return &browser{w: w, key: sum[:], actor: idp.Actor{Request: &idp.RequestInfo{ID: "req-1", Method: "GET", Path: "/"}}}
}

func (b *browser) visit(slug string) flow.Visit {
	return flow.Visit{Slug: slug, Browser: b.key, Actor: b.actor, Query: b.query}
}

func (b *browser) get(slug string) *flow.Answer {
	b.w.t.Helper()
	a, err := b.w.x.Get(b.w.ctx, b.visit(slug))
	require.NoError(b.w.t, err)
	return a
}

func (b *browser) say(slug, answer string) *flow.Answer {
	b.w.t.Helper()
	return b.send(slug, flow.Input{"answer": answer})
}

func (b *browser) send(slug string, in flow.Input) *flow.Answer {
	b.w.t.Helper()
	a, err := b.w.x.Solve(b.w.ctx, b.visit(slug), in)
	require.NoError(b.w.t, err)
	return a
}

// at requires that the answer shows the probe with the label.
func at(t testing.TB, a *flow.Answer, label string) {
	t.Helper()
	require.Empty(t, a.Redirect)
	c, ok := a.Challenge.(asks)
	require.True(t, ok, "%#v", a.Challenge)
	require.Equal(t, label, c.Label)
}

// token is the form's hidden step field.
func token(t testing.TB, a *flow.Answer) string {
	t.Helper()
	for _, h := range a.View.(page).p.Hidden {
		if h.Name == "_step" {
			return h.Value
		}
	}
	t.Fatal("no step token")
	return ""
}

func denied(t testing.TB, a *flow.Answer, message string) {
	t.Helper()
	c, ok := a.Challenge.(flow.AccessDenied)
	require.True(t, ok, "%#v redirect %q", a.Challenge, a.Redirect)
	require.Equal(t, message, c.ErrorMessage)
	require.Empty(t, a.Redirect)
}

// runs counts the stored runs of a browser and flow.
func (b *browser) stored(slug string) bool {
	b.w.t.Helper()
	f, err := b.w.store.Repos().Flows.GetBySlug(b.w.ctx, slug)
	require.NoError(b.w.t, err)
	run, err := b.w.store.Repos().Runs.Find(b.w.ctx, b.key, f.ID)
	require.NoError(b.w.t, err)
	return run != nil
}
