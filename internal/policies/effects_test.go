package policies_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policies"
	"github.com/portcullis-idp/portcullis/internal/policy"
)

// counter says whether there is a mail server.
type counter bool

func (c counter) Ready() bool { return bool(c) }

func (counter) Own(stage *idp.Stage) (bool, error) {
	return strings.Contains(string(stage.Settings), "smtp.example.org"), nil
}

// Fill knows one template.
func (counter) Fill(d idp.Draft, to idp.Addressee) (html, text string, err error) {
	if d.Template != "known.html" {
		return "", "", idp.Invalid("template", `"template": there is no mail template %q`, d.Template)
	}
	return "<p>" + to.Address, fmt.Sprint(to.Username, d.Context, d.Brand), nil
}

func (w *world) engine(mail bool) (*policy.Engine, *bytes.Buffer) {
	var log bytes.Buffer
	kinds := policy.NewKinds(policies.Kinds(policies.Deps{}))
	return policy.NewEngine(kinds).With(policies.Directory{Store: w.db}).
		Acting(policies.Effects{Store: w.db, Post: counter(mail), Log: slog.New(slog.NewTextHandler(&log, nil))}), &log
}

// queued lists the addresses of the mails in the job queue.
func (w *world) queued() []string {
	w.Helper()
	conn, err := pgx.Connect(w.Context(), w.url)
	require.NoError(w, err)
	defer conn.Close(w.Context())
	rows, err := conn.Query(w.Context(), `SELECT args ->> 'to' FROM river_job WHERE kind = 'message'`)
	require.NoError(w, err)
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(w, err)
	return out
}

// The events and the mail of an expression are stored, and only when it is asked
// in earnest.
func TestExpressionsAct(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	ada, root := w.user("ada"), w.user("root")
	ada.Email = "ada@example.org"
	engine, log := w.engine(true)
	acts := &idp.Policy{ID: idp.NewID[idp.Policy](), Name: "acts", Kind: "expression", Settings: json.RawMessage(expression(
		`ak_create_event("suspicious_request", {"why": "from " + client_ip, "answers": prompt_context}) and ak_send_email([user, "soc@example.org"], "Look", {"body": "At " + user.username + "\u0000."})`))}
	req := idp.PolicyRequest{User: ada, SignedIn: root, Path: "/if/flow/x/", Method: "GET", ClientIP: netip.MustParseAddr("192.0.2.1"),
		Context: map[string]any{"prompt_data": map[string]any{"password": "hunter2hunter2", "word": "nul \x00 and \xff"}}}

	trial := engine.Try(ctx, acts, req)
	require.NoError(t, trial.Err)
	require.True(t, trial.Passing)
	require.Zero(t, w.events(idp.ActionSuspicious))
	require.Empty(t, w.queued())

	for range 2 { // the mail is the same and sent once
		r, err := engine.EvaluatePolicy(ctx, acts, req)
		require.NoError(t, err)
		require.True(t, r.Passing)
	}
	require.Equal(t, 2, w.events(idp.ActionSuspicious))
	page, err := w.db.Repos().Events.Find(ctx, idp.EventFilter{Actions: []idp.Action{idp.ActionSuspicious}})
	require.NoError(t, err)
	e := page.Items[0]
	require.Equal(t, policy.App, e.App)
	require.Equal(t, "192.0.2.1", e.ClientIP.String())
	require.Equal(t, "ada", e.User["username"])
	require.Equal(t, "root", e.User["authenticated_as"].(map[string]any)["username"])
	require.Equal(t, map[string]any{"password": idp.Hidden, "word": "nul \uFFFD and \uFFFD"}, e.Context["answers"])
	require.Equal(t, []any{"acts", "from 192.0.2.1"}, []any{e.Context["policy"], e.Context["why"]})
	require.ElementsMatch(t, []string{"ada@example.org", "soc@example.org"}, w.queued())
	require.Empty(t, log.String())

	// One address that was written to too often: nobody is.
	for i := range 30 {
		req.Context["n"] = i
		letter := &idp.Policy{ID: idp.NewID[idp.Policy](), Name: "letter", Kind: "expression", Settings: json.RawMessage(expression(
			`ak_send_email(["new" + string(context.n) + "@example.org", "soc@example.org"], "Look", {"body": string(context.n)})`))}
		r, err := engine.EvaluatePolicy(ctx, letter, req)
		require.NoError(t, err)
		require.Equal(t, i < 19, r.Passing, "%d", i)
	}
	require.Len(t, w.queued(), 2+2*19)
	require.Contains(t, log.String(), "written to too often")
	require.Contains(t, log.String(), "policy=letter")
	require.NotContains(t, log.String(), "example.org")
}

