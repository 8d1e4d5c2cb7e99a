package admin_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
)

// uses has somebody use an application in a session.
func (s site) uses(u *idp.User, in *idp.Session, name, uri string, method idp.LogoutMethod, cookie, signed time.Duration) {
	s.t.Helper()
	ctx, repos := s.t.Context(), s.Store.Repos()
	slug := strings.ToLower(strings.ReplaceAll(name, " ", "-"))
	a, err := repos.Applications.GetBySlug(ctx, slug)
	if idp.Is(err, idp.CodeNotFound) {
		flows, err := repos.Flows.Find(ctx, idp.FlowFilter{Paging: idp.Paging{Limit: 1}})
		require.NoError(s.t, err)
		p := &idp.OAuthProvider{Name: name, AuthorizationFlow: flows.Items[0].ID, InvalidationFlow: flows.Items[0].ID, ClientID: slug, LogoutURI: uri, LogoutMethod: method}
		require.NoError(s.t, repos.OAuthProviders.Create(ctx, p))
		a = &idp.Application{Name: name, Slug: slug, ProviderID: &p.ID, CookieLifetime: cookie}
		require.NoError(s.t, repos.Applications.Create(ctx, a))
	}
	g := &idp.OAuthGrant{ProviderID: *a.ProviderID, ApplicationID: a.ID, UserID: u.ID, SessionID: &in.ID, Kind: idp.GrantCode, Subject: u.Username,
		Generation: s.Reload(u).TokenGeneration}
	require.NoError(s.t, repos.OAuthGrants.Create(ctx, g))
	if signed > 0 {
		require.NoError(s.t, repos.OAuthGrants.CreateToken(ctx, &idp.OAuthToken{GrantID: g.ID, Kind: idp.OAuthAccess, Digest: digest(), Signed: true}, signed))
	}
}

// everywhere signs somebody in to applications of every kind.
func (s site) everywhere(u *idp.User) *idp.Session {
	s.t.Helper()
	in := s.session(u, pagetest.Windows, "203.0.113.9")
	const out = "https://app.example.org/logout"
	s.uses(u, in, "Wiki", out, idp.LogoutBackchannel, 0, 0)
	s.uses(u, in, "Payroll and time sheets of the whole company", out, idp.LogoutBackchannel, 8*time.Hour, 10*time.Minute)
	s.uses(u, in, "Chat", out, idp.LogoutBackchannel, 30*24*time.Hour, 0)
	s.uses(u, in, "Mail", "", idp.LogoutBackchannel, 0, 0)
	s.uses(u, in, "Shop", out, idp.LogoutFrontchannel, 12*time.Hour, 0)
	s.uses(u, in, "Build farm", out, idp.LogoutBackchannel, 0, time.Hour)
	return in
}

// comes ends the try of each pending notice as its application answers.
func (s site) comes(answers map[string]idp.NoticeOutcome) {
	s.t.Helper()
	ctx, repos := s.t.Context(), s.Store.Repos()
	for {
		n, err := repos.LogoutNotices.Take(ctx, time.Hour, nil)
		require.NoError(s.t, err)
		if n == nil {
			return
		}
		if out, ok := answers[strings.Fields(n.ApplicationName)[0]]; ok {
			_, err = repos.LogoutNotices.End(ctx, n.ID, n.Tries, out)
			require.NoError(s.t, err)
		}
	}
}

var answersOfAll = map[string]idp.NoticeOutcome{
	"Wiki":    {State: idp.NoticeDelivered, Answer: "200 OK"},
	"Payroll": {State: idp.NoticeDelivered, Answer: "204 No Content"},
	"Chat":    {State: idp.NoticePending, Answer: "503 Service Unavailable – the application answered with an error that may pass", Pause: 8 * time.Minute},
	"Build":   {State: idp.NoticeFailed, Answer: "400 Bad Request: invalid_request (unknown issuer) – the application refused it"},
}

