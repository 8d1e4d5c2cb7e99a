package account_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	accounts "github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/application"
	"github.com/portcullis-idp/portcullis/internal/consent"
	"github.com/portcullis-idp/portcullis/internal/elevate"
	"github.com/portcullis-idp/portcullis/internal/factor"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policy"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/server/account"
	"github.com/portcullis-idp/portcullis/internal/server/admin"
	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
	"github.com/portcullis-idp/portcullis/internal/server/web"
	"github.com/portcullis-idp/portcullis/internal/session"
	"github.com/portcullis-idp/portcullis/internal/stages"
	"github.com/portcullis-idp/portcullis/internal/testkit"
)

func open(t testing.TB) *pagetest.Site {
	t.Helper()
	db, err := postgres.Open(t.Context(), testkit.Database(t), postgres.Options{MaxConns: 6})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	s := pagetest.New(t, db)
	own := account.New(account.Deps{Store: db, Accounts: s.Accounts, Sessions: s.Sessions, Tokens: s.Tokens,
		Lockdowns: s.Lockdowns, Flow: s.Lockdown, Whereabouts: pagetest.Atlas{}, Factors: factor.New(factor.Deps{Store: db, Access: s.Access}), Elevations: elevate.New(elevate.Deps{Store: db, Access: s.Access}),
		Applications: &application.Access{Store: db, Policies: stages.NewPolicies(db, policy.NewEngine(policy.NewKinds(nil)))},
		Consents:     consent.New(consent.Deps{Store: db, Access: s.Access})})
	console := admin.New(admin.Deps{Store: db, Accounts: s.Accounts, Sessions: s.Sessions, Tokens: s.Tokens,
		Lockdowns: s.Lockdowns, Configure: s.Configure, Flow: s.Lockdown})
	s.Open(db.NewSessionStore(func(deadline time.Time, values map[string]any) ([]byte, error) {
		return json.Marshal(map[string]any{"deadline": deadline, "values": values})
	}), own.Routes, console.Routes)
	return s
}

func ada(s *pagetest.Site) *idp.User {
	return s.User("ada", func(n *accounts.NewUser) { n.Name = "Ada Lovelace" })
}

func TestEveryRouteNeedsSomebodyAndIsAboutThem(t *testing.T) {
	t.Parallel()
	s := open(t)
	u := ada(s)
	me, other := s.Known(u), s.As(s.Boss)
	token := s.Token(u, "mine")
	crew := &idp.Group{Name: "crew", Attributes: idp.Attributes{elevate.AttributeRequestable: true}}
	require.NoError(t, s.Store.Repos().Groups.Create(t.Context(), crew))
	asked, err := elevate.New(elevate.Deps{Store: s.Store, Access: s.Access}).Ask(t.Context(), me.Actor(), elevate.Draft{Group: crew.ID, Duration: time.Hour, Reason: "A test"})
	require.NoError(t, err)
	names := strings.NewReplacer("{request}", asked.ID.String(), "{session}", me.Session.ID.String(), "{device}", me.Session.DeviceID.String(), "{factor}", s.Factor(u, idp.FactorTOTP, "Phone").ID.String(), "{token}", token.ID.String(), "{consent}", agreed(t, s, u, "Wiki").String(),
		"{notification}", idp.NewID[idp.Notification]().String())
	for _, route := range s.Routes("/if/user/") {
		method, pattern, _ := strings.Cut(route, " ")
		path := names.Replace(pattern)
		visit := func(b *pagetest.Browser) *pagetest.Page {
			if method == http.MethodPost {
				return b.Post(path, "confirmed", "1")
			}
			return b.Get(path)
		}
		stranger := visit(s.Stranger())
		require.Equal(t, http.StatusSeeOther, stranger.Status, route)
		require.True(t, strings.HasPrefix(stranger.Location, "/flows/-/default/authentication/"), route)
		if pattern != path {
			require.Equal(t, http.StatusNotFound, visit(other).Status, "another's, even for administrators: %s", route)
		}
		if method == http.MethodGet {
			p := visit(me)
			require.Equal(t, http.StatusOK, p.Status, route)
			require.Empty(t, p.Faults(), route)
		}
	}
}

