package app_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/app"
	"github.com/portcullis-idp/portcullis/internal/config"
	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

// shippedFlows are the flows of the default blueprints, and who may begin them.
var shippedFlows = map[string]string{
	signInFlow: "", completeFlow: "", "default-invalidation-flow": "",
	lockdownFlow: "signed in", "default-password-change": "signed in",
	flow.StepUpSlug:                      "signed in",
	"default-authenticator-static-setup": "signed in", "default-authenticator-totp-setup": "secret", "default-authenticator-webauthn-setup": "name", // addresses have no passkeys
	"initial-setup": "link", recoveryFlow: "",
	"default-provider-authorization-explicit-consent": "signed in", "default-provider-authorization-implicit-consent": "signed in",
	"default-provider-invalidation-flow": "",
}

// contents is everything the installation keeps: a digest per table. What the
// job queue writes on its own is left out.
func (s *site) contents() map[string]string {
	// What a job fills in after the act.
	later := map[string]string{"session_ends": "counted"}
	s.Helper()
	conn := s.connect()
	rows, err := conn.Query(s.Context(), `SELECT table_name::text FROM information_schema.tables
		WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name NOT LIKE 'river%'
		  AND table_name NOT IN ('replicas', 'event_seals', 'event_blocks', 'notification_jobs')`) // which servers are at work changes twice a second; seals, and what looks at them, come a second later
	require.NoError(s, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(s, err)
	out := map[string]string{}
	for _, table := range tables {
		var digest string
		name := pgx.Identifier{table}.Sanitize()
		require.NoError(s, conn.QueryRow(s.Context(), `SELECT count(*)::text || ' rows, ' || coalesce(md5(string_agg(x::text, E'\n' ORDER BY x::text)), '')
			FROM (SELECT to_jsonb(t) - $1::text AS x FROM `+name+` t) t`, later[table]).Scan(&digest))
		out[table] = digest
	}
	require.Greater(s, len(out), 10)
	return out
}

func TestReplicasStartAtOnceOnAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	s := blankSite(t, testkit.EmptyDatabase(t))
	_, err := encoded() // outside the race
	require.NoError(t, err)
	opened := make([]*app.App, 3)
	var g errgroup.Group
	for i := range opened {
		cfg, err := s.config()
		require.NoError(t, err)
		g.Go(func() (err error) {
			opened[i], err = app.Open(t.Context(), cfg, slog.New(&faults{site: s}))
			return err
		})
	}
	require.NoError(t, g.Wait())
	for _, a := range opened {
		require.NoError(t, a.Close())
	}
	s.open()
	require.True(t, s.admin().works())
	page, err := s.repos().Users.Find(t.Context(), idp.UserFilter{})
	require.NoError(t, err)
	require.Equal(t, 2, page.Total, "the administrator and the account of nobody")
	groups, err := s.repos().Groups.Find(t.Context(), idp.GroupFilter{})
	require.NoError(t, err)
	require.Equal(t, 1, groups.Total)
	require.Equal(t, []string{"admin"}, s.memberNames(groups.Items[0].ID))
	s.shipped()
}

func (s *site) memberNames(id idp.GroupID) (names []string) {
	s.Helper()
	page, err := s.repos().Groups.Members(s.Context(), id, idp.Paging{Limit: 10})
	require.NoError(s, err)
	for _, u := range page.Items {
		names = append(names, u.Username)
	}
	return names
}

// shipped makes sure that the default flows are there, each once, and no other.
func (s *site) shipped() {
	s.Helper()
	page, err := s.repos().Flows.Find(s.Context(), idp.FlowFilter{})
	require.NoError(s, err)
	slugs := []string{}
	for _, f := range page.Items {
		slugs = append(slugs, f.Slug)
	}
	require.ElementsMatch(s, slices.Collect(maps.Keys(shippedFlows)), slugs)
	brands, err := s.repos().Brands.Find(s.Context(), idp.BrandFilter{})
	require.NoError(s, err)
	require.Equal(s, 1, brands.Total)
	b := brands.Items[0]
	require.True(s, b.Default && b.FlowAuthentication != nil && b.FlowInvalidation != nil && b.FlowRecovery != nil && b.FlowLockdown != nil,
		"on a fresh installation the main job works out of the box")
}

