package mail_test

import (
	"errors"
	"flag"
	"fmt"
	"mime"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/mail"
	"github.com/portcullis-idp/portcullis/internal/notify"
	"github.com/portcullis-idp/portcullis/internal/testkit/smtp"
)

var update = flag.Bool("update", false, "write the mails of tests into testdata")

// notice tells Mia of somebody who guessed at her password.
func notice() *notify.Message {
	return &notify.Message{Delivery: 42, Try: 1, Rule: "Sign-ins that fail", Severity: idp.SeverityAlert, Body: "login_failed of mia",
		User:      &idp.User{ID: 3, Username: "mia", Name: "Mia <b>Bold</b>", Email: "mia@example.org"},
		Transport: &idp.Transport{Mode: idp.TransportEmail},
		Event: &idp.Event{ID: idp.EventID(uuid.MustParse("01934f6e-0000-7000-8000-000000000001")), Action: idp.ActionLoginFailed, App: "authentik.stages",
			User: map[string]any{"pk": 3.0, "username": "mia", "email": "mia@example.org",
				"authenticated_as": map[string]any{"pk": 4.0, "username": "bob<i>", "email": "bob@example.org"}},
			Context: map[string]any{"reason": "invalid_credentials", "geo": map[string]any{"city": "Berlin", "country": "DE"}, "attempts": 3.0, "known": false,
				"list": []any{"a", 2.0}, "none": nil, "stage": map[string]any{"pk": "x", "name": "pass<word>"}, "message": "said above",
				"http_request": map[string]any{"path": "/if/flow/x/", "method": "POST", "args": map[string]any{"next": "/"}, "user_agent": "curl/8\r\n", "request_id": "r"}},
			ClientIP: netip.MustParseAddr("192.0.2.7"), Brand: map[string]any{"name": "Example & Co"}, CreatedAt: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}}
}

// golden compares with what a file says.
func golden(t *testing.T, name, have string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	have = strings.ReplaceAll(have, "\r\n", "\n")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(have), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), have)
}

func TestNotices(t *testing.T) {
	t.Parallel()
	post := smtp.Start(t, smtp.Options{})
	s := mail.Sender{Service: office(&desk{}, through(post, smtp.Plain), "")}
	var first smtp.Mail
	for try := 1; try <= 2; try++ {
		m := notice()
		m.Try = try
		answer, err := s.Send(t.Context(), m)
		require.NoError(t, err)
		require.Contains(t, answer, "queued as loopback-1")
		got := post.Receive()
		require.Equal(t, "mia@example.org", got.To)
		require.Equal(t, "Portcullis: Alert: login_failed of mia", got.Header.Get("Subject"))
		golden(t, "notice.html", got.HTML)
		golden(t, "notice.txt", got.Text)
		if try == 1 {
			first = got
		}
		require.Equal(t, first.Header.Get("Message-Id"), got.Header.Get("Message-Id"), "whoever gets two sees one")
	}
	require.Equal(t, "<notification-42-01934f6e-0000-7000-8000-000000000001@example.org>", first.Header.Get("Message-Id"))

	test := notice()
	test.Test, test.Event.Brand, test.Severity = true, nil, idp.SeverityNotice
	_, err := s.Send(t.Context(), test)
	require.NoError(t, err)
	got := post.Receive()
	require.Equal(t, "Portcullis: login_failed of mia", got.Header.Get("Subject"))
	for _, text := range []string{got.Text, got.HTML} {
		require.Contains(t, text, "somebody tries whether notifications from Portcullis reach you")
		require.NotContains(t, text, "/if/admin/events/", "a test is no event that could be opened")
	}
}

// Whoever fails to sign in chooses the name that is told of.
func TestNoticesInjectNothing(t *testing.T) {
	t.Parallel()
	post := smtp.Start(t, smtp.Options{})
	s := mail.Sender{Service: office(&desk{}, through(post, smtp.Plain), "")}
	nasty := "a\r\nBcc: b@example.org\r\n\r\n<script>alert(1)</script>\x00\u202e\u2028x\xff" + strings.Repeat("ü", 3000)
	m := notice()
	m.Body, m.Rule, m.Transport.EmailSubjectPrefix = nasty, nasty, "[IdP]\r\nX-Evil: 1 "
	m.User.Name, m.User.Username = nasty, nasty
	m.Event.User["username"], m.Event.Brand["name"] = nasty, nasty
	m.Event.Action = idp.Action("a\r\nb")
	for i := range 1000 {
		m.Event.Context[fmt.Sprintf("%s%03d", nasty, i)] = nasty
	}
	_, err := s.Send(t.Context(), m)
	require.NoError(t, err)
	got := post.Receive()
	require.Empty(t, got.Header.Get("Bcc"))
	require.Empty(t, got.Header.Get("X-Evil"))
	require.Equal(t, 1, strings.Count(strings.ToLower(got.Raw), "\nsubject:"))
	require.True(t, strings.HasPrefix(subject(t, got), "[IdP] X-Evil: 1 Alert: a Bcc: b@example.org <script>"), subject(t, got))
	require.LessOrEqual(t, utf8.RuneCountInString(subject(t, got)), 201)
	require.NotContains(t, got.HTML, "<script")
	require.NotContains(t, got.HTML+got.Text, "\x00")
	require.NotContains(t, got.HTML+got.Text, "\u202e")
	require.Less(t, len(got.HTML)+len(got.Text), 64<<10, "bounded")
	require.Regexp(t, `\d+ more facts are left out here`, got.HTML)
	require.NotContains(t, got.Text, "\nBcc:")
}

