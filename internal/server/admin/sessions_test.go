package admin_test

import (
	"crypto/sha256"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/lockdown"
	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
	"github.com/portcullis-idp/portcullis/internal/session"
)

const sessions = "/if/admin/sessions/"

type site struct {
	world
	t testing.TB
}

func seated(t testing.TB) site { return site{furnished(t), t} }

// logouts are the events of that kind, the first first.
func (s site) logouts() []idp.Event {
	s.t.Helper()
	found, err := s.Store.Repos().Events.Find(s.t.Context(), idp.EventFilter{Actions: []idp.Action{idp.ActionLogout}, Paging: idp.Paging{Limit: 500, Order: []string{"created"}}})
	require.NoError(s.t, err)
	return found.Items
}

func (s site) lockDown(u *idp.User) {
	s.t.Helper()
	done, err := s.Lockdowns.Contain(s.t.Context(), idp.SystemActor(), lockdown.Request{Users: []idp.UserID{u.ID}, Reason: "Phishing", Switches: idp.AllSwitches()})
	require.NoError(s.t, err)
	require.NoError(s.t, done[0].Err)
}

// session makes one as a browser that was last used an hour ago.
func (s site) session(u *idp.User, agent, ip string, change ...func(*idp.Session)) *idp.Session {
	s.t.Helper()
	at := time.Now().UTC().Truncate(time.Second)
	it := &idp.Session{UserID: u.ID, Digest: digest(), Generation: s.Reload(u).SessionGeneration,
		AuthMethod: "password", CreatedAt: at.Add(-50 * time.Hour), LastSeenAt: at.Add(-time.Hour), ExpiresAt: at.Add(10 * 24 * time.Hour),
		IP: netip.MustParseAddr(ip), UserAgent: agent}
	for _, f := range change {
		f(it)
	}
	require.NoError(s.t, s.Store.Repos().Sessions.Create(s.t.Context(), it))
	return it
}

func digest() []byte {
	sum := sha256.Sum256([]byte(idp.NewID[idp.Session]().String()))
	return sum[:]
}

// row is the text of the row of a page's table that says something.
func row(t *testing.T, p *pagetest.Page, says string) string {
	t.Helper()
	for _, r := range p.TableRows() {
		if strings.Contains(r, says) {
			return r
		}
	}
	require.Fail(t, "no row says "+says, p.Main())
	return ""
}

func TestSessionsSayWhatIsKnownOfThem(t *testing.T) {
	t.Parallel()
	s := seated(t)
	boss := s.As(s.Boss)
	s.session(s.ada, pagetest.Windows, "203.0.113.9", func(it *idp.Session) {
		it.IdleTimeout, it.Binding = 30*time.Minute, idp.SessionBinding{Network: idp.BindASNNetwork, GeoIP: idp.BindContinentCountry}
		it.LastSeenAt = time.Now().Add(-2 * time.Minute)
	})
	s.session(s.ada, pagetest.IPhone, "198.51.100.4", func(it *idp.Session) { it.AuthMethod = "token" })
	s.session(s.ada, pagetest.Pixel, "10.1.2.3", func(it *idp.Session) { it.Binding.GeoIP, it.Binding.LogOnly = idp.BindContinent, true })
	s.session(s.ada, "", "2001:db8::7", func(it *idp.Session) { it.AuthMethod = "" })
	p := boss.Get("/if/admin/users/" + s.ada.ID.String() + "/sessions/")
	require.Empty(t, p.Faults())
	require.NotContains(t, p.Main(), "This session", "none of them is the administrator's")
	for says, want := range map[string]string{
		"Edge 128": `Edge 128 on Windows Signed in with a password · Bound to its network and country Berlin, Germany 203\.0\.113\.9 AS6805 Telefonica Germany ` +
			`2 minutes ago signed in 2 days ago in 1 week or 30 minutes unused`,
		"iPhone":         `Safari 17 on iPhone iOS 17\.5 · Signed in with a link or an app password Brazil 198\.51\.100\.4 AS28573 Claro`,
		"Pixel":          `Chrome 128 on Pixel 8, Android 14 Signed in with a password · Bound to its continent, moves are only logged Private network 10\.1\.2\.3 1 hour ago`,
		"Unknown device": `Unknown device Unknown place 2001:db8::7 1 hour ago`,
		"Firefox":        `Firefox 128 on Linux Signed in with a password Unknown place 192\.0\.2\.7 .* in 1 week or when the browser closes`,
	} {
		require.Regexp(t, want, row(t, p, says))
	}
}

