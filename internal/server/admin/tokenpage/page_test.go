package tokenpage_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/postgres"
	"github.com/portcullis-idp/portcullis/internal/server/admin/tokenpage"
	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
	"github.com/portcullis-idp/portcullis/internal/testkit"
	"github.com/portcullis-idp/portcullis/internal/token"
)

const (
	list    = "/if/admin/tokens/"
	service = "/if/admin/service-accounts/new/"
)

// site is the whole server over a database of its own, and a superuser in a
// browser.
type site struct {
	*pagetest.Site
	t    testing.TB
	boss *pagetest.Browser
}

func open(t testing.TB) *site {
	t.Helper()
	db, err := postgres.Open(t.Context(), testkit.Database(t), postgres.Options{MaxConns: 6})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	s := &site{Site: pagetest.New(t, db), t: t}
	pages := tokenpage.New(tokenpage.Deps{Store: db, Access: s.Access, Accounts: s.Accounts, Tokens: s.Tokens})
	s.Open(db.NewSessionStore(func(deadline time.Time, values map[string]any) ([]byte, error) {
		return json.Marshal(map[string]any{"deadline": deadline, "values": values})
	}), pages.Routes, neighbours)
	s.boss = s.As(s.Boss)
	return s
}

// neighbours stand for the pages of other packages that these link to.
func neighbours(r chi.Router) {
	r.Get("/if/*", func(http.ResponseWriter, *http.Request) {})
	r.Post("/if/theme/", func(http.ResponseWriter, *http.Request) {})
}

// page reads a page that must be in order.
func (s *site) page(path string) *pagetest.Page {
	s.t.Helper()
	p := s.boss.Get(path)
	require.Equal(s.t, http.StatusOK, p.Status, "%s: %s", path, p.Text())
	require.Empty(s.t, p.Faults(), path)
	return p
}

// issue makes a token of somebody.
func (s *site) issue(d token.Draft) *idp.Token {
	s.t.Helper()
	made, _, err := s.Tokens.Issue(s.t.Context(), idp.SystemActor(), d)
	require.NoError(s.t, err)
	return made
}

// keyIn is the key that a page shows.
func keyIn(p *pagetest.Page) string {
	_, rest, _ := strings.Cut(p.Body, `<copy-text class="copy"><code class="mono">`)
	key, _, _ := strings.Cut(rest, "<")
	return key
}

func TestTheListAndItsFilters(t *testing.T) {
	t.Parallel()
	s := open(t)
	require.Contains(t, s.page(list).Main(), "No token yet")
	ada, eve := s.User("ada"), s.User("eve")
	s.issue(token.Draft{User: ada.ID, Identifier: "nightly", Description: "Backups"})
	s.issue(token.Draft{User: eve.ID, Identifier: "mail", Intent: idp.IntentAppPassword})
	gone := s.issue(token.Draft{User: eve.ID, Identifier: "gone"})
	_, err := s.Store.Repos().Tokens.Revoke(t.Context(), gone.ID)
	require.NoError(t, err)
	for query, want := range map[string][3]bool{ // nightly, mail, gone
		"": {true, true, false}, "?show=all": {true, true, true}, "?show=ended": {false, false, true},
		"?intent=app_password": {false, true, false}, "?intent=app_password&show=all": {false, true, false},
		"?search=backups": {true, false, false}, "?search=eve&show=all": {false, true, true}, "?search=nobody": {false, false, false},
	} {
		for _, order := range []string{"identifier", "-user__username", "last_used", "expires", "-created", "intent"} {
			q := query + "&ordering=" + order
			if query == "" {
				q = "?ordering=" + order
			}
			rows := s.page(list + q).Rows()
			require.Equal(t, want, [3]bool{strings.Contains(rows, "nightly"), strings.Contains(rows, "mail"), strings.Contains(rows, "gone")}, q)
		}
	}
	require.Contains(t, s.page(list+"?search=nobody").Main(), "No tokens match")
	require.Equal(t, http.StatusBadRequest, s.boss.Get(list+"?ordering=digest").Status)
}

