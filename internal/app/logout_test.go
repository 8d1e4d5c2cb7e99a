package app_test

import (
	"context"
	"crypto"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

// relying is a small application that takes logout tokens as OpenID Connect Back-Channel
// Logout 1.0, section 2.6, says, and keeps what it was told.
type relying struct {
	*httptest.Server
	site *site
	name string
	keys []crypto.PublicKey

	mu   sync.Mutex
	down bool
	told []told
	more chan struct{}
}

// told is what a logout token says.
type told struct {
	Subject string         `json:"sub"`
	Session string         `json:"sid"`
	ID      string         `json:"jti"`
	Events  map[string]any `json:"events"`
	Nonce   *string        `json:"nonce"`
	Expiry  int64          `json:"exp"`
	Issued  int64          `json:"iat"`
}

const relyingIssuer = "https://id.example.org/application/o/wiki/"

func newRelying(s *site, name string) *relying {
	s.Helper()
	set, err := s.replicas[0].OIDC.Keys(s.Context())
	require.NoError(s, err)
	r := &relying{site: s, name: name, more: make(chan struct{}, 10_000)}
	for _, k := range set.Keys {
		r.keys = append(r.keys, k.Key)
	}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, in *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.down {
			http.Error(w, "not now", http.StatusServiceUnavailable)
			return
		}
		one, err := r.read(in)
		if err != nil {
			s.Errorf("%s was told something wrong: %v", r.name, err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		r.told = append(r.told, one)
		r.more <- struct{}{}
	}))
	s.Cleanup(r.Close)
	return r
}

func (r *relying) read(in *http.Request) (one told, err error) {
	raw := in.PostFormValue("logout_token")
	parsed, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return one, err
	}
	if typ := parsed.Signatures[0].Protected.ExtraHeaders["typ"]; typ != "logout+jwt" {
		return one, fmt.Errorf("its type is %v", typ)
	}
	verifier := gooidc.NewVerifier(relyingIssuer, &gooidc.StaticKeySet{PublicKeys: r.keys}, &gooidc.Config{ClientID: r.name})
	token, err := verifier.Verify(context.Background(), raw)
	if err != nil {
		return one, err
	}
	if err := token.Claims(&one); err != nil {
		return one, err
	}
	if _, ok := one.Events["http://schemas.openid.net/event/backchannel-logout"]; !ok || one.Nonce != nil || one.ID == "" || one.Subject == "" {
		return one, fmt.Errorf("it is no logout token: %+v", one)
	}
	if one.Expiry-one.Issued > 120 {
		return one, fmt.Errorf("it is good for %d seconds", one.Expiry-one.Issued)
	}
	return one, nil
}

