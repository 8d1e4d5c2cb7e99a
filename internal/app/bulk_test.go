package app_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/internal/stages/accountlockdown"
)

// planAll asks for the lockdown flow of several accounts.
func (b *browser) planAll(users ...*idp.User) {
	b.site.Helper()
	got := b.api(http.StatusOK, http.MethodPost, "/core/users/account_lockdown_bulk/", map[string]any{"users": keys(users)})
	require.Equal(b.site, "/if/flow/"+lockdownFlow+"/", got["link"])
}

func keys(users []*idp.User) []idp.UserID {
	ids := make([]idp.UserID, 0, len(users))
	for _, u := range users {
		ids = append(ids, u.ID)
	}
	return ids
}

// stubborn makes every change of an account fail in the database.
func (s *site) stubborn(u *idp.User) {
	s.Helper()
	conn, err := pgx.Connect(s.Context(), s.url)
	require.NoError(s, err)
	defer conn.Close(s.Context())
	_, err = conn.Exec(s.Context(), fmt.Sprintf(`
		CREATE FUNCTION stubborn() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
		CREATE TRIGGER stubborn BEFORE UPDATE ON users FOR EACH ROW WHEN (OLD.id = %d) EXECUTE FUNCTION stubborn()`, u.ID))
	require.NoError(s, err)
}

func TestBulkLockdown(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	ada, bob, cleo := s.user("ada"), s.user("bob"), s.user("cleo")
	robot := s.user("robot", func(n *account.NewUser) { n.Type = idp.UserInternalServiceAccount })
	sessions := []*browser{s.with(ada), s.with(bob), s.with(cleo), s.with(robot)}
	s.stubborn(bob)
	admin := s.with(s.named("admin"))

	admin.planAll(ada, robot, bob, cleo, ada)
	first := fmt.Sprint(admin.challenge(lockdownFlow)["fields"])
	for _, name := range []string{"ada", "bob", "cleo", "robot"} {
		require.Contains(t, first, "<code>"+name+"</code>")
	}
	results := fmt.Sprint(admin.confirm("phishing")["fields"])
	require.Contains(t, results, "<code>ada</code>: locked down")
	require.Contains(t, results, "<code>cleo</code>: locked down", "one failure does not stop the rest")
	require.Contains(t, results, "<code>robot</code>: Internal service accounts cannot be locked down.")
	require.Contains(t, results, "<code>bob</code>: An internal error kept this account from being locked down. Nothing was changed.")
	require.NotContains(t, results, "stubborn", "a cause is never shown")

	for i, works := range []bool{false, true, false, true} {
		require.Equal(t, works, sessions[i].works(), i)
	}
	s.untouched(bob)
	s.untouched(robot)
	affected := []any{}
	for _, e := range s.events(idp.ActionIDLockdown) {
		affected = append(affected, e.Context["affected_user"])
	}
	require.ElementsMatch(t, []any{"ada", "cleo"}, affected, "one event per user")
	require.Equal(t, s.records(ada)[0].BatchID, s.records(cleo)[0].BatchID, "one act")
}

func TestBulkLockdownWithoutPermissionOnOne(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	ada, bob := s.user("ada"), s.user("bob")
	for _, path := range []string{"/core/users/account_lockdown_bulk/", "/lockdowns/"} {
		s.with(ada).api(http.StatusForbidden, http.MethodPost, path, map[string]any{"users": keys([]*idp.User{ada, bob})})
	}
	s.untouched(ada)
	s.untouched(bob)
}

// The actor's own account comes last and their session goes with it: there is no
// page of results, the completion says it.
func TestBulkLockdownWithOneself(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	ada, carl := s.user("ada"), s.user("carl", s.administers)
	b := s.with(carl)
	b.planAll(carl, ada)
	got := b.confirm("everything was stolen")
	require.Equal(t, "xak-flow-redirect", got["component"], "%v", got)
	require.Equal(t, "/if/flow/"+completeFlow+"/", got["to"])
	require.False(t, s.now(ada).IsActive)
	require.False(t, s.now(carl).IsActive)
	require.False(t, b.works())
	require.True(t, s.records(carl)[0].SelfService)
	require.False(t, s.records(ada)[0].SelfService)
	require.False(t, s.records(ada)[0].StartedAt.After(s.records(carl)[0].StartedAt), "last")
}

// Where the own account cannot be locked down the flow goes on to the results.
func TestBulkLockdownSparesTheLastAdministrator(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	ada, root := s.user("ada"), s.named("admin")
	b := s.with(root)
	b.planAll(root, ada)
	results := fmt.Sprint(b.confirm("x")["fields"])
	require.Contains(t, results, "<code>ada</code>: locked down")
	require.Contains(t, results, "<code>admin</code>: This is the last account that can administer this installation.")
	require.True(t, b.works())
	s.untouched(root)
}

// addFlow makes a flow of the stages given; only their kind and settings count.
func (s *site) addFlow(slug string, stages ...idp.Stage) {
	s.Helper()
	ctx, repos := s.Context(), s.repos()
	f := &idp.Flow{Name: slug, Slug: slug, Title: slug, Designation: idp.DesignationStageConfiguration,
		Authentication: idp.AuthenticationNone, DeniedAction: idp.DeniedMessage, Layout: "stacked", PolicyMode: idp.PolicyAny}
	require.NoError(s, repos.Flows.Create(ctx, f))
	for i, stage := range stages {
		stage.Name = fmt.Sprintf("%s-%d", slug, i)
		require.NoError(s, repos.Stages.Create(ctx, &stage))
		require.NoError(s, repos.FlowBindings.Create(ctx, &idp.FlowBinding{FlowID: f.ID, StageID: stage.ID, Order: i,
			InvalidResponseAction: idp.InvalidRetry, PolicyMode: idp.PolicyAny}))
	}
}

// bareFlow makes a flow that is nothing but a lockdown stage.
func (s *site) bareFlow() {
	s.Helper()
	s.addFlow("bare", idp.Stage{Kind: "account_lockdown", Settings: json.RawMessage(`{}`)})
}

// A flow may name the reason itself, in its context.
func TestReasonFromTheContext(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	ada, root := s.user("ada"), s.named("admin")
	s.bareFlow()
	b := s.with(root)
	b.plan(ada) // gives the browser its cookie
	value := b.cookie(web.BrowserCookie)
	require.NotEmpty(t, value)
	digest := sha256.Sum256([]byte(value))
	_, err := s.replicas[0].Flows.Begin(t.Context(), flow.Visit{Slug: "bare", Browser: digest[:], Actor: idp.Actor{User: root}}, func(run *flow.Run) {
		accountlockdown.For(ada)(run)
		accountlockdown.KeyReason.Put(run.Vars, "named by the flow")
	})
	require.NoError(t, err)
	got := b.challenge("bare")
	require.Equal(t, "xak-flow-redirect", got["component"], "%v", got)
	require.Equal(t, "named by the flow", s.records(ada)[0].Reason)
	require.Equal(t, "named by the flow", s.events(idp.ActionIDLockdown)[0].Context["reason"])
}