func TestHome(t *testing.T) {
	t.Parallel()
	s := open(t)
	p := s.As(ada(s)).Get("/if/user/")
	require.Contains(t, p.Main(), "Welcome, Ada Lovelace")
	require.Contains(t, p.Main(), "No applications yet")
	require.NotContains(t, p.Text(), "Admin console")
	require.Contains(t, s.As(s.Boss).Get("/if/user/").Text(), "Admin console")
}

func TestDetails(t *testing.T) {
	t.Parallel()
	s := open(t)
	u := ada(s)
	me := s.As(u)
	faulty := me.Post("/if/user/settings/details/", "name", "Countess", "email", "not an address")
	require.Equal(t, http.StatusBadRequest, faulty.Status)
	require.Contains(t, faulty.Body, `value="Countess"`, "what was typed is kept")
	require.Contains(t, faulty.Body, `id="field-email-error"`)
	require.Empty(t, faulty.Faults())
	require.Equal(t, "Ada Lovelace", s.Reload(u).Name, "nothing half-done")

	require.Contains(t, me.Post("/if/user/settings/details/", "name", "Countess", "email", "ada@example.org").Follow().Text(), "Your details were saved.")
	require.Equal(t, "Countess", s.Reload(u).Name)

	// What the form does not show cannot be smuggled in.
	me.Post("/if/user/settings/details/", "name", "Countess", "email", "ada@example.org", "username", "boss2", "is_active", "false", "type", "external").Follow()
	fresh := s.Reload(u)
	require.Equal(t, []any{"ada", true, idp.UserInternal}, []any{fresh.Username, fresh.IsActive, fresh.Type})
}

func TestOwnSessions(t *testing.T) {
	t.Parallel()
	s := open(t)
	u := ada(s)
	here, laptop, phone := s.As(u), s.As(u), s.As(u)
	const at = "/if/user/settings/sessions/"
	p := here.Get(at)
	require.Equal(t, 1, strings.Count(p.Main(), "This session"))
	require.Contains(t, p.Main(), "192.0.2.7")
	require.Contains(t, p.Main(), "3 sessions")

	end := at + laptop.Session.ID.String() + "/end/"
	require.Contains(t, here.Post(end).Main(), "End the session on Firefox 128 on Linux?", "asks first")
	require.Equal(t, http.StatusOK, laptop.Get("/if/user/").Status)
	require.Contains(t, here.Post(end, "confirmed", "1").Follow().Text(), "The session on Firefox 128 on Linux ended.")
	require.Equal(t, http.StatusSeeOther, laptop.Get("/if/user/").Status)
	require.Contains(t, here.Post(end, "confirmed", "1").Follow().Text(), "had ended already")

	require.Contains(t, here.Post(at+"end-others/").Main(), "1 session ends")
	require.Contains(t, here.Post(at+"end-others/", "confirmed", "1").Follow().Text(), "1 other session ended.")
	require.Equal(t, http.StatusSeeOther, phone.Get("/if/user/").Status)
	require.Equal(t, http.StatusOK, here.Get("/if/user/").Status, "stays signed in here")
	require.Contains(t, here.Post(at+"end-others/", "confirmed", "1").Follow().Text(), "You are signed in nowhere else.", "sent twice")

	// Ending what one is using is signing out.
	again := s.As(u)
	own := at + here.Session.ID.String() + "/end/"
	require.Contains(t, here.Post(own).Main(), "This is the session you are using, on Firefox 128 on Linux: you are signed out.")
	out := here.Post(own, "confirmed", "1")
	require.Equal(t, "/flows/-/default/authentication/", out.Location)
	require.Empty(t, here.Cookie(web.SessionCookie), "the browser forgets the cookie")
	require.Equal(t, http.StatusSeeOther, here.Get("/if/user/").Status)
	require.Equal(t, http.StatusOK, again.Get("/if/user/").Status)

	third := s.As(u)
	require.Contains(t, again.Get(at+"end/").Main(), "You are signed out on every device at once, here too, and have to sign in again. 2 sessions end")
	require.Contains(t, again.Post(at+"end/").Main(), "End all your sessions?", "asks first")
	require.Equal(t, "/flows/-/default/authentication/", again.Post(at+"end/", "confirmed", "1").Location)
	require.Equal(t, http.StatusSeeOther, third.Get("/if/user/").Status)

	for _, foreign := range []string{s.As(s.Boss).Session.ID.String(), "00000000-0000-7000-8000-000000000000", "x", "%00"} {
		p := s.As(u).Post(at+foreign+"/end/", "confirmed", "1")
		require.Contains(t, []int{http.StatusNotFound, http.StatusBadRequest}, p.Status, foreign)
	}
	found, err := s.Store.Repos().Events.Find(t.Context(), idp.EventFilter{Actions: []idp.Action{idp.ActionLogout}, Paging: idp.Paging{Order: []string{"created"}}})
	require.NoError(t, err)
	var told []any
	for _, e := range found.Items {
		told = append(told, e.Context["logout_reason"], e.Context["sessions"])
	}
	require.Equal(t, []any{session.ReasonByOwner, 1.0, session.ReasonOthersEnded, 1.0, session.ReasonSignedOut, 1.0, session.ReasonAllEnded, 2.0}, told)
}

