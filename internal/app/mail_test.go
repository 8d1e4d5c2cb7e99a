package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/app"
	"github.com/portcullis-idp/portcullis/internal/blueprint"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policies"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/testkit"
	"github.com/portcullis-idp/portcullis/internal/testkit/smtp"
)

const mailFlow = recoveryFlow

// newMailSite is an installation with a mail server.
func newMailSite(t *testing.T, flags ...string) (*site, *smtp.Server) {
	t.Helper()
	post := smtp.Start(t, smtp.Options{})
	s := blankSite(t, testkit.Database(t))
	s.open(append([]string{"smtp_host", post.Host, "smtp_port", strconv.Itoa(post.Port), "smtp_tls", smtp.Plain,
		"smtp_from", "Portcullis <portcullis@example.org>"}, flags...)...)
	return s, post
}

// quiet switches off the notification rules that an installation begins with: the mails
// of those are not what is tested.
func (s *site) quiet() {
	s.Helper()
	_, err := s.connect().Exec(s.Context(), `UPDATE notification_rules SET enabled = false`)
	require.NoError(s, err)
}

// example applies one of the example blueprints.
func (s *site) example(name string) {
	s.Helper()
	content, err := os.ReadFile("../../blueprints/example/" + name)
	require.NoError(s, err)
	d, err := blueprint.Parse(name, content)
	require.NoError(s, err)
	require.Equal(s, "false", d.Labels["blueprints.goauthentik.io/instantiate"], "nobody gets it without asking")
	a := s.replicas[0]
	prints := blueprint.New(blueprint.Deps{Store: a.DB, Access: a.Access, Rules: a.Configure, Accounts: a.Accounts, Tokens: a.Tokens,
		Stages: a.Flows, Policies: policy.NewKinds(policies.Kinds(policies.Deps{}))})
	for range 2 { // again changes nothing
		_, err = prints.Apply(s.Context(), d, blueprint.Options{Actor: idp.SystemActor()})
		require.NoError(s, err)
	}
}

var address = regexp.MustCompile(`https?://[^\s"<>]+/if/flow/[^\s"<>]+flow_token=[^\s"<>&]+`)

// linkIn is the link of a mail without the server's address.
func linkIn(t *testing.T, m smtp.Mail) string {
	t.Helper()
	found := address.FindString(m.Text)
	require.NotEmpty(t, found, "%s", m.Text)
	require.Contains(t, m.HTML, found)
	require.True(t, strings.HasPrefix(found, "http://127.0.0.1:0/"), "%s", found)
	return strings.TrimPrefix(found, "http://127.0.0.1:0")
}

// forgot asks for a new password and returns the page that follows.
func (b *browser) forgot(who string) map[string]any {
	b.site.Helper()
	b.challenge(mailFlow)
	got := b.solve(mailFlow, map[string]any{"component": "ak-stage-identification", "uid_field": who})
	require.Equal(b.site, "ak-stage-email", got["component"], "%v", got)
	return got
}

const newPassword = "an entirely different password"

// choose sets the new password in a browser that opened a link.
func (b *browser) choose() map[string]any {
	b.site.Helper()
	got := b.challenge(mailFlow)
	require.Equal(b.site, "ak-stage-prompt", got["component"], "%v", got)
	return b.solve(mailFlow, map[string]any{"component": "ak-stage-prompt", "password": newPassword, "password_repeat": newPassword})
}

// dead requires that the link does not work, on the page and for programs.
func (s *site) dead(link string) {
	s.Helper()
	require.Contains(s, string(s.browser().get(link).body), "This link does not work")
	key := strings.SplitN(link, "flow_token=", 2)[1]
	require.Equal(s, "ak-stage-access-denied", s.browser().challenge(mailFlow, "flow_token", key)["component"])
}

// acted lists the events of an action, newest first.
func (s *site) acted(action idp.Action) []idp.Event {
	s.Helper()
	page, err := s.repos().Events.Find(s.Context(), idp.EventFilter{Actions: []idp.Action{action}, Paging: idp.Paging{Limit: 100}})
	require.NoError(s, err)
	return page.Items
}