// A mail of a template is filled in for each of those it is to; with copies it is
// one mail for all, and who is blind is named in none.
func TestMailsAreOrdered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stages := map[string]*idp.Stage{}
	for name, settings := range map[string]string{"own": `{"use_global_settings": false, "host": "smtp.example.org", "from_address": "a@example.org"}`, "shared": `{}`} {
		stages[name] = &idp.Stage{Name: name, Kind: "email", Settings: json.RawMessage(settings)}
		require.NoError(t, w.db.Repos().Stages.Create(t.Context(), stages[name]))
	}
	require.NoError(t, w.db.Repos().Stages.Create(t.Context(), &idp.Stage{Name: "deny", Kind: "deny", Settings: json.RawMessage(`{}`)}))
	ada := w.user("ada")
	ada.Email = "ada@example.org"
	const (
		known = `"template": "known.html", "context": {"n": 1}`
		to    = `[user, "soc@example.org"]`
	)
	for i, c := range []struct {
		server  bool
		entries string
		want    string // to, whom it names, who has a copy, whose server, text, HTML; of each mail
		fault   string
	}{
		{true, known, "ada@example.org [] []  adamap[n:1] <p>ada@example.org|soc@example.org [] []  map[n:1] <p>soc@example.org", ""},
		{true, known + `, "stage": "shared"`, "ada@example.org [] []  adamap[n:1] <p>ada@example.org|soc@example.org [] []  map[n:1] <p>soc@example.org", ""},
		{false, known + `, "stage": "own", "cc": "cc@example.org", "bcc": "bcc@example.org"`,
			"ada@example.org ALL [cc@example.org] own adamap[n:1] <p>ada@example.org|bcc@example.org ALL [cc@example.org] own adamap[n:1] <p>ada@example.org|" +
				"cc@example.org ALL [cc@example.org] own adamap[n:1] <p>ada@example.org|soc@example.org ALL [cc@example.org] own adamap[n:1] <p>ada@example.org", ""},
		{true, `"body": "x", "bcc": "bcc@example.org"`, "ada@example.org ALL []  x |bcc@example.org ALL []  x |soc@example.org ALL []  x ", ""},
		{false, known, "", ""},
		{false, known + `, "stage": "shared"`, "", ""},
		{true, `"template": "other.html"`, "", `"template": there is no mail template "other.html"`},
		{true, known + `, "stage": "deny"`, "", `"stage": there is no email stage of the name "deny"`},
	} {
		engine, _ := w.engine(c.server)
		subject := fmt.Sprintf("mail %d", i)
		p := &idp.Policy{ID: idp.NewID[idp.Policy](), Name: "letter", Kind: "expression",
			Settings: json.RawMessage(expression(`ak_send_email(` + to + `, "` + subject + `", {` + c.entries + `})`))}
		req := idp.PolicyRequest{User: ada, Context: map[string]any{}}
		trial := engine.Try(t.Context(), p, req)
		require.Empty(t, w.letters(subject, nil), c.entries)
		r, err := engine.EvaluatePolicy(t.Context(), p, req)
		require.Equal(t, r.Passing, trial.Passing, c.entries)
		if c.fault != "" {
			require.ErrorContains(t, err, c.fault)
			require.ErrorContains(t, trial.Err, c.fault)
			continue
		}
		require.NoError(t, err, c.entries)
		require.Equal(t, c.want != "", r.Passing, c.entries)
		require.Equal(t, c.want, strings.ReplaceAll(strings.Join(w.letters(subject, stages), "|"), "[ada@example.org soc@example.org]", "ALL"), c.entries)
	}
}

