package mail_test

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/mail"
	"github.com/portcullis-idp/portcullis/internal/testkit/smtp"
)

// through is how we reach the server of a test.
func through(s *smtp.Server, security string) mail.Server {
	out := mail.Server{Host: s.Host, Port: s.Port, TLS: security, Timeout: 5 * time.Second, From: "Portcullis <portcullis@example.org>"}
	if security != smtp.Plain {
		out.Roots = s.Roots()
	}
	return out
}

var message = mail.Message{To: "mia@example.org", Subject: "Zwölf Boxkämpfer", Text: "the text, ü\n", HTML: "<p>the page, ü</p>"}

func TestSend(t *testing.T) {
	t.Parallel()
	for _, security := range []string{smtp.Plain, smtp.StartTLS, smtp.TLS} {
		s := smtp.Start(t, smtp.Options{Security: security})
		answer, err := through(s, security).Send(t.Context(), message)
		require.NoError(t, err, security)
		require.Contains(t, answer, "queued as loopback-1")
		got := s.Receive()
		require.Equal(t, security != smtp.Plain, got.Encrypted)
		require.Equal(t, []string{"portcullis@example.org", "mia@example.org"}, []string{got.From, got.To})
		require.Equal(t, "the text, ü", strings.TrimSpace(got.Text))
		require.Equal(t, "<p>the page, ü</p>", strings.TrimSpace(got.HTML))
		require.Equal(t, "auto-generated", got.Header.Get("Auto-Submitted"))
		require.NotEmpty(t, got.Header.Get("Message-Id"))
		require.NotEmpty(t, got.Header.Get("Date"))
	}
}

func TestSendSignsIn(t *testing.T) {
	t.Parallel()
	s := smtp.Start(t, smtp.Options{Security: smtp.StartTLS, Username: "portcullis", Password: "s3cret"})
	server := through(s, smtp.StartTLS)
	_, err := server.Send(t.Context(), message)
	require.ErrorContains(t, err, "sign in first")
	server.Username, server.Password = "portcullis", "wrong"
	_, err = server.Send(t.Context(), message)
	require.ErrorContains(t, err, "wrong name or password")
	require.False(t, permanent(t, err), "the password may be about to change")
	server.Password = "s3cret"
	_, err = server.Send(t.Context(), message)
	require.NoError(t, err)
	require.Equal(t, "portcullis", s.Receive().User)
}

// Whoever sits between us and the mail server gets neither mail nor password.
func TestSendKeepsToWhatWasSaid(t *testing.T) {
	t.Parallel()
	open := smtp.Start(t, smtp.Options{Username: "portcullis", Password: "s3cret"})
	server := through(open, smtp.Plain)
	server.TLS = smtp.StartTLS
	_, err := server.Send(t.Context(), message)
	require.Error(t, err, "STARTTLS is not offered")
	secure := smtp.Start(t, smtp.Options{Security: smtp.TLS})
	stranger := through(secure, smtp.TLS)
	stranger.Roots = nil
	_, err = stranger.Send(t.Context(), message)
	require.ErrorContains(t, err, "certificate")
	require.Zero(t, open.Taken()+secure.Taken())
}

func TestWhatIsPermanent(t *testing.T) {
	t.Parallel()
	s := smtp.Start(t, smtp.Options{})
	for line, want := range map[string]bool{"550 5.1.1 no such user": true, "451 4.7.1 greylisted": false, "552 5.2.2 over quota": true} {
		s.Refuse(line)
		_, err := through(s, smtp.Plain).Send(t.Context(), message)
		require.ErrorContains(t, err, line[:3])
		require.Equal(t, want, permanent(t, err), line)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := through(s, smtp.Plain)
	nobody.Port = listener.Addr().(*net.TCPAddr).Port
	require.NoError(t, listener.Close())
	_, err = nobody.Send(t.Context(), message)
	require.False(t, permanent(t, err), "a server that is down comes back: %v", err)
	for _, to := range []string{"", "nobody", "a@b@c", "a@example.org\r\nBcc: b@example.org"} {
		m := message
		m.To = to
		_, err := through(s, smtp.Plain).Send(t.Context(), m)
		require.True(t, permanent(t, err), "%q: %v", to, err)
	}
	m := message
	m.Subject = "a\r\nBcc: b@example.org"
	_, err = through(s, smtp.Plain).Send(t.Context(), m)
	require.NoError(t, err)
	require.Empty(t, s.Receive().Header.Get("Bcc"))
	require.Equal(t, 1, s.Taken())
}

func permanent(t *testing.T, err error) bool {
	t.Helper()
	var fault *mail.Error
	require.True(t, errors.As(err, &fault), "%v", err)
	return fault.Permanent
}
