package mail_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/flow"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/mail"
	"github.com/portcullis-idp/portcullis/internal/secret"
	"github.com/portcullis-idp/portcullis/internal/testkit/smtp"
	"github.com/portcullis-idp/portcullis/internal/token"
)

// desk holds one order and notes what became of it.
type desk struct {
	letter *token.Letter
	err    error
	sent   map[string]any
	failed map[string]any
	action idp.Action
}

func (d *desk) MailLink(context.Context, idp.LinkID) (*token.Letter, error) { return d.letter, d.err }

func (d *desk) MailSent(_ context.Context, _ *token.Letter, facts map[string]any) error {
	d.sent = facts
	return nil
}

func (d *desk) MailFailed(_ context.Context, _ *token.Letter, action idp.Action, facts map[string]any) error {
	d.action, d.failed = action, facts
	return nil
}

// letter is for Mia, by way of a stage with these settings.
func letter(settings string) *token.Letter {
	return &token.Letter{Link: &idp.Link{Lifetime: 30 * time.Minute}, User: &idp.User{Username: "mia", Name: "Mia\n\tMuster", Email: "mia@example.org"},
		Stage: &idp.Stage{Name: "mail", Settings: []byte(settings)}, To: "mia@example.org", Path: "/if/flow/f/?flow_token=the-key"}
}

func office(d *desk, server mail.Server, dir string) *mail.Service {
	return &mail.Service{Orders: d, Texts: mail.NewTemplates(dir), Server: server, Base: func() string { return "https://id.example.org/" }}
}

func TestDeliver(t *testing.T) {
	t.Parallel()
	post := smtp.Start(t, smtp.Options{})
	d := &desk{letter: letter(`{"subject": "Hello"}`)}
	d.letter.Brand = &idp.Brand{Title: "Example", Logo: "/static/logo.svg"}
	require.NoError(t, office(d, through(post, smtp.Plain), "").Deliver(t.Context(), idp.LinkID{}, false))
	m := post.Receive()
	require.Equal(t, "Hello", m.Header.Get("Subject"))
	require.Contains(t, m.Text, "Hello Mia Muster,")
	require.Contains(t, m.Text, "\nhttps://id.example.org/if/flow/f/?flow_token=the-key\r\n")
	require.Contains(t, m.HTML, `<img src="https://id.example.org/static/logo.svg" alt="Example"`)
	require.Equal(t, "mia@example.org", d.sent["to_email"])
	require.NotContains(t, d.sent, "body")
	for _, fact := range d.sent {
		require.NotContains(t, fact, "the-key")
	}
	require.Nil(t, d.failed)

	nothing := &desk{}
	require.NoError(t, office(nothing, through(post, smtp.Plain), "").Deliver(t.Context(), idp.LinkID{}, false))
	busy := &desk{err: errors.New("the database is away")}
	require.Error(t, office(busy, through(post, smtp.Plain), "").Deliver(t.Context(), idp.LinkID{}, true))
	require.Equal(t, 1, post.Taken())
}

// A stage may have a mail server of its own.
func TestDeliverThroughTheStagesServer(t *testing.T) {
	t.Parallel()
	global, own := smtp.Start(t, smtp.Options{}), smtp.Start(t, smtp.Options{Security: smtp.StartTLS, Username: "u", Password: "p"})
	server := through(global, smtp.Plain)
	server.Roots = own.Roots()
	settings := `{"use_global_settings": false, "host": "127.0.0.1", "port": ` + strconv.Itoa(own.Port) + `, "username": "u", "password": "p",
		"use_tls": true, "from_address": "stage@example.org"}`
	d := &desk{letter: letter(settings)}
	require.NoError(t, office(d, server, "").Deliver(t.Context(), idp.LinkID{}, false))
	m := own.Receive()
	require.Equal(t, []string{"stage@example.org", "u"}, []string{m.From, m.User})
	require.True(t, m.Encrypted)
	require.Zero(t, global.Taken())
}