// wait waits until so many things were told, and forgets them.
func (r *relying) wait(n int) []told {
	r.site.Helper()
	patience := time.NewTimer(20 * time.Second)
	defer patience.Stop()
	for i := range n {
		select {
		case <-r.more:
		case <-patience.C:
			r.site.Fatalf("%s was told %d things, not %d", r.name, i, n)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.told
	r.told = nil
	return out
}

// registers makes an application with its provider.
func (s *site) registers(name, logout string, cookie time.Duration) *idp.Application {
	s.Helper()
	flow := s.flow(signInFlow)
	p := &idp.OAuthProvider{Name: name, AuthorizationFlow: flow.ID, InvalidationFlow: flow.ID, ClientID: name, LogoutURI: logout, LogoutMethod: idp.LogoutBackchannel}
	require.NoError(s, s.repos().OAuthProviders.Create(s.Context(), p))
	a := &idp.Application{Name: name, Slug: name, ProviderID: &p.ID, CookieLifetime: cookie}
	require.NoError(s, s.repos().Applications.Create(s.Context(), a))
	return a
}

// grants has somebody use an application in a session; nil = on a device.
func (s *site) grants(u *idp.User, in *idp.SessionID, a *idp.Application, offline bool) *idp.OAuthGrant {
	s.Helper()
	now := s.now(u)
	g := &idp.OAuthGrant{ProviderID: *a.ProviderID, ApplicationID: a.ID, UserID: u.ID, SessionID: in, Offline: offline, Kind: idp.GrantCode,
		Issuer: relyingIssuer, Subject: "subject of " + u.Username, Generation: now.TokenGeneration}
	require.NoError(s, s.repos().OAuthGrants.Create(s.Context(), g))
	return g
}

// mints makes an access token of a grant.
func (s *site) mints(g *idp.OAuthGrant, digest byte, signed bool, lifetime time.Duration) {
	s.Helper()
	raw := make([]byte, 32)
	raw[0], raw[1] = digest, byte(g.UserID)
	copy(raw[2:], g.ID.String())
	require.NoError(s, s.repos().OAuthGrants.CreateToken(s.Context(), &idp.OAuthToken{GrantID: g.ID, Kind: idp.OAuthAccess, Digest: raw, Signed: signed}, lifetime))
}

func (s *site) notices(u idp.UserID) (out []string) {
	s.Helper()
	found, err := s.repos().LogoutNotices.Find(s.Context(), idp.LogoutNoticeFilter{UserID: &u, Paging: idp.Paging{Limit: 100}})
	require.NoError(s, err)
	for _, n := range found.Items {
		one := n.ApplicationName
		if n.State == idp.NoticeNoAddress {
			one += " cannot be told"
		}
		if n.SessionID != nil {
			one += ", one session"
		}
		out = append(out, one)
	}
	slices.Sort(out)
	return out
}

// endings are ways in which one session ends, or all of them do, beside those in which
// an account is switched off.
var endings = map[string]struct {
	one bool // session, of several
	end func(s *site, own *browser, in *idp.Session, u *idp.User)
}{
	"API, one session": {true, func(s *site, _ *browser, in *idp.Session, _ *idp.User) {
		s.admin().api(http.StatusNoContent, http.MethodDelete, "/core/authenticated_sessions/"+in.ID.String()+"/", nil)
	}},
	"console, one session": {true, func(s *site, _ *browser, in *idp.Session, u *idp.User) {
		s.with(s.named("admin")).submit(fmt.Sprintf("/if/admin/users/%d/sessions/%s/end/", u.ID, in.ID), form{"confirmed": "true"})
	}},
	"console, several sessions": {true, func(s *site, _ *browser, in *idp.Session, _ *idp.User) {
		s.with(s.named("admin")).submit("/if/admin/sessions/bulk/", form{"confirmed": "true", "sessions": in.ID.String()})
	}},
	"the owner, one session": {true, func(s *site, own *browser, in *idp.Session, _ *idp.User) {
		own.submit("/if/user/settings/sessions/"+in.ID.String()+"/end/", form{"confirmed": "true"})
	}},
	"signing out": {true, func(s *site, own *browser, _ *idp.Session, _ *idp.User) {
		own.get("/flows/-/default/invalidation/")
		own.challenge("default-invalidation-flow")
	}},
	"its time": {true, func(s *site, _ *browser, in *idp.Session, _ *idp.User) {
		s.one("WITH late AS (UPDATE sessions SET expires_at = clock_timestamp() - interval '1 second' WHERE id = '" + in.ID.String() + "' RETURNING 1) SELECT count(*) FROM late")
		require.NoError(s, s.replicas[0].Sessions.Expire(s.Context()))
	}},
	"all sessions of the account": {false, func(s *site, _ *browser, _ *idp.Session, u *idp.User) {
		s.with(s.named("admin")).submit(fmt.Sprintf("/if/admin/users/%d/sessions/end/", u.ID), form{"confirmed": "true"})
	}},
	"a password by an administrator": {false, func(s *site, _ *browser, _ *idp.Session, u *idp.User) {
		s.admin().api(http.StatusNoContent, http.MethodPost, fmt.Sprintf("/core/users/%d/set_password/", u.ID), map[string]any{"password": password})
	}},
}

// Whichever way a session ends, the applications that it was signed in to are told, and
// those that cannot be told are known by name.
func TestEveryEndOfASessionTellsItsApplications(t *testing.T) {
	t.Parallel()
	s := blankSite(t, testkit.Database(t))
	s.open("logout_allow", "127.0.0.0/8")
	wiki, files := newRelying(s, "wiki"), newRelying(s, "files")
	apps := map[string]*idp.Application{"wiki": s.registers("wiki", wiki.URL, 0), "files": s.registers("files", files.URL, 0),
		"mute": s.registers("mute", "", 0), "tv": s.registers("tv", "", 0)}
	n := 0
	somebody := func() (*idp.User, *idp.Session, *browser) {
		n++
		u := s.user(fmt.Sprintf("told%d", n))
		in, cookie := s.cookie(u)
		s.grants(u, &in.ID, apps["wiki"], false)
		s.grants(u, &in.ID, apps["files"], true)
		s.grants(u, &in.ID, apps["mute"], false)
		s.grants(u, nil, apps["tv"], true)
		return u, in, s.holding(cookie)
	}
	check := func(name string, u *idp.User, in *idp.Session, one bool) {
		want := []string{"files, one session", "mute cannot be told, one session", "wiki, one session"}
		if !one {
			want = []string{"files", "mute cannot be told", "tv cannot be told", "wiki"}
		}
		if _, err := s.repos().Users.Get(t.Context(), u.ID); err == nil { // of deleted ones, nobody is named
			require.Equal(t, want, s.notices(u.ID), name)
		}
		for _, r := range []*relying{wiki, files} {
			told := r.wait(1)
			require.Len(t, told, 1, name)
			require.Equal(t, "subject of "+u.Username, told[0].Subject, name)
			if one {
				require.Equal(t, in.ID.String(), told[0].Session, name)
			} else {
				require.Empty(t, told[0].Session, name)
			}
		}
	}
	for name, way := range endings {
		u, in, own := somebody()
		way.end(s, own, in, u)
		check(name, u, in, way.one)
	}
	admin := s.with(s.named("admin"))
	for name, way := range paths {
		u, in, own := somebody()
		way(s, admin, own, u)
		check(name, u, in, false)
	}
	require.Empty(t, wiki.told)
}

// A lockdown ends what was to outlive sessions; its record names every application, what
// it was told and what is left there.
func TestALockdownSaysWhatIsLeft(t *testing.T) {
	t.Parallel()
	s := blankSite(t, testkit.Database(t))
	s.open("logout_allow", "127.0.0.0/8")
	wiki, down, tokens := newRelying(s, "wiki"), newRelying(s, "down"), newRelying(s, "tokens")
	down.down = true
	u := s.user("ada")
	in, _ := s.cookie(u)
	grant := s.grants(u, &in.ID, s.registers("wiki", wiki.URL, 0), true)
	s.mints(grant, 1, false, time.Hour)
	s.mints(s.grants(u, &in.ID, s.registers("down", down.URL, time.Hour), false), 2, false, time.Hour)
	s.mints(s.grants(u, &in.ID, s.registers("mute", "", 0), false), 3, false, time.Hour)
	s.mints(s.grants(u, &in.ID, s.registers("tokens", tokens.URL, 0), false), 4, true, time.Hour)

	dry := s.admin().contain(map[string]any{"users": []idp.UserID{u.ID}, "dry_run": true})
	var names []any
	for _, a := range dry[0]["applications"].([]any) {
		names = append(names, a.(map[string]any)["name"])
	}
	require.Equal(t, []any{"down", "mute", "tokens", "wiki"}, names)

	ends := s.admin().contain(map[string]any{"users": []idp.UserID{u.ID}, "dry_run": true, "revoke_tokens": false})[0]["ended"].(map[string]any)
	require.Equal(t, []any{1.0, 3.0, 3.0}, []any{ends["sessions"], ends["grants"], ends["applications"]}, "of the session; offline access would go on")

	done := s.admin().contain(map[string]any{"users": []idp.UserID{u.ID}})
	require.Len(t, done[0]["applications"], 4)
	held, err := s.repos().OAuthGrants.Get(t.Context(), grant.ID)
	require.NoError(t, err)
	require.Error(t, idp.MayAct(idp.DoorAPIToken, s.now(u), held.Credential()), "offline_access outlived a lockdown")
	wiki.wait(1)

	states := func() map[string]string {
		out := map[string]string{}
		record := s.admin().api(http.StatusOK, http.MethodGet, "/lockdowns/"+done[0]["lockdown"].(string)+"/", nil)
		for _, a := range record["applications"].([]any) {
			one := a.(map[string]any)
			out[one["name"].(string)] = fmt.Sprint(one["state"], " ", one["exposure"], " ", one["told_at"] != nil, " ", one["open_until"] != nil)
		}
		return out
	}
	want := map[string]string{"wiki": "delivered over true false", "down": "pending open false true", "mute": "no_address unknown false false",
		"tokens": "delivered open true true"}
	require.Eventually(t, func() bool {
		got := states()
		return got["wiki"] == want["wiki"] && got["down"] == want["down"] && got["tokens"] == want["tokens"]
	}, 20*time.Second, 20*time.Millisecond, "%v", states())
	require.Equal(t, want["mute"], states()["mute"])

	list := s.admin().api(http.StatusOK, http.MethodGet, "/logout_notices/?state=pending&application="+pkOf(t, s, "down"), nil)
	require.Len(t, list["results"], 1)
	notice := list["results"].([]any)[0].(map[string]any)
	require.Equal(t, "503 Service Unavailable – the application answered with an error that may pass", notice["answer"])
	s.admin().api(http.StatusConflict, http.MethodPost, "/logout_notices/"+notice["pk"].(string)+"/redeliver/", nil)
	down.mu.Lock()
	down.down = false
	down.mu.Unlock()
	down.wait(1)
	require.Eventually(t, func() bool { return states()["down"] == "delivered over true false" }, 20*time.Second, 20*time.Millisecond)
	s.admin().api(http.StatusOK, http.MethodPost, "/logout_notices/"+notice["pk"].(string)+"/redeliver/", nil)
	down.wait(1)
}

func pkOf(t *testing.T, s *site, slug string) string {
	a, err := s.repos().Applications.GetBySlug(t.Context(), slug)
	require.NoError(t, err)
	raw, err := json.Marshal(a.ID)
	require.NoError(t, err)
	return string(raw[1 : len(raw)-1])
}