func TestNoticesByOwnTemplates(t *testing.T) {
	t.Parallel()
	post := smtp.Start(t, smtp.Options{})
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	write("team.html", `<p>{{.Severity}} {{.Rule}} {{.Event.context.reason}} {{range .Facts}}{{if eq .Name "attempts"}}{{.Value}}{{end}}{{end}} <a href="{{.URL}}">open</a></p>`)
	write("both.html", `{{.Body}}`)
	write("both.txt", `own {{.Summary.Actor}}`)
	write("broken.html", `{{.Nothing}}`)
	write("plain.txt", `x`)
	s := mail.Sender{Service: office(&desk{}, through(post, smtp.Plain), dir)}
	send := func(template string) error {
		m := notice()
		m.Transport.EmailTemplate = template
		_, err := s.Send(t.Context(), m)
		return err
	}
	const link = "https://id.example.org/if/admin/events/01934f6e-0000-7000-8000-000000000001/"
	require.NoError(t, send("team.html"))
	got := post.Receive()
	require.Equal(t, `<p>alert Sign-ins that fail invalid_credentials 3 <a href="`+link+`">open</a></p>`, strings.TrimSpace(got.HTML))
	require.Equal(t, "alert Sign-ins that fail invalid_credentials 3 open ("+link+")", strings.TrimSpace(got.Text))
	require.NoError(t, send("both.html"))
	require.Equal(t, "own bob<i>", strings.TrimSpace(post.Receive().Text))
	require.NoError(t, send("email/event_notification.html"))
	require.Contains(t, post.Receive().Text, "bob<i>")
	for _, template := range []string{"broken.html", "absent.html", "../team.html", "plain.txt", "/etc/passwd", "email/setup.html"} {
		err := send(template)
		require.ErrorIs(t, err, notify.ErrFinal, template)
		require.ErrorContains(t, err, "the template of the mail cannot be used", template)
	}
	require.Equal(t, 3, post.Taken())
}

func TestNoticesThatDoNotArrive(t *testing.T) {
	t.Parallel()
	post := smtp.Start(t, smtp.Options{})
	ready := mail.Sender{Service: office(&desk{}, through(post, smtp.Plain), "")}
	nobody, unreachable := notice(), notice()
	nobody.User, unreachable.User = nil, &idp.User{Username: "x"}
	for name, c := range map[string]struct {
		sender  mail.Sender
		message *notify.Message
		refusal string
		final   bool
		said    string
	}{
		"no server":  {mail.Sender{Service: office(&desk{}, mail.Server{}, "")}, notice(), "", true, "PORTCULLIS_SMTP_HOST"},
		"nobody":     {ready, nobody, "", true, "there is no address"},
		"no address": {ready, unreachable, "", true, "the account x has no e-mail address"},
		"never":      {ready, notice(), "550 5.1.1 no such user", true, "no such user"},
		"later":      {ready, notice(), "451 4.7.1 greylisted \xff\x01 " + strings.Repeat("x", 400), false, "greylisted"},
	} {
		if c.refusal != "" {
			post.Refuse(c.refusal)
		}
		_, err := c.sender.Send(t.Context(), c.message)
		require.ErrorContains(t, err, c.said, name)
		require.Equal(t, c.final, errors.Is(err, notify.ErrFinal), "%s: %v", name, err)
		require.True(t, utf8.ValidString(err.Error()), name)
		require.NotContains(t, err.Error(), "\x01", name)
	}
	require.Zero(t, post.Taken())
}

// A mail server may greet with anything.
func TestNoticesAndWhatMailServersSay(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			fmt.Fprintf(conn, "421 busy \xff\x00\x1b[31m %s\r\n", strings.Repeat("x", 3000))
			conn.Close()
		}
	}()
	server := mail.Server{Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, TLS: smtp.Plain, Timeout: 5 * time.Second, From: "portcullis@example.org"}
	_, err = mail.Sender{Service: office(&desk{}, server, "")}.Send(t.Context(), notice())
	require.ErrorContains(t, err, "busy")
	require.NotErrorIs(t, err, notify.ErrFinal)
	require.True(t, utf8.ValidString(err.Error()))
	require.False(t, strings.ContainsFunc(err.Error(), unicode.IsControl), "%q", err)
	require.Less(t, len(err.Error()), 1100)
}

// subject is a mail's as people see it.
func subject(t *testing.T, m smtp.Mail) string {
	t.Helper()
	out, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	require.NoError(t, err)
	return out
}