// A second start finds everything as it should be and changes nothing, whatever
// it is told to begin with.
func TestASecondStartChangesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	ada := s.user("ada")
	s.with(ada)
	s.key(ada, idp.IntentAPI)
	before := s.contents()
	s.open("bootstrap_password", "another battery staple", "bootstrap_token", "another-token-of-the-administrator", "bootstrap_email", "x@example.org")
	require.Equal(t, before, s.contents())
	require.True(t, s.admin().at(s.replicas[1]).works())
	require.False(t, s.program("another-token-of-the-administrator").at(s.replicas[1]).works())
	s.shipped()
}

// What an operator has made of the defaults outlives the next start.
func TestAStartKeepsWhatTheOperatorChanged(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	s.set(map[string]any{"revoke_tokens": false})
	s.brand(map[string]any{"flow_lockdown": nil, "branding_title": "Example"})
	s.open()
	list := s.admin().api(http.StatusOK, http.MethodGet, "/stages/account_lockdown/", nil)["results"].([]any)
	require.Equal(t, false, list[0].(map[string]any)["revoke_tokens"])
	require.Equal(t, "Example", s.browser().api(http.StatusOK, http.MethodGet, "/core/brands/current/", nil)["branding_title"])
	s.browser().signIn(s.named("admin")).api(http.StatusBadRequest, http.MethodPost, "/core/users/account_lockdown/", map[string]any{})
}

func TestEveryShippedFlowBegins(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	for slug, needs := range shippedFlows {
		b := s.browser()
		switch needs {
		case "signed in":
			denied := b.challenge(slug)
			require.Equal(t, "ak-stage-access-denied", denied["component"], slug)
			b = s.with(s.user(unique("ada")))
			if slug == lockdownFlow {
				b.plan(nil)
			}
		case "secret":
			denied := s.with(s.user(unique("ada"))).challenge(slug)
			require.Contains(t, denied["error_message"], "this server has no secret of its own that lasts", slug)
			continue
		case "name":
			denied := s.with(s.user(unique("ada"))).challenge(slug)
			require.Contains(t, denied["error_message"], "Passkeys cannot be used at this address", slug)
			continue
		case "link":
			denied := b.challenge(slug)
			require.Equal(t, "Open the link that you were given.", denied["error_message"], slug)
			_, key := s.linkTo(slug)
			require.Equal(t, http.StatusSeeOther, b.get("/if/flow/"+slug+"/?flow_token="+key).status, slug)
		}
		c := b.challenge(slug)
		require.NotContains(t, []any{"ak-stage-access-denied", "ak-stage-flow-error", nil}, c["component"], "%s: %v", slug, c)
		page := b.get("/if/flow/" + slug + "/")
		if c["component"] == "xak-flow-redirect" {
			require.Equal(t, http.StatusSeeOther, page.status, slug)
			continue
		}
		require.Equal(t, http.StatusOK, page.status, "%s: %s", slug, page.body)
		require.Contains(t, string(page.body), c["flow_info"].(map[string]any)["title"], slug)
	}
}

// linkTo makes a recovery token of a fresh account that opens a flow.
func (s *site) linkTo(slug string) (*idp.Token, string) {
	s.Helper()
	d := &doorway{s, s.replicas[0]}
	row, key := d.tokenOf(s.user(unique("linked")), idp.IntentRecovery, idp.IntentRecovery, healthy)
	row.FlowSlug = slug
	require.NoError(s, s.repos().Tokens.Delete(s.Context(), row.ID))
	require.NoError(s, s.repos().Tokens.Create(s.Context(), row))
	return row, key
}

func TestBootstrapFromTheEnvironment(t *testing.T) {
	t.Parallel()
	s := blankSite(t, testkit.Database(t))
	cfg, err := config.Load(config.Source{Env: []string{"PORTCULLIS_DATABASE_URL=" + s.url, "PORTCULLIS_BOOTSTRAP_PASSWORD=" + password,
		"PORTCULLIS_BOOTSTRAP_EMAIL=ops@example.org", "PORTCULLIS_BOOTSTRAP_TOKEN=" + adminToken}})
	require.NoError(t, err)
	a, err := app.Open(t.Context(), cfg, slog.New(&faults{site: s}))
	require.NoError(t, err)
	require.NoError(t, a.Close())
	s.open("bootstrap_password", "", "bootstrap_token", "")
	root := s.named("admin")
	require.Equal(t, "ops@example.org", root.Email)
	require.True(t, root.IsSuperuser)
	require.True(t, s.browser().signIn(root).works())
	require.True(t, s.admin().works())
	_, err = s.replicas[0].Accounts.SetupLink(t.Context(), "http://localhost")
	require.True(t, idp.Is(err, idp.CodeConflict), "no set-up link beside a password: %v", err)
}

