package mail_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/mail"
	"github.com/portcullis-idp/portcullis/internal/testkit/smtp"
)

// shelf has stages.
type shelf struct {
	stages map[idp.StageID]*idp.Stage
	fault  error
}

func (s shelf) Get(_ context.Context, id idp.StageID) (*idp.Stage, error) {
	if s.fault != nil {
		return nil, s.fault
	}
	if found := s.stages[id]; found != nil {
		return found, nil
	}
	return nil, idp.NotFound("stage")
}

// draft is one of a template, for Mia.
func draft(template string, values map[string]any) (idp.Draft, idp.Addressee) {
	return idp.Draft{Subject: "Hello & welcome", Template: template, Context: values, Brand: "Example & Co"},
		idp.Addressee{Address: "mia@example.org", Username: "mia", Name: "Mia <b>Bold</b>"}
}

func TestFillForAPolicy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	write("both.html", `<p title="{{.Context.note}}">{{.Context.note}} {{.Context.deep.n}}</p><script>let x = {{.Context.note}};</script><a href="{{.Context.note}}">x</a>`)
	write("both.txt", "{{.User.Name}} ({{.User.Username}}, {{.User.Email}}): {{.Context.note}}\x01\n")
	write("page.html", `<html><head><title>no</title><style>p{}</style></head><body><h1>Hello
		{{.User.Name}}</h1><p>One, <b>two</b>, three.</p><p>Read <a href="{{.URL}}">this</a>, <a href="/x">not that</a>.</p><p><a href="{{.URL}}">{{.URL}}</a></p>{{if .Brand.Logo}}logo{{end}}{{.Brand.Title}}</body></html>`)
	write("huge.html", `{{range .Context.list}}{{range $.Context.list}}{{range $.Context.list}}{{range $.Context.list}}0123456789{{end}}{{end}}{{end}}{{end}}`)
	write("broken.html", "{{.Nothing}}")
	s := office(&desk{}, mail.Server{}, dir)

	nasty := `"><script>alert('1')</script>`
	html, text, err := s.Fill(draft("both.html", map[string]any{"note": nasty, "deep": map[string]any{"n": 3}}))
	require.NoError(t, err)
	require.Contains(t, html, "<p title=\"&#34;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;\">&#34;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; 3</p>")
	require.Equal(t, 1, strings.Count(html, "<script>"))
	require.Equal(t, "Mia <b>Bold</b> (mia, mia@example.org): "+nasty+"\n", text)
	html, _, err = s.Fill(draft("both.html", map[string]any{"note": "javascript:alert(1)", "deep": map[string]any{"n": 3}}))
	require.NoError(t, err)
	require.NotContains(t, html, `href="javascript`)

	_, text, err = s.Fill(draft("page.html", map[string]any{"url": "https://example.org/?a=1&b=2"}))
	require.NoError(t, err)
	require.Equal(t, "Hello Mia <b>Bold</b>\n\nOne, two, three.\n\nRead this (https://example.org/?a=1&b=2), not that.\n\nhttps://example.org/?a=1&b=2\nExample & Co\n", text)

	for _, shipped := range []string{"email/setup.html", "email/password_reset.html", "email/account_confirmation.html"} {
		html, text, err := s.Fill(draft(shipped, map[string]any{"url": "https://example.org/x", "expires": "2 days", "once": true}))
		require.NoError(t, err, shipped)
		require.Contains(t, html, `href="https://example.org/x"`)
		require.Contains(t, html, "Mia &lt;b&gt;Bold")
		require.Contains(t, text, "The link works for 2 days and once.")
		require.Contains(t, text, "Example & Co")
	}

	list := make([]any, 100)
	for name, c := range map[string]struct {
		values map[string]any
		fault  string
	}{
		"absent.html":      {nil, `there is no mail template "absent.html"`},
		"email/setup.txt":  {nil, "its name ends in .html"},
		"../both.html":     {nil, "there is no mail template"},
		"broken.html":      {nil, "can't evaluate field Nothing"},
		"both.html":        {map[string]any{}, `map has no entry for key "note"`},
		"email/setup.html": {nil, `give its address as "url" in "context"`},
		"huge.html":        {map[string]any{"list": list}, "it becomes more than 128 kB"},
	} {
		_, _, err := s.Fill(draft(name, c.values))
		require.ErrorContains(t, err, c.fault, name)
		require.ErrorContains(t, err, `"template": `, name)
		require.True(t, idp.Is(err, idp.CodeInvalid), name)
	}
	for _, address := range []any{7, "javascript:alert(1)", "/path", "https://", "https://a b", "https://a\r\nBcc: b"} {
		_, _, err := s.Fill(draft("email/setup.html", map[string]any{"url": address, "expires": "1 day"}))
		require.ErrorContains(t, err, `"url"`, "%v", address)
	}
	_, _, err = s.Fill(draft("email/setup.html", map[string]any{"url": "https://example.org/x"}))
	require.ErrorContains(t, err, `give that as "expires"`)
}

