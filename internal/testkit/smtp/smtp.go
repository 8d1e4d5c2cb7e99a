// Package smtp is a mail server for tests: it takes mail on the loopback
// interface, keeps it, and can be told to refuse it. It speaks as much of RFC
// 5321 as senders need, with STARTTLS or TLS from the start, and AUTH PLAIN.
package smtp

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"
)

// How the connection is protected.
const (
	Plain    = "none"
	StartTLS = "starttls"
	TLS      = "tls"
)

// Options tune a server.
type Options struct {
	Security           string // "" = Plain
	Username, Password string // "" = nobody need sign in
}

// Server is a running mail server.
type Server struct {
	Host string
	Port int

	t        testing.TB
	options  Options
	config   *tls.Config
	mails    chan Mail
	mu       sync.Mutex
	refusals []string
	taken    int
	asked    int
}

// Mail is what was taken.
type Mail struct {
	From, To   string
	Header     mail.Header
	Text, HTML string
	Raw        string
	Encrypted  bool
	User       string // who had signed in
}

// patience is how long a test waits for a mail.
const patience = 20 * time.Second

// Start runs a server until the test ends.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if o.Security == "" {
		o.Security = Plain
	}
	s := &Server{Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, t: t, options: o, mails: make(chan Mail, 100)}
	if o.Security != Plain {
		s.config = &tls.Config{Certificates: []tls.Certificate{certificate(t)}}
	}
	if o.Security == TLS {
		listener = tls.NewListener(listener, s.config)
	}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			open.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(func() { listener.Close(); open.Wait() })
	return s
}

// Refuse makes the server answer the next recipients with these lines, such as
// "550 5.1.1 no such user", one each.
func (s *Server) Refuse(lines ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusals = append(s.refusals, lines...)
}

// Taken is how many mails the server has taken.
func (s *Server) Taken() int { s.mu.Lock(); defer s.mu.Unlock(); return s.taken }

// Asked is for how many recipients the server was asked.
func (s *Server) Asked() int { s.mu.Lock(); defer s.mu.Unlock(); return s.asked }

// Receive waits for the next mail.
func (s *Server) Receive() Mail {
	s.t.Helper()
	select {
	case m := <-s.mails:
		return m
	case <-time.After(patience):
		s.t.Fatal("no mail arrived")
	}
	return Mail{}
}

func (s *Server) refusal() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if len(s.refusals) == 0 {
		return ""
	}
	line := s.refusals[0]
	s.refusals = s.refusals[1:]
	return line
}

// serve holds one conversation.
func (s *Server) serve(conn net.Conn) {
	defer func() { conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, encrypted := conn.(*tls.Conn)
	m := Mail{Encrypted: encrypted}
	in := bufio.NewReader(conn)
	say := func(line string) { fmt.Fprintf(conn, "%s\r\n", line) }
	say("220 loopback")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb, rest, _ := strings.Cut(line, " ")
		switch strings.ToUpper(verb) {
		case "EHLO", "HELO":
			s.greet(say, m.Encrypted)
		case "STARTTLS":
			say("220 go ahead")
			secure := tls.Server(conn, s.config)
			conn, in, m = secure, bufio.NewReader(secure), Mail{Encrypted: true}
		case "AUTH":
			m.User = s.signIn(rest, say)
		case "MAIL":
			if s.options.Username != "" && m.User == "" {
				say("530 5.7.0 sign in first")
				continue
			}
			m.From = bracketed(rest)
			say("250 2.1.0 ok")
		case "RCPT":
			if refused := s.refusal(); refused != "" {
				say(refused)
				continue
			}
			m.To = bracketed(rest)
			say("250 2.1.5 ok")
		case "DATA":
			say("354 go ahead")
			if err := s.take(in, m); err != nil {
				s.t.Errorf("a mail that cannot be read: %v", err)
			}
			say("250 2.0.0 queued as loopback-1")
		case "QUIT":
			say("221 bye")
			return
		default: // NOOP, RSET
			say("250 ok")
		}
	}
}

func (s *Server) greet(say func(string), encrypted bool) {
	say("250-loopback")
	if s.options.Security == StartTLS && !encrypted {
		say("250-STARTTLS")
	}
	if s.options.Username != "" {
		say("250-AUTH PLAIN")
	}
	say("250 ENHANCEDSTATUSCODES")
}

func (s *Server) signIn(rest string, say func(string)) (user string) {
	_, encoded, _ := strings.Cut(rest, " ")
	raw, _ := base64.StdEncoding.DecodeString(encoded)
	parts := strings.Split(string(raw), "\x00")
	if len(parts) == 3 && parts[1] == s.options.Username && parts[2] == s.options.Password {
		say("235 2.7.0 welcome")
		return parts[1]
	}
	say("535 5.7.8 wrong name or password")
	return ""
}

func bracketed(s string) string {
	_, s, _ = strings.Cut(s, "<")
	s, _, _ = strings.Cut(s, ">")
	return s
}

// take reads a mail up to the lonely dot.
func (s *Server) take(in *bufio.Reader, m Mail) error {
	var raw bytes.Buffer
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		if line == ".\r\n" {
			break
		}
		raw.WriteString(strings.TrimPrefix(line, "."))
	}
	m.Raw = raw.String()
	parsed, err := mail.ReadMessage(&raw)
	if err != nil {
		return err
	}
	m.Header = parsed.Header
	if err := m.read(parsed.Header.Get("Content-Type"), parsed.Header.Get("Content-Transfer-Encoding"), parsed.Body); err != nil {
		return err
	}
	s.mu.Lock()
	s.taken++
	s.mu.Unlock()
	s.mails <- m
	return nil
}

// read takes the texts out of a part and those inside it.
func (m *Mail) read(contentType, encoding string, body io.Reader) error {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return err
	}
	if strings.HasPrefix(kind, "multipart/") {
		for parts := multipart.NewReader(body, params["boundary"]); ; {
			part, err := parts.NextRawPart()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			if err := m.read(part.Header.Get("Content-Type"), part.Header.Get("Content-Transfer-Encoding"), part); err != nil {
				return err
			}
		}
	}
	switch strings.ToLower(encoding) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	if kind == "text/html" {
		m.HTML = string(text)
	} else {
		m.Text = string(text)
	}
	return nil
}