func TestRecoveryByMail(t *testing.T) {
	t.Parallel()
	s, post := newMailSite(t)
	mia := s.user("mia")
	old := s.with(mia)
	first := s.browser()
	require.Equal(t, "/if/flow/"+mailFlow+"/", first.challenge(signInFlow)["recovery_url"], "offered on the sign-in page")
	require.NotContains(t, string(s.with(s.named("admin")).get("/if/admin/").body), "is not offered")
	first.forgot("mia@example.org")
	m := post.Receive()
	require.Equal(t, []string{"portcullis@example.org", "mia@example.org"}, []string{m.From, m.To})
	require.Equal(t, "Reset your password", m.Header.Get("Subject"))
	require.Contains(t, m.Text, "Hello Mia,")
	require.Contains(t, m.Text, "for 30 minutes")
	link := linkIn(t, m)

	for range 3 { // whatever looks through mail opens the link first, and goes where it leads
		scanner := s.browser()
		got := scanner.get(link)
		require.Equal(t, http.StatusSeeOther, got.status)
		require.Equal(t, "/if/flow/"+mailFlow+"/", got.location(), "the key is not in the history")
		require.Contains(t, string(scanner.get(got.location()).body), "New password")
		require.False(t, scanner.works())
	}
	elsewhere := s.browser()
	require.Equal(t, http.StatusSeeOther, elsewhere.get(link).status)
	require.Equal(t, "xak-flow-redirect", elsewhere.choose()["component"])
	require.True(t, elsewhere.works(), "signed in where the link was opened")
	require.False(t, first.works() || old.works(), "a new password ends what was there")
	in, err := s.browser().tryToSignIn("mia", newPassword)
	require.NoError(t, err)
	require.True(t, in)

	s.dead(link)
	first.challenge(mailFlow)
	require.Equal(t, 1, post.Taken())
	sent := s.acted(idp.ActionEmailSent)
	require.Len(t, sent, 1)
	require.EqualValues(t, mia.ID, sent[0].User["pk"])
	require.Equal(t, "Reset your password", sent[0].Context["subject"])
	require.Contains(t, sent[0].Context["answer"], "queued as loopback-1")
	require.Equal(t, "127.0.0.1", sent[0].ClientIP.String(), "from where it was asked for")
}

// A copy of the database opens nothing: neither the key nor the password that was
// typed before the mail is anywhere in it.
func TestTheDatabaseHoldsNoLink(t *testing.T) {
	t.Parallel()
	s, post := newMailSite(t)
	s.user("mia")
	s.browser().forgot("mia")
	key := strings.SplitN(linkIn(t, post.Receive()), "flow_token=", 2)[1]
	require.Len(t, key, 43)
	require.Positive(t, s.rowsWith("mia@example.org"), "this finds what is there")
	require.Zero(t, s.rowsWith(key))
}

// rowsWith counts the rows of all tables that have the text anywhere.
func (s *site) rowsWith(text string) int {
	s.Helper()
	db := s.connect()
	rows, err := db.Query(s.Context(), `SELECT quote_ident(table_name) FROM information_schema.tables WHERE table_schema = current_schema()`)
	require.NoError(s, err)
	var tables []string
	for rows.Next() {
		var name string
		require.NoError(s, rows.Scan(&name))
		tables = append(tables, name)
	}
	require.NoError(s, rows.Err())
	require.Contains(s, tables, "river_job")
	require.Contains(s, tables, "links")
	total := 0
	for _, table := range tables {
		var n int
		require.NoError(s, db.QueryRow(s.Context(), `SELECT count(*) FROM `+table+` t WHERE t::text LIKE '%' || $1 || '%'`, text).Scan(&n))
		total += n
	}
	return total
}

// Nobody learns from the page who has an account, and nobody who has none, is
// switched off, or has no address gets a mail.
func TestNobodyLearnsWhoExists(t *testing.T) {
	t.Parallel()
	s, post := newMailSite(t)
	s.user("mia")
	off := s.user("off")
	require.NoError(t, s.replicas[0].Lockdowns.Deactivate(t.Context(), idp.SystemActor(), off.ID))
	s.user("silent", func(n *account.NewUser) { n.Email = "" })
	var pages []string
	for _, who := range []string{"off", "nobody", "silent", "mia"} { // the last one shows that the others are done
		b := s.browser()
		got := b.forgot(who)
		page := b.get("/if/flow/" + mailFlow + "/")
		require.Equal(t, http.StatusOK, page.status)
		raw, err := json.Marshal(got)
		require.NoError(t, err)
		text := regexp.MustCompile(`value="[0-9a-f]{32}-\d+"`).ReplaceAllString(string(raw)+string(page.body), "")
		pages = append(pages, strings.ReplaceAll(text, who, "…"))
	}
	for _, p := range pages[1:] {
		require.Equal(t, pages[0], p)
	}
	require.Equal(t, "mia@example.org", post.Receive().To)
	s.settled()
	require.Equal(t, 1, post.Taken())
	require.Equal(t, 1, post.Asked())
	for action, want := range map[idp.Action]int{idp.ActionEmailSent: 1, idp.ActionConfigError: 0, idp.ActionSystemException: 0} {
		require.Len(t, s.acted(action), want, action)
	}
}

