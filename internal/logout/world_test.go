package logout

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/access"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

// world is an installation whose logout tokens a recorder takes.
type world struct {
	*testing.T
	url    string
	db     *postgres.DB
	logout *Service
	sent   *recorder
	flow   idp.FlowID
	admin  idp.Actor
}

// recorder is a Sender that does as it is told, and a Signer whose tokens name the
// notice.
type recorder struct {
	mu    sync.Mutex
	all   []string
	fault func(uri string) error // nil = everything arrives
}

func (r *recorder) LogoutToken(_ context.Context, n *idp.LogoutNotice) (string, error) {
	return n.ID.String(), nil
}

func (r *recorder) SendLogout(_ context.Context, uri, token string) (string, error) {
	r.mu.Lock()
	fault := r.fault
	r.all = append(r.all, uri+" "+token)
	r.mu.Unlock()
	if fault != nil {
		if err := fault(uri); err != nil {
			return "its words", err
		}
	}
	return "200 OK", nil
}

func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.all
	r.all = nil
	return all
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, url: testkit.Database(t), sent: &recorder{}, admin: idp.SystemActor()}
	var err error
	w.db, err = postgres.Open(t.Context(), w.url, postgres.Options{MaxConns: 8})
	require.NoError(t, err)
	t.Cleanup(w.db.Close)
	f := &idp.Flow{Name: "agree", Slug: "agree", Title: "agree", Designation: idp.DesignationAuthorization}
	require.NoError(t, w.db.Repos().Flows.Create(t.Context(), f))
	w.flow = f.ID
	w.logout = w.service()
	return w
}

// service is that of a server.
func (w *world) service() *Service {
	return New(Deps{Store: w.db, Access: access.New(), Signer: w.sent, Sender: w.sent, Log: slog.New(slog.DiscardHandler)})
}

func (w *world) user(name string) *idp.User {
	w.Helper()
	u := &idp.User{Username: name, Name: name, IsActive: true}
	require.NoError(w, w.db.Repos().Users.Create(w.Context(), u))
	return u
}

// application is one that is told at https://<name>.example.org/out.
func (w *world) application(name string) *idp.Application {
	w.Helper()
	p := &idp.OAuthProvider{Name: name, AuthorizationFlow: w.flow, InvalidationFlow: w.flow, ClientID: name,
		LogoutURI: "https://" + name + ".example.org/out", LogoutMethod: idp.LogoutBackchannel}
	require.NoError(w, w.db.Repos().OAuthProviders.Create(w.Context(), p))
	a := &idp.Application{Name: name, Slug: name, ProviderID: &p.ID}
	require.NoError(w, w.db.Repos().Applications.Create(w.Context(), a))
	return a
}

// grants has the account use an application.
func (w *world) grants(u *idp.User, a *idp.Application) {
	w.Helper()
	require.NoError(w, w.db.Repos().OAuthGrants.Create(w.Context(), &idp.OAuthGrant{ProviderID: *a.ProviderID, ApplicationID: a.ID, UserID: u.ID,
		Kind: idp.GrantCode, Offline: true, Subject: u.Username, Generation: u.TokenGeneration}))
}

// ends ends all that the account was granted.
func (w *world) ends(u *idp.User) {
	w.Helper()
	u.TokenGeneration++
	require.NoError(w, w.db.Repos().Users.Update(w.Context(), u))
}

func (w *world) notices(filter idp.LogoutNoticeFilter) []idp.LogoutNotice {
	w.Helper()
	found, err := w.db.Repos().LogoutNotices.Find(w.Context(), filter)
	require.NoError(w, err)
	return found.Items
}

// steps tells what is due, one after the other, and returns how many that were.
func (w *world) steps() (n int) {
	w.Helper()
	for {
		notice, err := w.db.Repos().LogoutNotices.Take(w.Context(), lease, nil)
		require.NoError(w, err)
		if notice == nil {
			return n
		}
		w.logout.tell(w.Context(), notice)
		n++
	}
}

func (w *world) does(sql string) {
	w.Helper()
	conn, err := pgx.Connect(w.Context(), w.url)
	require.NoError(w, err)
	defer conn.Close(w.Context())
	_, err = conn.Exec(w.Context(), sql)
	require.NoError(w, err)
}

// due makes what waits for its time due.
func (w *world) due() {
	w.does(`UPDATE logout_notices SET next_at = clock_timestamp() - interval '1 second', taken_until = NULL`)
}

// soon waits for something that another goroutine does.
func soon(t *testing.T, what string, true func() bool) {
	t.Helper()
	require.Eventually(t, true, 20*time.Second, 5*time.Millisecond, what)
}