func TestMakeChangeAndRevoke(t *testing.T) {
	t.Parallel()
	s := open(t)
	ada := s.User("ada")
	path := list + "new/app-password/"
	form := s.page(path + "?user=ada")
	require.Equal(t, "ada", form.Value("user"))
	for field, c := range map[string]struct{ sent, says string }{
		"user": {"nobody", "No account has the username “nobody”."}, "identifier": {"a b", "Enter a valid “slug”"}, "expires": {"x", "Choose how long"},
	} {
		p := s.boss.Post(path, form.Fields("identifier", "mail", field, c.sent)...)
		require.Equal(t, http.StatusBadRequest, p.Status, field)
		require.Contains(t, p.Main(), c.says)
		require.Empty(t, p.Faults(), field)
	}
	made := s.boss.Post(path, form.Fields("identifier", "mail", "expires", "never")...)
	require.Equal(t, http.StatusSeeOther, made.Status, made.Text())
	shown := made.Follow()
	require.Empty(t, shown.Faults())
	require.Contains(t, shown.Main(), "Your new app password")
	found, err := s.Tokens.AppPassword(t.Context(), ada, keyIn(shown))
	require.NoError(t, err)
	require.NotContains(t, s.page(made.Location).Body, keyIn(shown), "once")

	one := list + found.ID.String() + "/"
	require.Contains(t, s.page(one).Main(), "Never")
	edit := s.page(one + "edit/")
	stale := edit.Fields("identifier", "mail-2", "description", "Mail", "expires", "30d")
	saved := s.boss.Post(one+"edit/", stale...)
	require.Equal(t, http.StatusSeeOther, saved.Status, saved.Text())
	row, err := s.Store.Repos().Tokens.Get(t.Context(), found.ID)
	require.NoError(t, err)
	require.Equal(t, []any{"mail-2", "Mail", true}, []any{row.Identifier, row.Description, row.Expiring})
	require.WithinDuration(t, time.Now().Add(30*24*time.Hour), *row.ExpiresAt, time.Minute)
	again := s.boss.Post(one+"edit/", stale...)
	require.Equal(t, http.StatusConflict, again.Status, "filled in before somebody changed it")
	kept := s.boss.Post(one+"edit/", s.page(one+"edit/").Fields("description", "Mail on a phone")...)
	require.Equal(t, http.StatusSeeOther, kept.Status, kept.Text())
	now, err := s.Store.Repos().Tokens.Get(t.Context(), found.ID)
	require.NoError(t, err)
	require.Equal(t, row.ExpiresAt, now.ExpiresAt, "its end stays as it is")
	require.Equal(t, http.StatusBadRequest, s.boss.Post(one+"edit/", s.page(one+"edit/").Fields("until", "2020-01-01T00:00")...).Status)

	require.Contains(t, s.boss.Post(one+"revoke/").Main(), "Revoke the token mail-2?", "asks first")
	require.Contains(t, s.boss.Post(one+"revoke/", "confirmed", "1").Follow().Text(), "The token mail-2 was revoked.")
	require.Contains(t, s.boss.Post(one+"revoke/", "confirmed", "1").Follow().Text(), "gone already")
	require.Equal(t, http.StatusNotFound, s.boss.Get(one).Status)
	_, err = s.Tokens.AppPassword(t.Context(), ada, keyIn(shown))
	require.True(t, idp.Is(err, idp.CodeRefused))
}

func TestWhatCannotBeChanged(t *testing.T) {
	t.Parallel()
	s := open(t)
	managed := "blueprints/nightly"
	fixed := s.issue(token.Draft{User: s.Boss.ID, Identifier: "fixed", Managed: &managed})
	ended := s.issue(token.Draft{User: s.Boss.ID, Identifier: "ended"})
	_, err := s.Store.Repos().Tokens.Revoke(t.Context(), ended.ID)
	require.NoError(t, err)
	for id, says := range map[idp.TokenID]string{fixed.ID: "managed by the system", ended.ID: "has ended"} {
		one := list + id.String() + "/"
		require.Contains(t, s.page(one).Main(), says)
		require.NotContains(t, s.page(one).Body, one+"edit/")
		require.Equal(t, http.StatusSeeOther, s.boss.Get(one+"edit/").Status)
		require.GreaterOrEqual(t, s.boss.Post(one+"edit/", "identifier", "other", "expires", "").Status, 400)
	}
}

func TestAServiceAccount(t *testing.T) {
	t.Parallel()
	s := open(t)
	form := s.page(service)
	for field, c := range map[string]struct{ sent, says string }{
		"name": {"", "may not be blank"}, "expires": {"", "Choose how long"}, "until": {"2020-01-01T00:00", "in the future"},
	} {
		p := s.boss.Post(service, form.Fields("name", "backup", field, c.sent)...)
		require.Equal(t, http.StatusBadRequest, p.Status, field)
		require.Contains(t, p.Main(), c.says, field)
		require.Contains(t, p.Body, `id="field-`+field+`-error"`, field)
	}
	made := s.boss.Post(service, form.Fields("name", "backup")...)
	require.Equal(t, http.StatusSeeOther, made.Status, made.Text())
	shown := made.Follow()
	require.Empty(t, shown.Faults())
	found, u, err := s.Tokens.Authenticate(t.Context(), keyIn(shown))
	require.NoError(t, err)
	require.Equal(t, []any{"backup", idp.UserServiceAccount, false}, []any{u.Username, u.Type, u.HasUsablePassword()})
	require.Equal(t, []string{"backup"}, u.GroupNames)
	require.WithinDuration(t, time.Now().Add(365*24*time.Hour), *found.ExpiresAt, time.Minute)
	require.NotContains(t, s.page(made.Location).Body, keyIn(shown), "once")
	twice := s.boss.Post(service, form.Fields("name", "backup")...)
	require.Equal(t, http.StatusBadRequest, twice.Status)
	require.Contains(t, twice.Body, `id="field-name-error"`)
}

func TestTokenPagesAreForAdministrators(t *testing.T) {
	t.Parallel()
	s := open(t)
	row := s.issue(token.Draft{User: s.Boss.ID, Identifier: "power"})
	eve := s.As(s.User("eve", func(*account.NewUser) {}))
	routes := append(s.Routes(list), s.Routes("/if/admin/service-accounts/")...)
	require.Len(t, routes, 13)
	for _, route := range routes {
		method, path, _ := strings.Cut(route, " ")
		path = strings.ReplaceAll(path, "{token}", row.ID.String())
		p := eve.Get(path)
		if method == http.MethodPost {
			p = eve.Post(path, "confirmed", "true", "name", "mine", "identifier", "mine", "user", "boss", "expires", "1d")
		}
		require.Equal(t, http.StatusForbidden, p.Status, route)
		require.NotContains(t, p.Text(), "power")
		require.Equal(t, http.StatusSeeOther, s.Stranger().Get(path).Status, route)
	}
	found, err := s.Store.Repos().Tokens.Find(t.Context(), idp.TokenFilter{})
	require.NoError(t, err)
	require.Len(t, found.Items, 1)
	require.Contains(t, s.page(list+row.ID.String()+"/key/").Main(), "Copy it now", "nobody has used it up")
}
