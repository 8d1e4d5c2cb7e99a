package stages_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/flowlink"
	"github.com/portcullis-idp/portcullis/internal/stages/email"
	"github.com/portcullis-idp/portcullis/internal/stages/prompt"
)

// post is a service that sends: the tests take the letters themselves.
type post struct{ off bool }

func (p *post) Ready() bool          { return !p.off }
func (p *post) Has(name string) bool { return strings.HasPrefix(name, "email/") }

// orders are the links ordered so far, in their order.
func (w *world) orders() []idp.LinkID {
	w.Helper()
	db, err := pgx.Connect(w.ctx, w.url)
	require.NoError(w, err)
	defer db.Close(w.ctx)
	rows, err := db.Query(w.ctx, `SELECT (args->>'link')::uuid FROM river_job WHERE kind = 'mail' ORDER BY id`)
	require.NoError(w, err)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[idp.LinkID])
	require.NoError(w, err)
	return ids
}

// letter makes the key of the link ordered last, as the worker does; "" when
// nothing is sent.
func (w *world) letter() string {
	w.Helper()
	ids := w.orders()
	require.NotEmpty(w, ids, "no mail was ordered")
	letter, err := w.tokens.MailLink(w.ctx, ids[len(ids)-1])
	require.NoError(w, err)
	if letter == nil {
		return ""
	}
	u, err := url.Parse(letter.Path)
	require.NoError(w, err)
	return u.Query().Get(flowlink.Param)
}

// open opens a link in the browser.
func (b *browser) open(slug, key string) error {
	b.Helper()
	v := b.visit(slug)
	v.Query = map[string]string{}
	to, err := flowlink.Open(b.ctx, b.tokens, b.flows, v, key)
	if err == nil {
		require.True(b, strings.HasPrefix(to, "/if/flow/"+slug+"/"), to)
		require.NotContains(b, to, key)
	}
	return err
}

// A link that signs in does so when somebody says so, and not because a program
// opened it and followed where it led.
func TestALinkThatSignsIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.flow("magic")
	w.stage(f, 10, "identification", `{"user_fields": ["email"]}`)
	w.stage(f, 20, "email", `{"subject": "Sign in"}`)
	w.stage(f, 30, "user_login", `{}`)
	w.user("ada")
	b := w.browser("one")
	shows(t, b.post("magic", flow.Input{"uid_field": "ada@example.org"}), "ak-stage-email")
	shows(t, b.get("magic"), "ak-stage-email")
	require.Len(t, w.orders(), 1, "loading the page again orders nothing")
	key := w.letter()
	for _, name := range []string{"scanner", "another scanner"} {
		scanner := w.browser(name)
		require.NoError(t, scanner.open("magic", key))
		shows(t, scanner.get("magic"), "ak-stage-email")
		require.False(t, scanner.alive())
	}
	other := w.browser("two")
	require.NoError(t, other.open("magic", key))
	shows(t, other.get("magic"), "ak-stage-email")
	done(t, other.post("magic", flow.Input{"component": "ak-stage-email"}), "/")
	require.True(t, other.alive())
	require.Equal(t, "token", w.events(idp.ActionLogin)[0].Context["auth_method"])
	require.ErrorIs(t, w.browser("three").open("magic", key), flowlink.ErrDead)
	require.Len(t, w.orders(), 1)

	shows(t, b.post("magic", flow.Input{"component": "ak-stage-email"}), "ak-stage-email")
	require.Len(t, w.orders(), 2, "the first browser asked again")
}

// An address is confirmed by somebody, the account is switched on by that and by
// nothing else, and an account that was closed stays closed.
func TestConfirmingAnAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.flow("join")
	w.stage(f, 10, "prompt", w.fields("join", key(prompt.Username, "username"), key(prompt.Email, "email"), key(prompt.Password, "password")))
	w.stage(f, 20, "user_write", `{"user_creation_mode": "always_create", "create_users_as_inactive": true}`)
	w.stage(f, 30, "email", `{"activate_user_on_success": true, "template": "email/account_confirmation.html"}`)
	w.stage(f, 40, "user_login", `{}`)
	join := func(name string) (*browser, string) {
		b := w.browser(name)
		shows(t, b.post("join", flow.Input{"username": name, "email": name + "@example.org", "password": goodPassword}), "ak-stage-email")
		require.False(t, w.named(name).IsActive)
		return b, w.letter()
	}
	_, link := join("grace")
	other := w.browser("elsewhere")
	require.NoError(t, other.open("join", link))
	page := other.get("join")
	shows(t, page, "ak-stage-email")
	require.True(t, page.Challenge.(email.Challenge).Confirms)
	require.False(t, w.named("grace").IsActive, "opening changes nothing")
	done(t, other.post("join", flow.Input{}), "/")
	require.True(t, w.named("grace").IsActive && other.alive())
	require.ErrorIs(t, w.browser("again").open("join", link), flowlink.ErrDead)

	closed, link := join("closed")
	half := w.browser("half")
	require.NoError(t, half.open("join", link))
	require.NoError(t, w.lockdowns.Deactivate(w.ctx, idp.SystemActor(), w.named("closed").ID))
	require.ErrorIs(t, w.browser("late").open("join", link), flowlink.ErrDead)
	a := half.post("join", flow.Input{})
	require.IsType(t, flow.AccessDenied{}, a.Challenge)
	closed.post("join", flow.Input{"component": "ak-stage-email"})
	require.Empty(t, w.letter(), "nor is it sent another")
	require.False(t, w.named("closed").IsActive || half.alive())
}