func TestAllSessionsAreSearchedFilteredAndPaged(t *testing.T) {
	t.Parallel()
	s := seated(t)
	boss := s.As(s.Boss)
	bob := s.User("bob", func(n *account.NewUser) { n.Name = "Bob" })
	for range 22 {
		s.session(bob, pagetest.Pixel, "203.0.113.80")
	}
	phone := s.session(s.ada, pagetest.IPhone, "198.51.100.4", func(it *idp.Session) { it.LastSeenAt = time.Now() })
	gone := s.session(s.ada, pagetest.Windows, "203.0.113.9")
	require.NoError(t, s.Sessions.End(t.Context(), idp.Actor{User: s.Reload(s.Boss)}, gone.ID, ""))
	for _, c := range []struct {
		query     string
		has, lack []string
	}{
		{"", []string{"Bo Ss", "This session", "Ada Lovelace", "iPhone", "Bob", "of 25 sessions"}, []string{"Edge"}},
		{"?page=2", []string{"Bob"}, []string{"iPhone"}},
		{"?search=bob&page=2", []string{"21–22 of 22 sessions"}, []string{"Ada"}},
		{"?search=198.51.100.4", []string{"Ada Lovelace", "Brazil", "1 session"}, []string{"Bob"}},
		{"?search=iphone", []string{"Ada Lovelace"}, []string{"Bob"}},
		{"?show=ended", []string{"Ada Lovelace", "Edge", "Ended by an administrator"}, []string{"iPhone"}},
		{"?show=all&search=ada", []string{"Edge", "iPhone", "3 sessions"}, []string{"Bob"}},
		{"?search=nobody", []string{"No sessions match"}, nil},
		{"?ordering=expires", []string{"Bob"}, nil},
	} {
		p := boss.Get(sessions + c.query)
		require.Equal(t, http.StatusOK, p.Status, c.query)
		require.Empty(t, p.Faults(), c.query)
		for _, want := range c.has {
			require.Contains(t, p.Rows(), want, c.query)
		}
		for _, not := range c.lack {
			require.NotContains(t, p.Rows(), not, c.query)
		}
	}
	require.Contains(t, boss.Get(sessions).TableRows()[1], "This session", "the present one comes first")
	for _, query := range []string{"?show=some", "?page=0", "?ordering=digest"} {
		require.Equal(t, http.StatusBadRequest, boss.Get(sessions+query).Status, query)
	}
	require.Equal(t, sessions+"?search=ada", boss.Get(sessions+"?search=ada&page=9").Location)

	// Ending one leads back to the list as it was.
	end := sessions + phone.ID.String() + "/end/"
	from := sessions + "?search=ada"
	ask := boss.Post(end, "back", from)
	require.Contains(t, ask.Main(), "End the session on Safari 17 on iPhone? Ada Lovelace is signed out there at once and can sign in again.")
	done := boss.Post(end, append(ask.Hidden(), "confirmed", "1")...)
	require.Equal(t, from, done.Location)
	require.Contains(t, done.Follow().Text(), "The session on Safari 17 on iPhone ended.")
	require.Equal(t, sessions, boss.Post(end, "confirmed", "1", "back", "https://elsewhere.example/").Location)
}