// letters lists the mails of a subject in the job queue.
func (w *world) letters(subject string, stages map[string]*idp.Stage) (out []string) {
	w.Helper()
	conn, err := pgx.Connect(w.Context(), w.url)
	require.NoError(w, err)
	defer conn.Close(w.Context())
	rows, err := conn.Query(w.Context(), `SELECT args FROM river_job WHERE kind = 'message' AND args ->> 'subject' = $1 ORDER BY args ->> 'to'`, subject)
	require.NoError(w, err)
	type args struct {
		To, Text, HTML string
		Named, CC      []string
		Stage          idp.StageID
		Number         idp.UUID
	}
	mails, err := pgx.CollectRows(rows, pgx.RowTo[args])
	require.NoError(w, err)
	numbers := map[idp.UUID]bool{}
	for _, m := range mails {
		through := ""
		for name, s := range stages {
			if m.Stage == s.ID {
				through = name
			}
		}
		numbers[m.Number] = true
		out = append(out, fmt.Sprint(m.To, " ", m.Named, " ", m.CC, " ", through, " ", m.Text, " ", m.HTML))
	}
	if len(mails) > 0 {
		require.Len(w, numbers, map[bool]int{true: 1, false: len(mails)}[len(mails[0].Named) > 0], "copies are of one mail")
	}
	return out
}

// Without a mail server the function is false, and the log says so.
func TestNoMailServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	engine, log := w.engine(false)
	p := &idp.Policy{ID: idp.NewID[idp.Policy](), Name: "letter", Kind: "expression",
		Settings: json.RawMessage(expression(`ak_send_email("a@example.org", "Look", {"body": "x"})`))}
	r, err := engine.EvaluatePolicy(t.Context(), p, idp.PolicyRequest{})
	require.NoError(t, err)
	require.False(t, r.Passing)
	require.Empty(t, w.queued())
	require.Contains(t, log.String(), "no mail server")
	trial := engine.Try(t.Context(), p, idp.PolicyRequest{})
	require.NoError(t, trial.Err)
	require.False(t, trial.Passing)
}

// Policies of flows see what they are bound to.
func TestPoliciesSeeWhatTheyAreBoundTo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.flow("bound", idp.DesignationEnrollment)
	second := w.stage(f, 10, "deny", `{"deny_message": "second"}`)
	first := w.stage(f, 0, "password", `{}`)
	of := w.named("of the flow", "expression", expression(`let o = request.obj; o.slug == "bound" and o.designation == "enrollment" and o.stage == nil and
		o.model == "authentik_flows.flow" and o.pk == "`+f.ID.String()+`"`), false)
	at := w.named("of a stage", "expression", expression(`let o = request.obj; o.order == 10 and o.stage.kind == "deny" and o.name == "bound deny" and
		o.target.slug == "bound" and o.pk == "`+second.ID.String()+`"`), false)
	w.bind(of, f.ID.UUID())
	w.bind(at, first.ID.UUID())
	w.bind(at, second.ID.UUID())
	require.Equal(t, "second", denial(t, w.at("192.0.2.1").begin("bound")), "the first stage is not the one")
}

// Answers that were typed unseen stay out of what a policy leaves behind, by
// whatever name the prompt has, already when it validates them.
func TestUnseenAnswersStayUnseen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	prompt := &idp.Prompt{Name: "animal", FieldKey: "animal", Label: "Animal", Type: "password", Required: true}
	require.NoError(t, w.db.Repos().Prompts.Create(t.Context(), prompt))
	const act = `ak_create_event("suspicious_request", {"answers": prompt_context, "said": "a " + prompt_context.animal + "!"}) and
		ak_send_email("soc@example.org", "Look", {"body": "A " + prompt_context.animal + "!"})`
	rules := w.named("validates", "expression", expression(act), false)
	settings, err := json.Marshal(map[string]any{"fields": []idp.PromptID{prompt.ID}, "validation_policies": []idp.PolicyID{rules.ID}})
	require.NoError(t, err)
	f := w.flow("asks", idp.DesignationEnrollment)
	w.stage(f, 0, "prompt", string(settings))
	next := w.stage(f, 10, "deny", `{"deny_message": "Through."}`)
	w.bind(w.named("bound", "expression", expression(act), false), next.ID.UUID())
	b := w.at("192.0.2.1")
	require.Equal(t, "prompt", b.begin("asks").Stage)
	require.Equal(t, "Through.", denial(t, b.post("asks", flow.Input{"animal": "wombat"})))
	page, err := w.db.Repos().Events.Find(t.Context(), idp.EventFilter{Actions: []idp.Action{idp.ActionSuspicious}})
	require.NoError(t, err)
	require.GreaterOrEqual(t, page.Total, 2)
	for _, e := range page.Items {
		require.Equal(t, map[string]any{"animal": idp.Hidden}, e.Context["answers"])
		require.Equal(t, "a "+idp.Hidden+"!", e.Context["said"])
	}
	require.Equal(t, []string{"soc@example.org"}, w.queued(), "both are the same, for nothing of the answer is in it")
}
