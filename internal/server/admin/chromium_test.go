package admin_test

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/account"
	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/server/pagetest"
)

// peopled has sessions of every look.
func (s site) peopled() {
	s.t.Helper()
	bob := s.User("bob", func(n *account.NewUser) { n.Name = "Robert Montgomery-Featherstonehaugh" })
	s.session(s.ada, pagetest.Windows, "203.0.113.9", func(it *idp.Session) {
		it.IdleTimeout, it.Binding = 30*time.Minute, idp.SessionBinding{Network: idp.BindASNNetwork, GeoIP: idp.BindContinentCountry}
		it.LastSeenAt = time.Now().Add(-2 * time.Minute)
	})
	for _, u := range []*idp.User{s.Boss, s.ada, bob} {
		s.session(u, pagetest.IPhone, "198.51.100.4", func(it *idp.Session) { it.AuthMethod = "token" })
		s.session(u, pagetest.Pixel, "10.1.2.3", func(it *idp.Session) { it.Binding.GeoIP, it.Binding.LogOnly = idp.BindContinent, true })
		s.session(u, "", "2001:db8:1234:5678:9abc:def0:1234:5678")
		gone := s.session(u, pagetest.Windows, "203.0.113.9")
		require.NoError(s.t, s.Sessions.End(s.t.Context(), idp.Actor{User: s.Reload(s.Boss)}, gone.ID, ""))
		s.session(u, "curl/8.5.0", "192.0.2.77", func(it *idp.Session) { it.IdleTimeout = 30 * time.Minute })
	}
}

func TestSessionsInChromium(t *testing.T) {
	t.Parallel()
	s := seated(t)
	s.peopled()
	tab := s.As(s.Boss).Tab()
	ada, boss := "/if/admin/users/"+s.ada.ID.String()+"/sessions/", "/if/admin/users/"+s.Boss.ID.String()+"/sessions/"
	for name, path := range map[string]string{
		"sessions": sessions, "sessions-ended": sessions + "?show=ended", "sessions-none": sessions + "?search=nothing",
		"sessions-user": ada, "sessions-user-all": ada + "?show=all", "sessions-user-own": boss, "sessions-user-end": ada + "end/",
		"sessions-own": "/if/user/settings/sessions/", "sessions-own-end": "/if/user/settings/sessions/end/",
	} {
		tab.Open(path)
		tab.Judge(name)
	}
	t.Run("ending some", func(t *testing.T) {
		tab.Open(sessions)
		tab.Run(chromedp.Evaluate(`[...document.querySelectorAll('[name=sessions]')].slice(1, 4).forEach((b) => b.click())`, nil))
		tab.Judge("sessions-picked")
		tab.Run(chromedp.Click(`.bulk button[type=submit]`, chromedp.ByQuery))
		tab.Until(`document.querySelector("h1")?.textContent.startsWith("End 3 sessions of 2 users")`)
		tab.Judge("sessions-question")
		tab.Run(chromedp.Click(`main form .btn.danger`, chromedp.ByQuery))
		tab.Until(`document.querySelector(".flash")?.textContent.includes("3 sessions ended.")`)
	})
	t.Run("ending one asks in a dialog", func(t *testing.T) {
		tab.Open(ada)
		tab.Run(chromedp.Click(`[aria-label="End the session on Chrome 128 on Pixel 8, Android 14"]`, chromedp.ByQuery))
		tab.Until(`document.querySelector("dialog[open]")`)
		tab.Judge("sessions-dialog")
		tab.Run(chromedp.Click(`dialog[open] [data-confirm]`, chromedp.ByQuery))
		tab.Until(`document.querySelector(".flash")?.textContent.includes("The session on Chrome 128 on Pixel 8, Android 14 ended.")`)
	})
}