// What a link carries is no password; the browser that asked for the link keeps
// what it has.
func TestWhatALinkCarries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.flow("ask")
	w.stage(f, 10, "prompt", w.fields("ask", key(prompt.Text, "attributes.company"), key(prompt.Password, "phrase"), key(prompt.Text, "reset_code")))
	w.stage(f, 20, "email", `{}`)
	w.stage(f, 30, "prompt", w.fields("rest", key(prompt.Text, "attributes.floor")))
	ada := w.user("ada")
	b := w.signedIn(ada)
	b.query = map[string]string{"next": "/if/user/"}
	shows(t, b.post("ask", flow.Input{"attributes.company": "navy", "phrase": "correct horse", "reset_code": "123456"}), "ak-stage-email")
	ids := w.orders()
	link, err := w.repos().Links.Get(w.ctx, ids[0])
	require.NoError(t, err)
	require.Contains(t, string(link.State), "navy")
	require.Contains(t, string(link.State), "/if/user/")
	for _, never := range []string{"correct horse", "123456", "auth_method", "pending_user"} {
		require.NotContains(t, string(link.State), never)
	}
	data := func(b *browser) map[string]any {
		v := b.visit("ask")
		row, err := w.repos().Runs.Find(w.ctx, v.Browser, f.ID)
		require.NoError(t, err)
		require.NotNil(t, row)
		var found map[string]any
		require.NoError(t, json.Unmarshal(row.State, &found))
		return found["vars"].(map[string]any)["prompt_data"].(map[string]any)
	}
	key := w.letter()
	other := w.browser("elsewhere")
	require.NoError(t, other.open("ask", key))
	shows(t, other.get("ask"), "ak-stage-prompt")
	require.Equal(t, map[string]any{"attributes.company": "navy"}, data(other))
	require.NoError(t, b.open("ask", key))
	shows(t, b.get("ask"), "ak-stage-prompt")
	require.Equal(t, "correct horse", data(b)["phrase"])
	done(t, other.post("ask", flow.Input{"attributes.floor": "2"}), "/if/user/")
}

// A program that sends its link with every request gets on.
func TestALinkSentWithEveryRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.flow("ask")
	w.stage(f, 10, "email", `{}`)
	w.stage(f, 20, "prompt", w.fields("one", key(prompt.Text, "one")))
	w.stage(f, 30, "prompt", w.fields("two", key(prompt.Text, "two")))
	shows(t, w.signedIn(w.user("ada")).get("ask"), "ak-stage-email")
	link, b := w.letter(), w.browser("program")
	step := func(act func() *flow.Answer) *flow.Answer {
		v := b.visit("ask")
		v.Query = map[string]string{}
		require.NoError(t, flowlink.Enter(w.ctx, b.tokens, b.flows, v, link))
		return act()
	}
	for _, field := range []string{"one", "two"} {
		got := shows(t, step(func() *flow.Answer { return b.get("ask") }), "ak-stage-prompt")
		require.Equal(t, field, got["fields"].([]any)[0].(map[string]any)["field_key"])
		step(func() *flow.Answer { return b.post("ask", flow.Input{field: "x"}) })
	}
}

// What somebody else left in the browser is not laid over a link.
func TestALinkTakesNothingOfOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.flow("ask")
	w.stage(f, 10, "identification", `{}`)
	w.stage(f, 20, "prompt", w.fields("ask", key(prompt.Text, "attributes.company")))
	w.stage(f, 30, "email", `{}`)
	w.stage(f, 40, "prompt", w.fields("rest", key(prompt.Text, "attributes.floor")))
	w.user("ada")
	w.user("eve")
	b := w.browser("shared")
	began := func(name, company string) {
		require.NoError(t, w.flows.Cancel(w.ctx, b.visit("ask")))
		b.post("ask", flow.Input{"uid_field": name})
		shows(t, b.post("ask", flow.Input{"attributes.company": company}), "ak-stage-email")
	}
	company := func() any {
		row, err := w.repos().Runs.Find(w.ctx, b.key, f.ID)
		require.NoError(t, err)
		var found struct {
			Vars map[string]json.RawMessage `json:"vars"`
		}
		require.NoError(t, json.Unmarshal(row.State, &found))
		data := map[string]any{}
		require.NoError(t, json.Unmarshal(found.Vars["prompt_data"], &data))
		return data["attributes.company"]
	}
	began("ada", "navy")
	key := w.letter()
	began("eve", "army")
	require.NoError(t, b.open("ask", key))
	require.Equal(t, "navy", company())
	began("ada", "fleet")
	require.NoError(t, b.open("ask", key))
	require.Equal(t, "fleet", company(), "one's own is kept")
}