// settled waits until no mail is in the queue.
func (s *site) settled() {
	s.Helper()
	require.Eventually(s, func() bool {
		var n int
		require.NoError(s, s.connect().QueryRow(s.Context(), `SELECT count(*) FROM river_job WHERE kind = 'mail' AND finalized_at IS NULL`).Scan(&n))
		return n == 0
	}, 20*time.Second, 20*time.Millisecond)
}

// A lockdown after the mail was asked for, whatever it ends, leaves nothing that
// opens, not even after the account is active again.
func TestNoLinkSurvivesALockdown(t *testing.T) {
	t.Parallel()
	s, post := newMailSite(t)
	s.quiet()
	for i, body := range []map[string]any{{}, {"deactivate_user": false, "set_unusable_password": false},
		{"deactivate_user": false, "set_unusable_password": false, "revoke_tokens": false},
		{"deactivate_user": false, "set_unusable_password": false, "delete_sessions": false}} {
		u := s.user(fmt.Sprintf("mia%d", i))
		b, opened := s.browser(), s.browser()
		b.forgot(u.Username)
		link := linkIn(t, post.Receive())
		require.Equal(t, http.StatusSeeOther, opened.get(link).status)
		body["users"], body["reason"] = []idp.UserID{u.ID}, "stolen"
		s.admin().contain(body)
		for _, when := range []string{"during", "after"} {
			s.dead(link)
			got := opened.challenge(mailFlow)
			if got["component"] == "ak-stage-prompt" {
				got = opened.choose()
			}
			require.NotEqual(t, "xak-flow-redirect", got["component"], "%s lockdown %d: %v", when, i, got)
			require.False(t, opened.works())
			require.NoError(t, s.reactivate(u))
		}
	}
}

// Between the order and the mail: nothing is sent at all.
func TestNothingIsSentAfterALockdown(t *testing.T) {
	t.Parallel()
	s, post := newMailSite(t)
	s.quiet()
	mia := s.user("mia")
	post.Refuse("451 4.7.1 later") // the first try finds the server busy
	s.browser().forgot("mia")
	require.Eventually(t, func() bool { return post.Asked() == 1 }, 20*time.Second, 10*time.Millisecond)
	s.admin().contain(map[string]any{"users": []idp.UserID{mia.ID}, "reason": "stolen", "deactivate_user": false, "set_unusable_password": false})
	s.settled() // the second try finds the account contained
	require.Zero(t, post.Taken())
	require.Equal(t, 1, post.Asked())
	require.Empty(t, s.acted(idp.ActionEmailSent))
}

// What the server does not take now is tried again with another key; what it will
// never take is an event.
func TestMailIsTriedAgain(t *testing.T) {
	t.Parallel()
	s, post := newMailSite(t)
	mia := s.user("mia")
	post.Refuse("451 4.7.1 later")
	s.browser().forgot("mia")
	m := post.Receive()
	require.Equal(t, 2, post.Asked())
	intent := idp.IntentRecovery
	page, err := s.repos().Tokens.Find(t.Context(), idp.TokenFilter{UserID: &mia.ID, Intent: &intent})
	require.NoError(t, err)
	require.Equal(t, 2, page.Total)
	live := 0
	for _, token := range page.Items {
		live += count(token.Live)
	}
	require.Equal(t, 1, live, "the key of the first try ended")
	b := s.browser()
	b.get(linkIn(t, m))
	require.Equal(t, "xak-flow-redirect", b.choose()["component"])

	tom := s.user("tom")
	post.Refuse("550 5.1.1 no such mailbox")
	s.browser().forgot("tom")
	s.settled()
	require.Equal(t, 3, post.Asked(), "and never again")
	failed := s.acted(idp.ActionSystemException)
	require.Len(t, failed, 1)
	require.EqualValues(t, tom.ID, failed[0].User["pk"])
	require.Contains(t, failed[0].Context["exception"], "no such mailbox")
	yes := true
	page, err = s.repos().Tokens.Find(t.Context(), idp.TokenFilter{UserID: &tom.ID, Live: &yes})
	require.NoError(t, err)
	require.Zero(t, page.Total)
}

