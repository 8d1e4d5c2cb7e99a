package app_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/app"
	"github.com/portcullis-idp/portcullis/internal/config"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/secret"
	"github.com/portcullis-idp/portcullis/internal/server/api/contract"
	"github.com/portcullis-idp/portcullis/internal/session"
	"github.com/portcullis-idp/portcullis/internal/testkit"
	"github.com/portcullis-idp/portcullis/internal/token"
)

const (
	// password is everybody's.
	password   = "correct horse battery staple"
	adminToken = "token-of-the-first-administrator"
)

// encoded is the hash of password, made once for all accounts.
var encoded = sync.OnceValues(func() (string, error) { return secret.New().Hash(context.Background(), password) })

// site is one installation: a database, and the replicas that serve it.
type site struct {
	*testing.T
	url       string
	transport *http.Transport
	replicas  []*replica
	beside    *pgx.Conn            // see connect
	tolerant  bool                 // faults are part of the test
	adjust    func(*config.Config) // what no flag can say; nil = nothing
}

// replica is one running product.
type replica struct {
	*app.App
	base string
}

// newSite opens an installation with so many replicas. The first administrator
// has password and adminToken. Every answer of the API is held against the
// contract, and a request that ends in a fault of ours fails the test.
func newSite(t *testing.T, replicas int) *site {
	t.Helper()
	s := blankSite(t, installed(t))
	for range replicas {
		s.open()
	}
	return s
}

// installed is a database that a server has been started on once, as config says.
func installed(t *testing.T) string {
	t.Helper()
	return testkit.Copy(t, "installed", func(url string) error {
		cfg, err := (&site{T: t, url: url}).config()
		if err != nil {
			return err
		}
		a, err := app.Open(context.Background(), cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			return err
		}
		return a.Close()
	})
}

func blankSite(t *testing.T, url string) *site {
	s := &site{T: t, url: url, transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	t.Cleanup(s.transport.CloseIdleConnections)
	return s
}

// open starts one more replica.
func (s *site) open(flags ...string) *replica {
	s.Helper()
	r, err := s.tryOpen(flags...)
	require.NoError(s, err)
	return r
}

func (s *site) tryOpen(flags ...string) (*replica, error) {
	cfg, err := s.config(flags...)
	if err != nil {
		return nil, err
	}
	if s.adjust != nil {
		s.adjust(cfg)
	}
	a, err := app.Open(s.Context(), cfg, slog.New(&faults{site: s}))
	if err != nil {
		return nil, err
	}
	s.Cleanup(func() {
		if err := a.Close(); err != nil {
			s.Errorf("closing a replica: %v", err)
		}
	})
	handler := a.Handler()
	if !s.tolerant {
		handler = contract.Watch(s, handler)
	}
	server := httptest.NewServer(handler)
	s.Cleanup(func() { s.transport.CloseIdleConnections(); server.Close() })
	r := &replica{App: a, base: server.URL}
	s.replicas = append(s.replicas, r)
	return r, nil
}

// config takes pairs of an option and its value.
func (s *site) config(flags ...string) (*config.Config, error) {
	given := map[string]string{"database_url": s.url, "database_pool": "10", "listen": "127.0.0.1:0",
		"bootstrap_password": password, "bootstrap_token": adminToken}
	for i := 0; i+1 < len(flags); i += 2 {
		given[flags[i]] = flags[i+1]
	}
	return config.Load(config.Source{Flags: given})
}

// faults is a log that fails the test on what no input may cause.
type faults struct {
	slog.Handler
	site *site
}

func (f *faults) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelError }
func (f *faults) WithAttrs([]slog.Attr) slog.Handler               { return f }
func (f *faults) WithGroup(string) slog.Handler                    { return f }

func (f *faults) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:", r.Message)
	r.Attrs(func(a slog.Attr) bool { fmt.Fprintf(&b, " %s=%v", a.Key, a.Value); return true })
	if f.site.tolerant {
		f.site.Log(b.String())
	} else {
		f.site.Error(b.String())
	}
	return nil
}

// repos is the database as the first replica sees it.
func (s *site) repos() idp.Repos { return s.replicas[0].DB.Repos() }

// user makes an account with password.
func (s *site) user(name string, change ...func(*account.NewUser)) *idp.User {
	s.Helper()
	hash, err := encoded()
	require.NoError(s, err)
	n := account.NewUser{Username: name, Name: strings.ToUpper(name[:1]) + name[1:], Email: name + "@example.org", PasswordHash: &hash}
	for _, c := range change {
		c(&n)
	}
	u, err := s.replicas[0].Accounts.Create(s.Context(), idp.SystemActor(), n)
	require.NoError(s, err)
	return u
}

// administers puts a new account into the administrators' group.
func (s *site) administers(n *account.NewUser) {
	name := account.AdministratorsGroup
	page, err := s.repos().Groups.Find(s.Context(), idp.GroupFilter{Name: &name})
	require.NoError(s, err)
	require.Len(s, page.Items, 1)
	n.Groups = []idp.GroupID{page.Items[0].ID}
}

// now reads an account again.
func (s *site) now(u *idp.User) *idp.User {
	s.Helper()
	fresh, err := s.repos().Users.Get(s.Context(), u.ID)
	require.NoError(s, err)
	return fresh
}

// named reads an account by its name.
func (s *site) named(name string) *idp.User {
	s.Helper()
	page, err := s.repos().Users.Find(s.Context(), idp.UserFilter{Usernames: []string{name}})
	require.NoError(s, err)
	require.Len(s, page.Items, 1)
	return &page.Items[0]
}

// cookie starts a session without asking for the password.
func (s *site) cookie(u *idp.User) (*idp.Session, string) {
	s.Helper()
	began, value, err := s.replicas[0].Sessions.Start(s.Context(), idp.Actor{}, session.Begin{User: u.ID,
		Generation: s.now(u).SessionGeneration, AuthMethod: "password", IP: netip.MustParseAddr("192.0.2.7"), UserAgent: "test"})
	require.NoError(s, err)
	return began, value
}

var serial atomic.Int64

// unique makes an identifier of its own.
func unique(prefix string) string { return fmt.Sprintf("%s-%d", prefix, serial.Add(1)) }

// key issues a token and returns its key.
func (s *site) key(u *idp.User, intent idp.TokenIntent) (*idp.Token, string) {
	s.Helper()
	t, key, err := s.replicas[0].Tokens.Issue(s.Context(), idp.SystemActor(), token.Draft{User: u.ID, Intent: intent, Identifier: unique("key")})
	require.NoError(s, err)
	return t, key
}

// events lists the events of an action id, newest first.
func (s *site) events(actionID string) []idp.Event {
	s.Helper()
	page, err := s.repos().Events.Find(s.Context(), idp.EventFilter{ActionID: &actionID, Paging: idp.Paging{Limit: 1000}})
	require.NoError(s, err)
	return page.Items
}

// records lists the lockdown records of an account, newest first.
func (s *site) records(u *idp.User) []idp.Lockdown {
	s.Helper()
	page, err := s.repos().Lockdowns.Find(s.Context(), idp.LockdownFilter{UserID: &u.ID, Paging: idp.Paging{Limit: 1000}})
	require.NoError(s, err)
	return page.Items
}
