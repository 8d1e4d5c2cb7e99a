package configure_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/configure"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policies"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/stages"
	"github.com/portcullis-idp/portcullis/internal/stages/prompt"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

// world is an installation with one of everything, and an administrator.
type world struct {
	*configure.Service
	t     *testing.T
	ctx   context.Context
	store *store
	url   string
	admin idp.Actor

	flow          *idp.Flow
	stage         *idp.Stage
	binding       *idp.FlowBinding
	prompt        *idp.Prompt
	policy        *idp.Policy
	policyBinding *idp.PolicyBinding
	brand         *idp.Brand
	admins        *idp.Group
}

// store counts transactions and lets a test break the audit log.
type store struct {
	*postgres.DB
	began  atomic.Int32
	broken error
}

func (s *store) InTx(ctx context.Context, fn func(tx idp.Repos) error) error {
	s.began.Add(1)
	return s.DB.InTx(ctx, func(tx idp.Repos) error {
		if s.broken != nil {
			tx.Events = log{tx.Events, s.broken}
		}
		return fn(tx)
	})
}

type log struct {
	idp.Events
	err error
}

func (l log) Append(context.Context, *idp.Event) error { return l.err }

// kinds finds kinds of stages in the list of the product.
type kinds []flow.Kind

func (k kinds) Kind(name string) (flow.Kind, bool) {
	for _, kind := range k {
		if kind.Name == name {
			return kind, true
		}
	}
	return flow.Kind{}, false
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, ctx: t.Context(), url: testkit.Database(t)}
	db, err := postgres.Open(w.ctx, w.url, postgres.Options{})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	w.store = &store{DB: db}
	w.Service = configure.New(configure.Deps{Store: w.store, Access: access.New(), Stages: kinds(stages.All(stages.Deps{Store: db})),
		Policies: policy.NewKinds(policies.Kinds(policies.Deps{})), Prompt: prompt.CheckPrompt})
	w.admins = &idp.Group{Name: "admins", IsSuperuser: true}
	require.NoError(t, w.repos().Groups.Create(w.ctx, w.admins))
	root := &idp.User{Username: "root", IsActive: true}
	require.NoError(t, w.repos().Users.Create(w.ctx, root))
	require.NoError(t, w.repos().Groups.AddUser(w.ctx, w.admins.ID, root.ID))
	root, err = w.repos().Users.Get(w.ctx, root.ID)
	require.NoError(t, err)
	w.admin = idp.Actor{User: root}
	w.furnish()
	return w
}

// furnish makes one of everything, by the use cases.
func (w *world) furnish() {
	system := idp.SystemActor()
	w.flow = must(w.CreateFlow(w.ctx, system, aFlow("first")))(w.t)
	w.stage = must(w.CreateStage(w.ctx, system, idp.Stage{Name: "first", Kind: "deny"}))(w.t)
	w.binding = must(w.CreateFlowBinding(w.ctx, system, idp.FlowBinding{FlowID: w.flow.ID, StageID: w.stage.ID, Order: 10}))(w.t)
	w.prompt = must(w.CreatePrompt(w.ctx, system, aPrompt("first")))(w.t)
	w.policy = must(w.CreatePolicy(w.ctx, system, aPolicy("first")))(w.t)
	w.policyBinding = must(w.CreatePolicyBinding(w.ctx, system, idp.PolicyBinding{Target: w.binding.ID.UUID(), PolicyID: &w.policy.ID}))(w.t)
	w.brand = must(w.CreateBrand(w.ctx, system, idp.Brand{Domain: "first.example", Default: true}))(w.t)
}

func aFlow(slug string) idp.Flow {
	return idp.Flow{Name: "The " + slug, Slug: slug, Designation: idp.DesignationAuthentication}
}

func aPrompt(name string) idp.Prompt { return idp.Prompt{Name: name, FieldKey: "key", Type: "text"} }

func aPolicy(name string) idp.Policy {
	return idp.Policy{Name: name, Kind: "expression", Settings: json.RawMessage(`{"expression": "true"}`)}
}

func (w *world) repos() idp.Repos { return w.store.Repos() }

// person is an actor without rights.
func (w *world) person(name string) idp.Actor {
	w.t.Helper()
	u := &idp.User{Username: name, IsActive: true}
	require.NoError(w.t, w.repos().Users.Create(w.ctx, u))
	return idp.Actor{User: u}
}

// events are the events since the world was furnished, oldest first.
func (w *world) events() []idp.Event {
	w.t.Helper()
	page, err := w.repos().Events.Find(w.ctx, idp.EventFilter{Paging: idp.Paging{Limit: 1000, Order: []string{"created"}}})
	require.NoError(w.t, err)
	return page.Items[7:]
}

// defaults are the domains of the default brands.
func (w *world) defaults() []string {
	w.t.Helper()
	yes := true
	page, err := w.repos().Brands.Find(w.ctx, idp.BrandFilter{Default: &yes})
	require.NoError(w.t, err)
	var out []string
	for _, b := range page.Items {
		out = append(out, b.Domain)
	}
	return out
}

// waiting returns when somebody waits for a lock of the database, or is done
// without having waited.
func (w *world) waiting(done <-chan error) {
	conn, err := pgx.Connect(w.ctx, w.url)
	require.NoError(w.t, err)
	defer conn.Close(w.ctx)
	for found := false; !found && len(done) == 0; {
		require.NoError(w.t, conn.QueryRow(w.ctx, `SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted
			AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database()))`).Scan(&found))
	}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		require.NoError(t, err)
		return v
	}
}

// faults are the messages of an error with CodeInvalid, by field.
func faults(t *testing.T, err error) map[string][]string {
	t.Helper()
	var e *idp.Error
	require.True(t, errors.As(err, &e), "%v", err)
	require.Equal(t, idp.CodeInvalid, e.Code, "%v", err)
	return e.Fields
}

func ptr[T any](v T) *T { return &v }
