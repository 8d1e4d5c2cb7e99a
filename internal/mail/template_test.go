package mail_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/portcullis-idp/portcullis/internal/mail"
)

var data = mail.Data{Subject: "Subject", URL: "https://id.example.org/if/flow/f/?flow_token=a&b", Expires: "30 minutes", Once: true,
	User: mail.Person{Username: "mia", Name: `Mia <b>"Bold"</b>`, Email: "mia@example.org"}, Brand: mail.Brand{Title: "Example & Co"}}

func TestShippedTemplates(t *testing.T) {
	t.Parallel()
	templates := mail.NewTemplates("")
	list, err := templates.List()
	require.NoError(t, err)
	require.Len(t, list, 3)
	for _, c := range list {
		require.True(t, templates.Has(c.Name))
		html, text, err := templates.Fill(c.Name, data)
		require.NoError(t, err, c.Name)
		require.Contains(t, html, `href="https://id.example.org/if/flow/f/?flow_token=a&amp;b"`)
		require.Contains(t, html, "Mia &lt;b&gt;")
		require.NotContains(t, html, "<b>")
		require.Contains(t, html, "Example &amp; Co")
		require.NotContains(t, html, "<img")
		require.Contains(t, text, "\nhttps://id.example.org/if/flow/f/?flow_token=a&b\n")
		require.Contains(t, text, "for 30 minutes and once")
		again := data
		again.Once = false
		html, text, err = templates.Fill(c.Name, again)
		require.NoError(t, err)
		for _, said := range []string{html, text} {
			require.Contains(t, said, "The link works for 30 minutes. If you did not")
			require.NotContains(t, said, "once")
		}
		logo := data
		logo.Brand.Logo = "https://id.example.org/logo.png"
		html, _, err = templates.Fill(c.Name, logo)
		require.NoError(t, err)
		require.Contains(t, html, `<img src="https://id.example.org/logo.png" alt="Example &amp; Co"`)
	}
}

func TestOwnTemplates(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	outside := filepath.Join(t.TempDir(), "outside.html")
	require.NoError(t, os.WriteFile(outside, []byte("outside"), 0o600))
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "link.html")))
	write("welcome.html", `<a href="{{.URL}}">{{.User.Name}}</a>`)
	write("team/both.html", "html {{.Brand.Title}}")
	write("team/both.txt", "text {{.Brand.Title}}")
	write("email/setup.html", "ours")
	write("broken.html", "{{.Nothing}}")
	write("unread.html", "{{")
	write(".hidden.html", "hidden")
	templates := mail.NewTemplates(dir)
	list, err := templates.List()
	require.NoError(t, err)
	names := map[string]string{}
	for _, c := range list {
		names[c.Name] = c.Description
	}
	require.Equal(t, map[string]string{"welcome.html": "Custom Template", "team/both.html": "Custom Template", "broken.html": "Custom Template",
		"unread.html": "Custom Template", "link.html": "Custom Template", "email/setup.html": "Account Set-up",
		"email/password_reset.html": "Password Reset", "email/account_confirmation.html": "Account Confirmation"}, names)

	html, text, err := templates.Fill("welcome.html", data)
	require.NoError(t, err)
	require.Contains(t, html, "Mia &lt;b&gt;")
	require.Equal(t, "Subject\n\n"+data.URL+"\n", text, "the link is always in the text")
	html, text, err = templates.Fill("team/both.html", data)
	require.NoError(t, err)
	require.Equal(t, []string{"html Example &amp; Co", "text Example & Co"}, []string{html, text})
	html, _, err = templates.Fill("email/setup.html", data)
	require.NoError(t, err)
	require.Equal(t, "ours", html)
	for _, name := range []string{"broken.html", "unread.html", "link.html", "absent.html", "../outside.html", "/etc/passwd", "", "email", "email/setup"} {
		_, _, err := templates.Fill(name, data)
		require.Error(t, err, name)
	}
	require.False(t, templates.Has("link.html"), "nothing outside the directory")
	require.False(t, templates.Has("../outside.html"))
}