// A flow that lost a stage, and one that is not for whoever opens the link, does
// not go on.
func TestALinkIntoAFlowThatChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.flow("ask")
	w.stage(f, 20, "email", `{}`)
	last := w.stage(f, 30, "prompt", w.fields("rest", key(prompt.Text, "attributes.floor")))
	ada := w.user("ada")
	b := w.signedIn(ada)
	shows(t, b.get("ask"), "ak-stage-email")
	key := w.letter()
	f.Authentication = idp.AuthenticationAuthenticated
	require.NoError(t, w.repos().Flows.Update(w.ctx, f))
	err := w.browser("elsewhere").open("ask", key)
	require.Equal(t, idp.CodeForbidden, idp.CodeOf(err), "%v", err)
	require.NoError(t, b.open("ask", key))
	require.NoError(t, w.repos().FlowBindings.Delete(w.ctx, last.ID))
	err = b.open("ask", key)
	require.Equal(t, idp.CodeForbidden, idp.CodeOf(err))
	require.ErrorContains(t, err, "This flow has changed")
}

// A link speaks for its own user: whoever names somebody else afterwards, in the
// flow that it opened, has proved nothing.
func TestALinkDoesNotSpeakForOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.flow("mixed")
	w.stage(f, 10, "identification", `{}`)
	w.stage(f, 20, "email", `{}`)
	w.stage(f, 30, "identification", `{}`)
	w.stage(f, 40, "email", `{}`)
	w.stage(f, 50, "user_login", `{}`)
	w.user("thief")
	victim := w.user("victim")
	b := w.browser("one")
	shows(t, b.post("mixed", flow.Input{"uid_field": "thief"}), "ak-stage-email")
	require.NoError(t, b.open("mixed", w.letter()))
	shows(t, b.get("mixed"), "ak-stage-identification")
	shows(t, b.post("mixed", flow.Input{"uid_field": "victim"}), "ak-stage-email")
	require.Len(t, w.orders(), 2, "the victim is written to")
	b.post("mixed", flow.Input{"component": "ak-stage-email"})
	require.False(t, b.alive())
	require.Len(t, w.orders(), 3)
	require.NoError(t, w.browser("the victim's").open("mixed", w.letter()))
	require.Nil(t, w.now(victim).LastLoginAt)
}

func TestWithoutAServerNothingIsOrdered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.post.off = true
	f := w.flow("ask")
	w.stage(f, 10, "email", `{}`)
	denied(t, w.signedIn(w.user("ada")).get("ask"), "Email cannot be sent at the moment. Ask your administrator for help.")
	require.Empty(t, w.orders())
	require.Len(t, w.events(idp.ActionConfigError), 1)
	own := w.flow("own")
	w.stage(own, 10, "email", `{"use_global_settings": false, "host": "mail.example.org", "from_address": "a@example.org"}`)
	shows(t, w.signedIn(w.user("eve")).get("own"), "ak-stage-email")
	require.Len(t, w.orders(), 1)
	denied(t, w.browser("nobody's").get("own"), "No pending user.")
}

func TestSettingsOfAnEmailStage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k, _ := w.flows.Kind("email")
	repos := w.repos()
	for settings, field := range map[string]string{
		`{}`: "", `{"token_expiry": "hours=2", "recovery_cache_timeout": "minutes=10", "timeout": 45, "use_ssl": true, "password": "x"}`: "",
		`{"token_expiry": "seconds=59"}`: "token_expiry", `{"token_expiry": "days=31"}`: "token_expiry", `{"token_expiry": "soon"}`: "token_expiry",
		`{"recovery_cache_timeout": "0"}`: "recovery_cache_timeout", `{"recovery_max_attempts": 0}`: "recovery_max_attempts",
		`{"port": 0}`: "port", `{"port": 65536}`: "port", `{"timeout": 46}`: "timeout", `{"use_ssl": true, "use_tls": true}`: "use_tls",
		`{"subject": ""}`: "subject", `{"subject": "a\r\nBcc: b@example.org"}`: "subject", `{"from_address": "nobody"}`: "from_address",
		`{"from_address": "A <a@example.org>"}`: "from_address", `{"template": "other.html"}`: "template",
		`{"use_global_settings": false, "from_address": "a@example.org", "host": ""}`: "host", `{"use_global_settings": false}`: "from_address",
	} {
		_, err := k.Validate(t.Context(), &repos, []byte(settings))
		want := []string(nil)
		if field != "" {
			want = []string{field}
		}
		require.Equal(t, want, faulty(err), "%s: %v", settings, err)
	}
	for seconds, want := range map[int]string{60: "1 minute", 1800: "30 minutes", 3600: "1 hour", 5400: "90 minutes", 86400: "1 day", 172800: "2 days", 129600: "36 hours"} {
		d, err := idp.ParseDuration(fmt.Sprintf("seconds=%d", seconds))
		require.NoError(t, err)
		require.Equal(t, want, email.InWords(d))
	}
}
