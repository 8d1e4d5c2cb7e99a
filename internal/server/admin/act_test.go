package admin_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
)

// TestActsAskFirst: without the confirmation every act that destroys something
// answers with a question that names the person, and changes nothing.
func TestActsAskFirst(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	boss, browser := s.As(s.Boss), s.As(s.ada)
	at := "/if/admin/users/{user}/"
	for _, c := range []struct{ path, question string }{
		{at + "deactivate/", "Deactivate Ada Lovelace?"},
		{at + "delete/", "Delete Ada Lovelace?"},
		{at + "recovery/", "Create a recovery link for Ada Lovelace?"},
		{at + "sessions/end/", "End all sessions of Ada Lovelace?"},
		{at + "sessions/{session}/end/", "End the session on Firefox 128 on Linux?"},
		{at + "tokens/{token}/revoke/", "Revoke the token nightly?"},
		{at + "groups/{group}/leave/", "Remove Ada Lovelace from Research?"},
		{"/if/admin/groups/{group}/members/{user}/remove/", "Remove Ada Lovelace from Research?"},
		{"/if/admin/groups/{group}/delete/", "Delete the group Research?"},
		{"/if/admin/brands/{brand}/delete/", "Delete the brand example.com?"},
	} {
		path := s.names.Replace(c.path)
		for _, p := range []*pagetest.Page{boss.Post(path), boss.Get(path)} {
			require.Equal(t, http.StatusOK, p.Status, path)
			require.Contains(t, p.Main(), c.question, path)
			require.Contains(t, p.Title(), c.question, path)
			require.Contains(t, p.Main(), "Cancel", path)
			require.True(t, p.Has(path), "the question posts to the act: %s", path)
			require.Empty(t, p.Faults(), path)
		}
	}
	require.Equal(t, http.StatusOK, browser.Get("/if/user/").Status)
	require.True(t, s.Reload(s.ada).IsActive)
	require.Len(t, s.Reload(s.ada).Groups, 1)
}

func TestDeactivateEndsAndActivateRevivesNothing(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	boss, browser := s.As(s.Boss), s.As(s.ada)
	at := "/if/admin/users/" + s.ada.ID.String() + "/"

	require.Contains(t, boss.Get(at+"deactivate/").Main(), "2 sessions end 1 token stops working")
	p := boss.Post(at+"deactivate/", "confirmed", "1").Follow()
	require.Contains(t, p.Text(), "Ada Lovelace was deactivated. 2 sessions and 1 token ended.")
	require.False(t, s.Reload(s.ada).IsActive)
	require.Equal(t, http.StatusSeeOther, browser.Get("/if/user/").Status, "signed out at once")

	require.Contains(t, boss.Post(at+"deactivate/", "confirmed", "1").Follow().Text(), "Ada Lovelace is inactive already.")
	require.Contains(t, boss.Post(at+"activate/", "confirmed", "1").Follow().Text(), "Ada Lovelace was activated.")
	require.True(t, s.Reload(s.ada).IsActive)
	require.Contains(t, boss.Post(at+"activate/", "confirmed", "1").Follow().Text(), "Ada Lovelace is active already.")
	require.Equal(t, http.StatusSeeOther, browser.Get("/if/user/").Status, "what ended stays ended")
}

func TestLockdownOfOneStartsTheFlow(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	boss := s.As(s.Boss)
	at := "/if/admin/users/" + s.ada.ID.String() + "/"
	p := boss.Post(at + "lockdown/")
	require.Equal(t, http.StatusSeeOther, p.Status)
	require.Equal(t, "/if/flow/lock-account/?next=%2Fif%2Fadmin%2Fusers%2F"+s.ada.ID.String()+"%2F", p.Location)
	require.Equal(t, []pagetest.Begun{{Users: []idp.UserID{s.ada.ID}}}, s.Begun)
	require.True(t, s.Reload(s.ada).IsActive, "nothing is locked before the reason is given")

	flow := p.Follow()
	require.Equal(t, http.StatusOK, flow.Status)
	require.Contains(t, flow.Main(), "Read this.")
	require.Empty(t, flow.Faults())

	s.SetBrand(func(b *idp.Brand) { b.FlowLockdown = nil })
	require.Contains(t, boss.Post(at+"lockdown/").Follow().Text(), "No lockdown flow configured")
	require.Len(t, s.Begun, 1)
}