// What is wrong with the first secrets is said before anything is made.
func TestBadBootstrap(t *testing.T) {
	t.Parallel()
	s := blankSite(t, testkit.Database(t))
	for option, value := range map[string]string{"bootstrap_password": strings.Repeat("p", 100_000),
		"bootstrap_token": strings.Repeat("t", 1_000), "bootstrap_email": "nobody"} {
		_, err := s.tryOpen(option, value)
		require.ErrorContains(t, err, option)
	}
	s.open()
	require.True(t, s.admin().works())
}

// Without secrets a link sets the first administrator up, once; until then it is
// replaced by every new one.
func TestSetUpLink(t *testing.T) {
	t.Parallel()
	s := blankSite(t, testkit.Database(t))
	r := s.open("bootstrap_password", "", "bootstrap_token", "")
	make := func() string {
		link, err := r.Accounts.SetupLink(t.Context(), r.base)
		require.NoError(t, err)
		return strings.TrimPrefix(link, r.base)
	}
	first, second := make(), make()
	require.Contains(t, string(s.browser().get(first).body), "This link does not work")
	b := s.browser()
	require.Equal(t, http.StatusSeeOther, b.get(second).status)
	weak := b.solve("initial-setup", map[string]any{"component": "ak-stage-prompt", "email": "ops@example.org", "password": "short", "password_repeat": "short"})
	require.NotNil(t, fault(weak, "password"), "%v", weak)
	got := b.solve("initial-setup", map[string]any{"component": "ak-stage-prompt", "email": "ops@example.org", "password": password, "password_repeat": password})
	require.Equal(t, "xak-flow-redirect", got["component"], "%v", got)
	require.Equal(t, http.StatusOK, b.get("/if/admin/").status)
	require.Contains(t, string(s.browser().get(second).body), "This link does not work")
	_, err := r.Accounts.SetupLink(t.Context(), r.base)
	require.True(t, idp.Is(err, idp.CodeConflict), "%v", err)
	require.True(t, s.browser().signIn(s.named(account.AdministratorUsername)).works())
}

func TestANewerSchemaIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	conn := s.connect()
	_, err := conn.Exec(t.Context(), `UPDATE schema_migrations SET version = version + 1`)
	require.NoError(t, err)
	before := s.contents()
	_, err = s.tryOpen()
	require.ErrorContains(t, err, "newer")
	require.Equal(t, before, s.contents())
}

// A replica says that it is not ready before it stops, and finishes what is in
// flight.
func TestShutdown(t *testing.T) {
	t.Parallel()
	s := tolerantSite(t) // a probe's no is a 503
	r := s.replicas[0]
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx, listener) }()
	b := s.browser()
	b.base = "http://" + listener.Addr().String()
	require.Equal(t, http.StatusOK, b.get("/-/health/ready/").status)

	// A request whose body is still on its way when the server is told to stop.
	conn, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	answers, body := bufio.NewReader(conn), `{"username": "late", "name": "Late"}`
	_, err = fmt.Fprintf(conn, "POST /api/v3/core/users/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", adminToken, len(body))
	require.NoError(t, err)
	line, err := answers.ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, "100 Continue", "the request is in flight")
	_, err = answers.ReadString('\n')
	require.NoError(t, err)
	stop()
	for s.browser().get("/-/health/ready/").status == http.StatusOK { // the same server behind the other listener
		require.NoError(t, t.Context().Err())
	}
	_, err = fmt.Fprint(conn, body)
	require.NoError(t, err)
	response, err := http.ReadResponse(answers, nil)
	require.NoError(t, err)
	response.Body.Close()
	require.Equal(t, http.StatusCreated, response.StatusCode)
	require.NoError(t, <-ended)
	require.Equal(t, http.StatusOK, s.browser().get("/-/health/live/").status)
	_, err = b.send(http.MethodGet, "/-/health/live/", nil)
	require.Error(t, err, "nobody listens any more")
}