func TestSelectedSessionsEnd(t *testing.T) {
	t.Parallel()
	s := seated(t)
	boss := s.As(s.Boss)
	const bulk = sessions + "bulk/"
	bob := s.User("bob", func(n *account.NewUser) { n.Name = "Bob" })
	one, two, three := s.session(s.ada, pagetest.IPhone, "198.51.100.4"), s.session(s.ada, pagetest.Windows, "203.0.113.9"), s.session(bob, pagetest.Pixel, "203.0.113.80")
	live := func(it *idp.Session) bool {
		now, err := s.Store.Repos().Sessions.Get(t.Context(), it.ID)
		require.NoError(t, err)
		return now.Live
	}
	pick := func(ids ...idp.SessionID) []string {
		out := []string{"back", sessions + "?search=a"}
		for _, id := range ids {
			out = append(out, "sessions", id.String())
		}
		return out
	}
	p := boss.Get(sessions)
	require.True(t, p.Has(bulk))

	ask := boss.Post(bulk, pick(one.ID, two.ID, three.ID, two.ID)...)
	require.Equal(t, http.StatusOK, ask.Status)
	require.Empty(t, ask.Faults())
	require.Contains(t, ask.Title(), "End 3 sessions of 2 users?")
	require.Contains(t, ask.Main(), "Ada Lovelace: 2 sessions end Bob: 1 session ends")
	require.Contains(t, ask.Main(), "Berlin, Germany")
	require.Contains(t, boss.Post(bulk, pick(one.ID)...).Title(), "End 1 session of Ada Lovelace?")
	require.True(t, live(one) && live(two) && live(three), "asking ends nothing")

	require.NoError(t, s.Sessions.End(t.Context(), idp.Actor{User: s.Reload(s.Boss)}, two.ID, ""), "somebody else is faster with one of them")
	done := boss.Post(bulk, append(ask.Hidden(), "confirmed", "1")...)
	require.Equal(t, sessions+"?search=a", done.Location)
	require.Contains(t, done.Follow().Text(), "2 sessions ended.")
	require.False(t, live(one) || live(two) || live(three))
	require.Contains(t, boss.Post(bulk, append(ask.Hidden(), "confirmed", "1")...).Follow().Text(), "had ended already", "sent twice")
	require.Len(t, s.logouts(), 3, "one event for each")
	for _, e := range s.logouts() {
		require.Equal(t, session.ReasonByAdministrator, e.Context["logout_reason"])
	}

	for name, c := range map[string]struct {
		pairs []string
		says  string
	}{
		"none":     {pick(), "No session was selected."},
		"no id":    {append(pick(), "sessions", "nobody"), "“nobody” is not the id of a session."},
		"unknown":  {pick(idp.NewID[idp.Session]()), "had ended already"},
		"too many": {pick(many(21)...), "21 sessions are selected; one act may end 20."},
	} {
		require.Contains(t, boss.Post(bulk, c.pairs...).Follow().Text(), c.says, name)
	}
	require.Equal(t, http.StatusMethodNotAllowed, boss.Get(bulk).Status)

	four := s.session(bob, pagetest.Pixel, "203.0.113.80")
	ask = boss.Post(bulk, pick(boss.Session.ID, four.ID)...)
	require.Contains(t, ask.Main(), "Your present session is among them")
	out := boss.Post(bulk, append(ask.Hidden(), "confirmed", "1")...)
	require.Equal(t, "/flows/-/default/authentication/", out.Location)
	require.False(t, live(four))
	require.Equal(t, http.StatusSeeOther, boss.Get(sessions).Status, "signed out")
}

func many(n int) (out []idp.SessionID) {
	for range n {
		out = append(out, idp.NewID[idp.Session]())
	}
	return out
}

func TestOwnSessionsOnTheUserPage(t *testing.T) {
	t.Parallel()
	s := seated(t)
	boss, elsewhere := s.As(s.Boss), s.As(s.Boss)
	at := "/if/admin/users/" + s.Boss.ID.String() + "/sessions/"
	p := boss.Get(at)
	require.Equal(t, 1, strings.Count(p.Main(), "This session"))
	require.Contains(t, p.TableRows()[1], "This session")
	require.True(t, p.Has(at+"end-others/"))
	require.False(t, boss.Get("/if/admin/users/"+s.ada.ID.String()+"/sessions/").Has("/if/admin/users/"+s.ada.ID.String()+"/sessions/end-others/"))

	foreign := "/if/admin/users/" + s.ada.ID.String() + "/sessions/" + elsewhere.Session.ID.String() + "/end/"
	require.Equal(t, http.StatusNotFound, boss.Post(foreign, "confirmed", "1").Status, "another's session")
	require.Equal(t, http.StatusOK, elsewhere.Get("/if/user/").Status)

	require.Contains(t, boss.Get(at+"end-others/").Main(), "You are signed out on every other device at once and stay signed in here. 1 session ends")
	require.Contains(t, boss.Post(at+"end-others/", "confirmed", "1").Follow().Text(), "1 other session ended.")
	require.Equal(t, http.StatusSeeOther, elsewhere.Get("/if/user/").Status)
	require.Contains(t, boss.Post(at+"end-others/", "confirmed", "1").Follow().Text(), "You are signed in nowhere else.")

	require.Contains(t, boss.Get(at+"end/").Main(), "You are signed out on every device at once, here too")
	require.Equal(t, "/flows/-/default/authentication/", boss.Post(at+"end/", "confirmed", "1").Location)
	require.Equal(t, http.StatusSeeOther, boss.Get(at).Status)
}