func TestSetPassword(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	boss, browser := s.As(s.Boss), s.As(s.ada)
	at := "/if/admin/users/" + s.ada.ID.String() + "/"
	for _, c := range []struct{ password, repeat, field string }{
		{"a long enough secret", "another secret", "repeat"}, {"", "", "password"}, {strings.Repeat("x", 5000), strings.Repeat("x", 5000), "password"},
	} {
		p := boss.Post(at+"password/", "password", c.password, "repeat", c.repeat)
		require.Equal(t, http.StatusBadRequest, p.Status)
		require.Contains(t, p.Body, `id="field-`+c.field+`-error"`)
		require.Empty(t, p.Faults())
		if c.password != "" {
			require.NotContains(t, p.Body, c.password, "a password never comes back")
		}
	}
	require.False(t, s.Reload(s.ada).HasUsablePassword())
	p := boss.Post(at+"password/", "password", "a long enough secret", "repeat", "a long enough secret").Follow()
	require.Contains(t, p.Text(), "The password was set.")
	ok, err := s.Accounts.Authenticate(t.Context(), idp.SystemActor(), idp.Attempt{User: s.Reload(s.ada), Secret: "a long enough secret"})
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, http.StatusSeeOther, browser.Get("/if/user/").Status, "other sessions end")
}

func TestRecoveryLinkIsShownOnce(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	boss := s.As(s.Boss)
	at := "/if/admin/users/" + s.ada.ID.String() + "/"
	p := boss.Post(at+"recovery/", "confirmed", "1")
	require.Equal(t, http.StatusOK, p.Status)
	require.Regexp(t, `http://example\.com/if/flow/recovery/\?flow_token=[\w-]{20,}`, p.Main())
	require.Contains(t, p.Body, "data-copy")
	require.Empty(t, p.Faults())
	_, key, _ := strings.Cut(p.Main(), "flow_token=")
	key, _, _ = strings.Cut(key, " ")
	_, u, err := s.Tokens.OpenLink(t.Context(), key)
	require.NoError(t, err)
	require.Equal(t, s.ada.ID, u.ID)
	require.NotContains(t, boss.Get(at).Body, key)

	require.NoError(t, s.Lockdowns.Deactivate(t.Context(), idp.SystemActor(), s.ada.ID))
	for _, p := range []*pagetest.Page{boss.Post(at+"recovery/", "confirmed", "1"), boss.Get(at + "recovery/")} {
		require.Contains(t, p.Follow().Text(), "Activate the account first")
	}
}

func TestSessionsAndTokensAreEnded(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	boss, one, two := s.As(s.Boss), s.As(s.ada), s.As(s.ada)
	at := "/if/admin/users/" + s.ada.ID.String() + "/"

	end := at + "sessions/" + one.Session.ID.String() + "/end/"
	require.True(t, boss.Get(at+"sessions/").Has(end))
	require.Contains(t, boss.Post(end, "confirmed", "1").Follow().Text(), "The session on Firefox 128 on Linux ended.")
	require.Equal(t, http.StatusSeeOther, one.Get("/if/user/").Status)
	require.Equal(t, http.StatusOK, two.Get("/if/user/").Status)
	require.Contains(t, boss.Post(end, "confirmed", "1").Follow().Text(), "had ended already")
	require.False(t, boss.Get(at+"sessions/").Has(end))
	all := boss.Get(at + "sessions/?show=all")
	require.Contains(t, all.Main(), "Ended by an administrator")
	require.Empty(t, all.Faults())

	revoke := s.names.Replace(at + "tokens/{token}/revoke/")
	require.True(t, boss.Get(at+"tokens/").Has(revoke))
	require.Contains(t, boss.Post(revoke, "confirmed", "1").Follow().Text(), "The token nightly was revoked.")
	require.Contains(t, boss.Post(revoke, "confirmed", "1").Follow().Text(), "That token is gone already.")
	require.Contains(t, boss.Get(at+"tokens/").Main(), "No token")

	require.Contains(t, boss.Post(at+"sessions/end/", "confirmed", "1").Follow().Text(), "2 sessions ended.")
	require.Equal(t, http.StatusSeeOther, two.Get("/if/user/").Status)
	require.Contains(t, boss.Get(at+"sessions/").Main(), "No session")
}

func TestDeleteUser(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	boss, browser := s.As(s.Boss), s.As(s.ada)
	at := "/if/admin/users/" + s.ada.ID.String() + "/"
	p := boss.Post(at+"delete/", "confirmed", "1").Follow()
	require.Contains(t, p.Text(), "Ada Lovelace was deleted.")
	require.Equal(t, http.StatusNotFound, boss.Get(at).Status)
	require.Equal(t, http.StatusNotFound, boss.Post(at+"delete/", "confirmed", "1").Status, "somebody was faster")
	require.Equal(t, http.StatusSeeOther, browser.Get("/if/user/").Status)

	nobody, err := s.Store.Repos().Users.FindByLogin(t.Context(), idp.AnonymousUsername, []string{"username"})
	require.NoError(t, err)
	if nobody == nil {
		nobody = s.User(idp.AnonymousUsername)
	}
	stays := boss.Post("/if/admin/users/"+nobody.ID.String()+"/delete/", "confirmed", "1").Follow()
	require.Contains(t, stays.Text(), "The anonymous user")
	require.Equal(t, http.StatusOK, boss.Get("/if/admin/users/"+nobody.ID.String()+"/").Status)
}