// A run hears when it asks too often; that an account is written to too often is
// told to nobody.
func TestAskingTooOften(t *testing.T) {
	t.Parallel()
	s, post := newMailSite(t)
	s.user("mia")
	for _, who := range []string{"nobody", "mia"} {
		b := s.browser()
		b.forgot(who)
		for n := 2; n <= 6; n++ {
			got := b.solve(mailFlow, map[string]any{"component": "ak-stage-email"})
			require.Equal(t, "ak-stage-email", got["component"])
			require.Equal(t, n > 5, fault(got, idp.NonField) != nil, "%s asked %d times: %v", who, n, got)
		}
	}
	for range 3 {
		got := s.browser().forgot("mia")
		require.Nil(t, fault(got, idp.NonField))
	}
	s.settled()
	require.Equal(t, 5, post.Taken())
}

// Without a mail server a flow that would send says so to administrators, and to
// everybody else the same neutral thing.
func TestWithoutAMailServer(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	s.user("mia")
	require.NotContains(t, s.browser().challenge(signInFlow), "recovery_url", "strangers are offered nothing that leads nowhere")
	overview := s.with(s.named("admin")).get("/if/admin/")
	require.Contains(t, string(overview.body), "“Forgot your password?” is not offered", "administrators are told")
	for _, who := range []string{"mia", "nobody"} {
		b := s.browser()
		got := b.solve(mailFlow, map[string]any{"uid_field": who})
		require.Equal(t, "ak-stage-access-denied", got["component"])
		require.Equal(t, "Email cannot be sent at the moment. Ask your administrator for help.", got["error_message"])
	}
	events := s.acted(idp.ActionConfigError)
	require.Len(t, events, 2)
	require.Contains(t, events[0].Context["message"], "PORTCULLIS_SMTP_HOST")
}

// Operators try out their mail server before anybody depends on it, and write
// their own texts.
func TestMailOfTheOperator(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(dir+"/welcome.html", []byte(`<a href="{{.URL}}">{{.Brand.Title}}</a>`), 0o600))
	require.NoError(t, os.WriteFile(dir+"/welcome.txt", []byte("Welcome to {{.Brand.Title}}: {{.URL}}\n"), 0o600))
	s, post := newMailSite(t, "email_templates_dir", dir)
	cfg, err := s.config("smtp_host", post.Host, "smtp_port", strconv.Itoa(post.Port), "smtp_tls", smtp.Plain, "smtp_from", "p@example.org")
	require.NoError(t, err)
	var out strings.Builder
	require.NoError(t, app.MailTest(t.Context(), cfg, &out, "ops@example.org"))
	require.Contains(t, out.String(), "queued as loopback-1")
	require.Equal(t, "ops@example.org", post.Receive().To)
	post.Refuse("550 5.7.1 not from here")
	require.ErrorContains(t, app.MailTest(t.Context(), cfg, &out, "ops@example.org"), "5.7.1 not from here")

	names := []any{}
	listed := s.admin().get("/api/v3/stages/email/templates/")
	require.Equal(t, http.StatusOK, listed.status)
	var templates []map[string]any
	require.NoError(t, json.Unmarshal(listed.body, &templates))
	for _, found := range templates {
		names = append(names, found["name"])
	}
	require.Equal(t, []any{"email/account_confirmation.html", "email/password_reset.html", "email/setup.html", "welcome.html"}, names)
	require.Equal(t, http.StatusForbidden, s.with(s.user("mia")).get("/api/v3/stages/email/templates/").status)

	stages := s.admin().api(http.StatusOK, http.MethodGet, "/stages/email/", nil)["results"].([]any)
	path := "/stages/email/" + stages[0].(map[string]any)["pk"].(string) + "/"
	require.Contains(t, s.admin().api(http.StatusBadRequest, http.MethodPatch, path, map[string]any{"template": "absent.html"}), "template")
	changed := s.admin().api(http.StatusOK, http.MethodPatch, path, map[string]any{"template": "welcome.html", "password": "a secret of the stage"})
	require.NotContains(t, fmt.Sprint(changed), "a secret of the stage")
	s.browser().forgot("mia")
	m := post.Receive()
	require.True(t, strings.HasPrefix(m.Text, "Welcome to "), m.Text)
	linkIn(t, m)
	for _, e := range s.acted(idp.ActionModelUpdated) {
		require.NotContains(t, fmt.Sprint(e.Context), "a secret of the stage")
	}
}