func TestWhatApplicationsWereToldIsSaidTruthfully(t *testing.T) {
	t.Parallel()
	s := seated(t)
	boss := s.As(s.Boss)
	s.everywhere(s.ada)
	before := boss.Get("/if/admin/users/" + s.ada.ID.String() + "/")
	require.Contains(t, before.Main(), "Mail")
	require.Contains(t, before.Main(), "Cannot be told")
	ask := boss.Post("/if/admin/users/bulk/", "act", "deactivate", "users", s.ada.ID.String())
	require.Contains(t, ask.Text(), "6 applications are told: Build farm, Chat, Mail, Payroll and time sheets of the whole company, Shop and Wiki")

	s.lockDown(s.ada)
	s.comes(answersOfAll)
	found, err := s.Store.Repos().Lockdowns.Find(t.Context(), idp.LockdownFilter{UserID: &s.ada.ID})
	require.NoError(t, err)
	record := boss.Get("/if/admin/lockdowns/" + found.Items[0].ID.String() + "/")
	require.Empty(t, record.Faults())
	for _, want := range []string{
		"2 applications of 6 told. 1 still to be told. At 1 it is not known how long people stay signed in. At 4 something may still work, at the latest until",
		"Wiki Told just now It answered 200 OK. Nothing It was told to sign the person out.",
		"Signed access tokens, at programs that do not ask here.",
		"Not told yet Tried once, the next try is in 7 minutes: 503 Service Unavailable",
		"Mail Cannot be told It has no address for it. Not known Nobody said how long it keeps people signed in by itself.",
		"Shop Cannot be told It hears of logouts by the person's own browser when they sign out there, and only then.",
		"Build farm Could not be told Tried once: 400 Bad Request: invalid_request (unknown issuer)",
	} {
		require.Contains(t, record.Main(), want)
	}
	state := idp.NoticeFailed
	failed, err := s.Store.Repos().LogoutNotices.Find(t.Context(), idp.LogoutNoticeFilter{State: &state})
	require.NoError(t, err)
	again := "/if/admin/lockdowns/notices/" + failed.Items[0].ID.String() + "/tell/"
	require.Contains(t, boss.Post(again).Follow().Main(), "Build farm Being told")
	require.Contains(t, boss.Post(again).Follow().Text(), "Build farm is being told already.")
	user := boss.Get("/if/admin/users/" + s.ada.ID.String() + "/")
	require.Empty(t, user.Faults())
	require.Contains(t, user.Main(), "What applications were told")

	// One session of somebody else's: the list of sessions says so.
	bea := s.User("bea")
	in := s.everywhere(bea)
	require.NoError(t, s.Sessions.End(t.Context(), idp.Actor{User: s.Reload(s.Boss)}, in.ID, ""))
	s.comes(answersOfAll)
	require.Contains(t, boss.Get("/if/admin/users/"+bea.ID.String()+"/sessions/?show=all").Main(), "2 applications told, 4 not")
	require.Equal(t, http.StatusOK, user.Status)
}

func TestWhatApplicationsWereToldInChromium(t *testing.T) {
	t.Parallel()
	s := seated(t)
	bea := s.User("bea")
	s.everywhere(bea)
	s.everywhere(s.ada)
	s.lockDown(s.ada)
	s.comes(answersOfAll)
	found, err := s.Store.Repos().Lockdowns.Find(t.Context(), idp.LockdownFilter{UserID: &s.ada.ID})
	require.NoError(t, err)
	tab := s.As(s.Boss).Tab()
	for name, path := range map[string]string{
		"told-record": "/if/admin/lockdowns/" + found.Items[0].ID.String() + "/", "told-user": "/if/admin/users/" + s.ada.ID.String() + "/",
		"told-held": "/if/admin/users/" + bea.ID.String() + "/", "told-deactivate": "/if/admin/users/" + bea.ID.String() + "/deactivate/",
	} {
		tab.Open(path)
		tab.Judge(name)
	}
}