// TestEndedSessionsSayWhenAndWhy: every way in which a session ends.
func TestEndedSessionsSayWhenAndWhy(t *testing.T) {
	t.Parallel()
	s := seated(t)
	ctx, boss := t.Context(), s.As(s.Boss)
	bySystem := idp.SystemActor()
	for name, c := range map[string]struct {
		end  func(u *idp.User, b *pagetest.Browser)
		says string
		raw  string
	}{
		"sign-out": {func(_ *idp.User, b *pagetest.Browser) {
			require.NoError(t, s.Sessions.End(ctx, b.Actor(), b.Session.ID, ""))
		}, "Signed out", session.ReasonSignedOut},
		"owner": {func(u *idp.User, b *pagetest.Browser) {
			require.NoError(t, s.Sessions.End(ctx, s.As(u).Actor(), b.Session.ID, ""))
		}, "Ended by its owner", session.ReasonByOwner},
		"administrator": {func(_ *idp.User, b *pagetest.Browser) {
			require.NoError(t, s.Sessions.End(ctx, boss.Actor(), b.Session.ID, ""))
		}, "Ended by an administrator", session.ReasonByAdministrator},
		"others": {func(u *idp.User, _ *pagetest.Browser) {
			_, err := s.Sessions.EndOthers(ctx, s.As(u).Actor(), u.ID)
			require.NoError(t, err)
		}, "Ended with all other sessions", session.ReasonOthersEnded},
		"all": {func(u *idp.User, _ *pagetest.Browser) {
			_, err := s.Sessions.EndAll(ctx, boss.Actor(), u.ID)
			require.NoError(t, err)
		}, "Ended with all sessions", session.ReasonAllEnded},
		"replaced": {func(_ *idp.User, b *pagetest.Browser) {
			_, _, err := s.Sessions.Start(ctx, idp.Actor{}, session.Begin{User: s.ada.ID, Replace: &b.Session.ID})
			require.NoError(t, err)
		}, "Somebody else signed in in this browser", session.ReasonReplaced},
		"renewed": {func(u *idp.User, b *pagetest.Browser) {
			_, _, err := s.Sessions.Start(ctx, idp.Actor{}, session.Begin{User: u.ID, Replace: &b.Session.ID})
			require.NoError(t, err)
		}, "Replaced by a new sign-in in this browser", session.ReasonRenewed},
		"one at a time": {func(u *idp.User, _ *pagetest.Browser) {
			_, _, err := s.Sessions.Start(ctx, idp.Actor{}, session.Begin{User: u.ID, EndOthers: true})
			require.NoError(t, err)
		}, "Ended with all other sessions", session.ReasonOthersEnded},
		"password": {func(u *idp.User, _ *pagetest.Browser) {
			require.NoError(t, s.Accounts.SetPassword(ctx, bySystem, u.ID, "a long enough secret"))
		}, "The password was changed", idp.EndedByPassword},
		"deactivate": {func(u *idp.User, _ *pagetest.Browser) {
			require.NoError(t, s.Lockdowns.Deactivate(ctx, bySystem, u.ID))
		}, "The account was deactivated", idp.EndedByDeactivation},
		"lockdown": {func(u *idp.User, _ *pagetest.Browser) { s.lockDown(u) }, "The account was locked down", idp.EndedByLockdown},
	} {
		t.Run(name, func(t *testing.T) {
			u := s.User("user-" + strings.ReplaceAll(name, " ", "-"))
			b := s.As(u)
			before := len(s.logouts())
			c.end(u, b)
			for _, state := range []string{"at once", "when the row is swept"} {
				p := boss.Get("/if/admin/users/" + u.ID.String() + "/sessions/?show=all")
				require.Empty(t, p.Faults())
				require.Regexp(t, `Ended .*`+c.says, row(t, p, "Ended "), state)
				require.Regexp(t, regexp.MustCompile(`title="`+regexp.QuoteMeta(c.raw)+`"`), p.Body, state)
				_, err := s.Store.Repos().Holder.SweepSessions(ctx, u.ID, 10)
				require.NoError(t, err)
			}
			all := s.logouts()
			require.Len(t, all, before+1, "one event tells of it")
			require.Equal(t, c.raw, all[len(all)-1].Context["logout_reason"])
			require.Equal(t, u.Username, all[len(all)-1].User["username"])
		})
	}
	t.Run("expired", func(t *testing.T) {
		u := s.User("late")
		s.session(u, pagetest.IPhone, "203.0.113.9", func(it *idp.Session) { it.ExpiresAt = time.Now().Add(-time.Hour) })
		s.session(u, pagetest.Pixel, "203.0.113.9", func(it *idp.Session) { it.IdleTimeout = 30 * time.Minute })
		before := len(s.logouts())
		p := boss.Get("/if/admin/users/" + u.ID.String() + "/sessions/?show=all")
		require.Regexp(t, "Expired .*Its time was over 1 hour ago", row(t, p, "iPhone"))
		require.Regexp(t, "Expired .*Not used for 30 minutes 30 minutes ago", row(t, p, "Pixel"))
		require.Len(t, s.logouts(), before, "nobody did anything")
	})
}