func TestBulk(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	boss := s.As(s.Boss)
	bob := s.User("bob", func(n *account.NewUser) { n.Name = "Bob" })
	robot := s.User("outpost", func(n *account.NewUser) { n.Type = idp.UserInternalServiceAccount })
	ada, b, r := s.ada.ID.String(), bob.ID.String(), robot.ID.String()
	const bulk = "/if/admin/users/bulk/"

	ask := boss.Post(bulk, "act", "lockdown", "users", ada, "users", b, "users", r, "users", b, "search", "o")
	require.Equal(t, http.StatusOK, ask.Status)
	require.Contains(t, ask.Main(), "Lock down 3 users?")
	require.Contains(t, ask.Main(), "1 session ends 1 token stops working", "counted over all")
	require.Contains(t, ask.Main(), "Skipped Internal service accounts cannot be locked down.")
	require.Empty(t, ask.Faults())
	require.Empty(t, s.Begun)

	begun := boss.Post(bulk, "act", "lockdown", "users", ada, "users", b, "users", r, "confirmed", "1")
	require.True(t, strings.HasPrefix(begun.Location, "/if/flow/lock-account/"), begun.Text())
	require.Len(t, s.Begun, 1)
	require.ElementsMatch(t, []idp.UserID{s.ada.ID, bob.ID, robot.ID}, s.Begun[0].Users)

	off := boss.Post(bulk, "act", "deactivate", "users", ada, "users", b, "users", s.Boss.ID.String(), "confirmed", "1", "search", "x").Follow()
	require.Contains(t, off.Text(), "2 users deactivated.")
	require.Contains(t, off.Text(), "Bo Ss: You cannot deactivate your own account here.")
	require.False(t, s.Reload(bob).IsActive)
	require.True(t, s.Reload(s.Boss).IsActive)

	on := boss.Post(bulk, "act", "activate", "users", ada, "users", b, "users", r, "confirmed", "1").Follow()
	require.Contains(t, on.Text(), "2 users activated.")
	require.Contains(t, on.Text(), "1 user active already.")

	self := boss.Post(bulk, "act", "lockdown", "users", s.Boss.ID.String())
	require.Contains(t, self.Main(), "None of the selected users can be locked down.")
	require.Contains(t, boss.Post(bulk, "act", "activate").Follow().Text(), "Nobody was selected.")

	s.SetBrand(func(b *idp.Brand) { b.FlowLockdown = nil })
	require.Contains(t, boss.Post(bulk, "act", "lockdown", "users", ada, "confirmed", "1").Follow().Text(), "No lockdown flow configured")
}

func TestBulkOfAllMatching(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	boss := s.As(s.Boss)
	for _, name := range []string{"clerk1", "clerk2", "clerk3"} {
		s.User(name)
	}
	ask := boss.Post("/if/admin/users/bulk/", "act", "deactivate", "all_matching", "true", "users", s.ada.ID.String(), "search", "clerk")
	require.Contains(t, ask.Main(), "Deactivate 3 users?")
	require.NotContains(t, ask.Main(), "Ada Lovelace")
	require.Contains(t, ask.Body, `name="users"`, "the question names the users one by one")

	// Somebody who fits the filter meanwhile was not read, so nothing happens to them.
	late := s.User("clerk4")
	done := boss.Post("/if/admin/users/bulk/", ask.Hidden()...).Follow()
	require.Contains(t, done.Text(), "3 users deactivated.")
	require.True(t, s.Reload(late).IsActive)
	require.True(t, s.Reload(s.ada).IsActive)
}

func TestBulkRefusesNonsense(t *testing.T) {
	t.Parallel()
	s := furnished(t)
	boss := s.As(s.Boss)
	const bulk = "/if/admin/users/bulk/"
	many := []string{"act", "deactivate"}
	for i := range 1001 {
		many = append(many, "users", idp.UserID(i+1).String())
	}
	require.Contains(t, boss.Post(bulk, many...).Follow().Text(), "1,001 users are selected; one act may touch 1,000.")
	require.Equal(t, http.StatusBadRequest, boss.Post(bulk, "act", "explode", "users", "1").Status)
	require.Contains(t, boss.Post(bulk, "act", "deactivate", "users", "x").Follow().Text(), "is not the key of a user")
	require.Contains(t, boss.Post(bulk, "act", "deactivate", "users", "99999999").Follow().Text(), "does not exist")
	require.Equal(t, http.StatusUnsupportedMediaType, boss.PostBody(bulk, "application/json", "{}").Status)
	require.Equal(t, http.StatusBadRequest, boss.PostBody(bulk, "application/x-www-form-urlencoded", "act=%FF").Status)
	require.Equal(t, http.StatusRequestEntityTooLarge, boss.PostBody(bulk, "application/x-www-form-urlencoded", "a="+strings.Repeat("x", 10<<20)).Status)
}