func TestOwnTokens(t *testing.T) {
	t.Parallel()
	s := open(t)
	u := ada(s)
	me := s.As(u)
	const at = "/if/user/settings/tokens/"
	require.Contains(t, me.Get(at).Main(), "No tokens yet")
	token := s.Token(u, "nightly")
	require.Contains(t, me.Get(at).Main(), "nightly No step-up API")
	revoke := at + token.ID.String() + "/revoke/"
	require.Contains(t, me.Post(revoke).Main(), "Revoke the token nightly?")
	require.Contains(t, me.Post(revoke, "confirmed", "1").Follow().Text(), "The token nightly was revoked.")
	require.Contains(t, me.Post(revoke, "confirmed", "1").Follow().Text(), "That token is gone already.")
}

func TestLockMyAccount(t *testing.T) {
	t.Parallel()
	s := open(t)
	u := ada(s)
	me := s.As(u)
	s.Token(u, "nightly")
	p := me.Get("/if/user/settings/")
	require.Contains(t, p.Main(), "Account Lockdown")
	require.Contains(t, p.Main(), "Lock my account")
	require.Contains(t, p.Main(), "1 session ends, 1 token stops working", "what will end stands there before the click")
	require.True(t, p.Has("/if/user/settings/lockdown/"))

	begun := me.Post("/if/user/settings/lockdown/")
	require.Equal(t, "/if/flow/lock-account/", begun.Location)
	require.Equal(t, []pagetest.Begun{{Users: []idp.UserID{u.ID}, Self: true}}, s.Begun)
	require.True(t, s.Reload(u).IsActive, "nothing is locked before the reason is given")

	s.SetBrand(func(b *idp.Brand) { b.FlowLockdown = nil })
	require.Contains(t, me.Get("/if/user/settings/").Main(), "No lockdown flow configured")
	require.False(t, me.Get("/if/user/settings/").Has("/if/user/settings/lockdown/"))
	require.Contains(t, me.Post("/if/user/settings/lockdown/").Follow().Text(), "No lockdown flow configured")

	last := s.As(s.Boss).Get("/if/user/settings/")
	require.Contains(t, last.Main(), "This is the last account that can administer this installation.")
}

func TestTheme(t *testing.T) {
	t.Parallel()
	s := open(t)
	nobody := s.Stranger()
	require.Equal(t, "/if/user/settings/", nobody.Post("/if/theme/", "theme", "dark", "next", "/if/user/settings/").Location)
	require.Equal(t, "dark", nobody.Cookie("portcullis_theme"))
	require.Equal(t, "/", nobody.Post("/if/theme/", "theme", "light", "next", "//evil.example").Location, "never to another site")
	require.Equal(t, "light", nobody.Cookie("portcullis_theme"))
	nobody.Post("/if/theme/", "theme", "automatic", "next", "/")
	require.Empty(t, nobody.Cookie("portcullis_theme"))

	me := s.As(ada(s))
	me.Post("/if/theme/", "theme", "dark", "next", "/if/user/")
	require.Contains(t, me.Get("/if/user/").Body, `data-theme="dark"`)
}
