package webhook

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/notify"
)

// now is when signatures of tests are made.
var now = time.Unix(1763812800, 0)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// sender sends to this machine.
func sender(change ...func(*Config)) *Sender {
	c := Config{Version: "1.2.3", Base: func() string { return "https://id.example.org/" }, Allow: loopback, Now: func() time.Time { return now }}
	for _, f := range change {
		f(&c)
	}
	return New(c)
}

// message tells of a sign-in that failed.
func message(to string) *notify.Message {
	return &notify.Message{Delivery: 42, Try: 2, Rule: "Sign-ins that fail", Severity: idp.SeverityAlert, Body: "login_failed of mia",
		User:      &idp.User{ID: 7, Username: "desk", Email: "desk@example.org"},
		Transport: &idp.Transport{ID: idp.TransportID{15: 9}, Mode: idp.TransportWebhook, WebhookURL: to},
		Event: &idp.Event{ID: idp.EventID(uuid.MustParse("01934f6e-0000-7000-8000-000000000001")), Action: idp.ActionLoginFailed, App: "authentik.stages",
			User:     map[string]any{"pk": 3.0, "username": "mia", "email": "mia@example.org"},
			Context:  map[string]any{"reason": "invalid_credentials", "geo": map[string]any{"city": "Berlin", "country": "DE"}},
			ClientIP: netip.MustParseAddr("192.0.2.7"), CreatedAt: time.Date(2026, 11, 22, 12, 0, 0, 0, time.FixedZone("", 3600))}}
}

// got is a request that arrived.
type got struct {
	*http.Request
	body []byte
}

// receiver is a program that takes webhooks.
type receiver struct {
	*httptest.Server
	mu   sync.Mutex
	all  []got
	news int // connections
}

// receive runs a receiver that answers with the handler; nil = 200 and no body.
func receive(t *testing.T, answer http.HandlerFunc, start ...func(*httptest.Server)) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		r.all = append(r.all, got{req, body})
		r.mu.Unlock()
		if answer != nil {
			answer(w, req)
		}
	}))
	r.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			r.mu.Lock()
			r.news++
			r.mu.Unlock()
		}
	}
	if len(start) == 0 {
		r.Start()
	}
	for _, f := range start {
		f(r.Server)
	}
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) taken() []got { r.mu.Lock(); defer r.mu.Unlock(); return r.all }

// names is a resolver that answers from a function, over no network.
func names(t *testing.T, find func(name string) []netip.Addr) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer ours.Close()
			for {
				var size uint16
				if binary.Read(ours, binary.BigEndian, &size) != nil {
					return
				}
				raw := make([]byte, size)
				if _, err := io.ReadFull(ours, raw); err != nil {
					return
				}
				var m dnsmessage.Message
				if err := m.Unpack(raw); err != nil {
					t.Errorf("a question that cannot be read: %v", err)
					return
				}
				out, err := answerTo(m, find)
				if err != nil {
					t.Errorf("answering %v: %v", m.Questions, err)
					return
				}
				if _, err := ours.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...)); err != nil {
					return
				}
			}
		}()
		return theirs, nil
	}}
}

func answerTo(m dnsmessage.Message, find func(string) []netip.Addr) ([]byte, error) {
	q := m.Questions[0]
	out := dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, RecursionAvailable: true}, Questions: m.Questions}
	head := dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 0}
	name := q.Name.String()
	for _, a := range find(strings.ToLower(name[:len(name)-1])) {
		switch {
		case a.Is4() && q.Type == dnsmessage.TypeA:
			out.Answers = append(out.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AResource{A: a.As4()}})
		case a.Is6() && q.Type == dnsmessage.TypeAAAA:
			out.Answers = append(out.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
		}
	}
	return out.Pack()
}

// isFinal requires an error that says it will not be tried again, or one that does not.
func isFinal(t *testing.T, want bool, err error, about string) {
	t.Helper()
	require.Error(t, err, about)
	require.Equal(t, want, isFinalError(err), "%s: %v", about, err)
}
