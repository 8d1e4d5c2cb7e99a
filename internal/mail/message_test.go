package mail_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/mail"
	"github.com/portcullis-idp/portcullis/internal/testkit/smtp"
)

// record keeps the events it is given.
type record struct {
	events []*idp.Event
	fault  error
}

func (r *record) Append(_ context.Context, e *idp.Event) error {
	r.events = append(r.events, e)
	return r.fault
}

func TestDeliverMessage(t *testing.T) {
	t.Parallel()
	post := smtp.Start(t, smtp.Options{})
	r := &record{}
	s := office(&desk{}, through(post, smtp.Plain), "")
	s.Events = r
	m := idp.Message{To: "mia@example.org", Subject: "Näh\r\nBcc: eve@example.org", Text: "Hello <b>Mia</b>\nsecond & last", Policy: "watch",
		User: map[string]any{"pk": 7, "username": "mia", "email": "mia@example.org"}}
	require.NoError(t, s.DeliverMessage(t.Context(), m, false))
	got := post.Receive()
	require.Equal(t, "mia@example.org", got.To)
	require.Empty(t, got.Header.Get("Bcc"))
	require.Equal(t, "auto-generated", got.Header.Get("Auto-Submitted"))
	require.Contains(t, got.Text, "Hello <b>Mia</b>\r\nsecond & last")
	require.Contains(t, got.HTML, "Hello &lt;b&gt;Mia&lt;/b&gt;\r\nsecond &amp; last")
	require.NotContains(t, got.HTML, "<b>")
	require.Len(t, r.events, 1)
	e := r.events[0]
	require.Equal(t, idp.ActionEmailSent, e.Action)
	require.Equal(t, "authentik.policies", e.App)
	require.Equal(t, m.User, e.User)
	require.Equal(t, []any{"mia@example.org", "watch"}, []any{e.Context["to_email"], e.Context["policy"]})
	require.NotContains(t, e.Context, "body")

	for name, c := range map[string]struct {
		server  mail.Server
		refusal string
		last    bool
		action  idp.Action // "" = it is tried again
	}{
		"no server":        {mail.Server{}, "", false, idp.ActionConfigError},
		"never":            {through(post, smtp.Plain), "550 5.1.1 no such user", false, idp.ActionSystemException},
		"later":            {through(post, smtp.Plain), "451 4.7.1 later", false, ""},
		"later, last time": {through(post, smtp.Plain), "451 4.7.1 later", true, idp.ActionSystemException},
	} {
		if c.refusal != "" {
			post.Refuse(c.refusal)
		}
		r := &record{}
		s := office(&desk{}, c.server, "")
		s.Events = r
		err := s.DeliverMessage(t.Context(), m, c.last)
		require.Equal(t, c.action == "", err != nil, "%s: %v", name, err)
		if c.action == "" {
			require.Empty(t, r.events, name)
			continue
		}
		require.Len(t, r.events, 1, name)
		require.Equal(t, c.action, r.events[0].Action, name)
	}
	require.Equal(t, 1, post.Taken())

	// An address that is none is given up at once, and what cannot be told is a fault.
	broken := &record{fault: errors.New("the database is away")}
	s.Events = broken
	require.ErrorContains(t, s.DeliverMessage(t.Context(), idp.Message{To: "a\r\nRCPT TO:<b@example.org>", Subject: "x", Text: "x"}, false), "noting what became of a mail")
	require.Equal(t, idp.ActionSystemException, broken.events[0].Action)
	require.Equal(t, 1, post.Taken())
}
