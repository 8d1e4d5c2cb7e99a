package pagetest

import (
	"net/http"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

// TestFaultsAreSeen: a judge that sees nothing would let everything pass.
func TestFaultsAreSeen(t *testing.T) {
	t.Parallel()
	routes := chi.NewRouter()
	routes.Get("/if/admin/users/", func(http.ResponseWriter, *http.Request) {})
	b := &Browser{site: &Site{routes: routes, tb: t}}
	judge := func(head, body string) []string {
		doc, err := html.Parse(strings.NewReader("<html><head>" + head + "</head><body><main>" + body + "</main></body></html>"))
		require.NoError(t, err)
		return (&Page{Doc: doc, browser: b}).Faults()
	}
	const head, h1 = "<title>T</title>", "<h1>H</h1>"
	require.Empty(t, judge(head, h1+`<a href="/if/admin/users/">U</a><label for="a">A</label><input id="a"><label><input type="checkbox"> B</label>`))
	for _, c := range []struct{ head, body, want string }{
		{"", h1, "no title"},
		{head, "", "0 headings h1"},
		{head, h1 + h1, "2 headings h1"},
		{head, h1 + `<p style="color:red">x</p>`, "inline style on p"},
		{head, h1 + `<p onclick="x()">x</p>`, "event handler onclick on p"},
		{head, h1 + `<script>x()</script>`, "inline script"},
		{head, h1 + `<i id="a"></i><i id="a"></i>`, `id "a" twice`},
		{head, h1 + `<input name="n">`, `no label for input name="n"`},
		{head, h1 + `<button></button>`, "button without a name"},
		{head, h1 + `<button popovertarget="gone">x</button>`, `button refers to "gone", which is not there`},
		{head, h1 + `<a href="/if/admin/gone/">x</a>`, "a dead end: GET /if/admin/gone/"},
		{head, h1 + `<form method="post" action="/if/admin/users/"></form>`, "a dead end: POST /if/admin/users/"},
	} {
		require.Equal(t, []string{c.want}, judge(c.head, c.body))
	}
}