// Programs send the link inside the query string, with every request.
func TestALinkInTheQueryOfTheExecutor(t *testing.T) {
	t.Parallel()
	s, post := newMailSite(t)
	s.user("mia")
	first := s.browser()
	require.Equal(t, "ak-stage-email", first.solve(mailFlow, map[string]any{"uid_field": "mia"}, "next", "/if/user/")["component"])
	key := strings.SplitN(linkIn(t, post.Receive()), "flow_token=", 2)[1]
	b := s.browser()
	for range 2 {
		require.Equal(t, "ak-stage-prompt", b.challenge(mailFlow, "flow_token", key)["component"])
	}
	wrong := b.solve(mailFlow, map[string]any{"password": newPassword, "password_repeat": "another"}, "flow_token", key)
	require.Equal(t, "ak-stage-prompt", wrong["component"])
	got := b.solve(mailFlow, map[string]any{"password": newPassword, "password_repeat": newPassword}, "flow_token", key)
	require.Equal(t, "xak-flow-redirect", got["component"], "%v", got)
	require.Equal(t, "/if/user/", got["to"], "where the flow was to lead is kept with the link")
	require.True(t, b.works())
	require.Equal(t, "ak-stage-access-denied", s.browser().challenge(mailFlow, "flow_token", key)["component"])
}

// A flow about somebody else that was begun in the browser does not rub off on
// the link.
func TestALinkIsAboutItsOwnUser(t *testing.T) {
	t.Parallel()
	s, post := newMailSite(t)
	thief, victim := s.user("thief"), s.user("victim")
	b := s.browser()
	b.forgot(thief.Username)
	link := linkIn(t, post.Receive())
	b.get("/flows/-/cancel/?flow=" + mailFlow)
	b.forgot(victim.Username)
	post.Receive()
	require.Equal(t, http.StatusSeeOther, b.get(link).status)
	require.Equal(t, "xak-flow-redirect", b.choose()["component"])
	in, err := s.browser().tryToSignIn("victim", password)
	require.NoError(t, err)
	require.True(t, in, "the victim's password is what it was")
	in, err = s.browser().tryToSignIn("thief", newPassword)
	require.NoError(t, err)
	require.True(t, in)
}

// Administrators send the link of the brand's recovery flow.
func TestRecoveryMailByAnAdministrator(t *testing.T) {
	t.Parallel()
	s, post := newMailSite(t)
	mia, silent := s.user("mia"), s.user("silent", func(n *account.NewUser) { n.Email = "" })
	kind := "email"
	stages, err := s.repos().Stages.Find(t.Context(), idp.StageFilter{Kind: &kind})
	require.NoError(t, err)
	require.Len(t, stages.Items, 1)
	flow, err := s.repos().Flows.GetBySlug(t.Context(), mailFlow)
	require.NoError(t, err)
	brands, err := s.repos().Brands.Find(t.Context(), idp.BrandFilter{})
	require.NoError(t, err)
	s.admin().api(http.StatusOK, http.MethodPatch, "/core/brands/"+brands.Items[0].ID.String()+"/", map[string]any{"flow_recovery": flow.ID})
	path := func(u *idp.User) string { return fmt.Sprintf("/core/users/%d/recovery_email/", u.ID) }
	body := map[string]any{"email_stage": stages.Items[0].ID, "token_duration": "hours=2"}

	s.with(mia).api(http.StatusForbidden, http.MethodPost, path(mia), body)
	require.Contains(t, s.admin().api(http.StatusBadRequest, http.MethodPost, path(silent), body), idp.NonField)
	for field, wrong := range map[string]map[string]any{"email_stage": {}, "token_duration": {"email_stage": stages.Items[0].ID, "token_duration": "days=31"}} {
		require.Contains(t, s.admin().api(http.StatusBadRequest, http.MethodPost, path(mia), wrong), field)
	}
	require.Contains(t, s.admin().api(http.StatusBadRequest, http.MethodPost, path(mia), map[string]any{"email_stage": flow.ID}), "email_stage")
	require.Zero(t, post.Asked())
	s.admin().api(http.StatusNoContent, http.MethodPost, path(mia), body)
	m := post.Receive()
	require.Contains(t, m.Text, "for 2 hours")
	b := s.browser()
	require.Equal(t, http.StatusSeeOther, b.get(linkIn(t, m)).status)
	require.Equal(t, "xak-flow-redirect", b.choose()["component"])
	require.True(t, b.works())
	off := s.user("off")
	require.NoError(t, s.replicas[0].Lockdowns.Deactivate(t.Context(), idp.SystemActor(), off.ID))
	s.admin().api(http.StatusForbidden, http.MethodPost, path(off), body)
	s.tellsOfARestore(post)
}