func TestWhatIsNotDelivered(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "broken.html"), []byte("{{.Nothing}}"), 0o600))
	post := smtp.Start(t, smtp.Options{})
	for name, c := range map[string]struct {
		settings string
		server   mail.Server
		refusal  string
		last     bool
		action   idp.Action // "" = it is tried again
	}{
		"no server":        {`{}`, mail.Server{}, "", false, idp.ActionConfigError},
		"broken settings":  {`{"port": "x"}`, through(post, smtp.Plain), "", false, idp.ActionConfigError},
		"broken template":  {`{"template": "broken.html"}`, through(post, smtp.Plain), "", false, idp.ActionConfigError},
		"no template":      {`{"template": "absent.html"}`, through(post, smtp.Plain), "", false, idp.ActionConfigError},
		"never":            {`{}`, through(post, smtp.Plain), "550 5.1.1 no such user", false, idp.ActionSystemException},
		"later":            {`{}`, through(post, smtp.Plain), "451 4.7.1 later", false, ""},
		"later, last time": {`{}`, through(post, smtp.Plain), "451 4.7.1 later", true, idp.ActionSystemException},
	} {
		if c.refusal != "" {
			post.Refuse(c.refusal)
		}
		d := &desk{letter: letter(c.settings)}
		err := office(d, c.server, dir).Deliver(t.Context(), idp.LinkID{}, c.last)
		require.Equal(t, c.action == "", err != nil, "%s: %v", name, err)
		require.Equal(t, c.action, d.action, name)
		require.Nil(t, d.sent, name)
		if err != nil {
			require.NotContains(t, err.Error(), "the-key")
		}
	}
	require.Zero(t, post.Taken())
}

func TestTestingMail(t *testing.T) {
	t.Parallel()
	post := smtp.Start(t, smtp.Options{})
	answer, err := office(&desk{}, through(post, smtp.Plain), "").Test(t.Context(), "mia@example.org")
	require.NoError(t, err)
	require.Contains(t, answer, "queued as loopback-1")
	require.Contains(t, post.Receive().Text, "https://id.example.org/")
	_, err = office(&desk{}, mail.Server{}, "").Test(t.Context(), "mia@example.org")
	require.ErrorContains(t, err, "PORTCULLIS_SMTP_HOST")
}

// The password of a stage's server is opened for that stage alone; where it
// cannot be, nothing is sent and administrators hear why.
func TestDeliverWithASealedPassword(t *testing.T) {
	t.Parallel()
	sealer := func(word string) *secret.Sealer {
		s, err := secret.NewSealer([]byte(strings.Repeat(word, secret.MinSecret)))
		require.NoError(t, err)
		return s
	}
	own := smtp.Start(t, smtp.Options{Security: smtp.StartTLS, Username: "u", Password: "p"})
	stage, other := idp.NewID[idp.Stage](), idp.NewID[idp.Stage]()
	for name, c := range map[string]struct {
		sealed string
		opens  *secret.Sealer
		action idp.Action // "" = it is sent
	}{
		"its own":        {sealer("a").SealText(flow.SecretPurpose(stage, "password"), "p"), sealer("a"), ""},
		"in clear":       {"p", sealer("a"), ""},
		"another secret": {sealer("a").SealText(flow.SecretPurpose(stage, "password"), "p"), sealer("b"), idp.ActionConfigError},
		"no secret":      {sealer("a").SealText(flow.SecretPurpose(stage, "password"), "p"), nil, idp.ActionConfigError},
		"another stage":  {sealer("a").SealText(flow.SecretPurpose(other, "password"), "p"), sealer("a"), idp.ActionConfigError},
	} {
		before := own.Taken()
		d := &desk{letter: letter(`{"use_global_settings": false, "host": "127.0.0.1", "port": ` + strconv.Itoa(own.Port) +
			`, "username": "u", "password": "` + c.sealed + `", "use_tls": true, "from_address": "stage@example.org"}`)}
		d.letter.Stage.ID = stage
		service := office(d, mail.Server{Roots: own.Roots()}, "")
		service.Sealer = c.opens
		require.NoError(t, service.Deliver(t.Context(), idp.LinkID{}, false), name)
		require.Equal(t, c.action, d.action, name)
		if c.action == "" {
			require.Equal(t, "u", own.Receive().User, name)
			continue
		}
		require.Equal(t, before, own.Taken(), name)
		require.Contains(t, d.failed["exception"], `the password of stage "mail" cannot be opened`, name)
		require.NotContains(t, d.failed["exception"], c.sealed, name)
	}
}