// Each copy goes to one address and names the others, but for those who are
// blind.
func TestDeliverCopies(t *testing.T) {
	t.Parallel()
	post := smtp.Start(t, smtp.Options{})
	s := office(&desk{}, through(post, smtp.Plain), "")
	r := &record{}
	s.Events = r
	number := uuid.New()
	named := []string{"mia@example.org", "a-rather-long-name-of-somebody@department.example.org", "another-long-name@department.example.org"}
	for _, to := range append(named, "cc@example.org", "bcc@example.org") {
		m := idp.Message{To: to, Named: named, CC: []string{"cc@example.org"}, Subject: "Hello", Text: "as text", HTML: "<p>as HTML</p>", Number: number, Policy: "watch"}
		require.NoError(t, s.DeliverMessage(t.Context(), m, false))
		got := post.Receive()
		require.Equal(t, to, got.To, "the envelope")
		list, err := got.Header.AddressList("To")
		require.NoError(t, err)
		require.Len(t, list, 3)
		for i, name := range named {
			require.Equal(t, name, list[i].Address)
		}
		require.Equal(t, "<cc@example.org>", got.Header.Get("Cc"))
		require.Empty(t, got.Header.Get("Bcc"))
		require.NotContains(t, got.Raw, "bcc@")
		require.Equal(t, "<"+number.String()+"@example.org>", got.Header.Get("Message-Id"))
		require.Equal(t, []string{"as text", "<p>as HTML</p>"}, []string{strings.TrimSpace(got.Text), strings.TrimSpace(got.HTML)})
	}
	require.Equal(t, 5, post.Taken())
	require.Equal(t, []string{"cc@example.org"}, r.events[4].Context["cc"])
	require.Equal(t, "bcc@example.org", r.events[4].Context["to_email"])

	// Whatever is in the queue: no header is forged.
	for _, m := range []idp.Message{
		{To: "mia@example.org", Named: []string{"a@example.org\r\nX-Forged: 1"}, Subject: "x", Text: "x"},
		{To: "mia@example.org", Named: []string{"a@example.org"}, CC: []string{"a@example.org\nX-Forged: 1"}, Subject: "x", Text: "x"},
		{To: "mia@example.org\r\nX-Forged: 1", Named: []string{"a@example.org"}, Subject: "x", Text: "x"},
	} {
		require.NoError(t, s.DeliverMessage(t.Context(), m, false))
		require.Equal(t, idp.ActionSystemException, r.events[len(r.events)-1].Action)
	}
	require.Equal(t, 5, post.Taken())
}

// A message may go through the mail server of an email stage.
func TestDeliverMessageThroughAStage(t *testing.T) {
	t.Parallel()
	global, own := smtp.Start(t, smtp.Options{}), smtp.Start(t, smtp.Options{Security: smtp.StartTLS, Username: "u", Password: "p"})
	stage := func(settings string) *idp.Stage {
		return &idp.Stage{ID: idp.NewID[idp.Stage](), Name: "mail", Kind: "email", Settings: []byte(settings)}
	}
	good := stage(`{"use_global_settings": false, "host": "127.0.0.1", "port": ` + strconv.Itoa(own.Port) + `, "username": "u", "password": "p",
		"use_tls": true, "from_address": "stage@example.org"}`)
	shared, broken := stage(`{}`), stage(`{"port": "x"}`)
	stages := shelf{stages: map[idp.StageID]*idp.Stage{good.ID: good, shared.ID: shared, broken.ID: broken}}
	server := through(global, smtp.Plain)
	server.Roots = own.Roots()
	s := office(&desk{}, server, "")
	s.Stages = stages

	has, err := s.Own(good)
	require.True(t, err == nil && has)
	has, err = s.Own(shared)
	require.True(t, err == nil && !has)
	_, err = s.Own(broken)
	require.ErrorContains(t, err, `"stage": the settings of stage "mail" cannot be used`)

	m := idp.Message{To: "mia@example.org", Subject: "Hello", Text: "x", Number: uuid.New(), Stage: good.ID}
	require.NoError(t, s.DeliverMessage(t.Context(), m, false))
	got := own.Receive()
	require.Equal(t, []string{"stage@example.org", "u"}, []string{got.From, got.User})
	require.True(t, got.Encrypted)
	m.Stage = shared.ID // set to use the installation's after the mail was ordered
	require.NoError(t, s.DeliverMessage(t.Context(), m, false))
	require.Equal(t, "portcullis@example.org", global.Receive().From)

	for name, c := range map[string]struct {
		stage  idp.StageID
		server mail.Server
		fault  error
		last   bool
		action idp.Action // "" = it is tried again
		says   string
	}{
		"gone":               {idp.NewID[idp.Stage](), server, nil, false, idp.ActionConfigError, "is not there any more"},
		"broken":             {broken.ID, server, nil, false, idp.ActionConfigError, `stage "mail": `},
		"no server":          {shared.ID, mail.Server{}, nil, false, idp.ActionConfigError, "no mail server is configured"},
		"not now":            {good.ID, server, errors.New("the database is away"), false, "", ""},
		"not now, last time": {good.ID, server, errors.New("the database is away"), true, idp.ActionSystemException, "the database is away"},
	} {
		r := &record{}
		s := office(&desk{}, c.server, "")
		s.Events, s.Stages = r, shelf{stages.stages, c.fault}
		m.Stage = c.stage
		err := s.DeliverMessage(t.Context(), m, c.last)
		require.Equal(t, c.action == "", err != nil, name)
		if c.action == "" {
			require.Empty(t, r.events, name)
			continue
		}
		require.Equal(t, c.action, r.events[0].Action, name)
		require.Contains(t, r.events[0].Context["exception"], c.says, name)
	}
	require.Equal(t, []int{1, 1}, []int{own.Taken(), global.Taken()})
}
